// SPDX-License-Identifier: MIT
//
// pipe(7) and fifo(7): blocking, atomicity, wakeups, and the system calls. A write of at most PIPE_BUF
// bytes is copied from the program first and then put into the ring without sleeping, so it is
// atomic although copying may fault. Sleepers on either side are exclusive: one wakeup, one thread; it passes
// the wakeup on when it leaves something over.
#include "pipe/pipe.h"

#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "base/string.h"
#include "mm/heap.h"
#include "pipe/ring.h"
#include "poll/poll.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "sys/syscalls.h"

#define SLOTS_DEFAULT 16
#define SLOTS_MAX     256 // 1 MiB, /proc/sys/fs/pipe-max-size

struct pipe {
	unsigned readers, writers; // open files of each kind
	unsigned reader_opens, writer_opens; // how often one came: fifo(7)'s open waits for the next
	unsigned users;		   // files and FIFO inode that use it
	struct mutex lock;	   // one reader or writer copies at a time
	struct pipe_ring ring;
	struct waitq read_q, write_q;
	struct waitq open_q;
};

static const struct file_ops pipe_ops;

static struct pipe *pipe_new(void)
{
	struct pipe *p = heap_new(struct pipe);
	if (!p || ring_init(&p->ring, SLOTS_DEFAULT)) {
		heap_free(p);
		return NULL;
	}
	mutex_init(&p->lock);
	waitq_init(&p->read_q);
	waitq_init(&p->write_q);
	waitq_init(&p->open_q);
	return p;
}

static void pipe_free(struct pipe *p)
{
	ring_free(&p->ring);
	heap_free(p);
}

struct pipe *pipe_of(struct file *f) { return f->ops == &pipe_ops ? f->fs : NULL; }
size_t pipe_bytes(struct pipe *p) { return p->ring.bytes; }

// --- sleeping, one at a time ------------------------------------------------------------------------------

struct pipe_waiter {
	struct waiter w;
	bool woken;
};

static bool pipe_wake(struct waiter *w, unsigned key)
{
	struct pipe_waiter *pw = container_of(w, struct pipe_waiter, w);
	(void)key;
	if (pw->woken)
		return false;
	pw->woken = true;
	sched_wake(w->thread);
	return true;
}

// 0 when woken; -ERESTARTSYS. A wakeup that comes with a signal is handed to the next sleeper.
static int pipe_sleep(struct waitq *q)
{
	struct pipe_waiter pw = {.w = {.wake = pipe_wake, .thread = thread_current(), .exclusive = true}};
	int err = 0;
	list_init(&pw.w.link);
	waitq_add(q, &pw.w);
	while (!pw.woken && !err)
		err = sched_sleep(TIME_NEVER);
	waitq_remove(&pw.w);
	if (err && pw.woken)
		waitq_wake(q, 1, 0);
	return err ? -ERESTARTSYS : 0;
}

static void wake_readers(struct pipe *p)
{
	waitq_wake(&p->read_q, 1, EPOLLIN | EPOLLRDNORM);
}

static void wake_writers(struct pipe *p)
{
	waitq_wake(&p->write_q, 1, EPOLLOUT | EPOLLWRNORM);
}

// --- reading and writing ------------------------------------------------------------------------------------

static int64_t pipe_copy_out(struct pipe *p, struct iter *to)
{
	int64_t done = 0;
	struct pipe_buffer *b;
	while (to->left && (b = ring_readable(&p->ring))) {
		size_t len = MIN(to->left, (size_t)b->len);
		bool packet = b->packet;
		int64_t n = iter_write(to, (char *)page_virt(b->page) + b->off, len);
		if (n <= 0)
			return done ? done : n;
		ring_consume(&p->ring, packet ? b->len : (size_t)n); // what a packet's reader has no room for is lost
		done += n;
		if (packet || (size_t)n < len)
			break;
	}
	return done;
}

static int64_t pipe_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct pipe *p = f->fs;
	(void)pos;
	if (!to->left)
		return 0;
	for (bool slept = false;; slept = true) {
		mutex_lock(&p->lock);
		if (p->ring.bytes) {
			int64_t n = pipe_copy_out(p, to);
			mutex_unlock(&p->lock);
			if (ring_room(&p->ring))
				wake_writers(p);
			if (p->ring.bytes && slept)
				wake_readers(p); // the wake-up this one got is good for another: it woke only one
			return n;
		}
		mutex_unlock(&p->lock);
		if (!p->writers)
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		int err = pipe_sleep(&p->read_q);
		if (err)
			return err;
	}
}

static int64_t pipe_broken(void)
{
	signal_send_thread(thread_current(), SIGPIPE, NULL);
	return -EPIPE;
}

// Copies into the ring what fits. 0: full.
static int64_t pipe_copy_in(struct pipe *p, struct iter *from, bool packet)
{
	int64_t done = 0;
	while (from->left) {
		int err;
		struct pipe_buffer *b = ring_writable(&p->ring, packet, &err);
		if (!b)
			return done ? done : err;
		size_t start = b->off + b->len, len = MIN(from->left, PAGE_SIZE - start);
		int64_t n = iter_read(from, (char *)page_virt(b->page) + start, len);
		if (n > 0)
			ring_wrote(&p->ring, b, (size_t)n);
		if (!b->len) // nothing came: the slot must not stay
			ring_drop_last(&p->ring);
		if (n <= 0)
			return done ? done : n;
		done += n;
		if ((size_t)n < len)
			break;
	}
	return done;
}

// Small writes: into a kernel buffer first, so that a fault cannot tear them.
static int64_t pipe_stage(struct iter *from, char *buf, struct iter *staged)
{
	size_t len = from->left;
	int64_t n = iter_read(from, buf, len);
	if (n < 0)
		return n;
	iter_init_kernel(staged, buf, (size_t)n);
	return n;
}

static int64_t pipe_write_loop(struct file *f, struct iter *from, bool atomic)
{
	struct pipe *p = f->fs;
	bool packet = f->flags & O_DIRECT;
	int64_t done = 0, n;
	for (;;) {
		mutex_lock(&p->lock);
		if (!p->readers) {
			mutex_unlock(&p->lock);
			return done ? done : pipe_broken();
		}
		size_t room = packet ? (p->ring.slots - p->ring.count) * PAGE_SIZE : ring_room(&p->ring);
		// A write of at most PIPE_BUF goes in whole or waits.
		n = room && (!atomic || room >= from->left) ? pipe_copy_in(p, from, packet) : 0;
		mutex_unlock(&p->lock);
		if (n > 0) {
			done += n;
			wake_readers(p);
		}
		if (n < 0)
			return done ? done : n;
		if (!from->left) {
			if (ring_room(&p->ring))
				wake_writers(p);
			return done;
		}
		if (n > 0)
			continue;
		if (f->flags & O_NONBLOCK)
			return done ? done : -EAGAIN;
		int err = pipe_sleep(&p->write_q);
		if (err)
			return done ? done : err;
	}
}

static int64_t pipe_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct iter staged;
	(void)pos;
	if (!from->left)
		return 0;
	if (from->kernel || from->left > PIPE_BUF)
		return pipe_write_loop(f, from, from->left <= PIPE_BUF);
	char small[128], *buf = from->left <= sizeof small ? small : heap_alloc(from->left);
	if (!buf)
		return -ENOMEM;
	int64_t n = pipe_stage(from, buf, &staged);
	if (n > 0)
		n = pipe_write_loop(f, &staged, true);
	if (buf != small)
		heap_free(buf);
	return n;
}

static unsigned pipe_poll(struct file *f, struct poller *pl)
{
	struct pipe *p = f->fs;
	unsigned ready = 0;
	if (f->mode & FILE_READ) {
		poll_wait(pl, &p->read_q);
		if (p->ring.bytes)
			ready |= EPOLLIN | EPOLLRDNORM;
		if (!p->writers && p->writer_opens)
			ready |= EPOLLHUP;
	}
	if (f->mode & FILE_WRITE) {
		poll_wait(pl, &p->write_q);
		if (p->ring.count < p->ring.slots)
			ready |= EPOLLOUT | EPOLLWRNORM;
		if (!p->readers)
			ready |= EPOLLERR;
	}
	return ready;
}

static int64_t pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pipe *p = f->fs;
	int bytes = (int)p->ring.bytes;
	return cmd == FIONREAD ? user_put(bytes, (int *)arg) : -ENOTTY;
}

static int pipe_fcntl(struct file *f, int cmd, uint64_t arg)
{
	struct pipe *p = f->fs;
	if (cmd == F_GETPIPE_SZ)
		return (int)(p->ring.slots * PAGE_SIZE);
	if (cmd != F_SETPIPE_SZ)
		return -EINVAL;
	if (arg > 1u << 31)
		return -EINVAL;
	if (arg > SLOTS_MAX * PAGE_SIZE && !process_capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (arg > SLOTS_MAX * PAGE_SIZE * 64)
		return -ENOMEM;
	unsigned slots = 1;
	while (slots * PAGE_SIZE < arg)
		slots *= 2;
	mutex_lock(&p->lock);
	int err = ring_resize(&p->ring, slots);
	mutex_unlock(&p->lock);
	if (err)
		return err;
	wake_writers(p);
	return (int)(slots * PAGE_SIZE);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->fs;
	if (f->mode & FILE_READ)
		p->readers--;
	if (f->mode & FILE_WRITE)
		p->writers--;
	if (!p->readers != !p->writers) { // the other side sees end of file or EPIPE
		waitq_wake(&p->read_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
		waitq_wake(&p->write_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM | EPOLLERR);
	}
	if (!--p->users) {
		f->inode->pipe = NULL;
		pipe_free(p);
	}
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.seek = file_seek_none,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.fcntl = pipe_fcntl,
	.release = pipe_release,
};

// --- splice -----------------------------------------------------------------------------------------------------

int64_t pipe_wait_data(struct pipe *p, bool nonblock)
{
	while (!p->ring.bytes) {
		if (!p->writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		int err = pipe_sleep(&p->read_q);
		if (err)
			return err;
	}
	return (int64_t)p->ring.bytes;
}

int64_t pipe_wait_room(struct pipe *p, bool nonblock)
{
	for (;;) {
		if (!p->readers)
			return -EPIPE;
		size_t room = ring_room(&p->ring);
		if (room)
			return (int64_t)room;
		if (nonblock)
			return -EAGAIN;
		int err = pipe_sleep(&p->write_q);
		if (err)
			return err;
	}
}

size_t pipe_take(struct pipe *p, void *buf, size_t len, bool consume)
{
	size_t done = 0;
	mutex_lock(&p->lock); // another reader's copy may be asleep
	if (consume) {
		struct iter to;
		iter_init_kernel(&to, buf, len);
		int64_t n = pipe_copy_out(p, &to);
		done = n > 0 ? (size_t)n : 0;
	} else {
		for (unsigned n = 0; n < p->ring.count && done < len; n++) {
			struct pipe_buffer *b = &p->ring.buffer[(p->ring.head + n) & (p->ring.slots - 1)];
			size_t part = MIN(len - done, (size_t)b->len);
			memcpy((char *)buf + done, (char *)page_virt(b->page) + b->off, part);
			done += part;
		}
	}
	mutex_unlock(&p->lock);
	if (consume && done)
		wake_writers(p);
	return done;
}

size_t pipe_put(struct pipe *p, const void *buf, size_t len)
{
	struct iter from;
	iter_init_kernel(&from, (void *)(uintptr_t)buf, len);
	mutex_lock(&p->lock);
	int64_t n = pipe_copy_in(p, &from, false);
	mutex_unlock(&p->lock);
	if (n > 0)
		wake_readers(p);
	return n > 0 ? (size_t)n : 0;
}

void pipe_unread(struct pipe *p, const void *buf, size_t len)
{
	const char *from = buf;
	mutex_lock(&p->lock);
	while (len) { // from the end: each piece goes before the last one
		size_t part = len % PAGE_SIZE ? len % PAGE_SIZE : PAGE_SIZE;
		if (!ring_push_front(&p->ring, from + len - part, part))
			break; // writers filled the room meanwhile: these bytes are lost
		len -= part;
	}
	mutex_unlock(&p->lock);
	wake_readers(p);
}

// --- opening ----------------------------------------------------------------------------------------------------

static struct super pipe_super = {.type = "pipefs", .magic = 0x50495045};

static void pipe_attach(struct pipe *p, struct file *f)
{
	f->fs = p;
	f->ops = &pipe_ops;
	p->users++;
	if (f->mode & FILE_READ) {
		p->readers++;
		p->reader_opens++;
	}
	if (f->mode & FILE_WRITE) {
		p->writers++;
		p->writer_opens++;
	}
}

int pipe_create(unsigned flags, struct file **reader, struct file **writer)
{
	if (!pipe_super.dev)
		pipe_super.dev = super_new_dev();
	struct pipe *p = pipe_new();
	struct inode *i = p ? inode_alloc(&pipe_super, S_IFIFO | 0600) : NULL;
	if (!i)
		goto no_memory;
	i->pipe = p;
	i->fops = &pipe_ops;
	flags &= O_NONBLOCK | O_DIRECT;
	if (file_create_inode(i, O_RDONLY | (flags & O_NONBLOCK), reader))
		goto no_memory;
	pipe_attach(p, *reader);
	if (file_create_inode(i, O_WRONLY | flags, writer)) {
		file_put(*reader); // frees the pipe
		inode_put(i);
		return -ENOMEM;
	}
	pipe_attach(p, *writer);
	inode_put(i);
	return 0;
no_memory:
	if (i)
		inode_put(i);
	if (p)
		pipe_free(p);
	return -ENOMEM;
}

static int fifo_wait(struct pipe *p, unsigned *opens)
{
	unsigned seen = *opens;
	waitq_wake_all(&p->open_q);
	while (*opens == seen)
		if (waitq_sleep(&p->open_q, TIME_NEVER))
			return -ERESTARTSYS;
	return 0;
}

int fifo_open(struct inode *i, struct file *f)
{
	struct pipe *p = i->pipe;
	bool nonblock = f->flags & O_NONBLOCK;
	int err = 0;
	if (!p) {
		if (!(p = pipe_new()))
			return -ENOMEM;
		i->pipe = p;
	}
	if (f->mode == FILE_WRITE && nonblock && !p->readers) {
		if (!p->users) {
			i->pipe = NULL;
			pipe_free(p);
		}
		return -ENXIO;
	}
	pipe_attach(p, f);
	waitq_wake_all(&p->open_q);
	if (f->mode == FILE_READ && !nonblock && !p->writers)
		err = fifo_wait(p, &p->writer_opens);
	else if (f->mode == FILE_WRITE && !p->readers)
		err = fifo_wait(p, &p->reader_opens);
	else if (f->mode == FILE_READ && !p->writers)
		p->writer_opens = 0; // no writer yet is not a hang-up: poll(2) waits for the first
	if (err)
		pipe_release(f);
	return err;
}

long sys_pipe2(void *pipefd, int flags)
{
	struct file *r, *w;
	int fd[2];
	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	int err = pipe_create((unsigned)flags, &r, &w);
	if (err)
		return err;
	fd[0] = fd_install(r, (unsigned)flags);
	if (fd[0] < 0) {
		file_put(w);
		return fd[0];
	}
	fd[1] = fd_install(w, (unsigned)flags);
	if (fd[1] < 0) {
		fd_close(fd[0]);
		return fd[1];
	}
	if (user_write(pipefd, fd, sizeof fd)) {
		fd_close(fd[0]);
		fd_close(fd[1]);
		return -EFAULT;
	}
	return 0;
}

long sys_pipe(void *pipefd) { return sys_pipe2(pipefd, 0); }
