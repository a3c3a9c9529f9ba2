// SPDX-License-Identifier: MIT
//
// kernel/patch/x86_64/length.c against Zydis: every executable section of a few hundred of the distribution's programs
// and libraries, in line from the section's start, and the C library from each byte of it.
//   patch_length_zydis [all | FILE...]     all: whatever is in the directories, of any size
#if __has_include(<Zydis/Zydis.h>)
#include "length_zydis.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT_LEAST 200	     // files
#define FILES	 260	     // tried, spread evenly over those of the directories
#define LARGE	 (768 << 10) // bytes: larger ones only with `all`

static const char *const directories[] = { "/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu" };

static ZydisDecoder decoder;
static unsigned long counts[WRONG + 1], files, sections, bytes;

static void sweep(const char *path, const uint8_t *code, size_t size, bool each_byte)
{
	unsigned length;
	for (size_t at = 0; at < size; at += each_byte ? 1 : length) {
		enum comparison c = compare(&decoder, code + at, size - at, &length);
		if (c == WRONG && counts[WRONG] < 20)
			printf("%s at %zx of a section: %s\n", path, at, comparison_why);
		counts[c]++;
	}
}

// A section that does not lie in the file is left out; so are files of other formats and machines.
static void object(const char *path, const uint8_t *file, size_t size, bool each_byte)
{
	const Elf64_Ehdr *e = (const void *)file;
	if (size < sizeof(*e) || memcmp(e->e_ident, ELFMAG "\2\1", 6) || e->e_machine != EM_X86_64 || !e->e_shnum)
		return;
	if (e->e_shoff % 8 || e->e_shoff > size || (size - e->e_shoff) / sizeof(Elf64_Shdr) < e->e_shnum)
		return;
	const Elf64_Shdr *s = (const void *)(file + e->e_shoff);
	unsigned before = sections;
	for (unsigned i = 0; i < e->e_shnum; i++) {
		if (!(s[i].sh_flags & SHF_EXECINSTR) || s[i].sh_type != SHT_PROGBITS || s[i].sh_offset > size ||
		    s[i].sh_size > size - s[i].sh_offset)
			continue;
		sweep(path, file + s[i].sh_offset, s[i].sh_size, each_byte);
		bytes += s[i].sh_size;
		sections++;
	}
	files += sections != before;
}

static void one_file(const char *path, bool each_byte)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		void *file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file != MAP_FAILED) {
			object(path, file, st.st_size, each_byte);
			munmap(file, st.st_size);
		}
	}
	close(fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// Regular ELF files of the directories, sorted: symbolic links would give one file twice.
static size_t list(char ***names, bool all)
{
	size_t n = 0, room = 0;
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		DIR *dir = opendir(directories[i]);
		for (struct dirent *d; dir && (d = readdir(dir));) {
			char path[600], magic[4] = "";
			struct stat st;
			snprintf(path, sizeof(path), "%s/%s", directories[i], d->d_name);
			int fd = lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
			if (fd < 0)
				continue;
			bool elf = read(fd, magic, 4) == 4 && !memcmp(magic, ELFMAG, 4);
			close(fd);
			if (!elf || (!all && st.st_size > LARGE))
				continue;
			if (n == room)
				*names = realloc(*names, (room = 2 * room + 256) * sizeof(**names));
			(*names)[n++] = strdup(path);
		}
		if (dir)
			closedir(dir);
	}
	qsort(*names, n, sizeof(**names), by_name);
	return n;
}

int main(int argc, char **argv)
{
	bool all = argc == 2 && !strcmp(argv[1], "all");
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (int i = 1; i < argc && !all; i++)
		one_file(argv[i], false);
	if (argc == 1 || all) {
		char **names = NULL;
		size_t n = list(&names, all), step = all || n < FILES ? 1 : n / FILES;
		for (size_t i = 0; i < n; i += step)
			one_file(names[i], false);
		for (size_t i = 0; i < n; i++)
			free(names[i]);
		free(names);
		one_file("/usr/lib/x86_64-linux-gnu/libc.so.6", true);
	}
	printf("%lu files, %lu executable sections, %lu bytes; %lu instructions the same, %lu refused (66 before a branch), "
	       "%lu undefined for both, %lu for Zydis alone, %lu wrong\n",
	       files, sections, bytes, counts[SAME], counts[REFUSED], counts[BAD], counts[LENIENT], counts[WRONG]);
	if (counts[WRONG])
		return 1;
	if (argc == 1 && files < AT_LEAST) {
		printf("skipped: fewer than %d programs and libraries to compare on\n", AT_LEAST);
		return 77;
	}
	printf("ok patch_length_zydis\n");
	return 0;
}
#else
#include <stdio.h>

int main(void)
{
	printf("skipped: no Zydis to compare with: apt-get install libzydis-dev\n");
	return 77;
}
#endif
