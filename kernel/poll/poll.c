// SPDX-License-Identifier: MIT
//
// poll(2), ppoll, select(2), pselect6. A waiter for each queue a file names lies on the kernel stack for
// the first few and on the heap beyond.
#include "poll/poll.h"

#include <asm/poll.h>
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/time_types.h>

#include "base/string.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "vfs/vfs.h"

#define WAITERS_FAST 8
#define POLLFDS_FAST 16

struct poll_table;
struct poll_waiter {
	struct waiter w;
	struct poll_table *table;
	struct file *file; // one reference while its queue is watched
	unsigned events;
};

struct poll_block {
	struct poll_block *next;
	struct poll_waiter waiter[32];
};

struct poll_table {
	struct poller poller;
	struct thread *thread;
	bool triggered;
	int error;
	struct file *file; // being asked
	unsigned events;   // wanted of it
	unsigned count, block_used;
	struct poll_waiter fast[WAITERS_FAST];
	struct poll_block *blocks;
};

static bool poll_wake(struct waiter *w, unsigned key)
{
	struct poll_waiter *pw = container_of(w, struct poll_waiter, w);
	if (key && !(key & pw->events))
		return false;
	pw->table->triggered = true;
	sched_wake(pw->table->thread);
	return true;
}

static void poll_queue(struct poller *p, struct waitq *q)
{
	struct poll_table *t = container_of(p, struct poll_table, poller);
	struct poll_waiter *pw;
	if (t->count < WAITERS_FAST) {
		pw = &t->fast[t->count++];
	} else {
		if (!t->blocks || t->block_used == ARRAY_SIZE(t->blocks->waiter)) {
			struct poll_block *b = heap_new(struct poll_block);
			if (!b) {
				t->error = -ENOMEM;
				return;
			}
			b->next = t->blocks;
			t->blocks = b;
			t->block_used = 0;
		}
		pw = &t->blocks->waiter[t->block_used++];
	}
	*pw = (struct poll_waiter){
		.w = {.wake = poll_wake, .thread = t->thread}, .table = t, .file = t->file, .events = t->events};
	list_init(&pw->w.link);
	file_get(t->file);
	waitq_add(q, &pw->w);
}

static void table_init(struct poll_table *t)
{
	t->poller.queue = poll_queue;
	t->thread = thread_current();
	t->triggered = false;
	t->error = 0;
	t->count = t->block_used = 0;
	t->blocks = NULL;
}

static void waiter_free(struct poll_waiter *pw)
{
	waitq_remove(&pw->w);
	file_put(pw->file);
}

static void table_free(struct poll_table *t)
{
	for (unsigned i = 0; i < t->count; i++)
		waiter_free(&t->fast[i]);
	while (t->blocks) {
		struct poll_block *b = t->blocks;
		for (unsigned i = 0; i < t->block_used; i++)
			waiter_free(&b->waiter[i]);
		t->block_used = ARRAY_SIZE(b->waiter); // the older ones are full
		t->blocks = b->next;
		heap_free(b);
	}
}

// Events of descriptor fd now, of those wanted; registers unless `register_too` is false.
static unsigned poll_fd(struct poll_table *t, int fd, unsigned events, bool register_too)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return POLLNVAL;
	t->file = f;
	t->events = events | EPOLLERR | EPOLLHUP | EPOLLNVAL;
	unsigned ready = file_poll(f, register_too ? &t->poller : NULL) & t->events;
	file_put(f);
	return ready;
}

// Calls scan until it finds something, the deadline passes or a signal comes. scan(arg, table, register): count.
static long poll_loop(int (*scan)(void *arg, struct poll_table *t, bool register_too), void *arg, uint64_t deadline)
{
	struct poll_table t;
	long n;
	table_init(&t);
	sched_take_news(deadline == 0);
	bool first = deadline != 0; // a zero timeout only asks
	for (;;) {
		t.triggered = false;
		n = scan(arg, &t, first);
		first = false;
		if (n || deadline == 0)
			break;
		if (t.error) {
			n = t.error;
			break;
		}
		int err = t.triggered ? 0 : sched_sleep(deadline);
		if (err == -ETIMEDOUT) {
			t.triggered = false;
			n = scan(arg, &t, false);
			break;
		}
		if (err) {
			n = -EINTR;
			break;
		}
	}
	table_free(&t);
	return n;
}

// --- poll -------------------------------------------------------------------------------------------------

struct poll_args {
	struct pollfd *fds;
	unsigned count;
};

static int poll_scan(void *arg, struct poll_table *t, bool register_too)
{
	struct poll_args *a = arg;
	int ready = 0;
	for (unsigned i = 0; i < a->count; i++) {
		struct pollfd *p = &a->fds[i];
		p->revents = 0;
		if (p->fd < 0)
			continue;
		p->revents = (short)poll_fd(t, p->fd, (unsigned short)p->events, register_too && !ready);
		ready += p->revents != 0;
	}
	return ready;
}

static long do_poll(void *ufds, unsigned nfds, uint64_t deadline)
{
	struct pollfd fast[POLLFDS_FAST];
	struct poll_args a = {fast, nfds};
	size_t size = nfds * sizeof *a.fds;
	if (nfds > process_limit(RLIMIT_NOFILE))
		return -EINVAL;
	if (nfds > POLLFDS_FAST && !(a.fds = heap_alloc(size)))
		return -ENOMEM;
	long n = -EFAULT;
	if (user_read(a.fds, ufds, size))
		goto out;
	n = poll_loop(poll_scan, &a, deadline);
	for (unsigned i = 0; n >= 0 && i < nfds; i++)
		if (user_put(a.fds[i].revents, &((struct pollfd *)ufds)[i].revents))
			n = -EFAULT;
out:
	if (a.fds != fast)
		heap_free(a.fds);
	return n;
}

static uint64_t deadline_ms(int ms)
{
	return ms < 0 ? TIME_NEVER : ms == 0 ? 0 : time_add(time_mono_ns(), (uint64_t)ms * 1000000);
}

static long poll_restart(struct thread *t)
{
	long n = do_poll((void *)t->restart_arg[0], (unsigned)t->restart_arg[1], t->restart_arg[2]);
	return n == -EINTR ? -ERESTART_RESTARTBLOCK : n;
}

long sys_poll(void *fds, unsigned nfds, int timeout)
{
	uint64_t deadline = deadline_ms(timeout);
	long n = do_poll(fds, nfds, deadline);
	if (n != -EINTR)
		return n;
	struct thread *t = thread_current(); // goes on with what is left of the time
	t->restart = poll_restart;
	t->restart_arg[0] = (uint64_t)fds;
	t->restart_arg[1] = nfds;
	t->restart_arg[2] = deadline;
	return -ERESTART_RESTARTBLOCK;
}

// A timespec of the program, relative: 0 when it is zero, TIME_NEVER for NULL.
static int deadline_timespec(const void *ts, uint64_t *deadline)
{
	uint64_t ns;
	*deadline = TIME_NEVER;
	if (!ts)
		return 0;
	int err = time_user_timespec(ts, &ns);
	if (err)
		return err;
	*deadline = ns ? time_add(time_mono_ns(), ns) : 0;
	return 0;
}

// Linux writes what is left back into the program's timeout.
static void put_remaining(void *ts, uint64_t deadline, bool timeval)
{
	uint64_t now = time_mono_ns();
	if (!ts || deadline == TIME_NEVER)
		return;
	uint64_t left = deadline > now ? deadline - now : 0;
	struct __kernel_old_timeval tv = {.tv_sec = (long)(left / NSEC_PER_SEC),
					  .tv_usec = (long)(left % NSEC_PER_SEC / 1000)};
	if (timeval)
		(void)user_put(tv, (struct __kernel_old_timeval *)ts); // a read-only timeout is left as it is
	else
		(void)time_put_timespec(ts, left);
}

static int mask_begin(const void *mask, size_t size) { return mask ? signal_set_temporary_mask(mask, size) : 0; }

// The old mask comes back now, or when the signal that interrupted is delivered.
static long mask_end(const void *mask, long n)
{
	if (n == -EINTR)
		return -ERESTARTNOHAND;
	if (mask)
		signal_restore_mask();
	return n;
}

long sys_ppoll(void *fds, unsigned nfds, void *tmo, const void *sigmask, size_t sigsetsize)
{
	uint64_t deadline;
	long n = deadline_timespec(tmo, &deadline);
	if (!n)
		n = mask_begin(sigmask, sigsetsize);
	if (n)
		return n;
	n = do_poll(fds, nfds, deadline);
	put_remaining(tmo, deadline, false);
	return mask_end(sigmask, n);
}

// --- select -------------------------------------------------------------------------------------------------

#define SELECT_WORDS_FAST 4 // 256 descriptors

#define SELECT_IN  (EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR)
#define SELECT_EX  EPOLLPRI

struct select_args {
	unsigned nfds, words;
	uint64_t *want[3], *have[3];
	bool bad;
};

static int select_scan(void *arg, struct poll_table *t, bool register_too)
{
	static const unsigned mask[3] = {SELECT_IN, SELECT_OUT, SELECT_EX};
	struct select_args *a = arg;
	int ready = 0;
	for (int s = 0; s < 3; s++)
		memset(a->have[s], 0, a->words * sizeof(uint64_t));
	for (unsigned word = 0; word < a->words; word++) {
		uint64_t any = a->want[0][word] | a->want[1][word] | a->want[2][word];
		for (; any; any &= any - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(any), events = 0;
			for (int s = 0; s < 3; s++)
				if (a->want[s][word] >> bit & 1)
					events |= mask[s];
			unsigned now = poll_fd(t, (int)(word * 64 + bit), events, register_too && !ready);
			if (now & POLLNVAL) {
				a->bad = true;
				return 1;
			}
			for (int s = 0; s < 3; s++)
				if ((a->want[s][word] >> bit & 1) && (now & mask[s])) {
					a->have[s][word] |= 1ull << bit;
					ready++;
				}
		}
	}
	return ready;
}

static long do_select(int nfds, void *const sets[3], uint64_t deadline)
{
	uint64_t fast[6 * SELECT_WORDS_FAST], *space = fast;
	struct select_args a = {0};
	if (nfds < 0)
		return -EINVAL;
	a.nfds = MIN((unsigned)nfds, (unsigned)process_limit(RLIMIT_NOFILE));
	a.words = (a.nfds + 63) / 64;
	size_t bytes = a.words * sizeof(uint64_t);
	if (a.words > SELECT_WORDS_FAST && !(space = heap_alloc(6 * bytes)))
		return -ENOMEM;
	long n = -EFAULT;
	for (int s = 0; s < 3; s++) {
		a.want[s] = space + s * a.words;
		a.have[s] = space + (3 + s) * a.words;
		memset(a.want[s], 0, bytes);
		if (sets[s] && user_read(a.want[s], sets[s], bytes))
			goto out;
		if (a.words && a.nfds % 64)
			a.want[s][a.words - 1] &= (1ull << a.nfds % 64) - 1;
	}
	n = poll_loop(select_scan, &a, deadline);
	if (a.bad)
		n = -EBADF;
	for (int s = 0; n >= 0 && s < 3; s++)
		if (sets[s] && user_write(sets[s], a.have[s], bytes))
			n = -EFAULT;
out:
	if (space != fast)
		heap_free(space);
	return n;
}

long sys_select(int nfds, void *readfds, void *writefds, void *exceptfds, void *timeout)
{
	struct __kernel_old_timeval tv;
	uint64_t deadline = TIME_NEVER;
	void *const sets[3] = {readfds, writefds, exceptfds};
	if (timeout) {
		if (user_get(tv, (struct __kernel_old_timeval *)timeout))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		uint64_t ns = (uint64_t)tv.tv_usec * 1000, sec;
		ns = mul_overflow((uint64_t)tv.tv_sec, NSEC_PER_SEC, &sec) ? TIME_NEVER : time_add(sec, ns);
		deadline = ns ? time_add(time_mono_ns(), ns) : 0;
	}
	long n = do_select(nfds, sets, deadline);
	put_remaining(timeout, deadline, true);
	return n == -EINTR ? -ERESTARTNOHAND : n;
}

long sys_pselect6(int nfds, void *readfds, void *writefds, void *exceptfds, void *timeout, const void *sigmask)
{
	struct {
		const void *mask;
		size_t size;
	} sig = {0};
	void *const sets[3] = {readfds, writefds, exceptfds};
	uint64_t deadline;
	if (sigmask && user_read(&sig, sigmask, sizeof sig))
		return -EFAULT;
	long n = deadline_timespec(timeout, &deadline);
	if (!n)
		n = mask_begin(sig.mask, sig.size);
	if (n)
		return n;
	n = do_select(nfds, sets, deadline);
	put_remaining(timeout, deadline, false);
	return mask_end(sig.mask, n);
}
