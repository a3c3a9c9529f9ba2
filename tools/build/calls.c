// SPDX-License-Identifier: MIT
//
// The calls of a manifest, by the analysis of whelk check. Beside what it finds: what signals' ends and the vDSO do.
#include <asm/unistd.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/build/tree.h"

static void allow(struct calls *c, unsigned nr)
{
	c->allowed[nr / 64] |= 1ull << nr % 64;
}

const char *call_name(unsigned nr)
{
	return nr < CALLS ? row[nr].name : NULL;
}

bool call_has_handler(unsigned nr)
{
	return nr < CALLS &&
	       (row[nr].level == LEVEL_FULL || row[nr].level == LEVEL_PART || row[nr].level == LEVEL_STUB);
}

// One of which no more is known.
static void allow_any(struct calls *c, unsigned nr)
{
	allow(c, nr);
	if (nr == __NR_open || nr == __NR_openat)
		c->opens = NAMED_FILES;
	c->futex_other |= nr == __NR_futex;
	c->maps_shared |= nr == __NR_mmap;
	c->sockets |= nr == __NR_socket ? SOCKETS_UNIX | SOCKETS_INET : 0;
}

bool calls_allow(struct calls *c, const char *name)
{
	for (unsigned nr = 0; nr < CALLS; nr++)
		if (row[nr].name && !strcmp(row[nr].name, name)) {
			allow_any(c, nr);
			return true;
		}
	return false;
}

int calls_record(struct calls *c, const char *path)
{
	static struct result r;
	memset(&r, 0, sizeof(r));
	if (result_record(&r, path))
		return -1;
	for (unsigned nr = 0; nr < CALLS; nr++)
		if (r.call[nr].seen)
			allow_any(c, nr);
	result_free(&r);
	return 0;
}

static bool has_text(const struct module *m, const char *s)
{
	return memmem(m->elf.data, m->elf.size, s, strlen(s));
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	return !strncmp(path, dir, len) && path[len] == '/';
}

bool path_stays(const char *path)
{
	return is_in(path, "/usr") || is_in(path, "/bin") || is_in(path, "/sbin") || is_in(path, "/lib") ||
	       is_in(path, "/lib64") || is_in(path, "/opt");
}

// Where the dynamic linker looks by itself: in the image it has no list of other directories.
static bool is_usual(const struct module *m)
{
	static const char *const usual[] = {
		"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"};
	size_t len = (size_t)(m->name - m->path) - 1;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (strlen(usual[i]) == len && !strncmp(m->path, usual[i], len))
			return true;
	return false;
}

static void add_library(struct entry *into, const struct scope *s, const struct module *m)
{
	const char *interpreter = s->module[0]->elf.interpreter;
	bool musl = interpreter && strstr(interpreter, "ld-musl");
	char *path = text("%s/%s", musl ? "/usr/lib" : "/usr/lib/x86_64-linux-gnu", m->name);
	if (m->interpreter || is_usual(m) || path_stays(m->path))
		host_add(into, m->path, NULL);
	else
		host_add(into, m->path, path);
	struct entry *e = m->interpreter || is_usual(m) ? NULL : tree_path(into, path, true, false);
	if (e && !e->link && !e->source) {
		e->mode = S_IFLNK | 0777;
		e->link = text("%s", m->path);
		e->size = strlen(e->link);
	}
	free(path);
}

// Whether more is asked of futexes than to wait and to wake.
static bool asks_for_more(const struct values *futex)
{
	for (unsigned i = 0; i < futex->count; i++) {
		unsigned op = (unsigned)futex->value[i] & FUTEX_CMD_MASK;
		if (op != FUTEX_WAIT && op != FUTEX_WAKE && op != FUTEX_WAIT_BITSET && op != FUTEX_WAKE_BITSET)
			return true;
	}
	return futex->unknown;
}

void calls_complete(struct calls *c)
{
	if (c->allowed[__NR_rt_sigaction / 64] >> __NR_rt_sigaction % 64 & 1)
		allow(c, __NR_rt_sigreturn); // the end of a handler
}

static void merge(struct calls *c, const struct result *r, const struct scope *s)
{
	for (unsigned nr = 0; nr < CALLS; nr++)
		if (r->call[nr].sites)
			allow(c, nr);
	for (unsigned i = 0; i < 2; i++) {
		const struct call *open = &r->call[i ? __NR_open : __NR_openat];
		c->opens = open->named > c->opens ? open->named : c->opens;
	}
	c->maps_shared |= r->maps_shared;
	c->sockets |= r->sockets;
	c->names_terminals |= r->names_terminals;
	c->futex_other |= asks_for_more(&r->call[__NR_futex].operations);
	for (size_t i = 0; i < s->modules; i++) {
		c->names_proc |= has_text(s->module[i], "/proc");
		c->names_sys |= has_text(s->module[i], "/sys");
		// The vDSO makes the call itself when the host's clock is no good.
		if (has_text(s->module[i], "__vdso_")) {
			allow(c, __NR_clock_gettime);
			allow(c, __NR_gettimeofday);
			allow(c, __NR_time);
			allow(c, __NR_getcpu);
		}
	}
	c->unresolved += (unsigned)r->unresolveds;
	c->loads_at_run_time |= s->loads_at_run_time;
	allow(c, __NR_restart_syscall);
}

void calls_of_program(struct calls *c, const char *path, const char *root, char **named, size_t nameds,
		      struct entry *into)
{
	struct scope *s = xrealloc(NULL, 1, sizeof(*s));
	struct result *r = xrealloc(NULL, 1, sizeof(*r));
	const char *why;
	memset(r, 0, sizeof(*r));
	*s = (struct scope){.root = root};
	for (size_t i = 0; i < nameds; i++) {
		GROW(s->named, s->nameds);
		s->named[s->nameds++] = named[i];
	}
	if (scope_load(s, path, &why))
		fail("%s %s", path, why);
	for (size_t i = 0; i < s->missings; i++)
		fprintf(stderr, "whelk: build: %s\n", s->missing[i]);
	if (s->missings)
		exit(125);
	for (size_t i = 1; into && i < s->modules; i++) // the program itself is the caller's
		add_library(into, s, s->module[i]);
	for (size_t i = 0; i < s->modules; i++)
		module_sweep(s->module[i]);
	scope_reach(s);
	result_make(r, s);
	merge(c, r, s);
	result_free(r);
	scope_free(s);
	free(r);
	free(s);
}

// --- trees ----------------------------------------------------------------------------------------------

struct found {
	char **program, **library; // guest paths
	size_t programs, libraries;
};

static char *path_of(const struct entry *e)
{
	if (!e->parent)
		return text("%s", "");
	char *up = path_of(e->parent), *path = text("%s/%s", up, e->name);
	free(up);
	return path;
}

static void sort_file(struct found *f, const struct entry *e, const char *root)
{
	char *guest = path_of(e), *host = text("%s%s", root, guest);
	const char *why;
	struct elf elf;
	size_t size;
	char *data = host_read(host, &size);
	if (data && size > 4 && !memcmp(data, ELFMAG, SELFMAG) && !elf_parse(&elf, (const uint8_t *)data, size, &why)) {
		bool program = elf.type == ET_EXEC || (elf.interpreter && !elf.soname) || !elf.needed_count;
		if (program && (e->mode & 0111) && !elf.soname) {
			GROW(f->program, f->programs);
			f->program[f->programs++] = guest;
		} else {
			GROW(f->library, f->libraries);
			f->library[f->libraries++] = guest;
		}
		guest = NULL;
		elf_free(&elf);
	}
	free(data);
	free(host);
	free(guest);
}

static void sort_tree(struct found *f, const struct entry *e, const char *root)
{
	if (S_ISREG(e->mode) && !e->same)
		sort_file(f, e, root);
	for (size_t i = 0; i < e->children; i++)
		sort_tree(f, e->child[i], root);
}

void calls_of_tree(struct calls *c, const struct entry *tree, const char *root)
{
	struct found f = {0};
	sort_tree(&f, tree, root);
	for (size_t i = 0; i < f.programs; i++) {
		char *path = text("%s%s", root, f.program[i]);
		calls_of_program(c, path, root, f.library, f.libraries, NULL);
		free(path);
		free(f.program[i]);
	}
	if (!f.programs)
		fail("there is no program for x86-64 in it");
	for (size_t i = 0; i < f.libraries; i++)
		free(f.library[i]);
	free(f.program);
	free(f.library);
}
