// SPDX-License-Identifier: MIT
//
// io_uring_enter(2): submits, and waits for completions while it runs what becomes ready.
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "uring/private.h"

#define ENTER_KNOWN (IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT | IORING_ENTER_EXT_ARG)

struct wait_arg {
	const void *mask;
	size_t mask_size;
	uint64_t deadline_ns;
};

static int wait_arg(struct wait_arg *w, unsigned flags, const void *argp, size_t argsz)
{
	*w = (struct wait_arg){.deadline_ns = TIME_NEVER};
	if (!(flags & IORING_ENTER_EXT_ARG)) {
		w->mask = argp;
		w->mask_size = argsz;
		return 0;
	}
	struct io_uring_getevents_arg arg;
	if (argsz != sizeof arg)
		return -EINVAL;
	if (user_read(&arg, argp, sizeof arg))
		return -EFAULT;
	if (arg.pad)
		return -EINVAL;
	w->mask = (const void *)arg.sigmask;
	w->mask_size = arg.sigmask_sz;
	return arg.ts ? time_user_timeout((const void *)arg.ts, &w->deadline_ns) : 0;
}

// Until there are `count` completions, or a timeout request ended: 0, -EINTR, -ETIME.
static int wait_for(struct uring *u, uint32_t count, uint64_t deadline_ns)
{
	uint32_t timed_out = u->timed_out;
	int err = 0;
	count = MIN(count, u->cq_entries);
	for (;;) {
		bool more = uring_run_ready(u);
		uring_flush(u);
		if (uring_unread(u) >= count || u->timed_out != timed_out)
			return 0;
		if (err)
			return uring_unread(u) ? 0 : err == -ETIMEDOUT ? -ETIME : -EINTR;
		if (more)
			sched_poll();
		err = !more ? waitq_sleep(&u->cq_q, deadline_ns) : signal_pending(thread_current()) ? -EINTR : 0;
	}
}

static long get_events(struct uring *u, uint32_t count, unsigned flags, const void *argp, size_t argsz)
{
	struct wait_arg w;
	int err = wait_arg(&w, flags, argp, argsz);
	if (!err && w.mask)
		err = signal_set_temporary_mask(w.mask, w.mask_size);
	if (err)
		return err;
	err = wait_for(u, count, w.deadline_ns);
	if (err != -EINTR && w.mask)
		signal_restore_mask();
	return err;
}

long sys_io_uring_enter(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void *argp,
			size_t argsz)
{
	if (flags & ~(unsigned)ENTER_KNOWN)
		return -EINVAL;
	struct file *f = file_from_fd(fd);
	struct uring *u = f ? uring_of(f) : NULL;
	long n = !f ? -EBADF : !u ? -EOPNOTSUPP : u->disabled ? -EBADFD : 0;
	if (!n && u->process != process_current())
		n = -EEXIST; // its requests name memory and files of another process
	if (!n && to_submit && (u->flags & IORING_SETUP_SINGLE_ISSUER) && u->issuer != thread_current())
		n = -EEXIST;
	if (n)
		goto out;
	u->entered++;
	if (to_submit)
		n = uring_submit(u, to_submit);
	uring_run_ready(u);
	if ((flags & IORING_ENTER_GETEVENTS) && n >= 0 && n == (long)to_submit) {
		long err = get_events(u, min_complete, flags, argp, argsz);
		if (!n)
			n = err;
	}
	uring_leave(u);
out:
	if (f)
		file_put(f);
	return n;
}
