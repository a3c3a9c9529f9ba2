// SPDX-License-Identifier: MIT
//
// Sleeping and waking. Under the kernel lock nothing happens between looking at a condition and
// going to sleep, so a wake-up cannot be lost.
#define COMPONENT "sched"
#include <linux/errno.h>

#include "plat/plat.h"
#include "sched/private.h"
#include "signal/signal.h"
#include "debug/debug.h"

enum { WOKEN_EVENT, WOKEN_TIMEOUT, WOKEN_SIGNAL };

void waitq_init(struct waitq *q)
{
	list_init(&q->waiters);
}

void waitq_add(struct waitq *q, struct waiter *w)
{
	// Exclusive waiters stand behind the others: a wake-up stops at the first it satisfies.
	if (w->exclusive)
		list_push_back(&q->waiters, &w->link);
	else
		list_push_front(&q->waiters, &w->link);
}

void waitq_remove(struct waiter *w)
{
	list_remove(&w->link);
}

int waitq_wake_some(struct waitq *q, int n, unsigned key)
{
	// A callback may unlink itself or others and wake other queues: everybody is taken off first and
	// put back before being called, so that the walk holds on to nothing.
	struct list todo;
	int woken = 0;
	list_init(&todo);
	list_splice_back(&todo, &q->waiters);
	while (!list_empty(&todo) && woken < n) {
		struct waiter *w = list_first(&todo, struct waiter, link);
		bool exclusive = w->exclusive;
		list_remove(&w->link);
		list_push_back(&q->waiters, &w->link);
		if (w->wake(w, key) && exclusive)
			woken++;
	}
	list_splice_back(&q->waiters, &todo);
	return woken;
}

static void make_runnable(struct thread *t, uint64_t result)
{
	t->wake_result = result;
	t->state = THREAD_RUNNABLE;
	sched_enqueue(NULL, t);
}

void sched_wake(struct thread *t)
{
	if (t->state == THREAD_SLEEPING || t->state == THREAD_BLOCKED)
		make_runnable(t, WOKEN_EVENT);
}

void sched_wake_signal(struct thread *t)
{
	if (t->state == THREAD_SLEEPING)
		make_runnable(t, WOKEN_SIGNAL);
	else if (t->on_cpu && t != thread_current())
		plat_kick(1ull << t->cpu);
}

struct sleep_timer {
	struct timer timer;
	struct thread *thread;
};

static void sleep_over(struct timer *timer)
{
	struct thread *t = container_of(timer, struct sleep_timer, timer)->thread;
	if (t->state == THREAD_SLEEPING || t->state == THREAD_BLOCKED)
		make_runnable(t, WOKEN_TIMEOUT);
}

static int sleep(uint64_t deadline_ns, enum thread_state state)
{
	struct thread *self = thread_current();
	struct sleep_timer st = {.timer.fn = sleep_over, .thread = self};
	if (state == THREAD_SLEEPING && (signal_pending(self) || self->exiting))
		return -EINTR;
	if (deadline_ns != TIME_NEVER)
		timer_start(&st.timer, deadline_ns);
	self->state = state;
	self->wake_result = WOKEN_EVENT;
	self->switches_voluntary++;
	sched_switch();
	timer_stop(&st.timer);
	return self->wake_result == WOKEN_TIMEOUT ? -ETIMEDOUT : self->wake_result == WOKEN_SIGNAL ? -EINTR : 0;
}

int sched_sleep(uint64_t deadline_ns) { return sleep(deadline_ns, THREAD_SLEEPING); }

static bool wake_thread(struct waiter *w, unsigned key)
{
	(void)key;
	if (w->thread->state != THREAD_SLEEPING && w->thread->state != THREAD_BLOCKED)
		return false;
	list_remove(&w->link);
	sched_wake(w->thread);
	return true;
}

static int queue_sleep(struct waitq *q, uint64_t deadline_ns, enum thread_state state)
{
	struct waiter w = {.wake = wake_thread, .thread = thread_current(), .exclusive = true};
	list_init(&w.link);
	waitq_add(q, &w);
	int result = sleep(deadline_ns, state);
	list_remove(&w.link);
	return result;
}

int waitq_sleep(struct waitq *q, uint64_t deadline_ns) { return queue_sleep(q, deadline_ns, THREAD_SLEEPING); }
int waitq_sleep_uninterruptible(struct waitq *q) { return queue_sleep(q, TIME_NEVER, THREAD_BLOCKED); }

void mutex_init(struct mutex *m)
{
	m->owner = NULL;
	waitq_init(&m->q);
}

void mutex_wait(struct mutex *m)
{
	assert(m->owner != thread_current());
	while (m->owner)
		waitq_sleep_uninterruptible(&m->q);
}

void mutex_hand_on(struct mutex *m)
{
	assert(m->owner == thread_current());
	m->owner = NULL;
	waitq_wake(&m->q, 1, 0);
}
