// SPDX-License-Identifier: MIT
//
// The treap of tree.h. A new node starts as a leaf and is rotated up while its priority is higher
// than its parent's; a node that leaves is rotated down until it has at most one child.
#include "base/tree.h"

// The priorities only have to look random to whoever chooses the keys' order; xorshift is enough.
static uint32_t tree_next_priority(void)
{
	static uint32_t state = 0x9e3779b9;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static struct tree_node **tree_link_of(struct tree *t, struct tree_node *n)
{
	if (!n->parent)
		return &t->root;
	return n->parent->left == n ? &n->parent->left : &n->parent->right;
}

// Lifts `n` above its parent; the order stays.
static void tree_rotate_up(struct tree *t, struct tree_node *n)
{
	struct tree_node *p = n->parent;
	struct tree_node *moved;

	*tree_link_of(t, p) = n;
	n->parent = p->parent;
	p->parent = n;
	if (p->left == n) {
		moved = n->right;
		p->left = moved;
		n->right = p;
	} else {
		moved = n->left;
		p->right = moved;
		n->left = p;
	}
	if (moved)
		moved->parent = p;
}

void tree_insert_at(struct tree *t, struct tree_node *n, struct tree_node *parent, struct tree_node **link)
{
	n->left = n->right = NULL;
	n->parent = parent;
	n->priority = tree_next_priority();
	*link = n;
	while (n->parent && n->parent->priority < n->priority)
		tree_rotate_up(t, n);
}

void tree_insert(struct tree *t, struct tree_node *n,
		 bool (*before)(const struct tree_node *a, const struct tree_node *b))
{
	struct tree_node **link = &t->root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = before(n, parent) ? &parent->left : &parent->right;
	}
	tree_insert_at(t, n, parent, link);
}

void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node *child;

	while (n->left && n->right)
		tree_rotate_up(t, n->left->priority > n->right->priority ? n->left : n->right);
	child = n->left ? n->left : n->right;
	*tree_link_of(t, n) = child;
	if (child)
		child->parent = n->parent;
	n->left = n->right = NULL;
	n->parent = n;
}

struct tree_node *tree_first(const struct tree *t)
{
	struct tree_node *n = t->root;
	while (n && n->left)
		n = n->left;
	return n;
}

struct tree_node *tree_last(const struct tree *t)
{
	struct tree_node *n = t->root;
	while (n && n->right)
		n = n->right;
	return n;
}

struct tree_node *tree_next(const struct tree_node *n)
{
	if (n->right) {
		n = n->right;
		while (n->left)
			n = n->left;
		return (struct tree_node *)n;
	}
	while (n->parent && n->parent->right == n)
		n = n->parent;
	return n->parent;
}

struct tree_node *tree_prev(const struct tree_node *n)
{
	if (n->left) {
		n = n->left;
		while (n->right)
			n = n->right;
		return (struct tree_node *)n;
	}
	while (n->parent && n->parent->left == n)
		n = n->parent;
	return n->parent;
}

struct tree_node *tree_lower_bound(const struct tree *t, const void *key,
				   bool (*node_before)(const struct tree_node *n, const void *key))
{
	struct tree_node *n = t->root, *found = NULL;

	while (n) {
		if (node_before(n, key)) {
			n = n->right;
		} else {
			found = n;
			n = n->left;
		}
	}
	return found;
}
