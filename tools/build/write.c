// SPDX-License-Identifier: MIT
//
// The file, front to back: head, index, kernels, contents. Nothing of when, where or by whom goes into it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/image.h"
#include "base/sha256.h"
#include "tools/build/tree.h"

#define PAGE 4096u

struct writer {
	const char *path;
	char *temporary;
	FILE *file;
	uint64_t at;
	struct sha256 hash;
	struct entry **entry; // by number
	size_t entries;
	char *text;
	size_t text_size, text_room;
};

static void broken(const struct writer *w)
{
	int err = errno;
	unlink(w->temporary);
	fail("%s: %s", w->path, strerror(err));
}

static void put(struct writer *w, const void *data, size_t size)
{
	if (fwrite(data, 1, size, w->file) != size)
		broken(w);
	sha256_add(&w->hash, data, size);
	w->at += size;
}

static void pad(struct writer *w, uint64_t to)
{
	static const uint8_t zero[PAGE];
	while (w->at < to)
		put(w, zero, to - w->at < PAGE ? (size_t)(to - w->at) : PAGE);
}

static void part_begin(struct writer *w, struct app_part *p, uint64_t alignment)
{
	pad(w, (w->at + alignment - 1) / alignment * alignment);
	p->offset = w->at;
	sha256_init(&w->hash);
}

static void part_end(struct writer *w, struct app_part *p)
{
	p->size = w->at - p->offset;
	sha256_end(&w->hash, p->hash);
}

// --- index ------------------------------------------------------------------------------------------------

static uint32_t put_text(struct writer *w, const char *s)
{
	size_t n = strlen(s) + 1, at = w->text_size;
	if (at + n > APP_TEXT_MAX)
		fail("the names have more than %u MiB", APP_TEXT_MAX >> 20);
	if (at + n > w->text_room) {
		w->text_room = 2 * (at + n);
		w->text = xrealloc(w->text, w->text_room, 1);
	}
	memcpy(w->text + at, s, n);
	w->text_size += n;
	return (uint32_t)at;
}

static struct app_list put_list(struct writer *w, char **list)
{
	struct app_list l = {0, (uint32_t)w->text_size};
	for (; list && list[l.count]; l.count++)
		put_text(w, list[l.count]);
	return l;
}

// Children of a directory in one run, behind it: level by level.
static void number(struct writer *w, struct entry *root)
{
	GROW(w->entry, w->entries);
	w->entry[w->entries++] = root;
	for (size_t i = 0; i < w->entries; i++)
		for (size_t k = 0; k < w->entry[i]->children; k++) {
			struct entry *e = w->entry[i]->child[k];
			if (w->entries == APP_NODES_MAX)
				fail("there are more than %u files", APP_NODES_MAX);
			e->node = (uint32_t)w->entries;
			GROW(w->entry, w->entries);
			w->entry[w->entries++] = e;
		}
}

static int by_inode(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

// Several names of one file of the host: the first has the contents.
static void join_links(struct writer *w)
{
	struct entry **sorted = xrealloc(NULL, w->entries, sizeof(*sorted)), *first = NULL;
	size_t n = 0;
	for (size_t i = 0; i < w->entries; i++)
		if (w->entry[i]->source)
			sorted[n++] = w->entry[i];
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_inode);
	for (size_t i = 0; i < n; i++) {
		if (first && first->dev == sorted[i]->dev && first->ino == sorted[i]->ino)
			sorted[i]->same = first;
		else
			first = sorted[i];
	}
	free(sorted);
}

static bool has_contents(const struct entry *e)
{
	return S_ISREG(e->mode) && !e->same && e->size;
}

// Files of a page or more first, each on pages of its own; the small ones close together behind them.
static void place(struct writer *w)
{
	uint64_t at = 0;
	for (unsigned small = 0; small < 2; small++)
		for (size_t i = 0; i < w->entries; i++) {
			struct entry *e = w->entry[i];
			if (!has_contents(e) || (e->size < PAGE) != small)
				continue;
			uint64_t alignment = small ? 16 : PAGE;
			e->at = (at + alignment - 1) / alignment * alignment;
			at = e->at + e->size;
			if (!small)
				at = (at + PAGE - 1) / PAGE * PAGE;
		}
	for (size_t i = 0; i < w->entries; i++)
		if (w->entry[i]->same)
			w->entry[i]->at = w->entry[i]->same->at;
}

static void put_nodes(struct writer *w)
{
	struct app_node *node = xrealloc(NULL, w->entries, sizeof(*node));
	for (size_t i = 0; i < w->entries; i++) {
		const struct entry *e = w->entry[i];
		node[i] = (struct app_node){.mode = e->mode,
					    .uid = e->uid,
					    .gid = e->gid,
					    .parent = e->parent ? e->parent->node : 0,
					    .name = put_text(w, e->name),
					    .children = (uint32_t)e->children,
					    .at = e->children ? e->child[0]->node
						  : e->link   ? put_text(w, e->link)
							      : e->at,
					    .size = S_ISDIR(e->mode) ? 0 : e->size,
					    .mtime = e->mtime};
	}
	put(w, node, w->entries * sizeof(*node));
	free(node);
}

// --- contents -----------------------------------------------------------------------------------------------

static void put_kernel(struct writer *w, struct app_part *p, const char *path)
{
	size_t size;
	char *data = path ? host_read(path, &size) : NULL;
	if (path && !data)
		fail("the kernel %s: %s", path, strerror(errno));
	part_begin(w, p, 16);
	if (data)
		put(w, data, size);
	part_end(w, p);
	free(data);
}

static void put_file(struct writer *w, const struct entry *e, uint64_t start)
{
	size_t size = e->size;
	char *data = e->source ? host_read(e->source, &size) : NULL;
	if (e->source && (!data || size != e->size)) {
		unlink(w->temporary);
		fail("%s has changed while it was read", e->source);
	}
	pad(w, start + e->at);
	put(w, data ? (const uint8_t *)data : e->data, size);
	if (size >= PAGE)
		pad(w, (w->at + PAGE - 1) / PAGE * PAGE);
	free(data);
}

static void put_files(struct writer *w, struct app_part *p)
{
	part_begin(w, p, PAGE);
	for (unsigned small = 0; small < 2; small++)
		for (size_t i = 0; i < w->entries; i++)
			if (has_contents(w->entry[i]) && (w->entry[i]->size < PAGE) == small)
				put_file(w, w->entry[i], p->offset);
	part_end(w, p);
}

static void put_head(struct writer *w, struct app_head *h)
{
	struct sha256 s;
	sha256_init(&s);
	sha256_add(&s, h, sizeof(*h));
	sha256_end(&s, h->hash);
	if (fseek(w->file, 0, SEEK_SET))
		broken(w);
	put(w, h, sizeof(*h));
}

void image_write(struct entry *root, const struct manifest *m, const char *path)
{
	struct writer w = {.path = path, .temporary = text("%s.new", path)};
	struct app_head h = {.magic = APP_MAGIC,
			     .version = APP_VERSION,
			     .size = sizeof(h),
			     .flags = m->flags,
			     .memory = m->memory,
			     .cpus = m->cpus};
	w.file = fopen(w.temporary, "we");
	if (!w.file)
		fail("%s: %s", w.temporary, strerror(errno));
	memcpy(h.calls, m->calls, sizeof(h.calls));
	tree_sort(root);
	number(&w, root);
	join_links(&w);
	place(&w);
	pad(&w, APP_HEAD_SIZE);
	part_begin(&w, &h.index, 1);
	put_nodes(&w);
	h.nodes = (uint32_t)w.entries;
	h.exec = put_text(&w, m->exec);
	h.cwd = put_text(&w, m->cwd);
	h.argv = put_list(&w, m->argv);
	h.env = put_list(&w, m->env);
	h.compartments = put_list(&w, (char *[]){components_compartment(m), NULL});
	h.text_size = w.text_size;
	put(&w, w.text, w.text_size);
	part_end(&w, &h.index);
	for (unsigned i = 0; i < APP_KERNELS; i++)
		put_kernel(&w, &h.kernel[i], m->kernel[i]);
	put_files(&w, &h.data);
	h.file_size = w.at;
	put_head(&w, &h);
	if (fflush(w.file) || ferror(w.file) || fclose(w.file) || rename(w.temporary, path))
		broken(&w);
	free(w.temporary);
	free(w.text);
	free(w.entry);
}
