// SPDX-License-Identifier: MIT
//
// Headers, segments, the dynamic section, and the accessors everything else reads through.
#include "tools/lib/elf.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST 16384 // of a name: a table of many that do not end would be read again and again

const void *elf_bytes(const struct elf *e, uint64_t offset, uint64_t len)
{
	return offset <= e->size && len <= e->size - offset ? e->data + offset : NULL;
}

const struct elf_segment *elf_segment(const struct elf *e, uint64_t address)
{
	for (unsigned i = 0; i < e->segments; i++)
		if (address >= e->segment[i].start && address < e->segment[i].end)
			return &e->segment[i];
	return NULL;
}

const void *elf_at(const struct elf *e, uint64_t address, uint64_t len)
{
	const struct elf_segment *s = elf_segment(e, address);
	if (!s || len > s->end - address)
		return NULL;
	return elf_bytes(e, s->offset + (address - s->start), len);
}

bool elf_is_code(const struct elf *e, uint64_t address)
{
	const struct elf_segment *s = elf_segment(e, address);
	return s && s->flags & PF_X;
}

bool elf_word(const struct elf *e, uint64_t address, uint64_t *word)
{
	const void *p = elf_at(e, address, sizeof(*word));
	if (p)
		memcpy(word, p, sizeof(*word));
	return p != NULL;
}

const char *elf_string(const struct elf *e, uint64_t offset, uint64_t limit)
{
	if (limit > e->size)
		limit = e->size;
	if (offset >= limit || !memchr(e->data + offset, 0, limit - offset < LONGEST ? limit - offset : LONGEST))
		return NULL;
	return (const char *)e->data + offset;
}

bool elf_section(const struct elf *e, const char *name, Elf64_Shdr *found)
{
	Elf64_Ehdr eh;
	Elf64_Shdr names;
	memcpy(&eh, e->data, sizeof(eh));
	const uint8_t *table = elf_bytes(e, eh.e_shoff, (uint64_t)eh.e_shnum * sizeof(Elf64_Shdr));
	if (!table || eh.e_shentsize != sizeof(Elf64_Shdr) || eh.e_shstrndx >= eh.e_shnum)
		return false;
	memcpy(&names, table + eh.e_shstrndx * sizeof(names), sizeof(names));
	for (unsigned i = 1; i < eh.e_shnum; i++) {
		memcpy(found, table + i * sizeof(*found), sizeof(*found));
		if (found->sh_name >= names.sh_size || names.sh_offset >= e->size)
			continue;
		const char *s = elf_string(e, names.sh_offset + found->sh_name, names.sh_offset + names.sh_size);
		if (s && !strcmp(s, name))
			return found->sh_type == SHT_NOBITS || elf_bytes(e, found->sh_offset, found->sh_size);
	}
	return false;
}

static void add_segment(struct elf *e, const Elf64_Phdr *ph)
{
	uint64_t filesz = ph->p_filesz;
	if (e->segments == ELF_MAX_SEGMENTS || ph->p_offset > e->size || ph->p_vaddr >= 1ull << 47 ||
	    ph->p_memsz >= 1ull << 47)
		return;
	if (filesz > e->size - ph->p_offset) // truncated: what is there
		filesz = e->size - ph->p_offset;
	if (filesz > ph->p_memsz)
		filesz = ph->p_memsz;
	e->segment[e->segments++] = (struct elf_segment){.start = ph->p_vaddr,
							 .end = ph->p_vaddr + filesz,
							 .memory_end = ph->p_vaddr + ph->p_memsz,
							 .offset = ph->p_offset,
							 .flags = ph->p_flags};
}

// DT_STRTAB plus `offset`, as text.
static const char *dynamic_string(const struct elf *e, uint64_t offset)
{
	const struct elf_segment *s = elf_segment(e, e->tag[DT_STRTAB]);
	if (!s || offset >= e->size)
		return NULL;
	return elf_string(e, s->offset + (e->tag[DT_STRTAB] - s->start) + offset, s->offset + (s->end - s->start));
}

static void read_dynamic(struct elf *e, const Elf64_Phdr *ph)
{
	size_t count = ph->p_filesz / sizeof(Elf64_Dyn);
	const uint8_t *p = elf_bytes(e, ph->p_offset, count * sizeof(Elf64_Dyn));
	if (!p)
		return;
	e->dynamic = true;
	Elf64_Dyn d = {0};
	for (int pass = 0; pass < 2; pass++) { // names need DT_STRTAB, which may come last
		for (size_t i = 0; i < count; i++) {
			memcpy(&d, p + i * sizeof(d), sizeof(d));
			if (d.d_tag == DT_NULL)
				break;
			if (!pass) {
				if (d.d_tag > 0 && (size_t)d.d_tag < sizeof(e->tag) / sizeof(e->tag[0]))
					e->tag[d.d_tag] = d.d_un.d_val;
				else if (d.d_tag == DT_GNU_HASH)
					e->gnu_hash = d.d_un.d_ptr;
				continue;
			}
			const char *s = dynamic_string(e, d.d_un.d_val);
			if (d.d_tag == DT_NEEDED && s && e->needed_count < 4096) {
				e->needed = xrealloc(e->needed, e->needed_count + 1, sizeof(*e->needed));
				e->needed[e->needed_count++] = s;
			} else if (d.d_tag == DT_SONAME) {
				e->soname = s;
			} else if (d.d_tag == DT_RPATH) {
				e->rpath = s;
			} else if (d.d_tag == DT_RUNPATH) {
				e->runpath = s;
			}
		}
	}
	static const int array_tag[3][2] = {{DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ},
					    {DT_INIT_ARRAY, DT_INIT_ARRAYSZ},
					    {DT_FINI_ARRAY, DT_FINI_ARRAYSZ}};
	for (int i = 0; i < 3; i++) {
		uint64_t start = e->tag[array_tag[i][0]], size = e->tag[array_tag[i][1]];
		if (size <= e->size && start < 1ull << 47)
			e->array[i] = (struct elf_function){start, start + size};
	}
	e->init = e->tag[DT_INIT];
	e->fini = e->tag[DT_FINI];
	e->relr = e->tag[36]; // DT_RELR, DT_RELRSZ: newer than the <elf.h> of Debian 12
	e->relr_size = e->tag[35];
}

static const char *check_header(const Elf64_Ehdr *eh, size_t size)
{
	if (size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return "is not an ELF file";
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_machine != EM_X86_64)
		return "is not for x86-64";
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return "is neither an executable nor a shared library";
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum)
		return "is corrupt: it has no usable program headers";
	return NULL;
}

int elf_parse(struct elf *e, const uint8_t *data, size_t size, const char **why)
{
	Elf64_Ehdr eh = {0};
	memset(e, 0, sizeof(*e));
	e->data = data;
	e->size = size;
	if (size)
		memcpy(&eh, data, size < sizeof(eh) ? size : sizeof(eh));
	*why = check_header(&eh, size);
	if (*why)
		return -1;
	const uint8_t *table = elf_bytes(e, eh.e_phoff, (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr));
	if (!table) {
		*why = "is corrupt or truncated: its program headers are not in the file";
		return -1;
	}
	e->type = eh.e_type;
	e->entry = eh.e_entry;
	Elf64_Phdr ph, dynamic = {0};
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, table + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD) {
			if (ph.p_offset > size || ph.p_filesz > size - ph.p_offset)
				*why = "is corrupt or truncated: a segment is not in the file";
			add_segment(e, &ph);
		} else if (ph.p_type == PT_DYNAMIC) {
			dynamic = ph;
		} else if (ph.p_type == PT_INTERP && ph.p_filesz <= 4096) {
			e->interpreter = elf_string(e, ph.p_offset, ph.p_offset + ph.p_filesz);
		}
	}
	if (*why)
		return -1;
	if (!e->segments) {
		*why = "is corrupt: it has nothing to load";
		return -1;
	}
	if (dynamic.p_type == PT_DYNAMIC)
		read_dynamic(e, &dynamic);
	elf_read_symbols(e);
	elf_read_relocs(e);
	elf_read_frames(e);
	elf_read_go(e);
	return 0;
}

void elf_free(struct elf *e)
{
	free(e->needed);
	free(e->dynsym);
	free(e->symtab);
	free(e->reloc);
	free(e->frame);
}
