// SPDX-License-Identifier: MIT
//
// Operations that wait, and those that end the waiting of others; and the table of all operations.
#include <linux/time.h>

#include "poll/poll.h"
#include "uring/private.h"

static int64_t nop(struct request *r)
{
	(void)r;
	return 0;
}

// --- poll ------------------------------------------------------------------------------------------------------------

int uring_prepare_poll(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	if (s->opcode == IORING_OP_POLL_ADD)
		return s->buf_index || s->off || s->addr || s->len & ~IORING_POLL_ADD_MULTI || s->ioprio ? -EINVAL : 0;
	const unsigned known = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI;
	if (s->ioprio || s->buf_index || s->splice_fd_in || s->len & ~known || s->len == IORING_POLL_ADD_MULTI)
		return -EINVAL;
	if (!(s->len & IORING_POLL_UPDATE_USER_DATA) && s->off)
		return -EINVAL;
	return !(s->len & IORING_POLL_UPDATE_EVENTS) && s->poll32_events ? -EINVAL : 0;
}

static void poll_fired(struct watch *w) { request_make_ready(container_of(w, struct request, watch)); }

int64_t uring_poll(struct request *r)
{
	unsigned events = r->sqe.poll32_events & 0xffff;
	int ready;
	r->state = REQUEST_ARMED; // from here on it may fire
	// The counter of the ring itself is told once, as by Linux: each completion would make the next.
	if (!(r->sqe.len & IORING_POLL_ADD_MULTI) || r->file == r->ring->eventfd) {
		ready = watch_start(&r->watch, r->file, events, poll_fired);
		return ready ? ready : REQUEST_ARMED_RESULT;
	}
	ready = r->watch.count ? (int)watch_again(&r->watch)
			       : watch_start_always(&r->watch, r->file, events, poll_fired);
	if (ready < 0)
		return ready;
	if (ready)
		uring_post(r->ring, r->sqe.user_data, ready, IORING_CQE_F_MORE);
	return REQUEST_ARMED_RESULT;
}

static struct request *find(struct uring *u, uint64_t user_data, unsigned opcode)
{
	struct request *r;
	list_for_each(r, &u->requests, link)
		if (r->sqe.opcode == opcode && r->sqe.user_data == user_data)
			return r;
	return NULL;
}

int64_t uring_poll_remove(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	struct request *old = find(r->ring, s->addr, IORING_OP_POLL_ADD);
	if (!old)
		return -ENOENT;
	if (old->state != REQUEST_ARMED)
		return -EALREADY;
	if (!(s->len & (IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA))) {
		request_cancel(old);
		return 0;
	}
	if (s->len & IORING_POLL_UPDATE_EVENTS) {
		old->sqe.poll32_events = s->poll32_events;
		old->sqe.len = s->len & IORING_POLL_ADD_MULTI;
	}
	if (s->len & IORING_POLL_UPDATE_USER_DATA)
		old->sqe.user_data = s->off;
	watch_stop(&old->watch);
	request_make_ready(old); // looks anew
	return 0;
}

// --- timeouts --------------------------------------------------------------------------------------------------------

static int clock_of(unsigned flags)
{
	return flags & IORING_TIMEOUT_BOOTTIME	 ? CLOCK_BOOTTIME
	       : flags & IORING_TIMEOUT_REALTIME ? CLOCK_REALTIME
						 : CLOCK_MONOTONIC;
}

static int deadline(unsigned flags, uint64_t ns, uint64_t *out)
{
	if (flags & IORING_TIMEOUT_ABS)
		return time_deadline(clock_of(flags), ns, out);
	*out = time_add(time_mono_ns(), ns);
	return 0;
}

void uring_link_timeout_begin(struct request *r)
{
	if (deadline(r->sqe.timeout_flags, r->deadline_ns, &r->deadline_ns))
		r->deadline_ns = TIME_NEVER;
	request_arm_timer(r);
}

int uring_prepare_timeout(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool linked = s->opcode == IORING_OP_LINK_TIMEOUT;
	const unsigned known = IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS;
	if (s->ioprio || s->buf_index || s->len != 1 || s->splice_fd_in || (s->off && linked) ||
	    s->timeout_flags & ~known)
		return -EINVAL;
	if ((s->timeout_flags & IORING_TIMEOUT_CLOCK_MASK) == IORING_TIMEOUT_CLOCK_MASK)
		return -EINVAL;
	return time_user_timespec((const void *)s->addr, &r->deadline_ns); // made a deadline when it begins
}

int64_t uring_timeout(struct request *r)
{
	if (r->sqe.opcode == IORING_OP_LINK_TIMEOUT) { // run when its time is over
		struct request *guarded = r->guarded;
		if (!guarded)
			return -ECANCELED;
		r->guarded = guarded->timeout = NULL;
		return request_cancel(guarded) ? -ETIME : -EALREADY;
	}
	if (r->done)
		return 0; // as many completed as it was to wait for
	if (r->fired)
		return -ETIME;
	int err = deadline(r->sqe.timeout_flags, r->deadline_ns, &r->deadline_ns);
	if (err)
		return err;
	if (r->sqe.off) {
		r->counted = true;
		r->ring->counted++;
		r->target = r->ring->completed + (uint32_t)r->sqe.off;
	}
	request_arm_timer(r);
	return REQUEST_ARMED_RESULT;
}

int64_t uring_timeout_remove(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool update = s->timeout_flags & IORING_TIMEOUT_UPDATE_MASK;
	const unsigned known = IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK;
	uint64_t ns, at;
	if (s->ioprio || s->buf_index || s->len || s->splice_fd_in || s->timeout_flags & ~known ||
	    (!update && s->timeout_flags))
		return -EINVAL;
	int err = update ? time_user_timespec((const void *)s->addr2, &ns) : 0;
	if (!err && update)
		err = deadline(s->timeout_flags, ns, &at);
	if (err)
		return err;
	bool linked = s->timeout_flags & IORING_LINK_TIMEOUT_UPDATE;
	struct request *old = find(r->ring, s->addr, linked ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT);
	if (!old)
		return -ENOENT;
	if (old->state != REQUEST_ARMED)
		return -EALREADY;
	if (!update) {
		request_cancel(old);
		return 0;
	}
	timer_stop(&old->timer);
	old->deadline_ns = at;
	request_arm_timer(old);
	return 0;
}

// --- cancelling ------------------------------------------------------------------------------------------------------

#define CANCEL_KNOWN (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED)

int uring_prepare_cancel(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	if (s->off || s->splice_fd_in || s->cancel_flags & ~CANCEL_KNOWN || s->flags & IOSQE_FIXED_FILE)
		return -EINVAL;
	return (s->cancel_flags & IORING_ASYNC_CANCEL_FD) && (s->cancel_flags & IORING_ASYNC_CANCEL_ANY) ? -EINVAL : 0;
}

static bool matches(const struct request *r, const struct request *by, const struct file *f)
{
	if (r == by || r->cancelled || r->sqe.opcode == IORING_OP_LINK_TIMEOUT)
		return false;
	if (by->sqe.cancel_flags & IORING_ASYNC_CANCEL_ANY)
		return true;
	return f ? r->file == f : r->sqe.user_data == by->sqe.addr;
}

int64_t uring_cancel(struct request *r)
{
	struct uring *u = r->ring;
	const struct io_uring_sqe *s = &r->sqe;
	bool all = s->cancel_flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY), again;
	int64_t n = 0;
	if (s->cancel_flags & IORING_ASYNC_CANCEL_FD) {
		r->file = s->cancel_flags & IORING_ASYNC_CANCEL_FD_FIXED ? request_fixed(u, (unsigned)s->fd)
									 : file_from_fd(s->fd);
		if (!r->file)
			return -EBADF;
	}
	do {
		struct request *other;
		again = false;
		list_for_each(other, &u->requests, link)
			if (matches(other, r, r->file)) {
				bool gone = request_cancel(other); // or it will be: it is told once
				if (!all)
					return gone ? 0 : -EALREADY;
				n++;
				again = true; // the list is another now
				break;
			}
	} while (again);
	return all ? n : -ENOENT;
}

int64_t uring_files_update(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	if (s->ioprio || s->rw_flags || !s->len || s->flags & IOSQE_FIXED_FILE)
		return -EINVAL;
	return uring_update_files(r->ring, (unsigned)s->off, (const void *)s->addr, s->len);
}

// --- the table -------------------------------------------------------------------------------------------------------

#define COMES (EPOLLIN | EPOLLRDNORM)
#define GOES  (EPOLLOUT | EPOLLWRNORM)
#define READS	{uring_prepare_rw, uring_rw, COMES, true}
#define WRITES	{uring_prepare_rw, uring_rw, GOES, true}
#define FILES	{NULL, uring_file_call, 0, true}
#define NAMES	{uring_prepare_path, uring_path_call, 0, false}
#define NET(ev) {uring_prepare_net, uring_net, ev, true}

const struct uring_op uring_ops[IORING_OP_LAST] = {
	[IORING_OP_NOP] = {NULL, nop, 0, false},
	[IORING_OP_READV] = READS,
	[IORING_OP_WRITEV] = WRITES,
	[IORING_OP_FSYNC] = {NULL, uring_fsync, 0, true},
	[IORING_OP_READ_FIXED] = READS,
	[IORING_OP_WRITE_FIXED] = WRITES,
	[IORING_OP_POLL_ADD] = {uring_prepare_poll, uring_poll, 0, true},
	[IORING_OP_POLL_REMOVE] = {uring_prepare_poll, uring_poll_remove, 0, false},
	[IORING_OP_SYNC_FILE_RANGE] = FILES,
	[IORING_OP_SENDMSG] = NET(GOES),
	[IORING_OP_RECVMSG] = NET(COMES),
	[IORING_OP_TIMEOUT] = {uring_prepare_timeout, uring_timeout, 0, false},
	[IORING_OP_TIMEOUT_REMOVE] = {NULL, uring_timeout_remove, 0, false},
	[IORING_OP_ACCEPT] = NET(COMES),
	[IORING_OP_ASYNC_CANCEL] = {uring_prepare_cancel, uring_cancel, 0, false},
	[IORING_OP_LINK_TIMEOUT] = {uring_prepare_timeout, uring_timeout, 0, false},
	[IORING_OP_CONNECT] = NET(GOES),
	[IORING_OP_FALLOCATE] = FILES,
	[IORING_OP_OPENAT] = {uring_prepare_open, uring_open, 0, false},
	[IORING_OP_CLOSE] = {NULL, uring_close, 0, false},
	[IORING_OP_FILES_UPDATE] = {NULL, uring_files_update, 0, false},
	[IORING_OP_STATX] = NAMES,
	[IORING_OP_READ] = READS,
	[IORING_OP_WRITE] = WRITES,
	[IORING_OP_FADVISE] = FILES,
	[IORING_OP_SEND] = NET(GOES),
	[IORING_OP_RECV] = NET(COMES),
	[IORING_OP_SPLICE] = {NULL, uring_splice, 0, true},
	[IORING_OP_TEE] = {NULL, uring_splice, 0, true},
	[IORING_OP_SHUTDOWN] = NET(0),
	[IORING_OP_RENAMEAT] = NAMES,
	[IORING_OP_UNLINKAT] = NAMES,
	[IORING_OP_MKDIRAT] = NAMES,
	[IORING_OP_SYMLINKAT] = NAMES,
	[IORING_OP_LINKAT] = NAMES,
	[IORING_OP_SOCKET] = {uring_prepare_net, uring_net, 0, false},
};
