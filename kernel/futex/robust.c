// SPDX-License-Identifier: MIT
//
// Robust lists: the locks a thread held when it ended are marked FUTEX_OWNER_DIED and passed on.
// get_robust_list(2); Linux Documentation/locking/robust-futexes.rst.
#include <linux/errno.h>
#include <linux/futex.h>

#include "futex/private.h"
#include "mm/uaccess.h"
#include "sched/sched.h"
#include "sys/part.h"
#include "sys/syscalls.h"

long sys_set_robust_list(void *head, size_t len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	thread_current()->futex = (struct thread_futex){head, len};
	return 0;
}

long sys_get_robust_list(int pid, void *head_ptr, void *len_ptr)
{
	struct thread *t = pid ? thread_find(pid) : thread_current();
	if (!t)
		return -ESRCH;
	size_t len = sizeof(struct robust_list_head);
	return user_put(len, len_ptr) || user_put(t->futex.robust_list, head_ptr) ? -EFAULT : 0;
}

// `pending`: an operation that was under way; the word may be this thread's or not.
static void owner_died(struct thread *t, uint32_t *word, bool pi, bool pending)
{
	uint32_t now, found;
	struct futex_key k;
	if (futex_key(word, false, &k))
		return;
	for (;;) {
		if (futex_get(&now, word))
			return;
		if (pending && !pi && !now) { // unlocked, but nobody was woken yet
			futex_wake_user(word, 1);
			return;
		}
		if ((now & FUTEX_TID_MASK) != (uint32_t)t->tid)
			return;
		if (arch_cmpxchg32_fault(word, now, (now & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &found))
			return;
		if (found == now)
			break;
	}
	if (pi)
		PART(futex_pi_owner_died, word, &k);
	else if (now & FUTEX_WAITERS)
		futex_wake_user(word, 1);
}

static void walk(struct thread *t)
{
	struct robust_list_head head;
	struct robust_list *const list = t->futex.robust_list;
	if (user_read(&head, list, sizeof(head)))
		return;
	uint64_t entry = (uint64_t)head.list.next, pending = (uint64_t)head.list_op_pending;
	for (unsigned left = ROBUST_LIST_LIMIT; left && (entry & ~1ull) != (uint64_t)list; left--) {
		uint64_t next;
		// before the lock is passed on: its memory may go then
		int err = user_get(next, (void *)(entry & ~1ull));
		if (entry != pending)
			owner_died(t, (uint32_t *)((entry & ~1ull) + (uint64_t)head.futex_offset), entry & 1, false);
		if (err)
			return;
		entry = next;
	}
	if (pending)
		owner_died(t, (uint32_t *)((pending & ~1ull) + (uint64_t)head.futex_offset), pending & 1, true);
}

void futex_thread_exit(struct thread *t)
{
	if (t->futex.robust_list)
		walk(t);
	t->futex.robust_list = NULL;
	PART(futex_pi_thread_exit, t);
}
