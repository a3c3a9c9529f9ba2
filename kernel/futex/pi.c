// SPDX-License-Identifier: MIT
//
// Priority-inheriting futexes. The word holds the owner's tid and FUTEX_WAITERS; the kernel hands the
// word to the waiter of the highest priority, and lends the owner that priority meanwhile, along chains of
// owners that wait themselves. Real-time priorities only: on Linux too a nice value is not lent, the owner's
// weight stays its own (rt_mutex counts all SCHED_OTHER waiters alike). futex(2), "Priority-inheritance futexes".
#include <linux/errno.h>
#include <linux/futex.h>

#include "futex/private.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "time/time.h"

// All that wait to own a futex, the most urgent first; few, so one list serves all futexes.
static struct list pi_list = LIST_INIT(pi_list);

static void enqueue(struct futex_waiter *w)
{
	struct futex_waiter *pos;
	list_for_each(pos, &pi_list, link)
		if (sched_priority(w->thread) > sched_priority(pos->thread))
			break;
	w->woken = false;
	list_insert_before(&pos->link, &w->link);
}

// What each owner is lent follows from who waits now; chains need as many rounds as they are long.
static void lend_all(struct thread *changed)
{
	struct futex_waiter *w;
	if (changed) {
		int most = 0;
		list_for_each(w, &pi_list, link)
			if (w->owner == changed)
				most = MAX(most, sched_priority(w->thread));
		sched_lend_priority(changed, most);
	}
	for (bool again = true; again;) {
		again = false;
		list_for_each(w, &pi_list, link)
			if (w->owner && sched_priority(w->owner) < sched_priority(w->thread)) {
				sched_lend_priority(w->owner, sched_priority(w->thread));
				again = true;
			}
	}
}

static struct futex_waiter *first_waiter(const struct futex_key *k, bool *more)
{
	struct futex_waiter *w, *first = NULL;
	*more = false;
	list_for_each(w, &pi_list, link) {
		if (!futex_same(&w->key, k))
			continue;
		if (first) {
			*more = true;
			break;
		}
		first = w;
	}
	return first;
}

// Writes the next owner into the word (0: nobody waits) and wakes it. `now` is what the word must hold.
static int pass_on(uint32_t *addr, const struct futex_key *k, uint32_t now, uint32_t died)
{
	bool more;
	uint32_t found;
	struct futex_waiter *w = first_waiter(k, &more), *other;
	uint32_t next = w ? (uint32_t)w->thread->tid | (more ? FUTEX_WAITERS : 0) | died : died;
	if (arch_cmpxchg32_fault(addr, now, next, &found))
		return -EFAULT;
	if (found != now)
		return -EAGAIN;
	if (!w)
		return 0;
	struct thread *old = w->owner;
	list_for_each(other, &pi_list, link)
		if (futex_same(&other->key, k))
			other->owner = w->thread;
	w->owner = NULL;
	futex_wake_one(w);
	lend_all(old);
	lend_all(w->thread);
	return 0;
}

// Takes the word for `t` when it is free: 1 taken, 0 another thread owns it (its waiters bit is set then), -errno.
static int try_own(uint32_t *addr, struct thread *t, bool waiters, bool try, struct thread **owner)
{
	uint32_t now, found;
	for (;;) {
		if (futex_get(&now, addr))
			return -EFAULT;
		uint32_t tid = now & FUTEX_TID_MASK;
		if (tid == (uint32_t)t->tid)
			return -EDEADLK;
		uint32_t want = tid ? now | FUTEX_WAITERS
				    : (uint32_t)t->tid | (now & FUTEX_OWNER_DIED) | (waiters ? FUTEX_WAITERS : 0);
		if (tid && try)
			return -EAGAIN;
		if (tid) {
			*owner = thread_find((int)tid);
			if (!*owner || (*owner)->process != t->process)
				return now & FUTEX_OWNER_DIED ? -EAGAIN : -ESRCH;
		}
		if (arch_cmpxchg32_fault(addr, now, want, &found))
			return -EFAULT;
		if (found == now)
			return !tid;
	}
}

// Whom a thread waits for to own a futex.
static struct thread *waits_for(const struct thread *t)
{
	struct futex_waiter *w;
	list_for_each(w, &pi_list, link)
		if (w->thread == t)
			return w->owner;
	return NULL;
}

// Does `owner` wait, by however many steps, for `t`? No chain is a ring: what would close one is refused.
static bool deadlock(const struct thread *owner, const struct thread *t)
{
	while (owner && owner != t)
		owner = waits_for(owner);
	return owner;
}

static long lock_pi(uint32_t *addr, bool private, uint64_t deadline_ns, bool try)
{
	struct futex_waiter w = {.pi = true, .thread = thread_current()};
	bool more;
	int err = futex_key(addr, private, &w.key);
	if (err)
		return err;
	err = try_own(addr, w.thread, first_waiter(&w.key, &more) != NULL, try, &w.owner);
	if (err)
		return err < 0 ? err : 0;
	if (deadlock(w.owner, w.thread))
		return -EDEADLK;
	enqueue(&w);
	lend_all(NULL);
	err = futex_sleep(&w, deadline_ns);
	if (err)
		lend_all(w.owner);
	return err == -EINTR ? -ERESTARTNOINTR : err; // a PI lock is never interrupted, only repeated
}

static long unlock_pi(uint32_t *addr, bool private)
{
	struct futex_key k;
	uint32_t now;
	int err = futex_key(addr, private, &k);
	if (err)
		return err;
	do {
		if (futex_get(&now, addr))
			return -EFAULT;
		if ((now & FUTEX_TID_MASK) != (uint32_t)thread_current()->tid)
			return -EPERM;
		err = pass_on(addr, &k, now, 0);
	} while (err == -EAGAIN);
	return err;
}

void futex_pi_owner_died(uint32_t *addr, const struct futex_key *k)
{
	uint32_t now;
	struct futex_key private = {mm_current(), (uint64_t)addr};
	bool more;
	const struct futex_key *which = first_waiter(k, &more) ? k : &private;
	do {
		if (futex_get(&now, addr))
			return;
	} while (pass_on(addr, which, now, FUTEX_OWNER_DIED) == -EAGAIN);
}

// Futexes it owns that are on no robust list: found through their waiters.
void futex_pi_thread_exit(struct thread *t)
{
	struct futex_waiter *w;
	for (bool again = true; again;) {
		again = false;
		list_for_each(w, &pi_list, link)
			if (w->owner == t && w->key.object == t->process->mm) {
				struct futex_key k = w->key;
				uint32_t *word = (uint32_t *)k.offset, now;
				w->owner = NULL; // each is seen once, whatever the word says
				if (futex_get(&now, word) == 0 && (now & FUTEX_TID_MASK) == (uint32_t)t->tid)
					futex_pi_owner_died(word, &k);
				again = true;
				break;
			}
	}
}

static long wait_requeue_pi(uint32_t *addr, uint32_t val, uint32_t bitset, uint64_t deadline_ns, uint32_t *target,
			   bool private)
{
	struct futex_waiter w = {.bitset = bitset, .thread = thread_current(), .requeue_pi = true};
	if (!bitset || addr == target)
		return -EINVAL;
	int err = futex_key_pair(addr, target, private, &w.key, &w.target);
	if (!err)
		err = futex_expect(addr, val);
	if (err)
		return err;
	futex_enqueue(&w);
	err = futex_sleep(&w, deadline_ns);
	if (err && w.pi)
		lend_all(w.owner);
	// Interrupted before it was moved: the caller checks its condition again.
	return err == -EINTR ? (w.pi ? -ERESTARTNOINTR : -EAGAIN) : err;
}

static long cmp_requeue_pi(uint32_t *addr, bool private, int wake, int requeue, uint32_t *target, uint32_t expect)
{
	struct futex_key from, to;
	struct futex_waiter *w, *next;
	long count = 0;
	if (wake != 1 || requeue < 0 || addr == target)
		return -EINVAL;
	int err = futex_key_pair(addr, target, private, &from, &to);
	if (!err)
		err = futex_expect(addr, expect);
	if (err)
		return err;
	list_for_each_safe(w, next, futex_bucket(&from), link) {
		if (count >= (long)wake + requeue)
			break;
		if (!futex_same(&w->key, &from))
			continue;
		if (!w->requeue_pi || !futex_same(&w->target, &to))
			return -EINVAL;
		bool more;
		int got = try_own(target, w->thread, first_waiter(&to, &more) != NULL, false, &w->owner);
		if (!got && deadlock(w->owner, w->thread))
			got = -EDEADLK;
		if (got < 0)
			return count ? count : got;
		if (got) {
			futex_wake_one(w);
		} else {
			list_remove(&w->link);
			w->key = to;
			w->pi = true;
			enqueue(w);
		}
		count++;
	}
	lend_all(NULL);
	return count;
}

long futex_pi_call(const struct futex_op *o)
{
	switch (o->cmd) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return lock_pi(o->addr, o->private, o->deadline_ns, false);
	case FUTEX_TRYLOCK_PI:
		return lock_pi(o->addr, o->private, TIME_NEVER, true);
	case FUTEX_UNLOCK_PI:
		return unlock_pi(o->addr, o->private);
	case FUTEX_WAIT_REQUEUE_PI:
		return wait_requeue_pi(o->addr, o->val, o->val3, o->deadline_ns, o->target, o->private);
	case FUTEX_CMP_REQUEUE_PI:
		return cmp_requeue_pi(o->addr, o->private, (int)o->val, o->more, o->target, o->val3);
	default:
		return -ENOSYS;
	}
}
