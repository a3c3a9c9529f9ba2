// SPDX-License-Identifier: MIT
//
// Operations on two words: FUTEX_REQUEUE, FUTEX_CMP_REQUEUE and FUTEX_WAKE_OP. A part (sys/part.h).
#include <linux/errno.h>
#include <linux/futex.h>

#include "arch/arch.h"
#include "futex/private.h"

static long requeue(uint32_t *addr, bool private, int wake, int move, uint32_t *target, const uint32_t *expect)
{
	struct futex_key from, to;
	if (wake < 0 || move < 0)
		return -EINVAL;
	int err = futex_key_pair(addr, target, private, &from, &to);
	if (!err && expect)
		err = futex_expect(addr, *expect);
	if (err)
		return err;
	int woken = futex_wake(&from, wake, FUTEX_BITSET_MATCH_ANY), moved = 0;
	if (futex_same(&from, &to))
		return woken;
	struct futex_waiter *w, *next;
	struct list *b = futex_bucket(&from);
	list_for_each_safe(w, next, b, link) {
		if (moved >= move)
			break;
		if (!futex_same(&w->key, &from) || w->pi || w->requeue_pi)
			continue;
		list_remove(&w->link);
		w->key = to;
		list_push_back(futex_bucket(&to), &w->link);
		moved++;
	}
	return woken + moved;
}

static bool compare(int op, uint32_t old, uint32_t arg)
{
	int32_t a = (int32_t)old, b = (int32_t)arg;
	switch (op) {
	case FUTEX_OP_CMP_EQ: return a == b;
	case FUTEX_OP_CMP_NE: return a != b;
	case FUTEX_OP_CMP_LT: return a < b;
	case FUTEX_OP_CMP_LE: return a <= b;
	case FUTEX_OP_CMP_GT: return a > b;
	default: return a >= b; // FUTEX_OP_CMP_GE
	}
}

static long wake_op(uint32_t *addr, bool private, int wake, int wake2, uint32_t *addr2, uint32_t code)
{
	struct futex_key k, k2;
	int op = code >> 28 & 7, cmp = code >> 24 & 15;
	uint32_t arg = (uint32_t)((int32_t)(code << 8) >> 20), cmp_arg = (uint32_t)((int32_t)(code << 20) >> 20), old;
	if (code >> 31)
		arg = 1u << (arg & 31);
	if (cmp > FUTEX_OP_CMP_GE)
		return -ENOSYS;
	int err = futex_key_pair(addr, addr2, private, &k, &k2);
	if (!err)
		err = arch_xchg_op32_fault(addr2, op, arg, &old);
	if (err)
		return err;
	int woken = futex_wake(&k, wake, FUTEX_BITSET_MATCH_ANY);
	if (compare(cmp, old, cmp_arg))
		woken += futex_wake(&k2, wake2, FUTEX_BITSET_MATCH_ANY);
	return woken;
}

long futex_two_call(const struct futex_op *o)
{
	int wake = (int)o->val;
	switch (o->cmd) {
	case FUTEX_REQUEUE:
		return requeue(o->addr, o->private, wake, o->more, o->target, NULL);
	case FUTEX_CMP_REQUEUE:
		return requeue(o->addr, o->private, wake, o->more, o->target, &o->val3);
	default:
		return wake_op(o->addr, o->private, wake, o->more, o->target, o->val3);
	}
}
