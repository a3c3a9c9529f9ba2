// SPDX-License-Identifier: MIT
//
// What futex's files share.
#ifndef WHELK_FUTEX_PRIVATE_H
#define WHELK_FUTEX_PRIVATE_H

#include "base/list.h"
#include "futex/futex.h"
#include "sched/sched.h"

struct futex_key {
	const void *object; // struct mm or struct inode
	uint64_t offset;    // address or byte offset
};

struct futex_waiter {
	struct list link; // in its bucket, in order of arrival; PI waiters by priority; list_init'ed when in none
	struct futex_key key;
	uint32_t bitset;
	struct thread *thread;
	bool woken;
	bool pi;		 // waits to own the futex
	struct thread *owner;	 // pi: who has it, for boosting and for the owner's end; may be NULL
	bool requeue_pi;	 // FUTEX_WAIT_REQUEUE_PI: only FUTEX_CMP_REQUEUE_PI moves it
	struct futex_key target; // requeue_pi: where to
};

// The key of a word; -EINVAL not aligned, -EFAULT. May sleep.
int futex_key(void *addr, bool private, struct futex_key *out);
bool futex_same(const struct futex_key *a, const struct futex_key *b);
struct list *futex_bucket(const struct futex_key *k);
void futex_enqueue(struct futex_waiter *w);
void futex_wake_one(struct futex_waiter *w); // off the queue, runnable
int futex_wake(const struct futex_key *k, int n, uint32_t bitset);
int futex_get(uint32_t *out, const void *addr); // one atomic load
int futex_expect(const void *addr, uint32_t val); // -EFAULT, -EAGAIN when the word is not `val`
// The keys of the two words a requeueing or double wake-up names.
int futex_key_pair(void *addr, void *addr2, bool private, struct futex_key *out, struct futex_key *out2);
// Sleeps until woken: 0, -ETIMEDOUT, -EINTR. Off the queue afterwards.
int futex_sleep(struct futex_waiter *w, uint64_t deadline_ns);

// --- operations that are parts (sys/part.h)
struct futex_op {
	int cmd;
	bool private;
	uint32_t *addr, *target;
	uint32_t val;
	int more; // a second count
	uint32_t val3;
	uint64_t deadline_ns;
};
long futex_two_call(const struct futex_op *o); // two.c
// pi.c: one of those for priority inheritance, or none (-ENOSYS)
long futex_pi_call(const struct futex_op *o);
// The owner died holding *addr: passes it on with FUTEX_OWNER_DIED.
void futex_pi_owner_died(uint32_t *addr, const struct futex_key *k);
void futex_pi_thread_exit(struct thread *t);

#endif
