// SPDX-License-Identifier: MIT
//
// eventfd(2): a counter to wait for.
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "anon/eventfd.h"
#include "base/format.h"
#include "mm/heap.h"
#include "poll/poll.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"

#define EFD_SEMAPHORE 1 // <linux/eventfd.h> only came later; the C library has these
#define EFD_CLOEXEC   O_CLOEXEC
#define EFD_NONBLOCK  O_NONBLOCK
#define COUNT_MAX (~0ull - 1)

struct eventfd {
	uint64_t count;
	bool semaphore;
	struct waitq q;
};

static int64_t eventfd_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct eventfd *e = f->fs;
	(void)pos;
	if (to->left < sizeof e->count)
		return -EINVAL;
	while (!e->count) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (waitq_sleep(&e->q, TIME_NEVER))
			return -ERESTARTSYS;
	}
	uint64_t value = e->semaphore ? 1 : e->count;
	e->count -= value;
	waitq_wake(&e->q, 0x7fffffff, EPOLLOUT);
	return iter_write(to, &value, sizeof value) < (int64_t)sizeof value ? -EFAULT : (int64_t)sizeof value;
}

static int64_t eventfd_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct eventfd *e = f->fs;
	uint64_t value;
	(void)pos;
	if (from->left < sizeof value)
		return -EINVAL;
	if (iter_read(from, &value, sizeof value) < (int64_t)sizeof value)
		return -EFAULT;
	if (value == ~0ull)
		return -EINVAL;
	while (COUNT_MAX - e->count < value) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (waitq_sleep(&e->q, TIME_NEVER))
			return -ERESTARTSYS;
	}
	e->count += value;
	waitq_wake(&e->q, 0x7fffffff, EPOLLIN);
	return sizeof value;
}

static unsigned eventfd_poll(struct file *f, struct poller *p)
{
	struct eventfd *e = f->fs;
	poll_wait(p, &e->q);
	return (e->count ? EPOLLIN : 0) | (e->count < COUNT_MAX ? EPOLLOUT : 0);
}

static void eventfd_release(struct file *f) { heap_free(f->fs); }

static void eventfd_describe(struct file *f, struct text *t)
{
	struct eventfd *e = f->fs;
	text_append(t, "eventfd-count: %16lx\n", e->count);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.seek = file_seek_none,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.describe = eventfd_describe,
};

bool file_is_eventfd(const struct file *f) { return f->ops == &eventfd_ops; }

void eventfd_signal(struct file *f)
{
	struct eventfd *e = f->fs;
	if (e->count < COUNT_MAX)
		e->count++;
	waitq_wake(&e->q, 0x7fffffff, EPOLLIN);
}

long sys_eventfd2(unsigned initval, int flags)
{
	struct file *f;
	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	struct eventfd *e = heap_new(struct eventfd);
	if (!e)
		return -ENOMEM;
	e->count = initval;
	e->semaphore = flags & EFD_SEMAPHORE;
	waitq_init(&e->q);
	int err = file_create_anonymous("anon_inode:[eventfd]", &eventfd_ops, e,
					O_RDWR | ((uint32_t)flags & O_NONBLOCK), &f);
	if (err) {
		heap_free(e);
		return err;
	}
	return fd_install(f, (unsigned)flags & O_CLOEXEC);
}

long sys_eventfd(unsigned initval) { return sys_eventfd2(initval, 0); }
