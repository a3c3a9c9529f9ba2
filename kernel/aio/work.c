// SPDX-License-Identifier: MIT
//
// Worker threads of the kernel. They belong to no process: while one runs a piece of work it takes the name of the
// process that the work is for, with its memory and its files, and otherwise has none. Nothing finds it by a process,
// no signal reaches it, and it never ends. There are as many as were ever needed at once: one waits in reserve whenever
// another does what may sleep for long.
#define COMPONENT "aio"
#include <linux/errno.h>

#include "aio/async.h"
#include "base/string.h"
#include "mm/mm.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "debug/debug.h"

#define WORKERS_MAX 64

static struct list queue = LIST_INIT(queue);
static struct waitq idle_q = WAITQ_INIT(idle_q);
static unsigned workers, idle;
static struct {
	struct thread *thread;
	struct work *work;
} running[WORKERS_MAX];

static void worker_main(void *number);

static int worker_new(void)
{
	struct thread *t;
	int err = thread_create(process_current(), &t);
	if (err)
		return err;
	thread_hide(t);
	t->signal.blocked = ~0ull;
	string_copy(t->comm, "worker", sizeof t->comm);
	arch_thread_init(t, worker_main, (void *)(uintptr_t)workers);
	running[workers++].thread = t;
	thread_start(t);
	return 0;
}

static void run(struct work *w, unsigned number)
{
	struct thread *self = thread_current();
	self->process = w->process;
	mm_activate(w->process->mm);
	running[number].work = w;
	if (w->blocks && !idle && workers < WORKERS_MAX)
		(void)worker_new(); // without one the others wait
	w->fn(w);
	running[number].work = NULL;
	// SIGPIPE and SIGXFSZ of what it wrote are the program's.
	for (sigset set = self->signal.pending.set; set; set &= set - 1)
		signal_send_process(self->process, __builtin_ctzll(set) + 1, NULL);
	signal_thread_exit(self);
	self->exiting = false;
	self->process = NULL;
}

static void worker_main(void *number)
{
	thread_current()->process = NULL;
	for (;;) {
		while (!list_empty(&queue)) {
			struct work *w = list_first(&queue, struct work, link);
			list_remove(&w->link);
			run(w, (unsigned)(uintptr_t)number);
			sched_poll();
		}
		idle++;
		waitq_sleep_uninterruptible(&idle_q);
		idle--;
	}
}

int work_prepare(void) { return workers ? 0 : worker_new(); }

void work_init(struct work *w, void (*fn)(struct work *w))
{
	*w = (struct work){.process = process_current(), .fn = fn};
	list_init(&w->link);
}

bool work_queue(struct work *w)
{
	if (w->link.next != &w->link)
		return false;
	list_push_back(&queue, &w->link);
	waitq_wake(&idle_q, 1, 0);
	return true;
}

bool work_cancel(struct work *w)
{
	bool queued = w->link.next != &w->link;
	list_remove(&w->link);
	return queued;
}

void work_interrupt(struct work *w)
{
	for (unsigned i = 0; i < workers; i++)
		if (running[i].work == w) {
			running[i].thread->exiting = true;
			sched_wake_signal(running[i].thread);
		}
}
