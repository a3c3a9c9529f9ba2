// SPDX-License-Identifier: MIT
//
// What can run follows from what does: along calls, jumps, addresses taken and imports, and through data, whose words count when
// something can get at them. Two things wait until there is a reason: code behind a pointer that nobody sets (threadlocal.c), and
// services that nobody names (services.c).
#include "tools/syscan/reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct module *scope_module(const struct scope *s, uint32_t n)
{
	size_t i = s->modules - 1;
	while (i && s->module[i]->first > n)
		i--;
	return s->module[i];
}

static void push(struct reach *w, uint32_t function)
{
	GROW(w->todo, w->todos);
	w->todo[w->todos++] = function;
}

// --- parts that wait -----------------------------------------------------------------------------------------

static void free_guard(struct guarded *g)
{
	free(g->dead);
	g->dead = NULL;
	g->deads = 0;
}

static void add_guard(struct reach *w, struct function *f, struct guarded g)
{
	g.next = f->guards;
	GROW(w->guarded, w->guardeds);
	w->guarded[w->guardeds++] = g;
	f->guards = (uint32_t)w->guardeds;
}

static void release(struct reach *w, struct guarded *g)
{
	if (!g->deads)
		return;
	free_guard(g);
	push(w, g->function);
}

static void release_all_of(struct reach *w, const struct function *f)
{
	for (uint32_t i = f->guards; i; i = w->guarded[i - 1].next)
		release(w, &w->guarded[i - 1]);
}

static void release_all_for(struct reach *w, size_t word)
{
	for (size_t i = 0; i < w->guardeds; i++)
		if (w->guarded[i].word == word)
			release(w, &w->guarded[i]);
}

static size_t find_word(struct reach *w, const struct module *m, uint64_t word)
{
	for (size_t i = 0; i < w->words; i++)
		if (w->word[i].module == m && w->word[i].word == word)
			return i;
	GROW(w->word, w->words);
	w->word[w->words] = (struct thread_word){m, word, false};
	return w->words++;
}

static void look_at_word(struct reach *w, struct module *m, struct function *f, const struct event *e)
{
	struct guarded g = {.function = w->parent};
	uint64_t word = 0;
	if (w->scope->all || !is_thread_word(m, e, &word))
		return;
	g.word = find_word(w, m, word);
	if (w->word[g.word].set)
		return;
	for (uint32_t i = f->guards; i; i = w->guarded[i - 1].next)
		if (w->guarded[i - 1].word == g.word)
			return;
	if (may_set_thread_word(m, f, e, &g.dead, &g.deads)) {
		w->word[g.word].set = true;
		release_all_for(w, g.word);
		return;
	}
	if (f->entered)
		free_guard(&g);
	add_guard(w, f, g);
}

// The call by which a function is reached now.
static bool call_passes_zero(const struct reach *w, ZydisRegister reg)
{
	const struct module *from = scope_module(w->scope, w->parent);
	return passes_zero(from, &from->function[w->parent - from->first], w->call->at, reg);
}

// Once for each function.
static void look_at_argument(struct reach *w, struct module *m, struct function *f, uint32_t n)
{
	struct guarded g = {.function = n, .word = NO_WORD};
	if (w->scope->all || f->taken || f->entered || !w->call)
		return;
	g.reg = argument_decided(m, f);
	if (g.reg != ZYDIS_REGISTER_NONE && call_passes_zero(w, g.reg) && decides_by_argument(m, f, g.reg, &g.dead, &g.deads))
		add_guard(w, f, g);
}

// A function that waits for an argument has been called.
static void look_at_call(struct reach *w, const struct function *f)
{
	for (uint32_t i = f->guards; i; i = w->guarded[i - 1].next) {
		struct guarded *g = &w->guarded[i - 1];
		if (!g->deads || g->word != NO_WORD)
			continue;
		if (!w->call || f->taken || !call_passes_zero(w, g->reg))
			release(w, g);
		return;
	}
}

static bool is_dead(const struct reach *w, const struct function *f, uint64_t at)
{
	for (uint32_t i = f->guards; i; i = w->guarded[i - 1].next)
		for (size_t k = 0; k < w->guarded[i - 1].deads; k++)
			if (at >= w->guarded[i - 1].dead[k].start && at < w->guarded[i - 1].dead[k].end)
				return true;
	return false;
}

// --- functions and data ------------------------------------------------------------------------------------

static void see_data(struct reach *w, struct module *m, uint64_t address, enum event_kind kind);

void reach_address(void *arg, struct module *m, uint64_t address)
{
	struct reach *w = arg;
	struct function *f = module_is_code(m, address) ? module_function(m, address) : NULL;
	if (!f) {
		see_data(w, m, address, EVENT_DATA);
		return;
	}
	uint32_t n = m->first + (uint32_t)(f - m->function);
	if (w->taken && address == f->start)
		f->taken = true;
	if (address != f->start && w->parent != n) {
		f->entered = true;
		release_all_of(w, f);
	}
	if (!f->reached) {
		f->reached = true;
		f->parent = w->parent;
		push(w, n);
		look_at_argument(w, m, f, n);
	}
	if (address == f->start)
		look_at_call(w, f);
}

void reach_object(void *arg, struct module *m, uint64_t address)
{
	struct reach *w = arg;
	GROW(w->object, w->objects);
	w->object[w->objects].place = (struct place){m, address};
	w->object[w->objects++].by = w->parent;
}

static void see_data(struct reach *w, struct module *m, uint64_t address, enum event_kind kind)
{
	objects_near(m, address, kind, reach_object, w);
	if (!m->service_texts || !services_named(w->scope, m, address))
		return;
	for (size_t i = 0; i < w->offereds; i++) {
		const struct offered *o = &w->offered[i];
		uint32_t parent = w->parent;
		if (!w->scope->service[o->service].named)
			continue;
		w->parent = o->by;
		w->taken = true;
		w->call = NULL;
		reach_address(w, o->place.module, o->place.address);
		w->parent = parent;
	}
}

// The address of a function is taken: by one that offers services, perhaps, which waits until somebody asks for this one.
static void reach_taken(void *arg, struct module *m, uint64_t address)
{
	struct reach *w = arg;
	struct function *f = module_is_code(m, address) ? module_function(m, address) : NULL;
	const struct module *from = scope_module(w->scope, w->parent);
	bool offer = f && f->service && f->start == address && from->function[w->parent - from->first].services >= 4 &&
		     !w->scope->service[f->service - 1].named && !w->scope->all;
	if (!offer) {
		reach_address(w, m, address);
		return;
	}
	GROW(w->offered, w->offereds);
	w->offered[w->offereds++] = (struct offered){{m, address}, w->parent, f->service - 1};
}

static size_t first_event(const struct module *m, uint64_t at) { return FIRST_FROM(m->event, m->events, .at, at); }

// Whether an address in an object is a part of it to function f, which knows the object's start as well.
static bool is_field(const struct module *m, const struct function *f, uint64_t address)
{
	const struct object *o = module_object(m, address);
	if (!o || o->start == address || !objects_point(m, address))
		return false;
	for (size_t i = first_event(m, f->start); i < m->events && m->event[i].at < f->end; i++)
		if (m->event[i].kind == EVENT_OBJECT && m->event[i].target == o->start)
			return true;
	return false;
}

static void follow_function(struct reach *w, uint32_t n)
{
	struct module *m = scope_module(w->scope, n);
	struct function *f = &m->function[n - m->first];
	size_t first = first_event(m, f->start);
	w->parent = n;
	for (size_t i = first; i < m->events && m->event[i].at < f->end; i++)
		look_at_word(w, m, f, &m->event[i]);
	for (size_t i = first; i < m->events && m->event[i].at < f->end; i++) {
		const struct event *e = &m->event[i];
		if (is_dead(w, f, e->at))
			continue;
		w->taken = e->kind == EVENT_REF || e->kind == EVENT_SLOT_REF;
		w->call = e->kind == EVENT_CALL || e->kind == EVENT_SLOT_CALL || e->kind == EVENT_JUMP ? e : NULL;
		event_leads(w->scope, m, e, w->taken ? reach_taken : reach_address, w);
		if (e->kind == EVENT_DATA || e->kind == EVENT_ARRAY)
			see_data(w, m, e->target, e->kind);
		if (e->kind == EVENT_OBJECT)
			see_data(w, m, e->target, is_field(m, f, e->target) ? EVENT_DATA : EVENT_OBJECT);
	}
}

static void follow_object(struct reach *w)
{
	struct module *m = w->object[--w->objects].place.module;
	const struct object *o = module_object(m, w->object[w->objects].place.address);
	if (!o)
		return;
	w->parent = w->object[w->objects].by;
	uint64_t end = o + 1 < m->object + m->objects ? o[1].start : UINT64_MAX;
	w->taken = true;
	w->call = NULL;
	for (size_t i = FIRST_FROM(m->elf.reloc, m->elf.reloc_count, .where, o->start); i < m->elf.reloc_count && m->elf.reloc[i].where < end; i++) {
		const struct elf_reloc *r = &m->elf.reloc[i];
		if (r->type != R_X86_64_JUMP_SLOT && r->type != R_X86_64_GLOB_DAT) // these: by who names them
			reloc_leads(w->scope, m, r, reach_address, w);
	}
	for (size_t i = FIRST_FROM(m->word, m->words, .at, o->start); i < m->words && m->word[i].at < end; i++)
		if (!module_in_frame(m, m->word[i].value))
			reach_address(w, m, m->word[i].value);
}

void reach_follow(struct reach *w)
{
	while (w->todos || w->objects) {
		if (w->todos)
			follow_function(w, w->todo[--w->todos]);
		else
			follow_object(w);
	}
	w->call = NULL;
}

void reach_end(struct reach *w)
{
	for (size_t i = 0; i < w->guardeds; i++)
		free_guard(&w->guarded[i]);
	free(w->guarded);
	free(w->word);
	free(w->offered);
	free(w->object);
	free(w->todo);
}
