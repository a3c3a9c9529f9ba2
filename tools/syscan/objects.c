// SPDX-License-Identifier: MIT
//
// Data as objects: a table of functions counts when something that runs can get at the table. Where objects begin is known of
// symbols and sections, and of addresses that code or data name, if they are multiples of 32: gcc puts whatever has 32 bytes or
// more there. What begins elsewhere counts as a part of what stands before it. So do elements of arrays that a linker makes
// (sections with a name of C), and without section headers all data is one.
//
// A reference to the middle of an object may come of an index that begins at another number than 0: it is meant for what stands
// near, too.
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tools/syscan/scan.h"

#define ALIGNED 32
#define NEAR	2048 // bytes

struct starts {
	uint64_t *at;
	size_t count;
	struct range *whole; // never split
	size_t wholes;
};

static void add_start(struct starts *s, uint64_t at)
{
	GROW(s->at, s->count);
	s->at[s->count++] = at;
}

static void add_named(const struct module *m, struct starts *s, uint64_t at, unsigned aligned)
{
	if (at % aligned || !elf_segment(&m->elf, at) || module_is_code(m, at))
		return;
	for (size_t i = 0; i < s->wholes; i++)
		if (at > s->whole[i].start && at < s->whole[i].end)
			return;
	add_start(s, at);
}

typedef void (*section_fn)(struct module *m, const char *name, const Elf64_Shdr *sh, void *arg);

// Each section of data in memory. Returns false if there are no section headers.
static bool sections(struct module *m, section_fn found, void *arg)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh, names;
	memcpy(&eh, m->elf.data, sizeof(eh));
	const uint8_t *table = elf_bytes(&m->elf, eh.e_shoff, (uint64_t)eh.e_shnum * sizeof(sh));
	if (!table || eh.e_shentsize != sizeof(sh) || eh.e_shstrndx >= eh.e_shnum)
		return false;
	memcpy(&names, table + eh.e_shstrndx * sizeof(sh), sizeof(sh));
	for (unsigned i = 0; i < eh.e_shnum; i++) {
		memcpy(&sh, table + i * sizeof(sh), sizeof(sh));
		const char *name = elf_string(&m->elf, names.sh_offset + sh.sh_name, names.sh_offset + names.sh_size);
		bool data = sh.sh_flags & SHF_ALLOC && !(sh.sh_flags & SHF_EXECINSTR) && sh.sh_type != SHT_NOBITS;
		if (data && name && elf_at(&m->elf, sh.sh_addr, sh.sh_size))
			found(m, name, &sh, arg);
	}
	return true;
}

static void section_start(struct module *m, const char *name, const Elf64_Shdr *sh, void *arg)
{
	struct starts *s = arg;
	(void)m;
	add_start(s, sh->sh_addr);
	add_start(s, sh->sh_addr + sh->sh_size);
	if (*name != '.') {
		GROW(s->whole, s->wholes);
		s->whole[s->wholes++] = (struct range){sh->sh_addr, sh->sh_addr + sh->sh_size};
	}
	for (uint64_t at = 0; !strncmp(name, ".got", 4) && at < sh->sh_size; at += 8) // each word is one of its own
		add_start(s, sh->sh_addr + at);
}

static void symbol_starts(const struct module *m, struct starts *s, const struct elf_symbol *sym, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!sym[i].defined || sym[i].type != STT_OBJECT || !sym[i].size)
			continue;
		add_named(m, s, sym[i].value, 1);
		add_named(m, s, sym[i].value + sym[i].size, 1);
	}
}

// Words of programs without relocations that may be pointers.
static void find_words(struct module *m)
{
	const struct elf *e = &m->elf;
	uint64_t value;
	for (unsigned i = 0; e->type == ET_EXEC && i < e->segments; i++)
		for (uint64_t at = (e->segment[i].start + 7) & ~7ull; at + 8 <= e->segment[i].end; at += 8)
			if (elf_word(e, at, &value) && elf_segment(e, value) && !module_is_code(m, at)) {
				GROW(m->word, m->words);
				m->word[m->words++] = (struct word){at, value};
			}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

void module_objects(struct module *m)
{
	struct starts s = {0};
	const struct elf *e = &m->elf;
	find_words(m);
	if (!e->is_go && sections(m, section_start, &s)) {
		for (unsigned i = 0; i < e->segments; i++)
			add_start(&s, e->segment[i].start);
		for (size_t i = 0; i < m->events; i++)
			if (m->event[i].kind == EVENT_OBJECT)
				add_named(m, &s, m->event[i].target, ALIGNED);
		for (size_t i = 0; i < e->reloc_count; i++)
			if (e->reloc[i].type == R_X86_64_RELATIVE)
				add_named(m, &s, e->reloc[i].addend, ALIGNED);
		for (size_t i = 0; i < m->words; i++)
			add_named(m, &s, m->word[i].value, ALIGNED);
		symbol_starts(m, &s, e->symtab, e->symtab_count);
		symbol_starts(m, &s, e->dynsym, e->dynsym_count);
		qsort(s.at, s.count, sizeof(*s.at), by_value);
	} else {
		s.count = 0;
	}
	m->object = s.count ? xrealloc(NULL, s.count, sizeof(*m->object)) : NULL;
	for (size_t i = 0; i < s.count; i++)
		if (!i || s.at[i] != s.at[i - 1])
			m->object[m->objects++] = (struct object){.start = s.at[i]};
	free(s.at);
	free(s.whole);
}

// The one that begins at `at` or is the last before it.
static struct object *object_before(const struct module *m, uint64_t at)
{
	size_t behind = FIRST_FROM(m->object, m->objects, .start, at + 1);
	return m->objects ? &m->object[behind ? behind - 1 : 0] : NULL;
}

struct object *module_object(const struct module *m, uint64_t at)
{
	return elf_segment(&m->elf, at) ? object_before(m, at) : NULL;
}

static void mark(struct module *m, struct object *o, object_fn found, void *arg)
{
	if (o->live)
		return;
	o->live = true;
	found(arg, m, o->start);
}

static void mark_range(struct module *m, uint64_t start, uint64_t end, object_fn found, void *arg)
{
	struct object *o = object_before(m, start);
	for (; o && o < m->object + m->objects && o->start < end; o++)
		mark(m, o, found, arg);
}

// Distances from here to data, as `clang -fPIC` has in place of pointers: from the table's start.
static void distances(struct module *m, uint64_t table, object_fn found, void *arg)
{
	const struct elf_segment *s = elf_segment(&m->elf, table);
	const void *p;
	int32_t distance;
	for (uint64_t at = table; s && !(s->flags & PF_W) && (p = elf_at(&m->elf, at, 4)) != NULL; at += 4) {
		memcpy(&distance, p, 4);
		struct object *o = module_object(m, table + (uint64_t)(int64_t)distance);
		if (!o || !distance || o->start != table + (uint64_t)(int64_t)distance)
			return;
		mark(m, o, found, arg);
	}
}

bool objects_point(const struct module *m, uint64_t at)
{
	const struct elf_segment *s = elf_segment(&m->elf, at);
	return s && (s->flags & PF_W || m->elf.type == ET_EXEC);
}

void objects_near(struct module *m, uint64_t address, enum event_kind kind, object_fn found, void *arg)
{
	if (kind == EVENT_OBJECT)
		distances(m, address, found, arg);
	struct object *o = objects_point(m, address) ? module_object(m, address) : NULL;
	if (!o)
		return;
	if (kind == EVENT_ARRAY)
		mark_range(m, address > NEAR ? address - NEAR : 0, address + NEAR, found, arg);
	else if (kind == EVENT_OBJECT && address != o->start)
		mark_range(m, address, address + NEAR, found, arg);
	mark(m, o, found, arg);
}

struct start_marks {
	object_fn found;
	void *arg;
};

// Distances (or addresses) in these bytes of a section, every `step` of them, that lead to words which the dynamic linker fills.
static void frame_pointers(struct module *m, const Elf64_Shdr *sh, uint64_t from, uint64_t to, unsigned step, const struct start_marks *k)
{
	bool types = step > 1; // which are data
	const uint8_t *p = elf_at(&m->elf, sh->sh_addr, sh->sh_size);
	bool fixed = m->elf.type == ET_EXEC;
	int32_t distance;
	for (uint64_t i = from; p && i + 4 <= to; i += step) {
		memcpy(&distance, p + i, 4);
		uint64_t word = sh->sh_addr + i + (uint64_t)(int64_t)distance;
		for (unsigned n = 0; n < 2; n++, word = (uint32_t)distance) {
			const struct elf_reloc *r = n ? NULL : elf_reloc_at(&m->elf, word);
			bool is = fixed || (r && !(types && r->type == R_X86_64_RELATIVE && module_is_code(m, r->addend)));
			struct object *o = is && word % 8 == 0 ? module_object(m, word) : NULL;
			if (o)
				mark(m, o, k->found, k->arg);
		}
	}
}

// What unwinding reads of a language: its routine, which frames with a head in common name there, and types that are caught.
static void frames_at_start(struct module *m, const Elf64_Shdr *sh, const struct start_marks *k)
{
	const uint8_t *p = elf_at(&m->elf, sh->sh_addr, sh->sh_size);
	uint32_t len, id;
	for (uint64_t at = 0; p && at + 8 <= sh->sh_size; at += 4 + (uint64_t)len) {
		memcpy(&len, p + at, 4);
		memcpy(&id, p + at + 4, 4);
		if (len > sh->sh_size - at - 4)
			return;
		if (len && !id)
			frame_pointers(m, sh, at + 8, at + 4 + len, 1, k);
	}
}

static void section_at_start(struct module *m, const char *name, const Elf64_Shdr *sh, void *arg)
{
	const struct start_marks *k = arg;
	static const char *const always[] = {".ctors", ".dtors", ".tm_clone_table"};
	bool run = sh->sh_type == SHT_INIT_ARRAY || sh->sh_type == SHT_FINI_ARRAY || sh->sh_type == SHT_PREINIT_ARRAY ||
		   sh->sh_flags & SHF_TLS; // the first values of each thread's variables
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		run |= !strcmp(name, always[i]);
	if (run)
		mark_range(m, sh->sh_addr, sh->sh_addr + sh->sh_size, k->found, k->arg);
	if (!strcmp(name, ".eh_frame"))
		frames_at_start(m, sh, k);
	if (!strncmp(name, ".gcc_except_table", 17))
		frame_pointers(m, sh, -sh->sh_addr & 3, sh->sh_size, 4, k);
}

void objects_at_start(struct module *m, object_fn found, void *arg)
{
	struct start_marks k = {found, arg};
	if (!m->objects)
		return;
	sections(m, section_at_start, &k);
	for (int i = 0; i < 3; i++)
		mark_range(m, m->elf.array[i].start, m->elf.array[i].end, found, arg);
	for (size_t i = 0; i < m->elf.dynsym_count; i++) {
		const struct elf_symbol *sym = &m->elf.dynsym[i];
		if (sym->exported && sym->type != STT_TLS && !module_is_code(m, sym->value))
			mark_range(m, sym->value, sym->value + (sym->size ? sym->size : 1), found, arg);
	}
}
