// SPDX-License-Identifier: MIT
//
// What both interfaces for asynchronous input and output, aio(7) and io_uring(7), are made of: memory that kernel and
// program share, a watch on a file that becomes ready, and worker threads for what nobody waits for.
#ifndef WHELK_ASYNC_H
#define WHELK_ASYNC_H

#include "base/api.h"
#include "base/list.h"
#include "poll/poll.h"
#include "sched/sched.h"

struct fault_page;
struct file;
struct process;

// --- memory.c: rings ------------------------------------------------------------------------------------------------

// Pages in one piece, zeroed. The program maps them, and can change every byte at any time: what the kernel reads there
// is copied once and checked after that. A page lives as long as a mapping of it, also without its ring.
struct ring_memory {
	void *base; // NULL: none
	uint64_t pages;
};
API int ring_memory_alloc(struct ring_memory *m OUT(1), size_t size); // -ENOMEM
API void ring_memory_free(struct ring_memory *m INOUT(1));
// For inode_ops.get_page: page `index` of it; -EFAULT.
API int ring_memory_page(const struct ring_memory *m IN(1), uint64_t index, struct fault_page *out OUT(1));

// --- watch.c: readiness ----------------------------------------------------------------------------------------------

#define WATCH_QUEUES 4 // a file's poll() registers with two at most

// fire() is called from whoever wakes the file's queue, once after each watch_start: it may not sleep, nor ask the file
// (whose state may still be changing), but queue work that does.
struct watch {
	struct poller poller;
	struct file *file; // the owner's reference
	unsigned events;   // EPOLL*
	unsigned count;
	bool fired;
	void (*fire)(struct watch *w);
	struct waiter waiter[WATCH_QUEUES];
};
// What of `events`, errors and hang-ups is so now; if nothing is, fire() will be called. -ENOMEM: it has too many
// queues.
API int watch_start(struct watch *w SHARED, struct file *f SHARED, unsigned events, void (*fire)(struct watch *w));
// The same, and stays on the queues whether ready or not: for who wants to hear of every change. After each fire():
// watch_again() asks, and from then on fires once more.
API int watch_start_always(struct watch *w SHARED, struct file *f SHARED, unsigned events,
			   void (*fire)(struct watch *w));
API unsigned watch_again(struct watch *w SHARED);
API void watch_stop(struct watch *w SHARED); // also of one that never started, if zeroed

// --- work.c: worker threads ------------------------------------------------------------------------------------------

struct work {
	struct list link;	 // list_init'ed: not queued
	struct process *process; // in whose name it runs
	bool blocks;		 // may sleep for long: others need a worker meanwhile
	void (*fn)(struct work *w); // may free it
};
API int work_prepare(void); // before the first work is queued: 0, -ENOMEM
API void work_init(struct work *w SHARED, void (*fn)(struct work *w));
API bool work_queue(struct work *w SHARED); // does not sleep; false: it was queued already
API bool work_cancel(struct work *w SHARED); // true: it was queued and is not any more
API void work_interrupt(struct work *w SHARED); // what it sleeps in ends with -EINTR

#endif
