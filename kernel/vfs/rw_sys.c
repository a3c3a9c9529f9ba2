// SPDX-License-Identifier: MIT
//
// read(2), write(2) and their kin. The common path is: number, file, operation.
#include <linux/fs.h>
#include <linux/inotify.h>
#include <linux/resource.h>
#include <linux/uio.h>

#include "signal/signal.h"
#include "sys/syscalls.h"
#include "vfs/private.h"

#define IOV_MAX	 1024

// Writing past RLIMIT_FSIZE: how much may be written, or -EFBIG with SIGXFSZ.
static int64_t write_limit(struct file *f, int64_t pos, size_t len)
{
	uint64_t limit = process_limit(RLIMIT_FSIZE);
	if (likely(limit == RLIM_INFINITY) || !S_ISREG(f->inode->mode))
		return (int64_t)len;
	if (f->flags & O_APPEND)
		pos = (int64_t)f->inode->size;
	if ((uint64_t)pos < limit)
		return (int64_t)MIN(len, limit - (uint64_t)pos);
	if (!len)
		return 0;
	signal_send_thread(thread_current(), SIGXFSZ, NULL);
	return -EFBIG;
}

// A single buffer is looked at after the file (vfs_read of Linux), and at its full length: what does not fit into the
// program's part is refused, not cut. An iovec was looked at as it came in.
static int admit(struct iter *it)
{
	if (it->seg != &it->one)
		return 0;
	if (unlikely(!user_range_ok((uint64_t)it->one.base, it->left)))
		return -EFAULT;
	it->left = it->one.len = MIN(it->left, RW_COUNT_MAX);
	return 0;
}

static int64_t do_read(struct file *f, struct iter *it, int64_t *pos)
{
	if (unlikely(!f->ops->read && !S_ISDIR(f->inode->mode)))
		return -EINVAL;
	if (unlikely(admit(it)))
		return -EFAULT;
	if (unlikely(!f->ops->read))
		return -EISDIR;
	int64_t n = f->ops->read(f, it, pos);
	if (n > 0)
		notify_file(f, IN_ACCESS);
	return n;
}

static int64_t do_write(struct file *f, struct iter *it, int64_t *pos)
{
	if (unlikely(!f->ops->write))
		return -EINVAL;
	if (unlikely(admit(it)))
		return -EFAULT;
	int64_t n = write_limit(f, *pos, it->left);
	if (unlikely(n < 0))
		return n;
	it->left = (size_t)n;
	if (unlikely(f->inode->mode & (S_ISUID | S_ISGID)) && n && (n = inode_drop_privileges(f->inode)) < 0)
		return n;
	n = f->ops->write(f, it, pos);
	if (n > 0) {
		if (unlikely(f->flags & O_DSYNC) && f->ops->fsync) {
			int err = f->ops->fsync(f, (f->flags & O_SYNC) != O_SYNC);
			if (err)
				n = err;
		}
		notify_file(f, IN_MODIFY);
	}
	return n;
}

static long file_rw(int fd, struct iter *it, unsigned mode)
{
	struct file *f = file_from_fd(fd);
	int64_t n = -EBADF;
	if (unlikely(!f))
		return -EBADF;
	if (unlikely(!(f->mode & mode)))
		goto out;
	if (f->mode & FILE_SEEK) {
		mutex_lock(&f->pos_lock);
		n = mode == FILE_READ ? do_read(f, it, &f->pos) : do_write(f, it, &f->pos);
		mutex_unlock(&f->pos_lock);
	} else {
		n = mode == FILE_READ ? do_read(f, it, &f->pos) : do_write(f, it, &f->pos);
	}
out:
	file_put(f);
	return n;
}

long sys_read(int fd, void *buf, size_t count)
{
	struct iter it;
	iter_init_user(&it, buf, count);
	return file_rw(fd, &it, FILE_READ);
}

long sys_write(int fd, const void *buf, size_t count)
{
	struct iter it;
	iter_init_user(&it, (void *)(uintptr_t)buf, count);
	return file_rw(fd, &it, FILE_WRITE);
}

// An iovec of the program as an iter: segments in `fast` or on the heap (*heap, to be freed).
int64_t iter_from_iovec(struct iter *it, const void *iov, unsigned count, struct iter_segment *fast, void **heap)
{
	struct iter_segment *seg = fast;
	size_t total = 0;

	_Static_assert(sizeof(struct iovec) == sizeof(struct iter_segment), "iovec is copied as it is");
	*heap = NULL;
	if (count > IOV_MAX)
		return -EINVAL;
	if (count > IOV_FAST && !(seg = *heap = heap_alloc(count * sizeof *seg)))
		return -ENOMEM;
	if (user_read(seg, iov, count * sizeof *seg))
		return -EFAULT;
	for (unsigned i = 0; i < count; i++) {
		if ((int64_t)seg[i].len < 0)
			return -EINVAL;
		if (!user_range_ok((uint64_t)seg[i].base, seg[i].len))
			return -EFAULT;
		seg[i].len = MIN(seg[i].len, RW_COUNT_MAX - total);
		total += seg[i].len;
	}
	iter_init_segments(it, seg, count, total);
	return (int64_t)total;
}

static bool fd_is_open(int fd)
{
	int err;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (f)
		file_put(f);
	return f;
}

static long file_rwv(int fd, const void *iov, int count, unsigned mode)
{
	struct iter_segment fast[IOV_FAST];
	struct iter it;
	void *heap;
	long n = iter_from_iovec(&it, iov, (unsigned)count, fast, &heap);
	n = n >= 0 ? file_rw(fd, &it, mode) : fd_is_open(fd) ? n : -EBADF;
	heap_free(heap);
	return n;
}

long sys_readv(int fd, const void *iov, int count) { return file_rwv(fd, iov, count, FILE_READ); }
long sys_writev(int fd, const void *iov, int count) { return file_rwv(fd, iov, count, FILE_WRITE); }

#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

int64_t file_transfer(struct file *f, struct iter *it, int64_t *pos, bool write, int rwf)
{
	if (!(f->mode & (write ? FILE_WRITE : FILE_READ)))
		return -EBADF;
	if (rwf & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	if (!write)
		return do_read(f, it, pos);
	uint32_t flags = f->flags;
	f->flags |= rwf & RWF_APPEND ? O_APPEND : 0;
	int64_t n = do_write(f, it, pos);
	if (rwf & RWF_APPEND)
		f->flags = (f->flags & ~(uint32_t)O_APPEND) | (flags & O_APPEND);
	if (n > 0 && (rwf & (RWF_DSYNC | RWF_SYNC)) && f->ops->fsync) {
		int err = f->ops->fsync(f, !(rwf & RWF_SYNC));
		if (err)
			n = err;
	}
	return n;
}

// pread and pwrite: the file's own position stays.
static long file_rw_at(int fd, struct iter *it, int64_t pos, unsigned mode, unsigned append)
{
	int err;
	if (pos < 0)
		return -EINVAL;
	struct file *f = file_from_fd_mode(fd, mode, &err);
	if (!f)
		return err;
	int64_t n = -ESPIPE;
	if (!(f->mode & FILE_SEEK) && (!f->ops->seek || f->ops->seek == file_seek_none) && !S_ISCHR(f->inode->mode))
		goto out;
	if (S_ISCHR(f->inode->mode) && f->ops->seek == file_seek_none)
		goto out;
	uint32_t flags = f->flags;
	f->flags |= append;
	n = mode == FILE_READ ? do_read(f, it, &pos) : do_write(f, it, &pos);
	if (append)
		f->flags = (f->flags & ~(uint32_t)O_APPEND) | (flags & O_APPEND);
out:
	file_put(f);
	return n;
}

long sys_pread64(int fd, void *buf, size_t count, int64_t offset)
{
	struct iter it;
	iter_init_user(&it, buf, count);
	return file_rw_at(fd, &it, offset, FILE_READ, 0);
}

long sys_pwrite64(int fd, const void *buf, size_t count, int64_t offset)
{
	struct iter it;
	iter_init_user(&it, (void *)(uintptr_t)buf, count);
	return file_rw_at(fd, &it, offset, FILE_WRITE, 0);
}

static long file_rwv_at(int fd, const void *iov, int count, int64_t pos, int flags, unsigned mode)
{
	struct iter_segment fast[IOV_FAST];
	struct iter it;
	void *heap;
	if (pos < 0)
		return -EINVAL;
	long n = iter_from_iovec(&it, iov, (unsigned)count, fast, &heap);
	if (n < 0 || (flags & ~RWF_KNOWN))
		n = !fd_is_open(fd) ? -EBADF : n < 0 ? n : -EOPNOTSUPP;
	else
		n = file_rw_at(fd, &it, pos, mode, mode == FILE_WRITE && (flags & RWF_APPEND) ? O_APPEND : 0);
	heap_free(heap);
	if (n > 0 && mode == FILE_WRITE && (flags & (RWF_DSYNC | RWF_SYNC))) {
		long err = flags & RWF_SYNC ? sys_fsync(fd) : sys_fdatasync(fd);
		if (err)
			n = err;
	}
	return n;
}

// Offset -1: the file's position, as readv.
static long file_rwv2(int fd, const void *iov, int count, uint64_t pos, int flags, unsigned mode)
{
	if (pos != ~0ull)
		return file_rwv_at(fd, iov, count, (int64_t)pos, flags, mode);
	if (flags & ~RWF_KNOWN)
		return fd_is_open(fd) ? -EOPNOTSUPP : -EBADF;
	long n = file_rwv(fd, iov, count, mode);
	if (n > 0 && mode == FILE_WRITE && (flags & (RWF_DSYNC | RWF_SYNC))) {
		long err = flags & RWF_SYNC ? sys_fsync(fd) : sys_fdatasync(fd);
		if (err)
			n = err;
	}
	return n;
}

// On a 64-bit machine the low word holds the whole offset.
long sys_preadv(int fd, const void *iov, int iovcnt, uint64_t pos_l, uint64_t pos_h)
{
	(void)pos_h;
	return file_rwv_at(fd, iov, iovcnt, (int64_t)pos_l, 0, FILE_READ);
}

long sys_pwritev(int fd, const void *iov, int iovcnt, uint64_t pos_l, uint64_t pos_h)
{
	(void)pos_h;
	return file_rwv_at(fd, iov, iovcnt, (int64_t)pos_l, 0, FILE_WRITE);
}

long sys_preadv2(int fd, const void *iov, int iovcnt, uint64_t pos_l, uint64_t pos_h, int flags)
{
	(void)pos_h;
	return file_rwv2(fd, iov, iovcnt, pos_l, flags, FILE_READ);
}

long sys_pwritev2(int fd, const void *iov, int iovcnt, uint64_t pos_l, uint64_t pos_h, int flags)
{
	(void)pos_h;
	return file_rwv2(fd, iov, iovcnt, pos_l, flags, FILE_WRITE);
}

int file_offset(struct file *f, int64_t off, int whence, int64_t *out)
{
	int64_t base = 0;
	int err = whence == SEEK_END ? inode_getattr(f->inode) : 0;
	if (err)
		return err;
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = (int64_t)f->inode->size;
		break;
	default:
		return -EINVAL;
	}
	if (add_overflow(base, off, out))
		return -EOVERFLOW;
	return *out < 0 ? -EINVAL : 0;
}

// What a file without an own seek does: a size, no holes.
static int64_t seek_regular(struct file *f, int64_t off, int whence)
{
	int err;
	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if ((err = inode_getattr(f->inode)))
			return err;
		int64_t size = (int64_t)f->inode->size;
		if (off < 0 || off >= size)
			return -ENXIO;
		if (whence == SEEK_HOLE)
			off = size;
		whence = SEEK_SET;
	}
	err = file_offset(f, off, whence, &off);
	return err ? err : (f->pos = off);
}

long sys_lseek(int fd, int64_t offset, int whence)
{
	int err;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	int64_t n;
	if ((unsigned)whence > SEEK_MAX) {
		n = -EINVAL;
	} else {
		mutex_lock(&f->pos_lock);
		n = f->ops->seek ? f->ops->seek(f, offset, whence)
		    : f->mode & FILE_SEEK ? seek_regular(f, offset, whence) : -ESPIPE;
		mutex_unlock(&f->pos_lock);
	}
	file_put(f);
	return n;
}
