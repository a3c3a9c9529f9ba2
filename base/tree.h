// SPDX-License-Identifier: MIT
//
// Intrusive balanced binary tree (a treap: a search tree by the caller's order, a heap by random
// priorities drawn at insertion). Expected O(log n) for everything. tree_first() and tree_last()
// walk down one side. The caller's order may hold equal keys: a new one goes behind the old ones.
//
// Insertion, either by comparison:        tree_insert(&t, &x->node, before);
// or by a walk of the caller's own:       struct tree_node **link = &t.root, *parent = NULL;
//                                         while (*link) { parent = *link; link = ... &parent->left or &parent->right; }
//                                         tree_insert_at(&t, &x->node, parent, link);
// Lookups are walks of the caller's own, or tree_lower_bound().
#ifndef WHELK_BASE_TREE_H
#define WHELK_BASE_TREE_H

#include "base/util.h"

struct tree_node {
	struct tree_node *left, *right;
	struct tree_node *parent; // the node itself when it is in no tree
	uint32_t priority;	  // a parent's is never less than its children's
};

struct tree {
	struct tree_node *root;
};

#define TREE_INIT {NULL}

static inline void tree_init(struct tree *t) { t->root = NULL; }
static inline bool tree_empty(const struct tree *t) { return t->root == NULL; }

// Marks a node as being in no tree; tree_remove() does too. Only tree_linked() needs it.
static inline void tree_node_init(struct tree_node *n) { n->parent = n; }
static inline bool tree_linked(const struct tree_node *n) { return n->parent != n; }

// `before(a, b)`: a sorts before b.
void tree_insert(struct tree *t, struct tree_node *n,
		 bool (*before)(const struct tree_node *a, const struct tree_node *b));
void tree_insert_at(struct tree *t, struct tree_node *n, struct tree_node *parent, struct tree_node **link);
void tree_remove(struct tree *t, struct tree_node *n);

struct tree_node *tree_first(const struct tree *t); // NULL when empty
struct tree_node *tree_last(const struct tree *t);
struct tree_node *tree_next(const struct tree_node *n); // NULL at the end
struct tree_node *tree_prev(const struct tree_node *n);

// The first node that is not before the key, or NULL. `node_before(n, key)`: n sorts before the key.
struct tree_node *tree_lower_bound(const struct tree *t, const void *key,
				   bool (*node_before)(const struct tree_node *n, const void *key));

#define tree_entry(n, type, member) container_of(n, type, member)
// The same, but NULL stays NULL.
#define tree_entry_or_null(n, type, member)                                        \
	({                                                                         \
		struct tree_node *tree_n = (n);                                    \
		tree_n ? container_of(tree_n, type, member) : (type *)NULL;        \
	})
#define tree_first_entry(t, type, member) tree_entry_or_null(tree_first(t), type, member)
#define tree_next_entry(p, type, member)  tree_entry_or_null(tree_next(&(p)->member), type, member)
#define tree_prev_entry(p, type, member)  tree_entry_or_null(tree_prev(&(p)->member), type, member)
// In order; the body may not remove `pos` (take the next one first where it must).
#define tree_for_each(pos, t, member)                                  \
	for (pos = tree_first_entry(t, __typeof__(*pos), member); pos; \
	     pos = tree_next_entry(pos, __typeof__(*pos), member))

#endif
