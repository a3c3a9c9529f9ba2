// SPDX-License-Identifier: MIT
//
// A watch on one file: its waiters lie on the file's queues until one of them fires.
#include <linux/errno.h>

#include "aio/async.h"
#include "base/util.h"

static bool watch_wake(struct waiter *waiter, unsigned key)
{
	struct watch *w = (struct watch *)waiter->thread; // not a thread: whose waiter it is
	if (w->fired || (key && !(key & w->events)))
		return false;
	w->fired = true;
	w->fire(w);
	return true;
}

static void watch_queue(struct poller *p, struct waitq *q)
{
	struct watch *w = container_of(p, struct watch, poller);
	if (w->count >= WATCH_QUEUES) {
		w->count = WATCH_QUEUES + 1;
		return;
	}
	struct waiter *waiter = &w->waiter[w->count++];
	*waiter = (struct waiter){.wake = watch_wake, .thread = (struct thread *)w};
	list_init(&waiter->link);
	waitq_add(q, waiter);
}

int watch_start_always(struct watch *w, struct file *f, unsigned events, void (*fire)(struct watch *w))
{
	watch_stop(w);
	*w = (struct watch){
		.poller.queue = watch_queue, .file = f, .events = events | EPOLLERR | EPOLLHUP, .fire = fire};
	unsigned ready = file_poll(f, &w->poller) & w->events;
	if (w->count <= WATCH_QUEUES)
		return (int)ready;
	watch_stop(w);
	return -ENOMEM;
}

int watch_start(struct watch *w, struct file *f, unsigned events, void (*fire)(struct watch *w))
{
	int ready = watch_start_always(w, f, events, fire);
	if (ready)
		watch_stop(w);
	return ready;
}

unsigned watch_again(struct watch *w)
{
	w->fired = false;
	return file_poll(w->file, NULL) & w->events;
}

void watch_stop(struct watch *w)
{
	for (unsigned i = 0; i < MIN(w->count, (unsigned)WATCH_QUEUES); i++)
		waitq_remove(&w->waiter[i]);
	w->count = 0;
	w->fired = true;
}
