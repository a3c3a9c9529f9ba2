// SPDX-License-Identifier: MIT
//
// The components in a kernel, from the linker's map of it: directories of kernel/ of which a section is in it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/build/tree.h"

static void add(struct manifest *m, const char *name, size_t len)
{
	size_t at = 0;
	while (at < m->components && strncmp(m->component[at], name, len) < 0)
		at++;
	if (at < m->components && !strncmp(m->component[at], name, len) && !m->component[at][len])
		return;
	m->component = xrealloc(m->component, m->components + 1, sizeof(*m->component));
	memmove(m->component + at + 1, m->component + at, (m->components - at) * sizeof(*m->component));
	m->component[at] = text("%.*s", (int)len, name);
	m->components++;
}

// A section of an object, with its address and size: " .text.f  0x0000000000001000  0x20 build/k/kernel/mm/map.c.o".
static void section(struct manifest *m, const char *line)
{
	static const char objects[] = "k/kernel/";
	const char *number = strstr(line, "0x"), *object = strstr(line, objects);
	char *end;
	if (!number || !object || number > object || (object > line && !strchr("/( ", object[-1])))
		return;
	unsigned long long address = strtoull(number, &end, 16), size = strtoull(end, NULL, 16);
	object += strlen(objects);
	size_t len = strcspn(object, "/");
	if (address && size && object[len] == '/') // main.c, which is above all components, is in no directory
		add(m, object, len);
}

void components_add(struct manifest *m, const char *map)
{
	FILE *f = fopen(map, "re");
	char *line = NULL;
	size_t room = 0;
	bool linked = false; // what has been left out stands first
	if (!f)
		fail("%s: %s; make makes it", map, strerror(errno));
	while (getline(&line, &room, f) > 0) {
		linked |= !strncmp(line, "Linker script and memory map", 28);
		if (linked)
			section(m, line);
	}
	free(line);
	fclose(f);
	if (!m->components)
		fail("%s: it names no components; make makes it", map);
}

// "NAME GATE COMPONENT...", as docs/images.md has it.
char *components_compartment(const struct manifest *m)
{
	char *all = text("kernel none");
	for (size_t i = 0; i < m->components; i++) {
		char *more = text("%s %s", all, m->component[i]);
		free(all);
		all = more;
	}
	return all;
}
