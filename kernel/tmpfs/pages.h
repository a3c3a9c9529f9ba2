// SPDX-License-Identifier: MIT
//
// The pages of a file by index: a radix tree of 64-way nodes, as high as the largest index needs. A file
// of one page has no node. Absent pages are holes.
#ifndef WHELK_TMPFS_PAGES_H
#define WHELK_TMPFS_PAGES_H

#include <stdbool.h>
#include <stdint.h>

struct page;
struct page_node;

struct page_tree {
	void *root;	 // a page when height is 0, else a node
	unsigned height;
	uint64_t count;	 // pages in it
	struct page_node *leaf; // the node last used, of indices leaf_base .. leaf_base + 63
	uint64_t leaf_base;
};

struct page *page_tree_get(struct page_tree *t, uint64_t index); // NULL: a hole
int page_tree_set(struct page_tree *t, uint64_t index, struct page *p); // into a hole; -ENOMEM
// Takes out every page of [first, last] and hands it to fn; empty nodes go. Count.
uint64_t page_tree_remove(struct page_tree *t, uint64_t first, uint64_t last, void (*fn)(struct page *p));
// The first index >= from that holds a page (or, `hole`, that does not); ~0 when there is no such page.
uint64_t page_tree_next(struct page_tree *t, uint64_t from, bool hole);

#endif
