// SPDX-License-Identifier: MIT
//
// Where what can run begins: the entry points of program and interpreter, what initialises and ends each module, and words of data
// that no instruction has to name. A module that looks names up at run time (dlsym) reaches every export whose name is a text in it;
// so does the interpreter.
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/reach.h"

static void root(struct reach *w, struct module *m, uint64_t address)
{
	w->taken = true;
	w->parent = UINT32_MAX;
	if (address)
		reach_address(w, m, address);
}

// What the words of a module point to, but for words of objects: these count when the object does. Words that only calls and loads
// name (its GOT) count where these are, and slots that no instruction names here, since it may do so in a way not seen.
static void data_pointers(struct reach *w, struct module *m)
{
	const struct elf *e = &m->elf;
	bool all = w->scope->all || !m->objects;
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
		bool counts = slot ? !named[i] : all || r->type == R_X86_64_IRELATIVE || !module_object(m, r->where);
		if (counts)
			reloc_leads(w->scope, m, r, reach_address, w);
	}
	for (size_t i = 0; all && i < m->pointeds; i++)
		if (!module_in_frame(m, m->pointed[i]))
			root(w, m, m->pointed[i]);
	w->parent = UINT32_MAX;
	objects_at_start(m, reach_object, w);
	free(named);
}

static void module_roots(struct reach *w, struct module *m)
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
		reach_address(w, m, m->function[i].start);
	data_pointers(w, m);
}

// Every text in these bytes that is the name of an export, but for those in `but`.
static void names_in(struct reach *w, const char *p, size_t size, struct range but)
{
	w->taken = true;
	w->parent = UINT32_MAX;
	for (size_t at = 0; p && at < size;) {
		const char *end = memchr(p + at, 0, size - at);
		if (!end)
			break;
		size_t len = (size_t)(end - p) - at;
		if (len > 2 && len < 256 && !(at >= but.start && at < but.end))
			scope_lookup(w->scope, p + at, reach_address, w);
		at += len + 1;
	}
}

static void names_in_module(struct reach *w, const struct module *m)
{
	// The strings of .dynstr are names of imports and its own exports, not what it looks up.
	uint64_t strings = m->elf.tag[DT_STRTAB], size = m->elf.tag[DT_STRSZ];
	for (unsigned i = 0; i < m->elf.segments; i++) {
		const struct elf_segment *s = &m->elf.segment[i];
		struct range but = {0};
		if (strings >= s->start && strings < s->end)
			but = (struct range){strings - s->start, strings - s->start + size};
		names_in(w, elf_at(&m->elf, s->start, s->end - s->start), s->end - s->start, but);
	}
}

static bool is_dlsym(const char *name, bool *opens)
{
	if (!strcmp(name, "dlopen") || !strcmp(name, "dlmopen") || !strcmp(name, "__libc_dlopen_mode"))
		*opens = true;
	return !strcmp(name, "dlsym") || !strcmp(name, "dlvsym") || !strcmp(name, "__libc_dlsym");
}

// Whether m imports dlsym (which the interpreter and dlopen it may pass on to others).
static bool uses_dlsym(struct reach *w, const struct module *m)
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
	struct reach w = {.scope = s};
	uint32_t first = 0;
	for (size_t i = 0; i < s->modules; i++) {
		s->module[i]->first = first;
		first += (uint32_t)s->module[i]->functions;
	}
	s->functions = first;
	scope_exports(s);
	scope_services(s);
	for (size_t i = 0; i < s->modules; i++) {
		module_roots(&w, s->module[i]);
		reach_follow(&w);
	}
	for (size_t i = 0; i < s->modules; i++)
		if (s->module[i]->interpreter || uses_dlsym(&w, s->module[i])) {
			names_in_module(&w, s->module[i]);
			reach_follow(&w);
		}
	for (size_t i = 0; i < s->names_count; i++) {
		names_in(&w, s->names[i].data, s->names[i].size, (struct range){0});
		reach_follow(&w);
	}
	reach_end(&w);
	scope_make_xrefs(s);
}
