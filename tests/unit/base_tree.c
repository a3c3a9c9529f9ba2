// SPDX-License-Identifier: MIT
//
// base/tree.c against a plain array: insertion, removal, order both ways, lower bound, equal keys.
#include <stdio.h>
#include <stdlib.h>

#include "base/tree.h"
#include "check.h"

#define ITEMS 500

static struct item {
	struct tree_node node;
	int key, serial;
	bool in;
} item[ITEMS];
static int serial;

static bool before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct item, node)->key < tree_entry(b, struct item, node)->key;
}

static bool node_before(const struct tree_node *n, const void *key)
{
	return tree_entry(n, struct item, node)->key < *(const int *)key;
}

static void check(const struct tree *t)
{
	int in = 0, seen = 0;
	struct item *prev = NULL;
	for (int i = 0; i < ITEMS; i++)
		in += item[i].in;
	for (struct item *x = tree_first_entry(t, struct item, node); x; x = tree_next_entry(x, struct item, node)) {
		CHECK(x->in);
		CHECK(!prev || prev->key < x->key || (prev->key == x->key && prev->serial < x->serial));
		CHECK(tree_prev_entry(x, struct item, node) == prev);
		prev = x;
		seen++;
	}
	CHECK(seen == in);
	CHECK(tree_last(t) == (prev ? &prev->node : NULL));
	CHECK(tree_empty(t) == !in);
}

static void check_bound(const struct tree *t, int key)
{
	struct item *best = NULL,
		    *found = tree_entry_or_null(tree_lower_bound(t, &key, node_before), struct item, node);
	for (int i = 0; i < ITEMS; i++)
		if (item[i].in && item[i].key >= key &&
		    (!best || item[i].key < best->key || (item[i].key == best->key && item[i].serial < best->serial)))
			best = &item[i];
	CHECK(found == best);
}

int main(void)
{
	struct tree t = TREE_INIT;
	srandom(1);
	check(&t);
	for (int round = 0; round < 20000; round++) {
		struct item *x = &item[random() % ITEMS];
		if (x->in) {
			tree_remove(&t, &x->node);
			CHECK(!tree_linked(&x->node));
		} else {
			x->key = (int)(random() % 200); // many equal
			x->serial = serial++;
			tree_insert(&t, &x->node, before);
		}
		x->in = !x->in;
		if (round % 16 == 0) {
			check(&t);
			check_bound(&t, (int)(random() % 210));
		}
	}
	for (int i = 0; i < ITEMS; i++)
		if (item[i].in) {
			tree_remove(&t, &item[i].node);
			item[i].in = false;
		}
	check(&t);
	return 0;
}
