// SPDX-License-Identifier: MIT
//
// The page tree. See pages.h.
#include "tmpfs/pages.h"

#include <linux/errno.h>

#include "base/util.h"
#include "mm/heap.h"

#define BITS 6
#define WAYS (1u << BITS)

struct page_node {
	void *slot[WAYS];
	unsigned used;
};

static bool height_reaches(unsigned height, uint64_t index)
{
	return height * BITS >= 64 || !(index >> height * BITS);
}

static unsigned slot_of(uint64_t index, unsigned level) { return index >> (level - 1) * BITS & (WAYS - 1); }

struct page *page_tree_get(struct page_tree *t, uint64_t index)
{
	if (t->leaf && (index & ~(uint64_t)(WAYS - 1)) == t->leaf_base)
		return t->leaf->slot[index & (WAYS - 1)];
	if (!height_reaches(t->height, index))
		return NULL;
	void *at = t->root;
	for (unsigned level = t->height; level && at; level--) {
		struct page_node *n = at;
		if (level == 1) {
			t->leaf = n;
			t->leaf_base = index & ~(uint64_t)(WAYS - 1);
		}
		at = n->slot[slot_of(index, level)];
	}
	return at;
}

static int page_tree_grow(struct page_tree *t, uint64_t index)
{
	while (!height_reaches(t->height, index)) {
		if (t->root) {
			struct page_node *n = heap_new(struct page_node);
			if (!n)
				return -ENOMEM;
			n->slot[0] = t->root;
			n->used = 1;
			t->root = n;
		}
		t->height++;
	}
	return 0;
}

int page_tree_set(struct page_tree *t, uint64_t index, struct page *p)
{
	int err = page_tree_grow(t, index);
	if (err)
		return err;
	void **at = &t->root;
	struct page_node *above = NULL;
	for (unsigned level = t->height; level; level--) {
		if (!*at) {
			*at = heap_new(struct page_node);
			if (!*at)
				return -ENOMEM; // empty nodes above stay: removal takes them
			if (above)
				above->used++;
		}
		above = *at;
		if (level == 1) {
			t->leaf = above;
			t->leaf_base = index & ~(uint64_t)(WAYS - 1);
		}
		at = &above->slot[slot_of(index, level)];
	}
	*at = p;
	if (above)
		above->used++;
	t->count++;
	return 0;
}

struct removal {
	uint64_t first, last, count;
	void (*fn)(struct page *p);
};

// Whether *at, which covers `base` and on, is empty now.
static bool remove_below(void **at, unsigned level, uint64_t base, struct removal *r)
{
	if (!*at)
		return true;
	if (level == 0) {
		r->fn(*at);
		r->count++;
		*at = NULL;
		return true;
	}
	struct page_node *n = *at;
	uint64_t span = 1ull << (level - 1) * BITS;
	for (unsigned s = 0; s < WAYS && n->used; s++) {
		uint64_t start = base + s * span, end = start + span - 1;
		if (!n->slot[s] || end < r->first || start > r->last)
			continue;
		if (remove_below(&n->slot[s], level - 1, start, r))
			n->used--;
	}
	if (n->used)
		return false;
	heap_free(n);
	*at = NULL;
	return true;
}

uint64_t page_tree_remove(struct page_tree *t, uint64_t first, uint64_t last, void (*fn)(struct page *p))
{
	struct removal r = {first, last, 0, fn};
	t->leaf = NULL;
	if (t->height == 0 && first > 0)
		return 0;
	if (remove_below(&t->root, t->height, 0, &r))
		t->height = 0;
	t->count -= r.count;
	return r.count;
}

static uint64_t next_below(void *at, unsigned level, uint64_t base, uint64_t from)
{
	if (!at)
		return ~0ull;
	if (level == 0)
		return base;
	struct page_node *n = at;
	uint64_t span = 1ull << (level - 1) * BITS;
	for (unsigned s = 0; s < WAYS; s++) {
		uint64_t start = base + s * span;
		if (!n->slot[s] || start + span - 1 < from)
			continue;
		uint64_t found = next_below(n->slot[s], level - 1, start, from);
		if (found != ~0ull)
			return found;
	}
	return ~0ull;
}

uint64_t page_tree_next(struct page_tree *t, uint64_t from, bool hole)
{
	if (hole) {
		while (page_tree_get(t, from))
			from++;
		return from;
	}
	if (!height_reaches(t->height, from))
		return ~0ull;
	return next_below(t->root, t->height, 0, from);
}
