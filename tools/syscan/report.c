// SPDX-License-Identifier: MIT
//
// The result for people, as JSON, and the way that leads to one call.
#include <stdlib.h>
#include <string.h>

#include "tools/syscan/result.h"

static const char *place(const struct module *m, uint64_t at, char *room, size_t size)
{
	const struct function *f = module_function(m, at);
	const char *name = f ? function_name(m, f->start) : NULL;
	if (name)
		snprintf(room, size, "%.60s (%.80s)", m->name, name);
	else
		snprintf(room, size, "%.60s+0x%lx", m->name, (unsigned long)(f ? f->start : at));
	return room;
}

static const char *what_happens(unsigned nr)
{
	switch (row[nr].level) {
	case LEVEL_PART:
		return "partly: ";
	case LEVEL_STUB:
		return "accepted, without effect: ";
	case LEVEL_EPERM:
		return "refused (EPERM)";
	case LEVEL_ABSENT:
		return "answered ENOSYS: programs have another way";
	case LEVEL_NONE:
		return "fails (ENOSYS): Whelk does not have it";
	default:
		return "";
	}
}

static void print_operations(unsigned nr, const struct call *c, FILE *to)
{
	char room[32];
	if (!c->sites || operation_register(nr) == ZYDIS_REGISTER_NONE)
		return;
	fprintf(to, "      asks for:");
	for (unsigned i = 0; i < c->operations.count; i++)
		fprintf(to, " %s%s", operation_name(nr, c->operations.value[i], room, sizeof(room)),
			operation_unmet(nr, c->operations.value[i]) ? " (not met)" : "");
	fprintf(to, "%s\n",
		c->operations.unknown ? c->operations.count ? "; and others" : " what only a run can show" : "");
}

static void print_calls(const struct result *r, enum level level, FILE *to)
{
	char room[160];
	for (unsigned nr = 0; nr < CALLS; nr++) {
		const struct call *c = &r->call[nr];
		if ((!c->sites && !c->seen) || row[nr].level != level)
			continue;
		fprintf(to, "  %-18s %-7s %s%s\n", row[nr].name, level_name[level],
			c->sites ? place(c->module, c->function->start, room, sizeof(room)) : "seen in the run only",
			c->seen && c->sites ? ", seen" : "");
		if (level != LEVEL_FULL)
			fprintf(to, "      %s%s\n", what_happens(nr), row[nr].note);
		print_operations(nr, c, to);
	}
}

void report_table(const struct result *r, const struct scope *s, FILE *to)
{
	static const enum level order[] = {LEVEL_NONE, LEVEL_EPERM, LEVEL_PART, LEVEL_ABSENT, LEVEL_STUB, LEVEL_FULL};
	static const char *const verdict[] = {"runs", "runs with limits", "will fail"};
	char room[160];
	unsigned count = 0, missed = 0, over = 0;
	for (unsigned nr = 0; nr < CALLS; nr++) {
		count += r->call[nr].sites || r->call[nr].seen;
		missed += r->call[nr].seen && !r->call[nr].sites;
		over += r->call[nr].sites && !r->call[nr].seen;
	}
	fprintf(to, "%s: %s\n", r->program, verdict[result_status(r, s)]);
	for (size_t i = 0; i < s->missings; i++)
		fprintf(to, "  %s\n", s->missing[i]);
	fprintf(to, "%zu files, %u calls at %u places; %zu places unresolved\n", s->modules, count, r->sites,
		r->unresolveds);
	if (r->recorded)
		fprintf(to, "recorded: %u calls of it were not found by the analysis, %u it found were not seen\n",
			missed, over);
	fprintf(to, "\n  %-18s %-7s %s\n", "call", "level", "made first by");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		print_calls(r, order[i], to);
	for (size_t i = 0; i < r->stranges; i++)
		fprintf(to, "  %-18s seen in the run; Whelk knows no such call\n", r->strange[i]);
	if (r->unresolveds)
		fprintf(to, "\nunresolved: which calls these make, only a run can show (--record)\n");
	for (size_t i = 0; i < r->unresolveds; i++)
		fprintf(to, "  0x%lx in %s: %s%s%s\n", (unsigned long)r->unresolved[i].at,
			place(r->unresolved[i].module, r->unresolved[i].at, room, sizeof(room)), r->unresolved[i].why,
			*r->unresolved[i].where ? ", at " : "", r->unresolved[i].where);
	for (size_t i = 0; i < s->modules; i++)
		if (s->module[i]->overlaps)
			fprintf(to,
				"\n%s: %zu jumps lead into the middle of instructions: no compiler made this code, and there may be more in it than was found.\n",
				s->module[i]->path, s->module[i]->overlaps);
	if (s->loads_at_run_time)
		fprintf(to,
			"\nIt can load libraries at run time (dlopen): name them with --dlopen, they are not in this.\n");
}

static void quote(const char *s, FILE *to)
{
	fputc('"', to);
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if ((unsigned char)*s < 32 || (unsigned char)*s > 126)
			fprintf(to, "\\u%04x",
				(unsigned char)*s); // names are bytes: each as the character of its number
		else
			fputc(*s, to);
	fputc('"', to);
}

static void field(const char *name, const char *value, FILE *to)
{
	fprintf(to, "\"%s\": ", name);
	quote(value, to);
}

static void json_call(const struct result *r, unsigned nr, FILE *to)
{
	const struct call *c = &r->call[nr];
	char room[160];
	fprintf(to, "    {");
	field("name", row[nr].name, to);
	fprintf(to, ", \"number\": %u, \"level\": \"%s\", ", nr, level_name[row[nr].level]);
	field("note", row[nr].note, to);
	fprintf(to, ", \"sites\": %u, \"seen\": %s", c->sites, c->seen ? "true" : "false");
	if (c->sites) {
		fprintf(to, ", ");
		field("by", place(c->module, c->function->start, room, sizeof(room)), to);
	}
	if (c->sites && operation_register(nr) != ZYDIS_REGISTER_NONE) {
		fprintf(to, ", \"operations\": [");
		for (unsigned i = 0; i < c->operations.count; i++) {
			fprintf(to, "%s{\"value\": %lu, ", i ? ", " : "", (unsigned long)c->operations.value[i]);
			field("name", operation_name(nr, c->operations.value[i], room, sizeof(room)), to);
			fprintf(to, ", \"met\": %s}", operation_unmet(nr, c->operations.value[i]) ? "false" : "true");
		}
		fprintf(to, "], \"all_operations_known\": %s", c->operations.unknown ? "false" : "true");
	}
	fprintf(to, "}");
}

void report_json(const struct result *r, const struct scope *s, FILE *to)
{
	bool first = true;
	char room[160];
	fprintf(to, "{\n  ");
	field("program", r->program, to);
	fprintf(to, ",\n  \"status\": %d,\n  \"files\": [", result_status(r, s));
	for (size_t i = 0; i < s->modules; i++) {
		fprintf(to, "%s", i ? ", " : "");
		quote(s->module[i]->path, to);
	}
	fprintf(to, "],\n  \"missing\": [");
	for (size_t i = 0; i < s->missings; i++) {
		fprintf(to, "%s", i ? ", " : "");
		quote(s->missing[i], to);
	}
	size_t overlaps = 0;
	for (size_t i = 0; i < s->modules; i++)
		overlaps += s->module[i]->overlaps;
	fprintf(to,
		"],\n  \"jumps_into_instructions\": %zu,\n  \"loads_at_run_time\": %s,\n  \"sites\": %u,\n  \"resolved\": %u,\n  \"calls\": [",
		overlaps, s->loads_at_run_time ? "true" : "false", r->sites, r->resolved);
	for (unsigned nr = 0; nr < CALLS; nr++)
		if (r->call[nr].sites || r->call[nr].seen) {
			fprintf(to, "%s\n", first ? "" : ",");
			json_call(r, nr, to);
			first = false;
		}
	fprintf(to, "\n  ],\n  \"unknown_calls_seen\": [");
	for (size_t i = 0; i < r->stranges; i++) {
		fprintf(to, "%s", i ? ", " : "");
		quote(r->strange[i], to);
	}
	fprintf(to, "],\n  \"unresolved\": [");
	for (size_t i = 0; i < r->unresolveds; i++) {
		const struct unresolved *u = &r->unresolved[i];
		fprintf(to, "%s\n    {\"address\": %lu, ", i ? "," : "", (unsigned long)u->at);
		field("place", place(u->module, u->at, room, sizeof(room)), to);
		fprintf(to, ", ");
		field("why", u->why, to);
		fprintf(to, ", ");
		field("where", u->where, to);
		fprintf(to, "}");
	}
	fprintf(to, "\n  ]\n}\n");
}

void report_why(const struct result *r, const struct scope *s, const char *name, FILE *to)
{
	char room[160];
	unsigned nr = 0;
	while (nr < CALLS && (!row[nr].name || strcmp(row[nr].name, name)))
		nr++;
	if (nr == CALLS || !r->call[nr].sites) {
		fprintf(to, "%s: nothing in it was found to make this call\n", name);
		return;
	}
	const struct module *m = r->call[nr].module;
	const struct function *f = r->call[nr].function;
	fprintf(to, "%s is made by %s\n", name, place(m, f->start, room, sizeof(room)));
	for (uint32_t n = f->parent; n != UINT32_MAX; n = f->parent) {
		m = scope_module(s, n);
		f = &m->function[n - m->first];
		fprintf(to, "  which %s reaches\n", place(m, f->start, room, sizeof(room)));
	}
	fprintf(to, "  which is an entry, or is pointed to by data\n");
}
