// SPDX-License-Identifier: MIT
//
// All code of a module, in line, begun anew at every known start of a function: what each instruction means to the
// analysis becomes an event. Functions are those of .eh_frame (which are never split), symbols, and whatever is called,
// jumped to or pointed to outside of these; a sweep that found new ones is done again.
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tools/syscan/scan.h"

struct starts {
	uint64_t *at;
	size_t count;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static int by_start(const void *a, const void *b)
{
	const struct elf_function *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start ? 1 : x->end > y->end ? -1 : x->end < y->end;
}

static int range_by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

bool module_is_code(const struct module *m, uint64_t at)
{
	for (size_t i = 0; i < m->codes; i++)
		if (at >= m->code[i].start && at < m->code[i].end)
			return true;
	return false;
}

static const struct elf_function *frame_of(const struct module *m, uint64_t at)
{
	size_t behind = FIRST_FROM(m->frame, m->frames, .start, at + 1);
	return behind && at < m->frame[behind - 1].end ? &m->frame[behind - 1] : NULL;
}

bool module_in_frame(const struct module *m, uint64_t at)
{
	const struct elf_function *f = frame_of(m, at);
	// The frame of a signal's return path begins one byte early, for the sake of unwinding (glibc, __restore_rt).
	return f && f->start != at && f->start + 1 != at;
}

bool module_framed(const struct module *m, uint64_t at)
{
	return frame_of(m, at);
}

struct function *module_function(const struct module *m, uint64_t at)
{
	size_t behind = FIRST_FROM(m->function, m->functions, .start, at + 1);
	return behind && at < m->function[behind - 1].end ? &m->function[behind - 1] : NULL;
}

static const char *name_in(const struct elf_symbol *s, size_t count, uint64_t start)
{
	for (size_t i = 0; i < count; i++)
		if (s[i].value == start && s[i].defined &&
		    (s[i].type == STT_FUNC || s[i].type == STT_GNU_IFUNC || s[i].type == STT_NOTYPE) && *s[i].name)
			return s[i].name;
	return NULL;
}

const char *function_name(const struct module *m, uint64_t start)
{
	const char *name = name_in(m->elf.symtab, m->elf.symtab_count, start);
	return name ? name : name_in(m->elf.dynsym, m->elf.dynsym_count, start);
}

static void add_code(struct module *m, uint64_t start, uint64_t end)
{
	const struct elf_segment *s = elf_segment(&m->elf, start);
	if (!s || start >= end)
		return;
	GROW(m->code, m->codes);
	m->code[m->codes++] = (struct range){start, end < s->end ? end : s->end};
}

// The executable sections; without section headers, or if these leave the entry out, the executable segments.
static void find_code(struct module *m)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh;
	memcpy(&eh, m->elf.data, sizeof(eh));
	const uint8_t *table = elf_bytes(&m->elf, eh.e_shoff, (uint64_t)eh.e_shnum * sizeof(sh));
	for (unsigned i = 0; table && eh.e_shentsize == sizeof(sh) && i < eh.e_shnum; i++) {
		memcpy(&sh, table + i * sizeof(sh), sizeof(sh));
		if (sh.sh_flags & SHF_EXECINSTR && sh.sh_flags & SHF_ALLOC && sh.sh_type != SHT_NOBITS &&
		    sh.sh_size < m->elf.size)
			add_code(m, sh.sh_addr, sh.sh_addr + sh.sh_size);
	}
	if (!m->codes || (m->elf.entry && !module_is_code(m, m->elf.entry))) {
		m->codes = 0;
		free(m->code);
		m->code = NULL;
		for (unsigned i = 0; i < m->elf.segments; i++)
			if (m->elf.segment[i].flags & PF_X)
				add_code(m, m->elf.segment[i].start, m->elf.segment[i].end);
	}
	if (m->codes)
		qsort(m->code, m->codes, sizeof(*m->code), range_by_start);
	for (size_t i = 1; i < m->codes; i++) // what overlaps is not swept twice
		if (m->code[i].start < m->code[i - 1].end)
			m->code[i].start = m->code[i - 1].end < m->code[i].end ? m->code[i - 1].end : m->code[i].end;
}

static void add_start(const struct module *m, struct starts *s, uint64_t at)
{
	if (module_in_frame(m, at) || !module_is_code(m, at))
		return;
	GROW(s->at, s->count);
	s->at[s->count++] = at;
}

static void sort_starts(struct starts *s)
{
	size_t kept = 0;
	if (s->count)
		qsort(s->at, s->count, sizeof(*s->at), by_value);
	for (size_t i = 0; i < s->count; i++)
		if (!kept || s->at[i] != s->at[kept - 1])
			s->at[kept++] = s->at[i];
	// Room as GROW expects it: a power of two.
	size_t room = 1;
	while (room < kept)
		room *= 2;
	s->count = kept;
	s->at = xrealloc(s->at, room, sizeof(*s->at));
}

static void add_symbols(const struct module *m, struct starts *s, const struct elf_symbol *sym, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sym[i].defined &&
		    (sym[i].type == STT_FUNC || sym[i].type == STT_GNU_IFUNC || sym[i].type == STT_NOTYPE))
			add_start(m, s, sym[i].value);
}

static void first_starts(struct module *m, struct starts *s)
{
	const struct elf *e = &m->elf;
	for (size_t i = 0; i < m->codes; i++)
		add_start(m, s, m->code[i].start);
	for (size_t i = 0; i < m->frames; i++)
		add_start(m, s, m->frame[i].start);
	add_symbols(m, s, e->dynsym, e->dynsym_count);
	add_symbols(m, s, e->symtab, e->symtab_count);
	add_start(m, s, e->entry);
	add_start(m, s, e->init);
	add_start(m, s, e->fini);
	for (size_t i = 0; i < e->reloc_count; i++)
		if (e->reloc[i].type == R_X86_64_IRELATIVE)
			add_start(m, s, e->reloc[i].addend);
	for (size_t i = 0; i < m->pointeds; i++)
		add_start(m, s, m->pointed[i]);
	sort_starts(s);
}

static void add_event(struct module *m, uint64_t at, enum event_kind kind, uint64_t target)
{
	GROW(m->event, m->events);
	m->event[m->events++] = (struct event){at, target, kind};
}

static bool is_data(const struct module *m, uint64_t at)
{
	return elf_segment(&m->elf, at) && !module_is_code(m, at);
}

// Code of fixed addresses has them in immediates, and as displacements beside a register.
static void look_at_data(struct module *m, const struct code *c)
{
	bool fixed = m->elf.type == ET_EXEC;
	if (c->has_memory && is_data(m, c->memory))
		add_event(m, c->at, c->is_lea ? EVENT_OBJECT : c->indexed ? EVENT_ARRAY : EVENT_DATA, c->memory);
	if (fixed && c->has_immediate && is_data(m, c->immediate))
		add_event(m, c->at, c->is_move ? EVENT_OBJECT : EVENT_ARRAY, c->immediate);
	if (fixed && c->has_displacement && is_data(m, c->displacement))
		add_event(m, c->at, EVENT_ARRAY, c->displacement);
}

static void look(struct module *m, const struct code *c)
{
	const struct elf_reloc *r = NULL;
	look_at_data(m, c);
	if (c->kind == CODE_SYSCALL || c->kind == CODE_LEGACY)
		add_event(m, c->at, c->kind == CODE_SYSCALL ? EVENT_SITE : EVENT_LEGACY, 0);
	if (c->has_target && module_is_code(m, c->target))
		add_event(m, c->at, c->kind == CODE_CALL ? EVENT_CALL : EVENT_JUMP, c->target);
	if (c->ret || (c->kind == CODE_JUMP && !(c->has_target && module_is_code(m, c->target))))
		add_event(m, c->at, EVENT_RETURN, 0);
	if (c->has_memory)
		r = elf_reloc_at(&m->elf, c->memory);
	if (r)
		add_event(m, c->at,
			  (c->kind == CODE_CALL || c->kind == CODE_JUMP) && !c->indexed ? EVENT_SLOT_CALL
											: EVENT_SLOT_REF,
			  c->memory);
	if (c->has_memory && c->is_lea && module_is_code(m, c->memory))
		add_event(m, c->at, EVENT_REF, c->memory);
	if (m->texts && ((c->has_memory && module_is_text(m, c->memory)) ||
			 (c->has_immediate && module_is_text(m, c->immediate))))
		add_event(m, c->at, EVENT_TEXT, 0);
	if (c->has_immediate && m->elf.type == ET_EXEC && module_is_code(m, c->immediate) &&
	    !module_in_frame(m, c->immediate))
		add_event(m, c->at, EVENT_REF, c->immediate);
}

struct map { // of the bytes at which an instruction begins
	uint8_t *bit;
	uint64_t base, end;
};

static bool is_start(const struct map *w, uint64_t at)
{
	return at >= w->base && at < w->end && w->bit[(at - w->base) / 8] >> ((at - w->base) & 7) & 1;
}

static void set_start(struct map *w, uint64_t at)
{
	if (at >= w->base && at < w->end)
		w->bit[(at - w->base) / 8] |= (uint8_t)(1 << ((at - w->base) & 7));
}

static void sweep_range(struct module *m, const ZydisDecoder *decoder, const struct range *r, const struct starts *s,
			struct map *w)
{
	const uint8_t *bytes = elf_at(&m->elf, r->start, r->end - r->start);
	size_t next = 0;
	struct code c = {.kind = CODE_END}, last = c; // last: that is no padding
	const struct elf_function *frame = NULL;
	for (uint64_t at = r->start; bytes && at < r->end;) {
		while (next < s->count && s->at[next] <= at)
			next++;
		if (!frame || at >= frame->end || at < frame->start)
			frame = frame_of(m, at);
		uint64_t border = next < s->count && s->at[next] < r->end ? s->at[next] : r->end;
		if (frame && frame->end < border && frame->end > at)
			border = frame->end;
		if (!c.padding)
			last = c;
		if (!decode(decoder, bytes + (at - r->start), r->end - at, at, &c)) {
			m->undecoded += frame != NULL;
			c.kind = CODE_END;
			at++;
			continue;
		}
		look(m, &c);
		set_start(w, at);
		at += c.length;
		// It runs on into what follows: not behind a call at the end of a compiler's function, which does not
		// return.
		if (at >= border && !c.padding &&
		    (c.kind == CODE_PLAIN || c.kind == CODE_BRANCH || c.kind == CODE_SYSCALL ||
		     (c.kind == CODE_CALL && !frame)))
			if (module_is_code(m, border))
				add_event(m, c.at, EVENT_JUMP, border);
		// Padding between two functions without frames may be run over as well: musl's functions are aligned
		// with it.
		if (at >= border && c.padding && !frame && last.kind == CODE_PLAIN && module_is_code(m, border))
			add_event(m, c.at, EVENT_JUMP, border);
		if (at > border)
			at = border;
	}
}

// Code that words of data point to, inside of functions too: labels that computed jumps go to.
static void find_pointed(struct module *m)
{
	const struct elf *e = &m->elf;
	uint64_t word;
	for (size_t i = 0; i < e->reloc_count; i++)
		if (e->reloc[i].type == R_X86_64_RELATIVE && module_is_code(m, e->reloc[i].addend)) {
			GROW(m->pointed, m->pointeds);
			m->pointed[m->pointeds++] = e->reloc[i].addend;
		}
	for (unsigned i = 0; e->type == ET_EXEC && i < e->segments; i++) // its words have no relocations
		for (uint64_t at = (e->segment[i].start + 7) & ~7ull; at + 8 <= e->segment[i].end; at += 8)
			if (elf_word(e, at, &word) && module_is_code(m, word) && !module_is_code(m, at)) {
				GROW(m->pointed, m->pointeds);
				m->pointed[m->pointeds++] = word;
			}
	if (m->pointeds)
		qsort(m->pointed, m->pointeds, sizeof(*m->pointed), by_value);
}

// --- jumps into the middle of instructions ----------------------------------------------------------------

// Code that means something else when it is entered elsewhere counts both ways. (A jump over the prefix `lock` is how C
// libraries spare it when there is one thread.)
static void sweep_overlaps(struct module *m, const ZydisDecoder *decoder, struct map *w)
{
	struct code c;
	for (size_t i = 0; i < m->events; i++) { // grows meanwhile
		const struct event e = m->event[i];
		if ((e.kind != EVENT_CALL && e.kind != EVENT_JUMP) || is_start(w, e.target) || !is_start(w, e.at) ||
		    !frame_of(m, e.at))
			continue;
		const uint8_t *lock = elf_at(&m->elf, e.target - 1, 1);
		m->overlaps += !(lock && *lock == 0xf0);
		for (uint64_t at = e.target; !is_start(w, at) && module_is_code(m, at); at += c.length) {
			const uint8_t *bytes = elf_at(&m->elf, at, 1);
			const struct elf_segment *s = elf_segment(&m->elf, at);
			set_start(w, at);
			if (!bytes || !decode(decoder, bytes, s->end - at, at, &c))
				break;
			look(m, &c);
			if (c.kind == CODE_END || c.kind == CODE_JUMP)
				break;
		}
	}
}

static int event_by_at(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void make_functions(struct module *m, const struct starts *s)
{
	m->function = xrealloc(NULL, s->count, sizeof(*m->function));
	m->functions = 0;
	for (size_t i = 0, c = 0; i < s->count; i++) {
		while (c + 1 < m->codes && s->at[i] >= m->code[c].end)
			c++;
		const struct elf_function *frame = frame_of(m, s->at[i]);
		uint64_t end = frame ? frame->end : m->code[c].end;
		if (i + 1 < s->count && s->at[i + 1] < end)
			end = s->at[i + 1];
		m->function[m->functions++] = (struct function){.start = s->at[i], .end = end, .parent = UINT32_MAX};
	}
}

// A function comes back when it has a return, or jumps (or runs on) to one that does. Only what calls such a function
// at its end is decided by this: a wrong "does not come back" is not made, since every way out counts as one.
static void find_returns(struct module *m)
{
	bool more = true;
	for (size_t i = 0; i < m->events; i++) {
		struct function *f = m->event[i].kind == EVENT_RETURN ? module_function(m, m->event[i].at) : NULL;
		if (f)
			f->returns = true;
	}
	for (int pass = 0; more && pass < 50; pass++) {
		more = false;
		for (size_t i = 0; i < m->events; i++) {
			const struct event *e = &m->event[i];
			struct function *f = e->kind == EVENT_JUMP ? module_function(m, e->at) : NULL;
			if (!f || f->returns || (e->target >= f->start && e->target < f->end))
				continue;
			const struct function *to = module_function(m, e->target);
			if (!to || to->returns)
				more = f->returns = true;
		}
	}
	for (size_t i = 0; more && i < m->functions; i++)
		m->function[i].returns = true; // no end in sight
}

static void find_entries(struct module *m)
{
	for (size_t i = 0; i < m->events; i++) {
		const struct event *e = &m->event[i];
		const struct function *to = e->kind == EVENT_JUMP ? module_function(m, e->target) : NULL;
		if (!to || e->target == to->start || (e->at >= to->start && e->at < to->end))
			continue;
		GROW(m->entry, m->entries);
		m->entry[m->entries++] = e->target;
	}
	if (m->entries)
		qsort(m->entry, m->entries, sizeof(*m->entry), by_value);
}

void module_sweep(struct module *m)
{
	ZydisDecoder decoder;
	struct starts s = {0};
	decode_init(&decoder);
	find_code(m);
	m->frame = m->elf.frame;
	if (m->elf.frame_count)
		qsort(m->frame, m->elf.frame_count, sizeof(*m->frame), by_start);
	for (size_t i = 0; i < m->elf.frame_count; i++)
		if (module_is_code(m, m->frame[i].start) &&
		    (!m->frames || m->frame[i].start != m->frame[m->frames - 1].start))
			m->frame[m->frames++] = m->frame[i];
	module_texts(m);
	find_pointed(m);
	first_starts(m, &s);
	struct map w = {.base = m->codes ? m->code[0].start : 0, .end = m->codes ? m->code[m->codes - 1].end : 0};
	if (w.end - w.base > 64 * (uint64_t)m->elf.size) // sections far apart are no compiler's
		w.end = w.base + 64 * (uint64_t)m->elf.size;
	size_t bytes = (w.end - w.base) / 8 + 1;
	w.bit = xrealloc(NULL, bytes, 1);
	for (int pass = 0; pass < 6; pass++) {
		size_t before = s.count;
		memset(w.bit, 0, bytes);
		m->events = 0;
		m->undecoded = 0;
		free(m->event);
		m->event = NULL;
		for (size_t i = 0; i < m->codes; i++)
			sweep_range(m, &decoder, &m->code[i], &s, &w);
		for (size_t i = 0; i < m->events; i++)
			if (m->event[i].kind == EVENT_CALL || m->event[i].kind == EVENT_REF)
				add_start(m, &s, m->event[i].target);
			else if (m->event[i].kind == EVENT_JUMP && !frame_of(m, m->event[i].target) &&
				 frame_of(m, m->event[i].at))
				add_start(m, &s, m->event[i].target);
		sort_starts(&s);
		if (s.count == before)
			break;
	}
	sweep_overlaps(m, &decoder, &w);
	free(w.bit);
	if (m->events)
		qsort(m->event, m->events, sizeof(*m->event), event_by_at);
	make_functions(m, &s);
	find_returns(m);
	find_entries(m);
	module_objects(m);
	free(s.at);
}
