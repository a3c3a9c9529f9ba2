// SPDX-License-Identifier: MIT
//
// Who calls whom: calls and jumps of what can run, by where they lead.
#include <stdlib.h>

#include "tools/syscan/scan.h"

struct making {
	struct scope *scope;
	uint32_t from; // number of the module
	uint64_t at;
};

static void add_xref(void *arg, struct module *to, uint64_t address)
{
	struct making *w = arg;
	struct scope *s = w->scope;
	const struct function *f = module_function(to, address);
	bool same = to == s->module[w->from];
	if (!f || (same && address != f->start && w->at >= f->start && w->at < f->end))
		return; // inside of a function
	uint32_t index = 0;
	while (s->module[index] != to)
		index++;
	GROW(s->xref, s->xrefs);
	s->xref[s->xrefs++] = (struct xref){index, w->from, address, w->at};
}

static int xref_by_to(const void *a, const void *b)
{
	const struct xref *x = a, *y = b;
	if (x->to_module != y->to_module)
		return x->to_module < y->to_module ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

void scope_make_xrefs(struct scope *s)
{
	struct making w = {.scope = s};
	for (; w.from < s->modules; w.from++) {
		const struct module *m = s->module[w.from];
		for (size_t i = 0; i < m->events; i++) {
			const struct event *e = &m->event[i];
			if (e->kind != EVENT_CALL && e->kind != EVENT_JUMP && e->kind != EVENT_SLOT_CALL)
				continue;
			const struct function *f = module_function(m, e->at);
			w.at = e->at;
			if (f && f->reached)
				event_leads(s, m, e, add_xref, &w);
		}
	}
	if (s->xrefs)
		qsort(s->xref, s->xrefs, sizeof(*s->xref), xref_by_to);
}

size_t scope_first_xref(const struct scope *s, uint32_t module, uint64_t at)
{
	size_t low = 0, high = s->xrefs;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct xref *x = &s->xref[middle];
		if (x->to_module < module || (x->to_module == module && x->to < at))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
