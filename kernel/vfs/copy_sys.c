// SPDX-License-Identifier: MIT
//
// Copies between files inside the kernel: sendfile, copy_file_range, splice, tee, vmsplice. All go
// through a bounce buffer of COPY_CHUNK bytes: bytes are copied, pages never change hands.
#include <linux/inotify.h>
#include <linux/uio.h>

#include "mm/page.h"
#include "pipe/pipe.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "vfs/private.h"

#define SPLICE_F_MOVE	  1u // <fcntl.h> of the C library has these; no UAPI header does
#define SPLICE_F_NONBLOCK 2u
#define SPLICE_F_MORE	  4u
#define SPLICE_F_GIFT	  8u

#define COPY_ORDER 4
#define COPY_CHUNK (PAGE_SIZE << COPY_ORDER)

struct copy {
	struct file *in, *out;
	struct page *page;
	char *buf;
	int64_t in_pos, out_pos;	// when the program keeps them
	int64_t *in_at, *out_at;	// the positions that move: those, or the files' own
	void *in_off, *out_off; // USER: where the program keeps the position, or NULL: the file's own
	bool kernel;		// of an asynchronous request: these are the kernel's
};

static int offset_get(struct copy *c, int64_t *pos, const void *off)
{
	if (off && c->kernel)
		*pos = *(const int64_t *)off;
	return off && !c->kernel && user_get(*pos, (const int64_t *)off) ? -EFAULT : 0;
}

static int copy_begin(struct copy *c, int fd_in, void *off_in, int fd_out, void *off_out)
{
	int err = 0;
	*c = (struct copy){.in_off = off_in, .out_off = off_out, .kernel = fd_in == FD_REQUEST_IN};
	if (!(c->in = file_from_fd_mode(fd_in, FILE_READ, &err)) ||
	    !(c->out = file_from_fd_mode(fd_out, FILE_WRITE, &err)))
		return err;
	c->in_at = off_in ? &c->in_pos : &c->in->pos;
	c->out_at = off_out ? &c->out_pos : &c->out->pos;
	if (off_in && !(c->in->mode & FILE_SEEK))
		return -ESPIPE;
	if (off_out && !(c->out->mode & FILE_SEEK))
		return -ESPIPE;
	if (offset_get(c, &c->in_pos, off_in) || offset_get(c, &c->out_pos, off_out))
		return -EFAULT;
	if (*c->in_at < 0 || *c->out_at < 0)
		return -EINVAL;
	c->page = page_alloc(COPY_ORDER, 0);
	if (!c->page)
		return -ENOMEM;
	c->buf = page_virt(c->page);
	return 0;
}

static long copy_end(struct copy *c, long result)
{
	if (result > 0) {
		if (c->in_off && !c->kernel)
			result = user_put(c->in_pos, (int64_t *)c->in_off) ? -EFAULT : result;
		if (c->out_off && !c->kernel)
			result = user_put(c->out_pos, (int64_t *)c->out_off) ? -EFAULT : result;
		notify_file(c->in, IN_ACCESS);
		notify_file(c->out, IN_MODIFY);
	}
	if (c->page)
		page_put(c->page);
	if (c->in)
		file_put(c->in);
	if (c->out)
		file_put(c->out);
	return result;
}

static int64_t copy_read(struct copy *c, size_t len)
{
	struct iter it;
	if (!c->in->ops->read)
		return S_ISDIR(c->in->inode->mode) ? -EISDIR : -EINVAL;
	iter_init_kernel(&it, c->buf, len);
	return c->in->ops->read(c->in, &it, c->in_at);
}

static int64_t copy_write(struct copy *c, size_t len)
{
	struct iter it;
	if (!c->out->ops->write)
		return -EINVAL;
	int err = inode_drop_privileges(c->out->inode);
	if (err)
		return err;
	iter_init_kernel(&it, c->buf, len);
	return c->out->ops->write(c->out, &it, c->out_at);
}

// Reads and writes until `len` bytes, the end, an error, or one side has no more just now.
static long copy_loop(struct copy *c, size_t len)
{
	long done = 0;
	while (len) {
		int64_t start = *c->in_at, n = copy_read(c, MIN(len, COPY_CHUNK));
		if (n <= 0)
			return done ? done : n;
		int64_t w = copy_write(c, (size_t)n);
		if (w < n) {
			*c->in_at = start + MAX(w, 0);
			return w < 0 ? (done ? done : w) : done + w;
		}
		done += n;
		len -= (size_t)n;
		if (signal_pending(thread_current()))
			return done;
		sched_poll();
	}
	return done;
}

long sys_sendfile(int out_fd, int in_fd, void *offset, size_t count)
{
	struct copy c;
	int64_t at;
	if (offset && user_get(at, (int64_t *)offset))
		return -EFAULT; // before the files are looked at, as Linux
	long n = copy_begin(&c, in_fd, offset, out_fd, NULL);
	if (!n && !(c.in->mode & FILE_SEEK))
		n = -EINVAL;
	else if (!n && (c.out->flags & O_APPEND) && (c.out->mode & FILE_SEEK))
		n = -EINVAL;
	else if (!n)
		n = copy_loop(&c, MIN(count, RW_COUNT_MAX));
	return copy_end(&c, n);
}

long sys_copy_file_range(int fd_in, void *off_in, int fd_out, void *off_out, size_t len, unsigned flags)
{
	struct copy c;
	long n = copy_begin(&c, fd_in, off_in, fd_out, off_out);
	if (!n && flags)
		n = -EINVAL;
	if (n)
		return copy_end(&c, n == -ESPIPE ? -EINVAL : n);
	struct inode *in = c.in->inode, *out = c.out->inode;
	len = MIN(len, RW_COUNT_MAX);
	if (S_ISDIR(in->mode) || S_ISDIR(out->mode))
		n = -EISDIR;
	else if (!S_ISREG(in->mode) || !S_ISREG(out->mode))
		n = -EINVAL;
	else if (c.out->flags & O_APPEND)
		n = -EBADF;
	else if (in == out && *c.in_at < *c.out_at + (int64_t)len && *c.out_at < *c.in_at + (int64_t)len)
		n = -EINVAL;
	else
		n = copy_loop(&c, len);
	return copy_end(&c, n);
}

// From a pipe: what was taken and could not be written goes back to its front.
static long splice_from_pipe(struct copy *c, struct pipe *p, size_t len, bool nonblock)
{
	int64_t n = pipe_wait_data(p, nonblock);
	if (n <= 0)
		return n;
	size_t got = pipe_take(p, c->buf, MIN(len, COPY_CHUNK), true), done = 0;
	while (done < got) {
		struct iter it;
		iter_init_kernel(&it, c->buf + done, got - done);
		int64_t w = c->out->ops->write ? inode_drop_privileges(c->out->inode) : -EINVAL;
		if (!w)
			w = c->out->ops->write(c->out, &it, c->out_at);
		if (w <= 0) {
			pipe_unread(p, c->buf + done, got - done);
			return done ? (long)done : w;
		}
		done += (size_t)w;
	}
	return (long)done;
}

static long splice_to_pipe(struct copy *c, struct pipe *p, size_t len, bool nonblock)
{
	int64_t room = pipe_wait_room(p, nonblock);
	if (room == -EPIPE)
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	if (room <= 0)
		return room;
	len = MIN(len, COPY_CHUNK);
	int64_t start = *c->in_at, n = copy_read(c, MIN(len, (size_t)room));
	if (n <= 0)
		return n;
	size_t put = pipe_put(p, c->buf, (size_t)n); // reading may have slept: room may have gone
	if (put < (size_t)n && (c->in->mode & FILE_SEEK))
		*c->in_at = start + (int64_t)put;
	while (put < (size_t)n && !(c->in->mode & FILE_SEEK)) { // a stream cannot take them back
		room = pipe_wait_room(p, false);
		if (room < 0)
			break;
		put += pipe_put(p, c->buf + put, (size_t)n - put);
	}
	return put ? (long)put : -EAGAIN;
}

static long splice_pipes(struct copy *c, struct pipe *from, struct pipe *to, size_t len, bool nonblock, bool consume)
{
	for (;;) {
		int64_t n = pipe_wait_data(from, nonblock);
		if (n <= 0)
			return n;
		int64_t room = pipe_wait_room(to, nonblock);
		if (room == -EPIPE)
			signal_send_thread(thread_current(), SIGPIPE, NULL);
		if (room <= 0)
			return room;
		len = MIN(len, COPY_CHUNK);
		len = MIN(len, (size_t)room);
		n = (int64_t)MIN(len, pipe_bytes(from));
		if (!n)
			continue; // somebody else took it meanwhile
		size_t got = pipe_take(from, c->buf, (size_t)n, false), put = pipe_put(to, c->buf, got);
		if (consume)
			pipe_take(from, c->buf, put, true);
		return (long)put;
	}
}

long sys_splice(int fd_in, void *off_in, int fd_out, void *off_out, size_t len, unsigned flags)
{
	struct copy c;
	if (flags & ~(unsigned)(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT))
		return -EINVAL;
	if (!len)
		return 0;
	long n = copy_begin(&c, fd_in, off_in, fd_out, off_out);
	if (n)
		return copy_end(&c, n);
	struct pipe *from = pipe_of(c.in), *to = pipe_of(c.out);
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	if ((!from && !to) || from == to)
		n = -EINVAL;
	else if (from && to)
		n = splice_pipes(&c, from, to, len, nonblock || ((c.in->flags | c.out->flags) & O_NONBLOCK), true);
	else if (from)
		n = c.out->flags & O_APPEND && c.out->mode & FILE_SEEK
			    ? -EINVAL
			    : splice_from_pipe(&c, from, len, nonblock || c.in->flags & O_NONBLOCK);
	else
		n = splice_to_pipe(&c, to, len, nonblock || c.out->flags & O_NONBLOCK);
	return copy_end(&c, n);
}

long sys_tee(int fd_in, int fd_out, size_t len, unsigned flags)
{
	struct copy c;
	if (flags & ~(unsigned)(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT))
		return -EINVAL;
	if (!len)
		return 0;
	long n = copy_begin(&c, fd_in, NULL, fd_out, NULL);
	if (n)
		return copy_end(&c, n);
	struct pipe *from = pipe_of(c.in), *to = pipe_of(c.out);
	n = from && to && from != to ? splice_pipes(&c, from, to, len, flags & SPLICE_F_NONBLOCK, false) : -EINVAL;
	return copy_end(&c, n);
}

long sys_vmsplice(int fd, const void *iov, size_t nr_segs, unsigned flags)
{
	struct iovec v;
	long done = 0;
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	bool is_pipe = pipe_of(f) != NULL, write = f->mode & FILE_WRITE;
	uint32_t saved = f->flags;
	if (!is_pipe || nr_segs > 1024) {
		file_put(f);
		return is_pipe ? -EINVAL : -EBADF;
	}
	if (flags & SPLICE_F_NONBLOCK)
		f->flags |= O_NONBLOCK;
	for (size_t i = 0; i < nr_segs; i++) {
		struct iter it;
		int64_t n = -EFAULT, pos = 0;
		if (user_get(v, (const struct iovec *)iov + i) || !user_range_ok((uint64_t)v.iov_base, v.iov_len))
			goto stop;
		iter_init_user(&it, v.iov_base, v.iov_len);
		n = write ? f->ops->write(f, &it, &pos) : f->ops->read(f, &it, &pos);
	stop:
		if (n < 0) {
			done = done ? done : n;
			break;
		}
		done += n;
		if ((size_t)n < v.iov_len)
			break;
	}
	if (flags & SPLICE_F_NONBLOCK)
		f->flags = (f->flags & ~(uint32_t)O_NONBLOCK) | (saved & O_NONBLOCK);
	file_put(f);
	return done;
}
