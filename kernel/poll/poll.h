// SPDX-License-Identifier: MIT
//
// Readiness: what a file's poll() registers with, and select, poll and epoll above it.
#ifndef WHELK_POLL_H
#define WHELK_POLL_H

#include <linux/eventpoll.h> // EPOLLIN ... equal to POLLIN ...

#include "base/api.h"
#include "sched/sched.h"

struct file;

// Given to file_ops.poll. queue() links a waiter into q so that a later waitq_wake(q, n, key) is noticed.
// NULL poller: only the present state is asked for.
struct poller {
	void (*queue)(struct poller *p, struct waitq *q);
};

static inline void poll_wait(struct poller *p, struct waitq *q)
{
	if (p)
		p->queue(p, q);
}

API unsigned file_poll(struct file *f SHARED, struct poller *p SHARED); // EPOLL* ready now

// epoll drops its entries when a watched file goes away.
API void epoll_file_released(struct file *f SHARED);

#endif
