// SPDX-License-Identifier: MIT
//
// Where functions begin when a file has no symbols: the unwind table .eh_frame (DWARF 5, 6.4.1 with the changes of
// the LSB, "Exception Frames"), and .gopclntab of Go programs, which keep it even when stripped.
#include <string.h>

#include "tools/lib/elf.h"

void elf_add_frame(struct elf *e, uint64_t start, uint64_t end)
{
	if (!elf_is_code(e, start) || end < start)
		return;
	GROW(e->frame, e->frame_count);
	e->frame[e->frame_count++] = (struct elf_function){start, end};
}

// A place in .eh_frame; `at` is its address. Reading beyond `end` gives zeros and sets `bad`.
struct cursor {
	const uint8_t *p, *end;
	uint64_t at;
	bool bad;
};

static uint64_t take(struct cursor *c, unsigned bytes)
{
	uint64_t value = 0;
	if ((size_t)(c->end - c->p) < bytes) {
		c->bad = true;
		c->p = c->end;
		return 0;
	}
	memcpy(&value, c->p, bytes);
	c->p += bytes;
	c->at += bytes;
	return value;
}

static uint64_t take_leb(struct cursor *c)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;
	do {
		byte = take(c, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !c->bad && shift < 70);
	return value;
}

// A pointer in DW_EH_PE encoding: its low four bits are the form, then absolute or relative to itself.
static uint64_t take_pointer(struct cursor *c, unsigned encoding)
{
	uint64_t at = c->at, value;
	switch (encoding & 0xf) {
	case 0x0: // absptr
	case 0x4: // udata8
	case 0xc: // sdata8
		value = take(c, 8);
		break;
	case 0x3: // udata4
		value = take(c, 4);
		break;
	case 0xb: // sdata4
		value = (uint64_t)(int64_t)(int32_t)take(c, 4);
		break;
	case 0x2: // udata2
		value = take(c, 2);
		break;
	case 0xa: // sdata2
		value = (uint64_t)(int64_t)(int16_t)take(c, 2);
		break;
	default: // uleb128
		value = take_leb(c);
	}
	return (encoding & 0x70) == 0x10 ? value + at : value;
}

// The encoding of the addresses in the FDEs of the CIE at `c`; -1: unknown.
static int cie_encoding(struct cursor c)
{
	char augmentation[8] = "";
	take(&c, 1); // version
	for (unsigned i = 0; i < sizeof(augmentation); i++) {
		augmentation[i] = (char)take(&c, 1);
		if (!augmentation[i])
			break;
	}
	if (augmentation[sizeof(augmentation) - 1] || c.bad)
		return -1;
	take_leb(&c); // code alignment, data alignment, return address register
	take_leb(&c);
	take_leb(&c);
	if (augmentation[0] != 'z')
		return augmentation[0] ? -1 : 0;
	take_leb(&c);
	for (const char *a = augmentation + 1; *a; a++) {
		if (*a == 'R')
			return (int)take(&c, 1);
		if (*a == 'P')
			take_pointer(&c, (unsigned)take(&c, 1) & 0xf);
		else if (*a == 'L')
			take(&c, 1);
		else if (*a != 'S' && *a != 'B')
			return -1;
	}
	return 0;
}

static void read_table(struct elf *e, const uint8_t *data, uint64_t size, uint64_t address)
{
	struct cursor c = {data, data + size, address, false};
	while (c.p < c.end) {
		uint64_t len = take(&c, 4);
		if (len == 0xffffffff)
			len = take(&c, 8);
		if (!len && c.at - address < size) // a terminator: crt files may leave one in the middle
			continue;
		if (len < 4 || len > (uint64_t)(c.end - c.p))
			return;
		struct cursor record = {c.p, c.p + len, c.at, false};
		uint64_t here = record.at, back = take(&record, 4);
		c.p += len;
		c.at += len;
		if (!back || here - address < back) // a CIE
			continue;
		uint64_t cie = here - back - address; // where its length is
		struct cursor head = {data + cie, data + size, address + cie, false};
		if (take(&head, 4) == 0xffffffff)
			take(&head, 8);
		take(&head, 4);
		int encoding = cie_encoding(head);
		if (encoding < 0)
			continue;
		uint64_t start = take_pointer(&record, (unsigned)encoding),
			 range = take_pointer(&record, encoding & 0xf);
		if (!record.bad && range && range < 1ull << 32)
			elf_add_frame(e, start, start + range);
	}
}

void elf_read_frames(struct elf *e)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	Elf64_Shdr sh;
	if (elf_section(e, ".eh_frame", &sh) && sh.sh_type != SHT_NOBITS) {
		read_table(e, e->data + sh.sh_offset, sh.sh_size, sh.sh_addr);
		return;
	}
	// Without section headers: PT_GNU_EH_FRAME points at it.
	memcpy(&eh, e->data, sizeof(eh));
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, e->data + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		const uint8_t *p = ph.p_type == PT_GNU_EH_FRAME ? elf_at(e, ph.p_vaddr, 8) : NULL;
		if (!p)
			continue;
		struct cursor c = {p + 4, p + 8, ph.p_vaddr + 4, false};
		uint64_t at = take_pointer(&c, p[1]);
		const struct elf_segment *s = elf_segment(e, at);
		const uint8_t *table = s ? elf_at(e, at, s->end - at) : NULL;
		if (table)
			read_table(e, table, s->end - at, at);
		return;
	}
}

// --- Go ---------------------------------------------------------------------------------------------------

// Go 1.18 and later: magic, 0 0 quantum ptrsize, then words: functions, files, text, five offsets, of which the last is
// that of the table: pairs of 32-bit offsets from text, function and its data.
static bool go_table(struct elf *e, const uint8_t *p, uint64_t size)
{
	uint32_t magic, start, next;
	uint64_t head[8], text;
	if (size < 8 + sizeof(head))
		return false;
	memcpy(&magic, p, 4);
	if ((magic != 0xfffffff0 && magic != 0xfffffff1) || p[4] || p[5] || p[6] != 1 || p[7] != 8)
		return false;
	memcpy(head, p + 8, sizeof(head));
	uint64_t count = head[0], table = head[7];
	text = head[2];
	if (table > size || count > (size - table) / 8 || !elf_is_code(e, text))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		memcpy(&start, p + table + i * 8, 4);
		next = 0;
		if (table + i * 8 + 12 <= size)
			memcpy(&next, p + table + i * 8 + 8, 4);
		elf_add_frame(e, text + start, next > start ? text + next : text + start);
	}
	return true;
}

void elf_read_go(struct elf *e)
{
	Elf64_Shdr sh;
	if ((elf_section(e, ".gopclntab", &sh) || elf_section(e, ".data.rel.ro.gopclntab", &sh)) &&
	    sh.sh_type != SHT_NOBITS) {
		e->is_go = true;
		go_table(e, e->data + sh.sh_offset, sh.sh_size);
		return;
	}
	if (e->frame_count || e->symtab_count) // only a file that lost everything is searched
		return;
	for (unsigned i = 0; i < e->segments; i++) {
		const struct elf_segment *s = &e->segment[i];
		for (uint64_t at = (s->start + 31) & ~31ull; !(s->flags & PF_X) && at + 72 < s->end; at += 32) {
			const uint8_t *p = elf_at(e, at, s->end - at);
			if (p && p[1] == 0xff && p[2] == 0xff && p[3] == 0xff && go_table(e, p, s->end - at)) {
				e->is_go = true;
				return;
			}
		}
	}
}
