// SPDX-License-Identifier: MIT
//
// timerfd_create(2): a timer to read and to wait for.
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/time.h>

#include "base/format.h"
#include "mm/heap.h"
#include "poll/poll.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "time/private.h"
#include "vfs/vfs.h"

#define TFD_TIMER_ABSTIME	1 // <linux/timerfd.h> brings <linux/ioctl.h> and no more than these
// Accepted: the program cannot set the clock, and the kernel is not told when the host does.
#define TFD_TIMER_CANCEL_ON_SET 2

struct timerfd {
	struct clock_timer when;
	struct timer timer;
	uint64_t ticks; // expirations not read yet
	struct waitq q;
	int set_flags;
};

static void rearm(struct timerfd *t)
{
	uint64_t at = clock_timer_deadline(&t->when);
	if (at != TIME_NEVER)
		timer_start(&t->timer, at);
}

static void fired(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	uint64_t over = clock_timer_take(&t->when);
	t->ticks += over;
	if (over)
		waitq_wake(&t->q, 0x7fffffff, EPOLLIN);
	rearm(t);
}

static int64_t timerfd_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct timerfd *t = f->fs;
	(void)pos;
	if (to->left < sizeof(t->ticks))
		return -EINVAL;
	while (!t->ticks) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (waitq_sleep(&t->q, TIME_NEVER))
			return -ERESTARTSYS;
	}
	uint64_t ticks = t->ticks;
	t->ticks = 0;
	return iter_write(to, &ticks, sizeof(ticks)) < (int64_t)sizeof(ticks) ? -EFAULT : (int64_t)sizeof(ticks);
}

static unsigned timerfd_poll(struct file *f, struct poller *p)
{
	struct timerfd *t = f->fs;
	poll_wait(p, &t->q);
	return t->ticks ? EPOLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->fs;
	timer_stop(&t->timer);
	heap_free(t);
}

static void timerfd_describe(struct file *f, struct text *text)
{
	struct timerfd *t = f->fs;
	struct interval left;
	clock_timer_left(&t->when, &left);
	text_append(text, "clockid: %d\nticks: %lu\nsettime flags: 0%o\n", t->when.clock, t->ticks,
		    (unsigned)t->set_flags);
	text_append(text, "it_value: (%lu, %lu)\n", (uint64_t)(left.value / NSEC_PER_SEC),
		    (uint64_t)(left.value % NSEC_PER_SEC));
	text_append(text, "it_interval: (%lu, %lu)\n", (uint64_t)(left.interval / NSEC_PER_SEC),
		    (uint64_t)(left.interval % NSEC_PER_SEC));
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.seek = file_seek_none,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.describe = timerfd_describe,
};

long sys_timerfd_create(int clockid, int flags)
{
	struct file *f;
	bool known = clockid == CLOCK_REALTIME || clockid == CLOCK_MONOTONIC || clockid == CLOCK_BOOTTIME ||
		     clockid == CLOCK_REALTIME_ALARM || clockid == CLOCK_BOOTTIME_ALARM;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK) || !known)
		return -EINVAL;
	struct timerfd *t = heap_new(struct timerfd);
	if (!t)
		return -ENOMEM;
	t->when.clock = clockid;
	t->timer.fn = fired;
	waitq_init(&t->q);
	int err = file_create_anonymous("anon_inode:[timerfd]", &timerfd_ops, t,
					O_RDWR | ((uint32_t)flags & O_NONBLOCK), &f);
	if (err) {
		heap_free(t);
		return err;
	}
	return fd_install(f, (unsigned)flags & O_CLOEXEC);
}

// -EBADF, -EINVAL: some other file.
static struct file *from_fd(int fd)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return err_ptr(-EBADF);
	if (f->ops == &timerfd_ops)
		return f;
	file_put(f);
	return err_ptr(-EINVAL);
}

long sys_timerfd_settime(int fd, int flags, const void *new_value, void *old_value)
{
	struct interval in, old;
	int err = interval_get(&in, new_value);
	if (err)
		return err;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	struct file *f = from_fd(fd);
	if (is_err(f))
		return ptr_err(f);
	struct timerfd *t = f->fs;
	clock_timer_left(&t->when, &old);
	timer_stop(&t->timer);
	t->ticks = 0;
	t->set_flags = flags;
	err = clock_timer_set(&t->when, &in, flags & TFD_TIMER_ABSTIME);
	if (!err)
		rearm(t);
	if (!err && old_value && interval_put(old_value, &old))
		err = -EFAULT;
	file_put(f);
	return err;
}

long sys_timerfd_gettime(int fd, void *curr_value)
{
	struct interval left;
	struct file *f = from_fd(fd);
	if (is_err(f))
		return ptr_err(f);
	struct timerfd *t = f->fs;
	clock_timer_left(&t->when, &left);
	file_put(f);
	return interval_put(curr_value, &left);
}
