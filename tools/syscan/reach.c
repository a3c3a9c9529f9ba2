// SPDX-License-Identifier: MIT
//
// What can run: from the entry points of program and interpreter, what initialises and ends each module, and every
// function a word of data points to, along calls, jumps, addresses taken and imports. A symbol leads to all modules
// that export it. A module that looks names up at run time (dlsym) reaches every export whose name is a text in it; so
// does the interpreter.
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/scan.h"

struct export
{
	const char *name;
	struct module *module;
	uint64_t value;
};

struct work {
	struct scope *scope;
	uint32_t *todo;
	size_t todos;
	uint32_t parent;
	bool taken;
};

// --- exports ----------------------------------------------------------------------------------------------

static size_t hash(const char *s)
{
	size_t h = 5381;
	for (; *s; s++)
		h = h * 33 + (unsigned char)*s;
	return h ^ h >> 17;
}

static void make_exports(struct scope *s)
{
	size_t count = 1;
	for (size_t i = 0; i < s->modules; i++)
		count += s->module[i]->elf.dynsym_count;
	for (s->export_size = 64; s->export_size < 2 * count;)
		s->export_size *= 2;
	s->export = xrealloc(NULL, s->export_size, sizeof(*s->export));
	memset(s->export, 0, s->export_size * sizeof(*s->export));
	for (size_t i = 0; i < s->modules; i++) {
		struct module *m = s->module[i];
		for (size_t k = 0; k < m->elf.dynsym_count; k++) {
			const struct elf_symbol *sym = &m->elf.dynsym[k];
			if (!sym->exported || !*sym->name || !module_is_code(m, sym->value))
				continue;
			size_t at = hash(sym->name) & (s->export_size - 1);
			bool there = false;
			for (; s->export[at].name && !there; at = (at + 1) & (s->export_size - 1))
				there = s->export[at].module == m && s->export[at].value == sym->value &&
					!strcmp(s->export[at].name, sym->name);
			if (!there)
				s->export[at] = (struct export){sym->name, m, sym->value};
		}
	}
}

static bool lookup(const struct scope *s, const char *name, leads_fn found, void *arg)
{
	bool any = false;
	for (size_t at = hash(name) & (s->export_size - 1); s->export[at].name; at = (at + 1) & (s->export_size - 1))
		if (!strcmp(s->export[at].name, name)) {
			found(arg, s->export[at].module, s->export[at].value);
			any = true;
		}
	return any;
}

// --- events -----------------------------------------------------------------------------------------------

static void reloc_leads(const struct scope *s, const struct module *m, const struct elf_reloc *r, leads_fn found,
			void *arg)
{
	if (r->symbol != UINT32_MAX) {
		const struct elf_symbol *sym = &m->elf.dynsym[r->symbol];
		lookup(s, sym->name, found, arg);
		if (sym->defined && !sym->exported)
			found(arg, (struct module *)m, sym->value);
	} else if (r->type == R_X86_64_RELATIVE || r->type == R_X86_64_IRELATIVE) {
		found(arg, (struct module *)m, r->addend);
	}
}

// The word through which the stub at `at` (of a PLT) jumps, or 0.
static uint64_t stub_slot(const struct module *m, uint64_t at)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
	int32_t distance;
	const uint8_t *p = elf_at(&m->elf, at, 4);
	if (p && !memcmp(p, endbr, 4))
		at += 4;
	p = elf_at(&m->elf, at, 7);
	if (!p)
		return 0;
	if (*p == 0xf2) { // bnd
		p++;
		at++;
	}
	if (p[0] != 0xff || p[1] != 0x25)
		return 0;
	memcpy(&distance, p + 2, 4);
	return at + 6 + (uint64_t)(int64_t)distance;
}

void event_leads(const struct scope *s, const struct module *m, const struct event *e, leads_fn found, void *arg)
{
	const struct elf_reloc *r = NULL;
	if (e->kind == EVENT_SLOT_CALL || e->kind == EVENT_SLOT_REF) {
		r = elf_reloc_at(&m->elf, e->target);
	} else if (e->kind == EVENT_CALL || e->kind == EVENT_JUMP || e->kind == EVENT_REF) {
		uint64_t slot = stub_slot(m, e->target);
		r = slot ? elf_reloc_at(&m->elf, slot) : NULL;
		if (!r)
			found(arg, (struct module *)m, e->target);
	}
	if (r)
		reloc_leads(s, m, r, found, arg);
}

// --- reached ----------------------------------------------------------------------------------------------

static void reach(void *arg, struct module *m, uint64_t address)
{
	struct work *w = arg;
	struct function *f = module_is_code(m, address) ? module_function(m, address) : NULL;
	if (!f)
		return;
	if (w->taken && address == f->start)
		f->taken = true;
	if (f->reached)
		return;
	f->reached = true;
	f->parent = w->parent;
	GROW(w->todo, w->todos);
	w->todo[w->todos++] = m->first + (uint32_t)(f - m->function);
}

struct module *scope_module(const struct scope *s, uint32_t n)
{
	size_t i = s->modules - 1;
	while (i && s->module[i]->first > n)
		i--;
	return s->module[i];
}

static size_t first_event(const struct module *m, uint64_t at)
{
	size_t low = 0, high = m->events;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (m->event[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_dlsym(const char *name, bool *opens)
{
	if (!strcmp(name, "dlopen") || !strcmp(name, "dlmopen") || !strcmp(name, "__libc_dlopen_mode"))
		*opens = true;
	return !strcmp(name, "dlsym") || !strcmp(name, "dlvsym") || !strcmp(name, "__libc_dlsym");
}

static void follow(struct work *w)
{
	while (w->todos) {
		uint32_t n = w->todo[--w->todos];
		struct module *m = scope_module(w->scope, n);
		const struct function *f = &m->function[n - m->first];
		w->parent = n;
		for (size_t i = first_event(m, f->start); i < m->events && m->event[i].at < f->end; i++) {
			const struct event *e = &m->event[i];
			w->taken = e->kind == EVENT_REF || e->kind == EVENT_SLOT_REF;
			event_leads(w->scope, m, e, reach, w);
		}
	}
}

static void root(struct work *w, struct module *m, uint64_t address)
{
	w->taken = true;
	w->parent = UINT32_MAX;
	if (address)
		reach(w, m, address);
}

// What the words of a module point to. Words that only calls and loads name (its GOT) count where these are, and the
// rest here: slots that no instruction names too, since it may do so in a way not seen.
static void data_pointers(struct work *w, struct module *m)
{
	const struct elf *e = &m->elf;
	uint8_t *named = xrealloc(NULL, e->reloc_count + 1, 1);
	memset(named, 0, e->reloc_count + 1);
	for (size_t i = 0; i < m->events; i++) {
		const struct event *v = &m->event[i];
		const struct elf_reloc *r = v->kind == EVENT_SLOT_CALL || v->kind == EVENT_SLOT_REF
						    ? elf_reloc_at(e, v->target)
						    : NULL;
		if (r)
			named[r - e->reloc] = 1;
	}
	for (size_t i = 0; i < e->reloc_count; i++) {
		const struct elf_reloc *r = &e->reloc[i];
		bool slot = r->type == R_X86_64_GLOB_DAT || r->type == R_X86_64_JUMP_SLOT;
		w->taken = true;
		w->parent = UINT32_MAX;
		if (!(slot && named[i]))
			reloc_leads(w->scope, m, r, reach, w);
	}
	for (size_t i = 0; i < m->pointeds; i++)
		if (!module_in_frame(m, m->pointed[i]))
			root(w, m, m->pointed[i]);
	free(named);
}

static void module_roots(struct work *w, struct module *m)
{
	const struct elf *e = &m->elf;
	uint64_t word;
	bool exports = m->dlopened;
	if (m == w->scope->module[0] || m->interpreter)
		root(w, m, e->entry);
	root(w, m, e->init);
	root(w, m, e->fini);
	for (int k = 0; k < 3; k++)
		for (uint64_t at = e->array[k].start; at + 8 <= e->array[k].end; at += 8)
			if (elf_word(e, at, &word)) // with relocations these are data pointers
				root(w, m, word);
	if (!m->interpreter && m != w->scope->module[0] && !e->needed_count && !e->dynsym_count)
		exports = true; // a static program given with --dlopen
	for (size_t i = 0; exports && i < e->dynsym_count; i++)
		if (e->dynsym[i].exported)
			root(w, m, e->dynsym[i].value);
	// Go's tables of methods are distances, not pointers: all of it may run. What its words point to is taken,
	// below.
	w->taken = false;
	w->parent = UINT32_MAX;
	for (size_t i = 0; i < m->functions && (w->scope->all || e->is_go); i++)
		reach(w, m, m->function[i].start);
	data_pointers(w, m);
}

// Every text in the module's data that is the name of an export.
static void names_in(struct work *w, struct module *m)
{
	w->taken = true;
	w->parent = UINT32_MAX;
	for (unsigned i = 0; i < m->elf.segments; i++) {
		const struct elf_segment *s = &m->elf.segment[i];
		const char *p = elf_at(&m->elf, s->start, s->end - s->start);
		size_t size = s->end - s->start;
		for (size_t at = 0; p && at < size;) {
			const char *end = memchr(p + at, 0, size - at);
			if (!end)
				break;
			size_t len = (size_t)(end - p) - at;
			// The strings of .dynstr are names of imports and its own exports, not what it looks up.
			uint64_t address = s->start + at, strings = m->elf.tag[DT_STRTAB];
			if (len > 2 && len < 256 && !(address >= strings && address < strings + m->elf.tag[DT_STRSZ]))
				lookup(w->scope, p + at, reach, w);
			at += len + 1;
		}
	}
}

// Whether m imports dlsym (which the interpreter and dlopen it may pass on to others).
static bool uses_dlsym(struct work *w, const struct module *m)
{
	bool opens = false, looks = false;
	for (size_t i = 0; i < m->elf.reloc_count; i++)
		if (m->elf.reloc[i].symbol != UINT32_MAX)
			looks |= is_dlsym(m->elf.dynsym[m->elf.reloc[i].symbol].name, &opens);
	w->scope->loads_at_run_time |= opens;
	return looks;
}

void scope_reach(struct scope *s)
{
	struct work w = {.scope = s};
	uint32_t first = 0;
	for (size_t i = 0; i < s->modules; i++) {
		s->module[i]->first = first;
		first += (uint32_t)s->module[i]->functions;
	}
	s->functions = first;
	make_exports(s);
	for (size_t i = 0; i < s->modules; i++) {
		module_roots(&w, s->module[i]);
		follow(&w);
	}
	for (size_t i = 0; i < s->modules; i++)
		if (s->module[i]->interpreter || uses_dlsym(&w, s->module[i])) {
			names_in(&w, s->module[i]);
			follow(&w);
		}
	free(w.todo);
	scope_make_xrefs(s);
}
