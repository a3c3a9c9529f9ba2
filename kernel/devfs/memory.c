// SPDX-License-Identifier: MIT
//
// The devices of major 1: null, zero, full, random, urandom. null(4), full(4), random(4).
#include "devfs/memory.h"

#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/random.h>

#include "devfs/random.h"
#include "sched/sched.h"
#include "signal/signal.h"

static int64_t null_read(struct file *f, struct iter *to, int64_t *pos)
{
	(void)f, (void)to, (void)pos;
	return 0;
}

static int64_t null_write(struct file *f, struct iter *from, int64_t *pos)
{
	size_t n = from->left;
	(void)f;
	iter_advance(from, n);
	*pos += (int64_t)n;
	return (int64_t)n;
}

static int64_t null_seek(struct file *f, int64_t off, int whence)
{
	(void)off, (void)whence;
	return f->pos = 0;
}

static int64_t zero_read(struct file *f, struct iter *to, int64_t *pos)
{
	int64_t done = 0;
	(void)f, (void)pos;
	while (to->left) { // in pieces: a large read must stay interruptible
		size_t len = MIN(to->left, HUGE_SIZE);
		int64_t n = iter_zero(to, len);
		if (n <= 0)
			return done ? done : n;
		done += n;
		if ((size_t)n < len || signal_pending(thread_current()))
			break;
		sched_poll();
	}
	return done;
}

static int64_t full_write(struct file *f, struct iter *from, int64_t *pos)
{
	(void)f, (void)from, (void)pos;
	return -ENOSPC;
}

static int64_t random_read(struct file *f, struct iter *to, int64_t *pos)
{
	uint8_t chunk[512];
	int64_t done = 0;
	(void)f, (void)pos;
	while (to->left) {
		size_t len = MIN(to->left, sizeof chunk);
		random_bytes(chunk, len);
		int64_t n = iter_write(to, chunk, len);
		if (n <= 0)
			return done ? done : n;
		done += n;
		if ((size_t)n < len || (done % 65536 == 0 && signal_pending(thread_current())))
			break;
		if (done % 65536 == 0)
			sched_poll();
	}
	return done;
}

static int64_t random_write(struct file *f, struct iter *from, int64_t *pos)
{
	uint8_t chunk[256];
	int64_t done = 0;
	(void)f, (void)pos;
	while (from->left) {
		int64_t n = iter_read(from, chunk, MIN(from->left, sizeof chunk));
		if (n <= 0)
			return done ? done : n;
		random_mix(chunk, (size_t)n);
		done += n;
	}
	return done;
}

static int64_t random_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	int bits = 256;
	(void)f;
	return cmd == RNDGETENTCNT ? user_put(bits, (int *)arg) : -ENOTTY;
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write, .seek = null_seek};
static const struct file_ops zero_ops = {.read = zero_read, .write = null_write, .seek = null_seek};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .seek = null_seek};
static const struct file_ops random_ops = {
	.read = random_read, .write = random_write, .ioctl = random_ioctl, .seek = null_seek};

int memory_device_open(struct inode *i, struct file *f)
{
	switch (i->rdev & 0xff) {
	case 3:
		f->ops = &null_ops;
		return 0;
	case 5:
		f->ops = &zero_ops;
		return 0;
	case 7:
		f->ops = &full_ops;
		return 0;
	case 8:
	case 9:
		f->ops = &random_ops;
		return 0;
	}
	return -ENXIO;
}
