// SPDX-License-Identifier: MIT
//
// POSIX timers: timer_create(2) and kin. A timer's signal is queued at most once; expirations meanwhile
// are its overrun count, which the signal brings when it is taken.
#include "time/posix_timer.h"

#include <linux/errno.h>
#include <linux/time.h>

#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "time/private.h"

#define TIMERS_MAX 10000

struct posix_timer {
	struct list link; // in process->posix_timers, by id
	int id;
	struct process *process;
	struct thread *thread; // SIGEV_THREAD_ID: one reference
	bool silent;	       // SIGEV_NONE
	bool ready;	       // the program was told its id: others may name it
	struct clock_timer when;
	struct timer timer;
	struct signal_entry entry;
	uint64_t overrun;      // since the signal was queued
	uint64_t overrun_last; // of the signal taken last
};

static int clamp_count(uint64_t n) { return n > 0x7fffffff ? 0x7fffffff : (int)n; }

static void taken(struct signal_entry *e, siginfo_k *info)
{
	struct posix_timer *t = container_of(e, struct posix_timer, entry);
	if (!info)
		return;
	t->overrun_last = t->overrun;
	t->overrun = 0;
	info->si_overrun = clamp_count(t->overrun_last);
}

static void rearm(struct posix_timer *t)
{
	uint64_t at = clock_timer_deadline(&t->when);
	if (at != TIME_NEVER)
		timer_start(&t->timer, at);
}

static void fired(struct timer *timer)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, timer);
	uint64_t times = clock_timer_take(&t->when);
	bool gone = t->thread && t->thread->state == THREAD_DEAD;
	if (times && !t->silent && !gone)
		t->overrun += signal_send_entry(t->process, t->thread, &t->entry) ? times : times - 1;
	rearm(t);
}

static struct posix_timer *find(int id)
{
	struct posix_timer *t;
	list_for_each(t, &process_current()->posix_timers, link)
		if (t->id == id && t->ready)
			return t;
	return NULL;
}

static void delete(struct posix_timer *t)
{
	timer_stop(&t->timer);
	signal_cancel_entry(t->process, t->thread, &t->entry);
	if (t->thread)
		thread_put(t->thread);
	list_remove(&t->link);
	heap_free(t);
}

void posix_timers_delete(struct process *p)
{
	while (!list_empty(&p->posix_timers))
		delete(list_first(&p->posix_timers, struct posix_timer, link));
}

static int notification(struct posix_timer *t, const struct sigevent *ev)
{
	t->silent = ev->sigev_notify == SIGEV_NONE;
	if (ev->sigev_notify < SIGEV_SIGNAL || (ev->sigev_notify > SIGEV_THREAD && ev->sigev_notify != SIGEV_THREAD_ID))
		return -EINVAL;
	if (!t->silent && (ev->sigev_signo < 1 || ev->sigev_signo > SIGNAL_COUNT))
		return -EINVAL;
	if (ev->sigev_notify == SIGEV_THREAD_ID) {
		struct thread *to = thread_find(ev->_sigev_un._tid);
		if (!to || to->process != t->process)
			return -EINVAL;
		thread_get(to);
		t->thread = to;
	}
	t->entry.info.si_signo = ev->sigev_signo;
	t->entry.info.si_value = ev->sigev_value;
	return 0;
}

// The lowest free number, and where in the list.
static int number(struct process *p, struct posix_timer *t)
{
	struct posix_timer *pos;
	list_for_each(pos, &p->posix_timers, link) {
		if (pos->id != t->id)
			break;
		t->id++;
	}
	if (t->id >= TIMERS_MAX)
		return -EAGAIN;
	list_insert_before(&pos->link, &t->link);
	return 0;
}

long sys_timer_create(int clockid, void *sevp, void *timerid)
{
	struct process *p = process_current();
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	if (sevp && user_get(ev, sevp))
		return -EFAULT;
	if (!clock_has_timers(clockid))
		return -EOPNOTSUPP;
	if (clock_check(clockid))
		return -EINVAL;
	struct posix_timer *t = heap_new(struct posix_timer);
	if (!t)
		return -EAGAIN;
	list_init(&t->entry.link);
	t->process = p;
	t->when.clock = clock_absolute(clockid);
	t->timer.fn = fired;
	t->entry.taken = taken;
	int err = notification(t, &ev);
	if (!err)
		err = number(p, t);
	if (err) {
		if (t->thread)
			thread_put(t->thread);
		heap_free(t);
		return err;
	}
	t->entry.info.si_code = SI_TIMER;
	t->entry.info.si_tid = t->id;
	if (!sevp)
		t->entry.info.si_int = t->id;
	if (user_put(t->id, timerid)) {
		delete(t);
		return -EFAULT;
	}
	t->ready = true;
	return 0;
}

long sys_timer_settime(int timerid, int flags, const void *new_value, void *old_value)
{
	struct interval in, old;
	if (!new_value)
		return -EINVAL;
	int err = interval_get(&in, new_value);
	if (err)
		return err;
	struct posix_timer *t = find(timerid);
	if (!t)
		return -EINVAL;
	clock_timer_left(&t->when, &old);
	timer_stop(&t->timer);
	signal_cancel_entry(t->process, t->thread, &t->entry);
	t->overrun = 0;
	if (!in.value)
		in.interval = 0;
	err = clock_timer_set(&t->when, &in, flags & TIMER_ABSTIME);
	if (err)
		return err;
	rearm(t);
	return old_value && interval_put(old_value, &old) ? -EFAULT : 0;
}

long sys_timer_gettime(int timerid, void *curr_value)
{
	struct posix_timer *t = find(timerid);
	struct interval left;
	if (!t)
		return -EINVAL;
	clock_timer_left(&t->when, &left);
	return interval_put(curr_value, &left);
}

long sys_timer_getoverrun(int timerid)
{
	struct posix_timer *t = find(timerid);
	return t ? clamp_count(t->overrun_last) : -EINVAL;
}

long sys_timer_delete(int timerid)
{
	struct posix_timer *t = find(timerid);
	if (!t)
		return -EINVAL;
	delete(t);
	return 0;
}
