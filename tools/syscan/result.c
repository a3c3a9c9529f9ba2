// SPDX-License-Identifier: MIT
#include "tools/syscan/result.h"

#include <asm/unistd.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct row row[CALLS] = {
#include "sys/levels.inc"
};

const char *const level_name[] = {"unknown", "full", "part", "stub", "eperm", "absent", "none"};

static void merge(struct values *to, const struct values *from)
{
	for (unsigned i = 0; i < from->count; i++) {
		unsigned k = 0;
		while (k < to->count && to->value[k] != from->value[i])
			k++;
		if (k < to->count)
			continue;
		if (to->count == VALUES)
			to->unknown = "it has too many values";
		else
			to->value[to->count++] = from->value[i];
	}
	if (from->unknown && !to->unknown) {
		to->unknown = from->unknown;
		memcpy(to->where, from->where, sizeof(to->where));
	}
}

static void not_resolved(struct result *r, struct module *m, struct function *f, const struct event *e,
			 const struct values *v)
{
	GROW(r->unresolved, r->unresolveds);
	struct unresolved *u = &r->unresolved[r->unresolveds++];
	*u = (struct unresolved){.module = m, .function = f, .at = e->at, .why = v->unknown};
	memcpy(u->where, v->where, sizeof(u->where));
}

static void site(struct result *r, const struct scope *s, struct module *m, struct function *f, const struct event *e)
{
	struct values v, operation;
	resolve(s, m, f, e->at, ZYDIS_REGISTER_RAX, &v);
	r->sites++;
	unsigned known = 0;
	for (unsigned i = 0; i < v.count; i++) {
		if (v.value[i] >= CALLS || !row[v.value[i]].name)
			continue;
		struct call *c = &r->call[v.value[i]];
		known++;
		if (!c->sites++) {
			c->module = m;
			c->function = f;
		}
		enum named named = v.count == 1 ? path_named(s, m, f, e->at, (unsigned)v.value[i]) : NAMED_FILES;
		c->named = named > c->named ? named : c->named;
		if (v.value[i] == __NR_socket)
			r->sockets |= v.count > 1 ? SOCKETS_UNIX | SOCKETS_INET : socket_families(s, m, f, e->at);
		r->maps_shared |= v.value[i] == __NR_mmap && (v.count > 1 || maps_shared(s, m, f, e->at));
		if (operation_register((unsigned)v.value[i]) != ZYDIS_REGISTER_NONE) {
			memset(&operation, 0, sizeof(operation));
			if (v.count == 1)
				resolve(s, m, f, e->at, operation_register((unsigned)v.value[i]), &operation);
			else
				operation.unknown = "several calls share the site";
			merge(&c->operations, &operation);
		}
	}
	// No value and no reason: nobody that runs calls it, or it is no number of a call (data read as code).
	if (v.unknown)
		not_resolved(r, m, f, e, &v);
	else
		r->resolved++;
}

void result_make(struct result *r, const struct scope *s)
{
	for (size_t i = 0; i < s->modules; i++) {
		struct module *m = s->module[i];
		r->names_terminals |= m->text_in_data;
		for (size_t k = 0; k < m->events; k++) {
			const struct event *e = &m->event[k];
			if (e->kind == EVENT_TEXT && !r->names_terminals) {
				const struct function *by = module_function(m, e->at);
				r->names_terminals = !by || by->reached;
			}
			struct function *f = e->kind == EVENT_SITE || e->kind == EVENT_LEGACY
						     ? module_function(m, e->at)
						     : NULL;
			if (!f || !f->reached ||
			    (m->frames && !module_framed(m, e->at) && !s->all && !is_live(s, m, f, e->at)))
				continue;
			if (e->kind == EVENT_SITE) {
				site(r, s, m, f, e);
			} else {
				struct values v = {
					.unknown = "it is a call of the 32-bit interface, which Whelk does not have"};
				r->legacy++;
				not_resolved(r, m, f, e, &v);
			}
		}
	}
}

int result_record(struct result *r, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	r->recorded = true;
	while (getline(&line, &room, f) > 0) {
		char *p = line;
		if (*p == '[') // [thread]
			p = strchr(p, ']') ? strchr(p, ']') + 1 : p;
		p += strspn(p, " ");
		size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (!len || p[len] != '(' || isdigit((unsigned char)*p))
			continue;
		p[len] = 0;
		unsigned nr = 0;
		while (nr < CALLS && (!row[nr].name || strcmp(row[nr].name, p)))
			nr++;
		if (nr < CALLS) {
			r->call[nr].seen = true;
		} else {
			size_t i = 0;
			while (i < r->stranges && strcmp(r->strange[i], p))
				i++;
			if (i == r->stranges) {
				GROW(r->strange, r->stranges);
				r->strange[r->stranges++] = strdup(p);
			}
		}
	}
	free(line);
	int bad = ferror(f);
	fclose(f);
	return bad ? -1 : 0;
}

int result_status(const struct result *r, const struct scope *s)
{
	int status = s->missings || r->unresolveds ? 1 : 0;
	for (unsigned nr = 0; nr < CALLS; nr++) {
		const struct call *c = &r->call[nr];
		if (!c->sites && !c->seen)
			continue;
		if (row[nr].level == LEVEL_NONE || row[nr].level == LEVEL_EPERM)
			status = 1;
		for (unsigned i = 0; i < c->operations.count; i++)
			if (operation_unmet(nr, c->operations.value[i]))
				status = 1;
		if (nr == __NR_clone && c->operations.unknown) // a thread or a process
			status = 1;
	}
	return s->missings ? 2 : status;
}

void result_free(struct result *r)
{
	for (size_t i = 0; i < r->stranges; i++)
		free(r->strange[i]);
	free(r->strange);
	free(r->unresolved);
}
