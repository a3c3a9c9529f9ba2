// SPDX-License-Identifier: MIT
//
// tools/lib/elf*.c on this program itself: its functions are found with and without its symbols, what it imports has
// relocations, and a file cut anywhere or with any byte changed is read without harm (the sanitizers look).
#include "tools/lib/elf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static uint8_t *file;
static size_t size;

static const struct elf_symbol *symbol(const struct elf_symbol *s, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(s[i].name, name))
			return &s[i];
	return NULL;
}

static bool begins(const struct elf *e, uint64_t start, uint64_t *end)
{
	for (size_t i = 0; i < e->frame_count; i++)
		if (e->frame[i].start == start) {
			*end = e->frame[i].end;
			return true;
		}
	return false;
}

static void itself(bool sections)
{
	struct elf e;
	const char *why;
	uint64_t end = 0;
	static uint64_t main_start, main_end;
	CHECK(!elf_parse(&e, file, size, &why));
	CHECK(e.interpreter && strstr(e.interpreter, "ld-linux"));
	CHECK(e.dynamic && e.needed_count && elf_is_code(&e, e.entry));
	if (sections) {
		const struct elf_symbol *m = symbol(e.symtab, e.symtab_count, "main");
		CHECK(m && m->defined && m->type == STT_FUNC);
		main_start = m->value;
		main_end = m->value + m->size;
	} else {
		CHECK(!e.symtab_count);
	}
	CHECK(begins(&e, main_start, &end));
	CHECK_EQ(end, main_end);
	const struct elf_symbol *import = symbol(e.dynsym, e.dynsym_count, "mmap");
	bool bound = false;
	CHECK(import && !import->defined);
	for (size_t i = 0; i < e.reloc_count; i++)
		bound |= e.reloc[i].symbol == (uint32_t)(import - e.dynsym) &&
			 elf_reloc_at(&e, e.reloc[i].where) != NULL;
	CHECK(bound);
	elf_free(&e);
}

static void refused(const char *words, const uint8_t *data, size_t length)
{
	struct elf e;
	const char *why = "";
	CHECK(elf_parse(&e, data, length, &why) && strstr(why, words));
	elf_free(&e);
}

int main(void)
{
	struct stat st;
	struct elf e;
	const char *why;
	Elf64_Ehdr eh;
	int fd = open("/proc/self/exe", O_RDONLY);
	CHECK(fd >= 0 && !fstat(fd, &st));
	size = (size_t)st.st_size;
	file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(file != MAP_FAILED);
	itself(true);
	memcpy(&eh, file, sizeof(eh));
	Elf64_Ehdr bare = eh;
	bare.e_shoff = bare.e_shnum = bare.e_shstrndx = 0; // as if stripped of its section headers
	memcpy(file, &bare, sizeof(bare));
	itself(false);
	memcpy(file, &eh, sizeof(eh));

	refused("not an ELF file", (const uint8_t *)"#!/bin/sh", 9);
	refused("not an ELF file", NULL, 0);
	refused("not in the file", file, sizeof(eh) + 8);
	file[EI_CLASS] = ELFCLASS32;
	refused("not for x86-64", file, size);
	memcpy(file, &eh, sizeof(eh));
	for (size_t i = 0; i < 60; i++) { // cut, in a buffer that ends there
		size_t length = size / 60 * i;
		uint8_t *copy = malloc(length ? length : 1);
		memcpy(copy, file, length);
		elf_parse(&e, copy, length, &why);
		elf_free(&e);
		free(copy);
	}
	uint8_t *copy = malloc(size);
	memcpy(copy, file, size);
	for (size_t i = 0; i < 600; i++) { // the headers, byte by byte
		uint8_t old = copy[i];
		copy[i] = i % 3 ? 0xff : (uint8_t)(old + 1);
		elf_parse(&e, copy, size, &why);
		elf_free(&e);
		copy[i] = old;
	}
	free(copy);
	printf("ok tools_elf\n");
	return 0;
}
