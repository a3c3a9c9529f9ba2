// SPDX-License-Identifier: MIT
//
// monitor/symbol.c: names functions of this very program, and survives a copy of it with any header byte changed
// or its end cut off.
#include "monitor/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_NOTE name
#include "check.h"

static char name[200];

__attribute__((noinline)) int symbol_test_function(int x);
int symbol_test_function(int x)
{
	return x * 3 + 1;
}

static uint64_t base;

static int on_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	base = info->dlpi_addr;
	return 1; // the first is the program
}

// The file's offset of an address of this program.
static uint64_t offset_of(const uint8_t *file, const void *code)
{
	const Elf64_Ehdr *e = (const void *)file;
	const Elf64_Phdr *p = (const void *)(file + e->e_phoff);
	uint64_t address = (uint64_t)(uintptr_t)code - base;
	for (int i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && address - p[i].p_vaddr < p[i].p_filesz)
			return address - p[i].p_vaddr + p[i].p_offset;
	return 0;
}

int main(void)
{
	int fd = open("/proc/self/exe", O_RDONLY), copy = memfd_create("copy", 0);
	struct stat st;
	CHECK(fd >= 0 && copy >= 0 && fstat(fd, &st) == 0);
	size_t size = (size_t)st.st_size;
	uint8_t *file = malloc(size);
	CHECK(file && read(fd, file, size) == (ssize_t)size);
	dl_iterate_phdr(on_object, NULL);
	uint64_t off = offset_of(file, (const void *)(uintptr_t)symbol_test_function);
	CHECK(off);
	CHECK(symbol_find(fd, off, name, sizeof(name)) == 0 && !strcmp(name, "symbol_test_function+0x0"));
	CHECK(symbol_find(fd, off + 2, name, sizeof(name)) == 0 && !strcmp(name, "symbol_test_function+0x2"));
	CHECK(symbol_find(fd, off, name, 8) == 0 && !strcmp(name, "symbol_"));
	CHECK(symbol_find(fd, size + 1000, name, sizeof(name)) == -ENOENT && !name[0]);
	CHECK(symbol_find(fd, ~0ull, name, sizeof(name)) == -ENOENT);

	// Headers at the front and section headers at the end, every byte of them.
	const Elf64_Ehdr *e = (const void *)file;
	CHECK(write(copy, file, size) == (ssize_t)size);
	size_t front = sizeof(*e) + e->e_phnum * sizeof(Elf64_Phdr);
	for (size_t i = 0; i < front + e->e_shnum * sizeof(Elf64_Shdr); i++) {
		off_t at = (off_t)(i < front ? i : e->e_shoff + (i - front));
		uint8_t flipped = file[at] ^ 0xff;
		CHECK(pwrite(copy, &flipped, 1, at) == 1);
		symbol_find(copy, off, name, sizeof(name));
		CHECK(memchr(name, 0, sizeof(name)));
		CHECK(pwrite(copy, &file[at], 1, at) == 1);
	}
	CHECK(symbol_find(copy, off, name, sizeof(name)) == 0);
	for (size_t n = size; n > 0; n -= n > 5000 ? n / 7 : 1) {
		CHECK(ftruncate(copy, (off_t)n) == 0);
		symbol_find(copy, off, name, sizeof(name));
	}
	free(file);
	puts("ok symbol");
	return 0;
}
