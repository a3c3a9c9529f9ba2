// SPDX-License-Identifier: MIT
//
// The C library's name services: a function _nss_MODULE_NAME that fills a table (it is in one together with all others of its
// module) is called by who asks for it by its text, NAME: as with dlsym, it can run when something that runs can get at such a
// text. Without this, who looks up a user could ask a name server as well.
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/scan.h"

static uint32_t add_service(struct scope *s, const char *name)
{
	for (size_t i = 0; i < s->services; i++)
		if (!strcmp(s->service[i].name, name))
			return (uint32_t)i;
	GROW(s->service, s->services);
	s->service[s->services] = (struct service){.name = name};
	return (uint32_t)s->services++;
}

static void find_functions(struct scope *s, const struct module *m)
{
	for (size_t i = 0; i < m->elf.dynsym_count; i++) {
		const struct elf_symbol *sym = &m->elf.dynsym[i];
		const char *name = sym->exported && !strncmp(sym->name, "_nss_", 5) ? strchr(sym->name + 5, '_') : NULL;
		name = name && name[1] ? name : NULL;
		struct function *f = name && module_is_code(m, sym->value) ? module_function(m, sym->value) : NULL;
		if (f && f->start == sym->value)
			f->service = add_service(s, name + 1) + 1;
	}
}

static void count_service(void *arg, struct module *m, uint64_t address)
{
	struct function *from = arg, *f = module_is_code(m, address) ? module_function(m, address) : NULL;
	if (f && f->service && f->start == address)
		from->services++;
}

// How many of them each function takes the address of.
static void count_services(const struct scope *s, const struct module *m)
{
	for (size_t i = 0; i < m->events; i++) {
		const struct event *e = &m->event[i];
		struct function *from = e->kind == EVENT_REF || e->kind == EVENT_SLOT_REF ? module_function(m, e->at) : NULL;
		if (from)
			event_leads(s, m, e, count_service, from);
	}
}

// The text that ends at `end` (its terminator), and what stands before it in the same string: whoever names that can get at it.
static void find_names(const struct scope *s, struct module *m, const struct elf_segment *g, const char *all, const char *end)
{
	for (size_t k = 0; k < s->services; k++) {
		size_t len = strlen(s->service[k].name);
		if (len > (size_t)(end - all) || memcmp(end - len, s->service[k].name, len) != 0)
			continue;
		const char *first = end - len;
		while (first > all && first[-1])
			first--;
		GROW(m->service_text, m->service_texts);
		m->service_text[m->service_texts++] = (struct service_text){g->start + (uint64_t)(first - all),
									    g->start + (uint64_t)(end - all) + 1, (uint32_t)k};
	}
}

static void find_texts(const struct scope *s, struct module *m, const struct elf_segment *g)
{
	const char *all = elf_bytes(&m->elf, g->offset, g->end - g->start), *end = all + (g->end - g->start);
	bool last[256] = {false}; // characters that a name ends with
	for (size_t k = 0; k < s->services; k++)
		last[(unsigned char)s->service[k].name[strlen(s->service[k].name) - 1]] = true;
	for (const char *p = all; p && (p = memchr(p, 0, (size_t)(end - p))) != NULL; p++)
		if (p > all && last[(unsigned char)p[-1]])
			find_names(s, m, g, all, p);
}

void scope_services(struct scope *s)
{
	for (size_t i = 0; i < s->modules; i++)
		find_functions(s, s->module[i]);
	for (size_t i = 0; i < s->modules && s->services; i++)
		count_services(s, s->module[i]);
	for (size_t i = 0; i < s->modules && s->services; i++)
		for (unsigned g = 0; g < s->module[i]->elf.segments; g++)
			find_texts(s, s->module[i], &s->module[i]->elf.segment[g]);
}

bool services_named(const struct scope *s, const struct module *m, uint64_t address)
{
	bool some = false;
	for (size_t i = 0; i < m->service_texts; i++) {
		const struct service_text *t = &m->service_text[i];
		if (address < t->start || address >= t->end || s->service[t->service].named)
			continue;
		s->service[t->service].named = some = true;
	}
	return some;
}
