// SPDX-License-Identifier: MIT
//
// elf(5). One pass over the symbol table in pieces; nothing is kept.
#include "monitor/symbol.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define HEADERS_MAX 512u
#define SYMBOLS_MAX (4u << 20) // of one table: a limit on the time a report takes
#define NAME_SIZE 128

static bool get(int fd, void *to, size_t len, uint64_t off)
{
	return off <= INT64_MAX && pread(fd, to, len, (off_t)off) == (ssize_t)len;
}

// The address the linker gave to offset `off`.
static bool linked_address(int fd, const Elf64_Ehdr *e, uint64_t off, uint64_t *address)
{
	Elf64_Phdr p;
	for (unsigned i = 0; i < MIN((unsigned)e->e_phnum, HEADERS_MAX); i++) {
		if (!get(fd, &p, sizeof(p), e->e_phoff + i * sizeof(p)))
			return false;
		if (p.p_type == PT_LOAD && off >= p.p_offset && off - p.p_offset < p.p_filesz) {
			*address = off - p.p_offset + p.p_vaddr;
			return true;
		}
	}
	return false;
}

static bool find_table(int fd, const Elf64_Ehdr *e, unsigned type, Elf64_Shdr *table, Elf64_Shdr *strings)
{
	for (unsigned i = 0; i < MIN((unsigned)e->e_shnum, HEADERS_MAX); i++) {
		if (!get(fd, table, sizeof(*table), e->e_shoff + i * sizeof(*table)))
			return false;
		if (table->sh_type == type && table->sh_entsize == sizeof(Elf64_Sym))
			return get(fd, strings, sizeof(*strings), e->e_shoff + table->sh_link * sizeof(*strings));
	}
	return false;
}

// The function around `address`; one without a size reaches to the next.
static bool search(int fd, const Elf64_Shdr *table, uint64_t address, Elf64_Sym *best)
{
	Elf64_Sym piece[128];
	uint64_t count = MIN(table->sh_size / sizeof(*piece), SYMBOLS_MAX);
	bool found = false;
	for (uint64_t at = 0; at < count; at += ARRAY_SIZE(piece)) {
		size_t n = (size_t)MIN(count - at, (uint64_t)ARRAY_SIZE(piece));
		if (!get(fd, piece, n * sizeof(*piece), table->sh_offset + at * sizeof(*piece)))
			break;
		for (size_t i = 0; i < n; i++) {
			const Elf64_Sym *s = &piece[i];
			unsigned type = ELF64_ST_TYPE(s->st_info);
			if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) || !s->st_name ||
			    s->st_shndx == SHN_UNDEF || s->st_value > address ||
			    (s->st_size && address - s->st_value >= s->st_size))
				continue;
			if (!found || s->st_value > best->st_value ||
			    (s->st_value == best->st_value && s->st_size && !best->st_size)) {
				*best = *s;
				found = true;
			}
		}
	}
	return found;
}

int symbol_find(int fd, uint64_t off, char *out, size_t size)
{
	static const unsigned type[] = {SHT_SYMTAB, SHT_DYNSYM};
	Elf64_Ehdr e;
	Elf64_Shdr table, strings;
	Elf64_Sym s = {0};
	uint64_t address;
	char name[NAME_SIZE];

	out[0] = '\0';
	if (!get(fd, &e, sizeof(e), 0) || memcmp(e.e_ident, ELFMAG, SELFMAG) || e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    !linked_address(fd, &e, off, &address))
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(type); i++) {
		if (!find_table(fd, &e, type[i], &table, &strings) || !search(fd, &table, address, &s) ||
		    s.st_name >= strings.sh_size)
			continue;
		uint64_t at;
		if (add_overflow(strings.sh_offset, s.st_name, &at) || at > INT64_MAX)
			continue;
		ssize_t n = pread(fd, name, sizeof(name) - 1, (off_t)at);
		if (n <= 0)
			continue;
		name[n] = '\0';
		snprintf(out, size, "%s+0x%lx", name, address - s.st_value);
		return 0;
	}
	return -ENOENT;
}
