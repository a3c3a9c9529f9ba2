// SPDX-License-Identifier: MIT
//
// Texts of a module that say which parts of a kernel it can use without any call of their own. Whoever takes the address of
// one, or of what stands before it in the same string, can name it; so can data that points there.
#include <string.h>

#include "tools/syscan/scan.h"

static void add(struct module *m, uint64_t start, uint64_t end)
{
	GROW(m->text, m->texts);
	m->text[m->texts++] = (struct range){start, end};
}

static void search(struct module *m, const struct elf_segment *s, const char *text)
{
	const char *all = elf_bytes(&m->elf, s->offset, s->end - s->start), *end = all + (s->end - s->start);
	size_t len = strlen(text);
	for (const char *p = all; p && (p = memmem(p, (size_t)(end - p), text, len)) != NULL; p += len) {
		const char *first = p;
		while (first > all && first[-1])
			first--;
		add(m, s->start + (uint64_t)(first - all), s->start + (uint64_t)(p - all) + len);
	}
}

bool module_is_text(const struct module *m, uint64_t address)
{
	for (size_t i = 0; i < m->texts; i++)
		if (address >= m->text[i].start && address < m->text[i].end)
			return true;
	return false;
}

void module_texts(struct module *m)
{
	for (unsigned i = 0; i < m->elf.segments; i++) {
		search(m, &m->elf.segment[i], "ptmx");
		search(m, &m->elf.segment[i], "/pts");
	}
	for (size_t i = 0; i < m->elf.reloc_count && m->texts; i++)
		m->text_in_data |= module_is_text(m, m->elf.reloc[i].addend);
	// Without relocations every word of data may be a pointer.
	for (unsigned i = 0; i < m->elf.segments && m->texts && m->elf.type == ET_EXEC; i++) {
		const struct elf_segment *s = &m->elf.segment[i];
		uint64_t word;
		for (uint64_t at = (s->start + 7) & ~7ull; !(s->flags & PF_X) && at + 8 <= s->end; at += 8)
			m->text_in_data |= elf_word(&m->elf, at, &word) && module_is_text(m, word);
	}
}
