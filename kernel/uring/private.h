// SPDX-License-Identifier: MIT
//
// What the files of uring/ share: the ring, a request, and what an operation is.
#ifndef WHELK_URING_PRIVATE_H
#define WHELK_URING_PRIVATE_H

#include <asm/fcntl.h>
#include <linux/errno.h>
#include <linux/io_uring.h>

#include "aio/async.h"
#include "base/string.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "time/time.h"
#include "uring/uring.h"
#include "vfs/vfs.h"

struct ring_head { // at the start of the ring's memory; the completions and the submission array follow
	uint32_t sq_head, pad0[15];
	uint32_t sq_tail, pad1[15];
	uint32_t cq_head, pad2[15];
	uint32_t cq_tail, pad3[15];
	uint32_t sq_mask, cq_mask, sq_entries, cq_entries, sq_dropped, sq_flags, cq_flags, cq_overflow, pad4[8];
	struct io_uring_cqe cqe[];
};

struct uring {
	struct list link; // all rings
	uint32_t refs;	  // the file, each request, queued work
	struct process *process;
	struct ring_memory memory, sqe_memory;
	uint32_t sq_entries, cq_entries, flags;
	uint32_t sq_head, cq_tail; // the kernel's own: what the program writes over counts for nothing
	uint32_t *sq_array;
	struct list overflow; // completions for which there was no room
	uint32_t overflowed;
	struct list requests; // begun: struct request.link
	struct list ready;    // to be run: request.ready
	struct list deferred; // heads of chains that wait for a drain: request.ready
	uint32_t inflight;    // requests taken, not complete, not deferred
	uint32_t draining;    // of those, of chains that nothing else may run beside
	uint32_t counted;     // timeouts that wait for a number of completions
	uint32_t completed, timed_out; // completions of other requests, of timeouts
	unsigned entered;     // threads in io_uring_enter: they run what is ready before they sleep or leave
	unsigned working;     // workers on requests of this ring
	struct work work;     // runs what is ready when nobody entered
	struct waitq cq_q, done_q;
	bool dead, disabled;
	struct mutex submitting;
	struct file **file; // registered: NULL: an empty slot
	unsigned files;
	struct iter_segment *buffer;
	unsigned buffers;
	struct file *eventfd;
	bool eventfd_async;
	struct thread *issuer; // IORING_SETUP_SINGLE_ISSUER: compared only
};

enum request_state {
	REQUEST_WAITING, // in a chain, or deferred
	REQUEST_READY,	 // in ring->ready
	REQUEST_RUNNING, // somebody works on it, and may sleep
	REQUEST_ARMED,	 // its watch or timer will make it ready
};

struct request {
	struct list link;  // ring->requests
	struct list ready; // ring->ready or ring->deferred
	struct uring *ring;
	struct io_uring_sqe sqe; // a copy: the program can change its own at any time
	const struct uring_op *op;
	struct file *file;	  // with a reference, once begun
	struct request *next;	  // of the chain
	struct request *timeout;  // IORING_OP_LINK_TIMEOUT that watches over it
	struct request *guarded;  // of a LINK_TIMEOUT: over which it watches
	enum request_state state;
	bool begun, failed, cancelled, fired, counted, blocks, nowait, connecting, drain;
	unsigned tries; // found ready and was not
	int wrong;	   // found out when it was taken: its result
	uint32_t cqe_flags;
	uint32_t target;   // of a counted timeout
	size_t done;	   // bytes of what goes on until all is there
	struct watch watch;
	struct timer timer;
	uint64_t deadline_ns;
	struct work work;
	// vectors and messages, as they were when the request was taken
	struct iter_segment fast[IOV_FAST], *seg;
	unsigned segs;
	size_t total;
	void *heap;
};

#define REQUEST_ARMED_RESULT  (-0x10000) // issue(): it goes on by itself
#define REQUEST_BLOCKS_RESULT (-0x10001) // issue(): once more, with r->blocks, on a worker that may sleep for long

struct uring_op {
	int (*prepare)(struct request *r); // checks, and copies what the program need not keep; may be NULL
	int64_t (*issue)(struct request *r); // a result, or REQUEST_ARMED_RESULT
	unsigned events;  // EPOLL* to wait for after -EAGAIN
	bool needs_file;
};
extern const struct uring_op uring_ops[IORING_OP_LAST]; // issue NULL: unknown

// --- ring.c ----------------------------------------------------------------------------------------------------------
struct uring *uring_of(struct file *f);
void uring_get(struct uring *u);
void uring_put(struct uring *u);
static inline struct ring_head *uring_head(struct uring *u) { return u->memory.base; }
uint32_t uring_unread(struct uring *u); // completions in the ring; more than cq_entries: the program's nonsense
void uring_post(struct uring *u, uint64_t user_data, int32_t result, uint32_t flags);
void uring_flush(struct uring *u); // overflowed completions into the ring

// --- request.c -------------------------------------------------------------------------------------------------------
int64_t uring_submit(struct uring *u, uint32_t count);
bool uring_run_ready(struct uring *u); // true: there is more, let others run first
void uring_leave(struct uring *u); // the end of io_uring_enter
void uring_work(struct work *w);
void request_make_ready(struct request *r); // does not sleep
void request_complete(struct request *r, int64_t result);
void request_arm_timer(struct request *r);
bool request_cancel(struct request *r); // completes it with -ECANCELED; false: it is being worked on
void uring_cancel_all(struct uring *u);
struct file *request_fixed(struct uring *u, unsigned n); // with a reference, or NULL
// The file, or a copy of it that does not block; `shadow` is the copy's room.
struct file *request_nonblocking(struct request *r, struct file *shadow);
bool file_is_pollable(const struct file *f);

// --- operations ------------------------------------------------------------------------------------------------------
int uring_prepare_rw(struct request *r);
int64_t uring_rw(struct request *r);
int64_t uring_fsync(struct request *r);
int64_t uring_file_call(struct request *r);
int uring_prepare_path(struct request *r);
int64_t uring_path_call(struct request *r);
int uring_prepare_open(struct request *r);
int64_t uring_open(struct request *r);
int64_t uring_close(struct request *r);
int64_t uring_splice(struct request *r);
int uring_prepare_net(struct request *r);
int64_t uring_net(struct request *r);
int uring_prepare_poll(struct request *r);
int64_t uring_poll(struct request *r);
int64_t uring_poll_remove(struct request *r);
int uring_prepare_timeout(struct request *r);
int64_t uring_timeout(struct request *r);
void uring_link_timeout_begin(struct request *r);
int64_t uring_timeout_remove(struct request *r);
int uring_prepare_cancel(struct request *r);
int64_t uring_cancel(struct request *r);
int64_t uring_files_update(struct request *r);
long uring_update_files(struct uring *u, unsigned offset, const void *fds, unsigned count);

#endif
