// SPDX-License-Identifier: MIT
//
// Waiting, waking and requeueing. Loading the word and joining the queue happen without a sleep
// between them, under the kernel lock: no wake-up falls into a gap.
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/time.h>

#include "futex/private.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "sys/part.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "vfs/vfs.h"

#define BUCKETS 256

static struct list bucket[BUCKETS]; // heads are made at first use

bool futex_same(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

struct list *futex_bucket(const struct futex_key *k)
{
	uint64_t h = ((uint64_t)k->object ^ (k->offset >> 2)) * 0x9e3779b97f4a7c15ull;
	struct list *b = &bucket[h >> 56];
	if (!b->next)
		list_init(b);
	return b;
}

int futex_key(void *addr, bool private, struct futex_key *out)
{
	uint64_t at = (uint64_t)addr;
	if (!IS_ALIGNED(at, sizeof(uint32_t)))
		return -EINVAL;
	if (!user_range_ok(at, sizeof(uint32_t)))
		return -EFAULT;
	struct mm *mm = mm_current();
	*out = (struct futex_key){mm, at};
	if (private)
		return 0;
	struct vma *v = mm_find(mm, at);
	if (!v || v->start > at)
		return -EFAULT;
	if (v->flags & VMA_SHARED && v->file)
		*out = (struct futex_key){v->file->inode, v->pgoff * PAGE_SIZE + (at - v->start)};
	return 0;
}

int futex_get(uint32_t *out, const void *addr)
{
	return user_read(out, addr, sizeof(*out)); // four bytes are one load (arch_copy_fault)
}

int futex_expect(const void *addr, uint32_t val)
{
	uint32_t now;
	if (futex_get(&now, addr))
		return -EFAULT;
	return now == val ? 0 : -EAGAIN;
}

int futex_key_pair(void *addr, void *addr2, bool private, struct futex_key *out, struct futex_key *out2)
{
	int err = futex_key(addr, private, out);
	return err ? err : futex_key(addr2, private, out2);
}

void futex_enqueue(struct futex_waiter *w)
{
	w->woken = false;
	list_push_back(futex_bucket(&w->key), &w->link);
}

void futex_wake_one(struct futex_waiter *w)
{
	list_remove(&w->link);
	w->woken = true;
	sched_wake(w->thread);
}

int futex_wake(const struct futex_key *k, int n, uint32_t bitset)
{
	struct list *b = futex_bucket(k);
	struct futex_waiter *w, *next;
	int woken = 0;
	list_for_each_safe(w, next, b, link) {
		if (woken >= n)
			break;
		if (!futex_same(&w->key, k) || w->pi || w->requeue_pi || !(w->bitset & bitset))
			continue;
		futex_wake_one(w);
		woken++;
	}
	return woken;
}

int futex_wake_user(void *addr, int n)
{
	struct futex_key k, shared;
	int woken = 0, err = futex_key(addr, true, &k);
	if (err)
		return err;
	// The waiter may have called it private or shared: joiners use both.
	woken = futex_wake(&k, n, FUTEX_BITSET_MATCH_ANY);
	if (woken < n && futex_key(addr, false, &shared) == 0 && !futex_same(&k, &shared))
		woken += futex_wake(&shared, n - woken, FUTEX_BITSET_MATCH_ANY);
	return woken;
}

int futex_sleep(struct futex_waiter *w, uint64_t deadline_ns)
{
	int err = 0;
	while (!w->woken && !err)
		err = sched_sleep(deadline_ns);
	if (w->woken)
		return 0;
	list_remove(&w->link);
	return err;
}

static long wait(uint32_t *addr, bool private, uint32_t val, uint32_t bitset, uint64_t deadline_ns);

static long wait_again(struct thread *t)
{
	return wait((uint32_t *)t->restart_arg[0], t->restart_arg[1], (uint32_t)t->restart_arg[2],
		    (uint32_t)t->restart_arg[3], t->restart_arg[4]);
}

static long wait(uint32_t *addr, bool private, uint32_t val, uint32_t bitset, uint64_t deadline_ns)
{
	struct thread *self = thread_current();
	struct futex_waiter w = {.bitset = bitset, .thread = self};
	if (!bitset)
		return -EINVAL;
	int err = futex_key(addr, private, &w.key);
	if (!err)
		err = futex_expect(addr, val);
	if (err)
		return err;
	futex_enqueue(&w);
	err = futex_sleep(&w, deadline_ns);
	if (err != -EINTR)
		return err;
	if (deadline_ns == TIME_NEVER)
		return -ERESTARTSYS;
	self->restart = wait_again;
	self->restart_arg[0] = (uint64_t)addr;
	self->restart_arg[1] = private;
	self->restart_arg[2] = val;
	self->restart_arg[3] = bitset;
	self->restart_arg[4] = deadline_ns;
	return -ERESTART_RESTARTBLOCK;
}

static bool takes_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 ||
	       cmd == FUTEX_WAIT_REQUEUE_PI;
}

static int deadline_of(int cmd, bool realtime, const void *timeout, uint64_t *deadline)
{
	uint64_t ns;
	*deadline = TIME_NEVER;
	if (!timeout || !takes_timeout(cmd))
		return 0;
	int err = time_user_timespec(timeout, &ns);
	if (err)
		return err;
	if (cmd == FUTEX_WAIT) {
		*deadline = time_add(time_mono_ns(), ns);
		return 0;
	}
	return time_deadline(realtime || cmd == FUTEX_LOCK_PI ? CLOCK_REALTIME : CLOCK_MONOTONIC, ns, deadline);
}

static long call_more(const struct futex_op *o)
{
	if (o->cmd == FUTEX_REQUEUE || o->cmd == FUTEX_CMP_REQUEUE || o->cmd == FUTEX_WAKE_OP)
		return futex_two_call ? futex_two_call(o) : -ENOSYS;
	return futex_pi_call ? futex_pi_call(o) : -ENOSYS;
}

long sys_futex(void *uaddr, int op, unsigned val, void *timeout, void *uaddr2, unsigned val3)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool private = op & FUTEX_PRIVATE_FLAG, realtime = op & FUTEX_CLOCK_REALTIME;
	int n = (int)val, n2 = (int)(uint64_t)timeout; // of the operations on two words
	uint64_t deadline;
	if (realtime && cmd != FUTEX_WAIT && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT_REQUEUE_PI &&
	    cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	int err = deadline_of(cmd, realtime, timeout, &deadline);
	if (err)
		return err;
	struct futex_key k;
	switch (cmd) {
	case FUTEX_WAIT:
		return wait(uaddr, private, val, FUTEX_BITSET_MATCH_ANY, deadline);
	case FUTEX_WAIT_BITSET:
		return wait(uaddr, private, val, val3, deadline);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		if (cmd == FUTEX_WAKE_BITSET && !val3)
			return -EINVAL;
		err = futex_key(uaddr, private, &k);
		// Linux wakes one when asked for none.
		return err ? err : futex_wake(&k, MAX(n, 1), cmd == FUTEX_WAKE ? FUTEX_BITSET_MATCH_ANY : val3);
	default:
		return call_more(&(struct futex_op){cmd, private, uaddr, uaddr2, val, n2, val3, deadline});
	}
}

// --- futex_waitv ------------------------------------------------------------------------------------------

static int take_off(struct futex_waiter *w, unsigned count)
{
	int first = -1;
	for (unsigned i = 0; i < count; i++) {
		if (w[i].woken && first < 0)
			first = (int)i;
		if (!w[i].woken)
			list_remove(&w[i].link);
	}
	return first;
}

static int queue_all(const struct futex_waitv *in, struct futex_waiter *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		list_init(&w[i].link);
	for (unsigned i = 0; i < count; i++) {
		w[i].thread = thread_current();
		w[i].bitset = FUTEX_BITSET_MATCH_ANY;
		if (in[i].flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG) || !(in[i].flags & FUTEX_32) || in[i].__reserved)
			return -EINVAL;
		int err = futex_key((void *)in[i].uaddr, in[i].flags & FUTEX_PRIVATE_FLAG, &w[i].key);
		if (err)
			return err;
		// A load that sleeps may miss wake-ups of words before it: those are queued already, and see them.
		futex_enqueue(&w[i]);
		err = futex_expect((void *)in[i].uaddr, (uint32_t)in[i].val);
		if (err)
			return err;
	}
	return 0;
}

long sys_futex_waitv(void *waiters, unsigned nr, unsigned flags, void *timeout, int clockid)
{
	uint64_t deadline = TIME_NEVER, ns;
	if (flags || !nr || nr > FUTEX_WAITV_MAX || !waiters)
		return -EINVAL;
	if (timeout) {
		if (clockid != CLOCK_MONOTONIC && clockid != CLOCK_REALTIME)
			return -EINVAL;
		int err = time_user_timespec(timeout, &ns);
		if (!err)
			err = time_deadline(clockid, ns, &deadline);
		if (err)
			return err;
	}
	struct futex_waitv *in = heap_alloc(nr * sizeof(*in));
	struct futex_waiter *w = heap_zalloc(nr * sizeof(*w));
	long result = -ENOMEM;
	if (!in || !w)
		goto out;
	result = -EFAULT;
	if (user_read(in, waiters, nr * sizeof(*in)))
		goto out;
	result = queue_all(in, w, nr);
	bool woken = false;
	while (!result && !woken) {
		for (unsigned i = 0; i < nr; i++)
			woken |= w[i].woken;
		if (!woken)
			result = sched_sleep(deadline);
	}
	int first = take_off(w, nr);
	if (first >= 0 && result != -EFAULT && result != -EINVAL)
		result = first;
	else if (result == -EINTR)
		result = -ERESTARTSYS;
out:
	heap_free(in);
	heap_free(w);
	return result;
}
