// SPDX-License-Identifier: MIT
//
// Operations on files and names. Most are their system call's handler, given the request's file instead of a number and
// the names as they were when the request was taken.
#include <linux/fs.h>
#include <linux/stat.h>

#include "poll/poll.h"
#include "sys/syscalls.h"
#include "uring/private.h"

#define RESULT_MAX 0x7ffff000ul
#define PATH_SIZE  4096ul

// --- read and write --------------------------------------------------------------------------------------------------

static bool is_write(const struct request *r)
{
	return r->sqe.opcode == IORING_OP_WRITE || r->sqe.opcode == IORING_OP_WRITEV ||
	       r->sqe.opcode == IORING_OP_WRITE_FIXED;
}

// Of a registered buffer, to all of which the program has a right.
static int check_fixed(const struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	uint64_t end;
	if (s->buf_index >= r->ring->buffers)
		return -EFAULT;
	const struct iter_segment *b = &r->ring->buffer[s->buf_index];
	uint64_t start = (uint64_t)b->base;
	if (add_overflow(s->addr, (uint64_t)s->len, &end) || s->addr < start || end > start + b->len)
		return -EFAULT;
	return 0;
}

int uring_prepare_rw(struct request *r)
{
	struct iter it;
	const struct io_uring_sqe *s = &r->sqe;
	r->nowait = s->rw_flags & RWF_NOWAIT;
	if (s->opcode == IORING_OP_READ_FIXED || s->opcode == IORING_OP_WRITE_FIXED)
		return check_fixed(r);
	if (s->opcode != IORING_OP_READV && s->opcode != IORING_OP_WRITEV)
		return user_range_ok(s->addr, s->len) ? 0 : -EFAULT;
	int64_t n = iter_from_iovec(&it, (const void *)s->addr, s->len, r->fast, &r->heap);
	if (n < 0)
		return (int)n;
	r->seg = r->heap ? r->heap : r->fast;
	r->segs = s->len;
	r->total = (size_t)n;
	return 0;
}

int64_t uring_rw(struct request *r)
{
	struct file shadow, *f = request_nonblocking(r, &shadow);
	struct iter it;
	bool write = is_write(r), own = r->sqe.off == ~0ull;
	int64_t pos = (int64_t)r->sqe.off;
	if (r->seg)
		iter_init_segments(&it, r->seg, r->segs, r->total);
	else
		iter_init_user(&it, (void *)r->sqe.addr, MIN((size_t)r->sqe.len, RESULT_MAX));
	size_t want = it.left;
	if ((f->mode & FILE_SEEK) && !own && pos < 0)
		return -EINVAL;
	int64_t n;
	if ((f->mode & FILE_SEEK) && own) {
		mutex_lock(&f->pos_lock);
		n = file_transfer(f, &it, &f->pos, write, (int)r->sqe.rw_flags);
		mutex_unlock(&f->pos_lock);
	} else {
		n = file_transfer(f, &it, &pos, write, (int)r->sqe.rw_flags);
	}
	r->failed = n >= 0 && (size_t)n != want; // breaks a chain
	return n;
}

int64_t uring_fsync(struct request *r)
{
	if (r->sqe.fsync_flags & ~IORING_FSYNC_DATASYNC || r->sqe.addr || r->sqe.buf_index)
		return -EINVAL;
	return r->file->ops->fsync ? r->file->ops->fsync(r->file, r->sqe.fsync_flags & IORING_FSYNC_DATASYNC) : -EINVAL;
}

int64_t uring_file_call(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	struct thread *t = thread_current();
	int64_t n = -EINVAL;
	t->request_file[0] = r->file;
	switch (s->opcode) {
	case IORING_OP_SYNC_FILE_RANGE:
		n = sys_sync_file_range(FD_REQUEST, (int64_t)s->off, (int64_t)s->len, s->sync_range_flags);
		break;
	case IORING_OP_FALLOCATE:
		n = sys_fallocate(FD_REQUEST, (int)s->len, (int64_t)s->off, (int64_t)s->addr);
		break;
	case IORING_OP_FADVISE:
		n = sys_fadvise64(FD_REQUEST, (int64_t)s->off, (int64_t)s->len, (int)s->fadvise_advice);
		break;
	}
	t->request_file[0] = NULL;
	return n;
}

// --- names -----------------------------------------------------------------------------------------------------------

static int copy_names(struct request *r, const uint64_t user[2])
{
	unsigned count = user[1] ? 2 : 1;
	char *text = r->heap = heap_alloc(count * PATH_SIZE);
	if (!text)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		int64_t n = user_string(text + i * PATH_SIZE, (const char *)user[i], PATH_SIZE);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

int uring_prepare_path(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool two = s->opcode == IORING_OP_RENAMEAT || s->opcode == IORING_OP_SYMLINKAT || s->opcode == IORING_OP_LINKAT;
	if (s->flags & IOSQE_FIXED_FILE)
		return -EBADF;
	if (s->ioprio || s->buf_index || s->splice_fd_in)
		return -EINVAL;
	if (two && !s->addr2)
		return -EFAULT;
	uint64_t user[2] = {s->addr, two ? s->addr2 : 0};
	return copy_names(r, user);
}

int64_t uring_path_call(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	struct thread *t = thread_current();
	int64_t n = -EINVAL;
	t->request_name[0] = r->heap;
	t->request_name[1] = (const char *)r->heap + PATH_SIZE;
	switch (s->opcode) {
	case IORING_OP_STATX:
		n = sys_statx(s->fd, NAME_REQUEST, (int)s->statx_flags, s->len, (void *)s->addr2);
		break;
	case IORING_OP_UNLINKAT:
		n = sys_unlinkat(s->fd, NAME_REQUEST, (int)s->unlink_flags);
		break;
	case IORING_OP_MKDIRAT:
		n = sys_mkdirat(s->fd, NAME_REQUEST, s->len);
		break;
	case IORING_OP_RENAMEAT:
		n = sys_renameat2(s->fd, NAME_REQUEST, (int)s->len, NAME_REQUEST_2, s->rename_flags);
		break;
	case IORING_OP_SYMLINKAT:
		n = sys_symlinkat(NAME_REQUEST, s->fd, NAME_REQUEST_2);
		break;
	case IORING_OP_LINKAT:
		n = sys_linkat(s->fd, NAME_REQUEST, (int)s->len, NAME_REQUEST_2, (int)s->hardlink_flags);
		break;
	}
	t->request_name[0] = t->request_name[1] = NULL;
	return n;
}

// --- open and close --------------------------------------------------------------------------------------------------

int uring_prepare_open(struct request *r)
{
	const uint64_t user[2] = {r->sqe.addr, 0};
	if (r->sqe.flags & IOSQE_FIXED_FILE)
		return -EBADF;
	if (r->sqe.buf_index || r->sqe.file_index)
		return -EINVAL;
	return copy_names(r, user);
}

// Only a FIFO makes its opener wait for another.
static bool is_fifo(const struct request *r)
{
	struct path p;
	if (r->sqe.open_flags & (O_NONBLOCK | O_PATH) || path_lookup(r->sqe.fd, r->heap, LOOKUP_FOLLOW, &p))
		return false;
	struct inode *i = path_inode(&p);
	bool fifo = i && S_ISFIFO(i->mode);
	path_put(&p);
	return fifo;
}

// As Linux: the first try opens without blocking, which of a FIFO succeeds for reading and fails (ENXIO) for writing,
// unless the request had to go to a worker at once.
int64_t uring_open(struct request *r)
{
	struct thread *t = thread_current();
	unsigned flags = r->sqe.open_flags;
	bool fifo = !r->blocks && is_fifo(r);
	if (fifo && (flags & (O_CREAT | O_TRUNC) || r->sqe.flags & IOSQE_ASYNC))
		return REQUEST_BLOCKS_RESULT;
	t->request_name[0] = r->heap;
	int64_t n = sys_openat(r->sqe.fd, NAME_REQUEST, (int)(flags | (fifo ? O_NONBLOCK : 0)), r->sqe.len);
	t->request_name[0] = NULL;
	struct file *f = fifo && n >= 0 ? file_from_fd((int)n) : NULL;
	if (f) {
		f->flags &= ~(unsigned)O_NONBLOCK;
		file_put(f);
	}
	return n;
}

int64_t uring_close(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	if (s->off || s->addr || s->len || s->rw_flags || s->buf_index)
		return -EINVAL;
	if (s->flags & IOSQE_FIXED_FILE)
		return -EBADF;
	if (s->file_index) { // a registered file, numbered from 1
		struct file **slot = s->file_index - 1 < r->ring->files ? &r->ring->file[s->file_index - 1] : NULL;
		if (s->fd)
			return -EINVAL;
		if (!slot)
			return r->ring->file ? -EINVAL : -ENXIO;
		if (!*slot)
			return -EBADF;
		r->file = *slot; // goes with the request
		*slot = NULL;
		return 0;
	}
	struct file *f = file_from_fd(s->fd);
	if (!f)
		return -EBADF;
	bool ring = uring_of(f);
	file_put(f);
	return ring ? -EBADF : sys_close(s->fd);
}

int64_t uring_splice(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	struct thread *t = thread_current();
	unsigned flags = s->splice_flags & ~SPLICE_F_FD_IN_FIXED;
	int64_t in = (int64_t)s->splice_off_in, out = (int64_t)s->off, n;
	if (!r->blocks)
		return REQUEST_BLOCKS_RESULT;
	struct file *f = s->splice_flags & SPLICE_F_FD_IN_FIXED ? request_fixed(r->ring, (unsigned)s->splice_fd_in)
								: file_from_fd(s->splice_fd_in);
	if (!f)
		return -EBADF;
	t->request_file[0] = r->file;
	t->request_file[1] = f;
	n = s->opcode == IORING_OP_TEE ? sys_tee(FD_REQUEST_IN, FD_REQUEST, s->len, flags)
				       : sys_splice(FD_REQUEST_IN, in == -1 ? NULL : &in, FD_REQUEST,
						    out == -1 ? NULL : &out, s->len, flags);
	t->request_file[0] = t->request_file[1] = NULL;
	file_put(f);
	r->failed = n >= 0 && n != (int64_t)s->len;
	return n;
}
