// SPDX-License-Identifier: MIT
//
// Symbols (.dynsym through the dynamic section, .symtab through section headers) and relocations, RELR among them.
#include <stdlib.h>
#include <string.h>

#include "tools/lib/elf.h"

static void symbol_set(struct elf_symbol *to, const Elf64_Sym *from, const char *name, bool dynamic)
{
	unsigned visibility = ELF64_ST_VISIBILITY(from->st_other);
	*to = (struct elf_symbol){.value = from->st_value,
				  .size = from->st_size,
				  .name = name ? name : "",
				  .type = ELF64_ST_TYPE(from->st_info),
				  .bind = ELF64_ST_BIND(from->st_info),
				  .defined = from->st_shndx != SHN_UNDEF};
	to->exported = dynamic && to->defined && to->bind != STB_LOCAL && visibility != STV_HIDDEN &&
		       visibility != STV_INTERNAL;
}

// How many symbols the GNU hash table knows: the end of the chain that begins last.
static size_t gnu_hash_count(const struct elf *e)
{
	uint32_t head[4], last = 0, value;
	const void *p = elf_at(e, e->gnu_hash, sizeof(head));
	if (!p)
		return 0;
	memcpy(head, p, sizeof(head)); // buckets, first symbol, bloom words, bloom shift
	uint64_t bucket = e->gnu_hash + sizeof(head) + (uint64_t)head[2] * 8;
	const uint8_t *buckets = elf_at(e, bucket, (uint64_t)head[0] * 4);
	if (!buckets)
		return 0;
	for (uint32_t i = 0; i < head[0]; i++) {
		memcpy(&value, buckets + 4 * (size_t)i, 4);
		last = value > last ? value : last;
	}
	if (last < head[1])
		return head[1];
	for (uint64_t chain = bucket + (uint64_t)head[0] * 4;; last++) {
		p = elf_at(e, chain + 4 * (uint64_t)(last - head[1]), 4);
		if (!p)
			return 0;
		memcpy(&value, p, 4);
		if (value & 1)
			return (size_t)last + 1;
	}
}

static size_t dynsym_size(const struct elf *e)
{
	uint32_t hash[2];
	Elf64_Shdr sh;
	const void *p = e->tag[DT_HASH] ? elf_at(e, e->tag[DT_HASH], sizeof(hash)) : NULL;
	if (p) {
		memcpy(hash, p, sizeof(hash));
		return hash[1];
	}
	size_t count = e->gnu_hash ? gnu_hash_count(e) : 0;
	if (elf_section(e, ".dynsym", &sh) && sh.sh_size / sizeof(Elf64_Sym) > count)
		count = sh.sh_size / sizeof(Elf64_Sym); // a table of imports only may have an empty hash
	return count;
}

void elf_read_symbols(struct elf *e)
{
	Elf64_Sym sym;
	Elf64_Shdr table, strings;
	if (e->dynamic && e->tag[DT_SYMTAB] && e->tag[DT_STRTAB]) {
		const struct elf_segment *s = elf_segment(e, e->tag[DT_SYMTAB]), *t = elf_segment(e, e->tag[DT_STRTAB]);
		size_t count = dynsym_size(e), room = s ? (s->end - e->tag[DT_SYMTAB]) / sizeof(sym) : 0;
		count = count < room ? count : room;
		const uint8_t *p = count ? elf_at(e, e->tag[DT_SYMTAB], count * sizeof(sym)) : NULL;
		if (p && t) {
			uint64_t base = t->offset + (e->tag[DT_STRTAB] - t->start),
				 limit = t->offset + (t->end - t->start);
			e->dynsym = xrealloc(NULL, count, sizeof(*e->dynsym));
			e->dynsym_count = count;
			for (size_t i = 0; i < count; i++) {
				memcpy(&sym, p + i * sizeof(sym), sizeof(sym));
				symbol_set(&e->dynsym[i], &sym, elf_string(e, base + sym.st_name, limit), true);
			}
		}
	}
	if (elf_section(e, ".symtab", &table) && elf_section(e, ".strtab", &strings) && table.sh_type == SHT_SYMTAB &&
	    strings.sh_type == SHT_STRTAB) {
		size_t count = table.sh_size / sizeof(sym);
		e->symtab = xrealloc(NULL, count, sizeof(*e->symtab));
		e->symtab_count = count;
		for (size_t i = 0; i < count; i++) {
			memcpy(&sym, e->data + table.sh_offset + i * sizeof(sym), sizeof(sym));
			symbol_set(&e->symtab[i], &sym,
				   elf_string(e, strings.sh_offset + sym.st_name, strings.sh_offset + strings.sh_size),
				   false);
		}
	}
}

// --- relocations -----------------------------------------------------------------------------------------

static struct elf_reloc *add_reloc(struct elf *e)
{
	GROW(e->reloc, e->reloc_count);
	return &e->reloc[e->reloc_count++];
}

static void add_table(struct elf *e, const uint8_t *p, uint64_t size)
{
	Elf64_Rela r;
	for (uint64_t i = 0; p && i < size / sizeof(r); i++) {
		memcpy(&r, p + i * sizeof(r), sizeof(r));
		uint32_t symbol = (uint32_t)ELF64_R_SYM(r.r_info);
		*add_reloc(e) = (struct elf_reloc){r.r_offset, (uint32_t)ELF64_R_TYPE(r.r_info),
						   symbol && symbol < e->dynsym_count ? symbol : UINT32_MAX,
						   (uint64_t)r.r_addend};
	}
}

static void add_relative(struct elf *e, uint64_t where)
{
	uint64_t word;
	if (e->reloc_count < e->size / 2 && elf_word(e, where, &word)) // a hostile table names each word many times
		*add_reloc(e) = (struct elf_reloc){where, R_X86_64_RELATIVE, UINT32_MAX, word};
}

// Words of addresses (even) and of bitmaps (odd: bit n is the nth word after the last address).
static void add_relr(struct elf *e, const uint8_t *p, uint64_t size)
{
	uint64_t where = 0, word;
	for (uint64_t i = 0; p && i < size / 8; i++) {
		memcpy(&word, p + i * 8, 8);
		if (!(word & 1)) {
			add_relative(e, word);
			where = word + 8;
			continue;
		}
		for (unsigned bit = 1; bit < 64; bit++)
			if (word >> bit & 1)
				add_relative(e, where + (bit - 1) * 8);
		where += 63 * 8;
	}
}

static int by_where(const void *a, const void *b)
{
	const struct elf_reloc *x = a, *y = b;
	return x->where < y->where ? -1 : x->where > y->where;
}

void elf_read_relocs(struct elf *e)
{
	Elf64_Shdr sh;
	if (e->dynamic) {
		if (e->tag[DT_PLTREL] == DT_RELA || !e->tag[DT_PLTREL])
			add_table(e, elf_at(e, e->tag[DT_JMPREL], e->tag[DT_PLTRELSZ]), e->tag[DT_PLTRELSZ]);
		add_table(e, elf_at(e, e->tag[DT_RELA], e->tag[DT_RELASZ]), e->tag[DT_RELASZ]);
		add_relr(e, elf_at(e, e->relr, e->relr_size), e->relr_size);
	} else { // IRELATIVE of a static program
		if (elf_section(e, ".rela.plt", &sh) && sh.sh_type == SHT_RELA)
			add_table(e, elf_bytes(e, sh.sh_offset, sh.sh_size), sh.sh_size);
		if (elf_section(e, ".rela.iplt", &sh) && sh.sh_type == SHT_RELA)
			add_table(e, elf_bytes(e, sh.sh_offset, sh.sh_size), sh.sh_size);
	}
	if (e->reloc_count)
		qsort(e->reloc, e->reloc_count, sizeof(*e->reloc), by_where);
}

const struct elf_reloc *elf_reloc_at(const struct elf *e, uint64_t where)
{
	struct elf_reloc key = {.where = where};
	return e->reloc_count ? bsearch(&key, e->reloc, e->reloc_count, sizeof(key), by_where) : NULL;
}
