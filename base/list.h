// SPDX-License-Identifier: MIT
//
// Intrusive doubly linked list. A head is a struct list that points at itself when empty;
// so does an element that is in no list (list_init), and list_remove leaves it that way.
#ifndef WHELK_BASE_LIST_H
#define WHELK_BASE_LIST_H

#include "base/util.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) {&(name), &(name)}

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}

static inline void list_push_front(struct list *head, struct list *n) { list_insert_between(n, head, head->next); }
static inline void list_push_back(struct list *head, struct list *n) { list_insert_between(n, head->prev, head); }
static inline void list_insert_before(struct list *pos, struct list *n) { list_insert_between(n, pos->prev, pos); }

static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

// Moves all elements of `from` to the end of `to`.
static inline void list_splice_back(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(l, type, member)	  container_of(l, type, member)
#define list_first(head, type, member)	  list_entry((head)->next, type, member)
#define list_last(head, type, member)	  list_entry((head)->prev, type, member)
#define list_for_each(pos, head, member)                                                     \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
// `pos` may be removed in the body.
#define list_for_each_safe(pos, tmp, head, member)                                           \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),                        \
	    tmp = list_entry(pos->member.next, __typeof__(*pos), member);                     \
	     &pos->member != (head);                                                          \
	     pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

#endif
