// SPDX-License-Identifier: MIT
//
// Descriptors: opening and closing, duplicating, fcntl, ioctl.
#include <asm/ioctls.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/resource.h>

#include "sys/syscalls.h"
#include "vfs/private.h"

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static long open_install(int dirfd, const char *path, int flags, unsigned mode, uint64_t resolve)
{
	struct name n;
	struct file *f;
	long err = name_get(&n, path);
	if (err)
		return err;
	err = vfs_open_how(dirfd, n.text, flags, mode, resolve, &f);
	name_put(&n);
	return err ? err : fd_install(f, (unsigned)flags);
}

long sys_openat(int dirfd, const char *path, int flags, unsigned mode)
{
	return open_install(dirfd, path, flags, mode, 0);
}
long sys_open(const char *path, int flags, unsigned mode) { return open_install(AT_FDCWD, path, flags, mode, 0); }

long sys_creat(const char *path, unsigned mode)
{
	return open_install(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, 0);
}

long sys_openat2(int dirfd, const char *path, const void *uhow, size_t size)
{
	struct open_how how;
	uint64_t tail;
	if (size < sizeof how)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (user_get(how, (const struct open_how *)uhow))
		return -EFAULT;
	for (size_t at = sizeof how; at < size; at += sizeof tail) { // what we do not know must be zero
		tail = 0;
		if (user_read(&tail, (const char *)uhow + at, MIN(sizeof tail, size - at)))
			return -EFAULT;
		if (tail)
			return -E2BIG;
	}
	if (how.resolve & ~(uint64_t)(RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return -EINVAL;
	if ((how.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return -EINVAL;
	if (how.flags >> 31 || (how.mode & ~07777ull) || (how.mode && !(how.flags & (O_CREAT | __O_TMPFILE))))
		return -EINVAL;
	return open_install(dirfd, path, (int)how.flags, (unsigned)how.mode, how.resolve);
}

long sys_close(int fd) { return fd_close(fd); }

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	if ((flags & ~(unsigned)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		long err = vfs_unshare(false, true);
		if (err)
			return err;
	}
	unsigned count = (unsigned)files_max(files_current());
	if (!count)
		return 0;
	unsigned end = MIN(last, count - 1);
	for (unsigned fd = first; fd <= end; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			fd_set_cloexec((int)fd, true);
		else
			fd_close((int)fd);
	}
	return 0;
}

long sys_dup(int fd)
{
	struct file *f = file_from_fd(fd);
	return f ? fd_install(f, 0) : -EBADF;
}

long sys_dup3(int oldfd, int newfd, int flags)
{
	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	struct file *f = file_from_fd(oldfd);
	return f ? fd_dup_to(f, newfd, (unsigned)flags) : -EBADF;
}

long sys_dup2(int oldfd, int newfd)
{
	if (oldfd != newfd)
		return sys_dup3(oldfd, newfd, 0);
	struct file *f = file_from_fd(oldfd);
	if (!f)
		return -EBADF;
	file_put(f);
	return newfd;
}

static long file_set_flags(struct file *f, unsigned arg)
{
	if (f->ops->fcntl) { // a driver that minds hears of it; most answer -EINVAL
		int err = f->ops->fcntl(f, F_SETFL, arg);
		if (err && err != -EINVAL)
			return err;
	}
	f->flags = (f->flags & ~(uint32_t)SETFL_MASK) | (arg & SETFL_MASK);
	return 0;
}

static long file_owner_ex(struct file *f, int cmd, uint64_t arg)
{
	struct f_owner_ex ex;
	if (cmd == F_GETOWN_EX) {
		ex.type = f->owner_pid < 0 ? F_OWNER_PGRP : f->owner_pid ? F_OWNER_PID : F_OWNER_TID;
		ex.pid = f->owner_pid < 0 ? -f->owner_pid : f->owner_pid;
		return user_put(ex, (struct f_owner_ex *)arg);
	}
	if (user_get(ex, (struct f_owner_ex *)arg))
		return -EFAULT;
	if (ex.type < F_OWNER_TID || ex.type > F_OWNER_PGRP)
		return -EINVAL;
	f->owner_pid = ex.type == F_OWNER_PGRP ? -ex.pid : ex.pid;
	return 0;
}

static long file_fcntl(struct file *f, int cmd, uint64_t arg)
{
	switch (cmd) {
	case F_GETFL:
		return f->flags;
	case F_SETFL:
		return file_set_flags(f, (unsigned)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		return file_lock_fcntl(f, cmd, arg, false);
	case F_OFD_GETLK:
		return file_lock_fcntl(f, F_GETLK, arg, true);
	case F_OFD_SETLK:
		return file_lock_fcntl(f, F_SETLK, arg, true);
	case F_OFD_SETLKW:
		return file_lock_fcntl(f, F_SETLKW, arg, true);
	case F_GETOWN:
		return f->owner_pid;
	case F_SETOWN:
		f->owner_pid = (int)arg;
		return 0;
	case F_GETOWN_EX:
	case F_SETOWN_EX:
		return file_owner_ex(f, cmd, arg);
	case F_GETOWNER_UIDS: {
		uint32_t uids[2] = {process_current()->cred.uid, process_current()->cred.euid};
		return user_write((void *)arg, uids, sizeof uids);
	}
	case F_GETSIG:
		return f->owner_sig;
	case F_SETSIG:
		if (arg > SIGNAL_COUNT)
			return -EINVAL;
		f->owner_sig = (int)arg;
		return 0;
	case F_GETLEASE:
		return F_UNLCK;
	case F_NOTIFY: // without events it would end what nothing began
		return !arg ? 0 : S_ISDIR(f->inode->mode) ? -EINVAL : -ENOTDIR;
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		if (!S_ISFIFO(f->inode->mode))
			return -EBADF;
		break;
	case F_GET_RW_HINT: {
		uint64_t hint = 0;
		return user_put(hint, (uint64_t *)arg);
	}
	case F_SET_RW_HINT:
		return 0;
	}
	return f->ops->fcntl ? f->ops->fcntl(f, cmd, arg) : -EINVAL;
}

long sys_fcntl(int fd, int cmd, uint64_t arg)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	long n = -EBADF;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= process_limit(RLIMIT_NOFILE)) {
			n = -EINVAL;
			break;
		}
		return fd_install_from(f, cmd == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0, (int)arg);
	case F_GETFD:
		n = fd_cloexec(fd) ? FD_CLOEXEC : 0;
		break;
	case F_SETFD:
		fd_set_cloexec(fd, arg & FD_CLOEXEC);
		n = 0;
		break;
	default:
		if (!(f->mode & FILE_PATH) || cmd == F_GETFL)
			n = file_fcntl(f, cmd, arg);
	}
	file_put(f);
	return n;
}

static long ioctl_flag(struct file *f, uint64_t arg, uint32_t bit)
{
	int on;
	if (user_get(on, (int *)arg))
		return -EFAULT;
	return file_set_flags(f, on ? f->flags | bit : f->flags & ~bit);
}

static long file_ioctl(struct file *f, int fd, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		fd_set_cloexec(fd, cmd == FIOCLEX);
		return 0;
	case FIONBIO:
		return ioctl_flag(f, arg, O_NONBLOCK);
	case FIOASYNC: {
		int on;
		if (user_get(on, (int *)arg))
			return -EFAULT;
		if (on && !f->ops->poll)
			return -ENOTTY;
		return 0; // no SIGIO is sent: recorded nowhere
	}
	case FIGETBSZ: {
		int size = 4096;
		return user_put(size, (int *)arg);
	}
	case FIONREAD:
		if (S_ISREG(f->inode->mode)) {
			int err = inode_getattr(f->inode);
			int left = (int)MIN((int64_t)f->inode->size - f->pos, (int64_t)0x7fffffff);
			return err ? err : user_put(left, (int *)arg);
		}
		break;
	case FIOQSIZE:
		if (S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode)) {
			int64_t size = (int64_t)f->inode->size;
			return user_put(size, (int64_t *)arg);
		}
		return -ENOTTY;
	case FICLONE:
	case FICLONERANGE:
		return -EOPNOTSUPP;
	}
	return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
}

long sys_ioctl(int fd, unsigned cmd, uint64_t arg)
{
	int err;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	long n = file_ioctl(f, fd, cmd, arg);
	file_put(f);
	return n;
}
