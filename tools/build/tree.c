// SPDX-License-Identifier: MIT
#include "tools/build/tree.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_LIMIT 40

void fail(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("whelk: build: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(125);
}

char *text(const char *fmt, ...)
{
	char *s;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		fail("there is not enough memory");
	va_end(ap);
	return s;
}

static struct entry *entry_new(const char *name, size_t len)
{
	struct entry *e = xrealloc(NULL, 1, sizeof(*e));
	*e = (struct entry){.name = text("%.*s", (int)len, name), .mode = S_IFDIR | 0755};
	return e;
}

struct entry *tree_new(void)
{
	return entry_new("", 0);
}

struct entry *tree_find(const struct entry *dir, const char *name, size_t len)
{
	for (size_t i = 0; i < dir->children; i++)
		if (!strncmp(dir->child[i]->name, name, len) && !dir->child[i]->name[len])
			return dir->child[i];
	return NULL;
}

struct entry *tree_child(struct entry *dir, const char *name, size_t len)
{
	struct entry *e = tree_find(dir, name, len);
	if (e)
		return e;
	if (!len || len > 255)
		fail("a file name has %zu bytes; 1 to 255 are possible", len);
	e = entry_new(name, len);
	e->parent = dir;
	GROW(dir->child, dir->children);
	dir->child[dir->children++] = e;
	return e;
}

static struct entry *walk(struct entry *root, struct entry *at, const char *path, bool make, bool last, unsigned links)
{
	for (const char *p = path; at && *(p += strspn(p, "/"));) {
		size_t n = strcspn(p, "/");
		bool is_last = !p[n + strspn(p + n, "/")];
		if (!S_ISDIR(at->mode))
			return NULL;
		if (n == 2 && !strncmp(p, "..", 2)) {
			at = at->parent ? at->parent : at;
		} else if (n != 1 || *p != '.') {
			struct entry *dir = at;
			at = tree_find(dir, p, n);
			if (!at && make)
				at = tree_child(dir, p, n);
			if (at && at->link && (last || !is_last))
				at = links < LINKS_LIMIT ? walk(root, *at->link == '/' ? root : dir, at->link, make,
								true, links + 1)
							 : NULL;
		}
		p += n;
	}
	return at;
}

struct entry *tree_path(struct entry *root, const char *path, bool make, bool last)
{
	return walk(root, root, path, make, last, 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct entry *const *)a)->name, (*(struct entry *const *)b)->name);
}

void tree_sort(struct entry *e)
{
	if (e->children)
		qsort(e->child, e->children, sizeof(struct entry *), by_name);
	for (size_t i = 0; i < e->children; i++)
		tree_sort(e->child[i]);
}
