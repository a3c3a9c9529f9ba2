// SPDX-License-Identifier: MIT
//
// Changing what an inode says about itself: mode, owner, times, size, room; writing back.
#include <linux/capability.h>
#include <linux/inotify.h>
#include <linux/resource.h>
#include <linux/time_types.h>

#include "signal/signal.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "vfs/private.h"

#define UTIME_NOW_NS  0x3fffffffl // <linux/stat.h> has no UTIME_NOW
#define UTIME_OMIT_NS 0x3ffffffel

static int attr_change(struct inode *i, struct iattr *a)
{
	if (i->super->readonly)
		return -EROFS;
	int err = inode_setattr(i, a);
	if (!err && unlikely(notify_watches))
		notify_inode(i, IN_ATTRIB);
	return err;
}

static int inode_chmod(struct inode *i, uint32_t mode)
{
	struct iattr a = {.valid = ATTR_MODE, .mode = mode & 07777};
	if (S_ISLNK(i->mode))
		return -EOPNOTSUPP;
	if (!inode_is_owner(i))
		return -EPERM;
	struct process *p = vfs_process();
	if (!S_ISDIR(i->mode) && (a.mode & S_ISGID) && i->gid != p->cred.fsgid && !process_capable(CAP_FSETID)) {
		bool member = false;
		for (uint32_t n = 0; n < p->cred.group_count; n++)
			member |= p->cred.groups[n] == i->gid;
		if (!member)
			a.mode &= ~(uint32_t)S_ISGID;
	}
	return attr_change(i, &a);
}

long sys_fchmodat(int dirfd, const char *path, unsigned mode)
{
	struct path p;
	long err = path_lookup_user(dirfd, path, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	err = inode_chmod(path_inode(&p), mode);
	path_put(&p);
	return err;
}

long sys_chmod(const char *path, unsigned mode) { return sys_fchmodat(AT_FDCWD, path, mode); }

long sys_fchmod(int fd, unsigned mode)
{
	int err;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	err = inode_chmod(f->inode, mode);
	file_put(f);
	return err;
}

static int inode_chown(struct inode *i, uint32_t uid, uint32_t gid)
{
	struct process *p = vfs_process();
	struct iattr a = {.uid = uid, .gid = gid};
	if (uid != ~0u)
		a.valid |= ATTR_UID;
	if (gid != ~0u)
		a.valid |= ATTR_GID;
	if (!process_capable(CAP_CHOWN)) {
		bool member = gid == ~0u || gid == i->gid || gid == p->cred.fsgid;
		for (uint32_t n = 0; n < p->cred.group_count; n++)
			member |= p->cred.groups[n] == gid;
		if (p->cred.fsuid != i->uid || !member || (uid != ~0u && uid != i->uid))
			return -EPERM;
	}
	if (!S_ISDIR(i->mode) && (i->mode & (S_ISUID | S_ISGID))) {
		a.valid |= ATTR_MODE;
		a.mode = i->mode & 07777 & ~(uint32_t)S_ISUID;
		if (i->mode & 0010)
			a.mode &= ~(uint32_t)S_ISGID;
	}
	return attr_change(i, &a);
}

long sys_fchownat(int dirfd, const char *path, unsigned owner, unsigned group, int flags)
{
	struct path p;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	long err = path_lookup_user(
		dirfd, path,
		(flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &p);
	if (err)
		return err;
	err = inode_chown(path_inode(&p), owner, group);
	path_put(&p);
	return err;
}

long sys_chown(const char *path, unsigned owner, unsigned group)
{
	return sys_fchownat(AT_FDCWD, path, owner, group, 0);
}

long sys_lchown(const char *path, unsigned owner, unsigned group)
{
	return sys_fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, unsigned owner, unsigned group)
{
	int err;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	err = inode_chown(f->inode, owner, group);
	file_put(f);
	return err;
}

// --- times ------------------------------------------------------------------------------------------

static int time_from_spec(const struct __kernel_timespec *ts, uint64_t now, uint32_t bit, uint32_t *valid,
			  uint64_t *out)
{
	if (ts->tv_nsec == UTIME_OMIT_NS)
		return 0;
	*valid |= bit;
	if (ts->tv_nsec == UTIME_NOW_NS) {
		*out = now;
		return 0;
	}
	if (ts->tv_nsec < 0 || ts->tv_nsec >= (long)NSEC_PER_SEC)
		return -EINVAL;
	*out = ts->tv_sec < 0 ? 0 : (uint64_t)ts->tv_sec * NSEC_PER_SEC + (uint64_t)ts->tv_nsec; // before 1970: 1970
	return 0;
}

static int inode_utimes(struct inode *i, const struct __kernel_timespec *ts)
{
	uint64_t now = time_wall_ns();
	struct iattr a = {.valid = ATTR_ATIME | ATTR_MTIME, .atime_ns = now, .mtime_ns = now};
	bool just_now = !ts || (ts[0].tv_nsec == UTIME_NOW_NS && ts[1].tv_nsec == UTIME_NOW_NS);
	if (ts) {
		a.valid = 0;
		int err = time_from_spec(&ts[0], now, ATTR_ATIME, &a.valid, &a.atime_ns);
		if (!err)
			err = time_from_spec(&ts[1], now, ATTR_MTIME, &a.valid, &a.mtime_ns);
		if (err || !a.valid)
			return err;
	}
	if (!inode_is_owner(i)) {
		if (!just_now)
			return -EPERM;
		int err = inode_permission(i, 2);
		if (err)
			return err;
	}
	return attr_change(i, &a);
}

static long utimes_at(int dirfd, const char *path, const struct __kernel_timespec *ts, int flags)
{
	struct path p;
	long err;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!path) {
		if (flags)
			return -EINVAL;
		int bad;
		struct file *f = file_from_fd_mode(dirfd, 0, &bad);
		if (!f)
			return bad;
		err = inode_utimes(f->inode, ts);
		file_put(f);
		return err;
	}
	err = path_lookup_user(
		dirfd, path,
		(flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &p);
	if (err)
		return err;
	err = inode_utimes(path_inode(&p), ts);
	path_put(&p);
	return err;
}

long sys_utimensat(int dirfd, const char *path, const void *times, int flags)
{
	struct __kernel_timespec ts[2];
	if (times) {
		if (user_read(ts, times, sizeof ts))
			return -EFAULT;
		if (ts[0].tv_nsec == UTIME_OMIT_NS && ts[1].tv_nsec == UTIME_OMIT_NS)
			return 0;
	}
	return utimes_at(dirfd, path, times ? ts : NULL, flags);
}

long sys_futimesat(int dirfd, const char *path, const void *times)
{
	struct __kernel_old_timeval tv[2];
	struct __kernel_timespec ts[2];
	if (!times)
		return utimes_at(dirfd, path, NULL, 0);
	if (user_read(tv, times, sizeof tv))
		return -EFAULT;
	for (int n = 0; n < 2; n++) {
		if (tv[n].tv_usec < 0 || tv[n].tv_usec >= 1000000)
			return -EINVAL;
		ts[n].tv_sec = tv[n].tv_sec;
		ts[n].tv_nsec = tv[n].tv_usec * 1000;
	}
	return utimes_at(dirfd, path, ts, 0);
}

long sys_utimes(const char *path, const void *times) { return sys_futimesat(AT_FDCWD, path, times); }

long sys_utime(const char *path, const void *times)
{
	int64_t buf[2];
	struct __kernel_timespec ts[2] = {0};
	if (!times)
		return utimes_at(AT_FDCWD, path, NULL, 0);
	if (user_read(buf, times, sizeof buf))
		return -EFAULT;
	ts[0].tv_sec = buf[0];
	ts[1].tv_sec = buf[1];
	return utimes_at(AT_FDCWD, path, ts, 0);
}

// --- size --------------------------------------------------------------------------------------------

int inode_truncate(struct inode *i, uint64_t size, struct file *f)
{
	struct iattr a = {.valid = ATTR_SIZE, .size = size};
	(void)f;
	if (size > process_limit(RLIMIT_FSIZE)) {
		signal_send_thread(thread_current(), SIGXFSZ, NULL);
		return -EFBIG;
	}
	int err = inode_drop_privileges(i);
	if (!err)
		err = inode_setattr(i, &a);
	if (!err && unlikely(notify_watches))
		notify_inode(i, IN_MODIFY);
	return err;
}

long sys_truncate(const char *path, int64_t length)
{
	struct path p;
	if (length < 0)
		return -EINVAL;
	long err = path_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	struct inode *i = path_inode(&p);
	if (S_ISDIR(i->mode))
		err = -EISDIR;
	else if (!S_ISREG(i->mode))
		err = -EINVAL;
	else if (!(err = inode_permission(i, 2)))
		err = i->deny_write ? -ETXTBSY : inode_truncate(i, (uint64_t)length, NULL);
	path_put(&p);
	return err;
}

long sys_ftruncate(int fd, int64_t length)
{
	int err;
	if (length < 0)
		return -EINVAL;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	if (!S_ISREG(f->inode->mode) || !file_is_writable(f))
		err = -EINVAL;
	else
		err = inode_truncate(f->inode, (uint64_t)length, f);
	file_put(f);
	return err;
}

long sys_fallocate(int fd, int mode, int64_t offset, int64_t len)
{
	int err;
	int64_t end;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	if (offset < 0 || len <= 0)
		err = -EINVAL;
	else if (!(f->mode & FILE_WRITE))
		err = -EBADF;
	else if (S_ISFIFO(f->inode->mode))
		err = -ESPIPE;
	else if (S_ISDIR(f->inode->mode))
		err = -EISDIR;
	else if (!S_ISREG(f->inode->mode))
		err = -ENODEV;
	else if (add_overflow(offset, len, &end))
		err = -EFBIG;
	else if (!(err = f->ops->fallocate ? inode_drop_privileges(f->inode) : -EOPNOTSUPP))
		err = f->ops->fallocate(f, mode, offset, len);
	if (!err)
		notify_file(f, IN_MODIFY);
	file_put(f);
	return err;
}

// --- hints and writing back ---------------------------------------------------------------------------

long sys_fadvise64(int fd, int64_t offset, int64_t len, int advice)
{
	(void)offset;
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	long err = S_ISFIFO(f->inode->mode) ? -ESPIPE : (unsigned)advice > 5 || len < 0 ? -EINVAL : 0;
	file_put(f);
	return err;
}

long sys_readahead(int fd, int64_t offset, size_t count)
{
	(void)offset, (void)count;
	int err;
	struct file *f = file_from_fd_mode(fd, FILE_READ, &err);
	if (!f)
		return err;
	err = S_ISREG(f->inode->mode) ? 0 : -EINVAL;
	file_put(f);
	return err;
}

static long file_sync(int fd, bool data_only)
{
	int err;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	if (f->ops->fsync)
		err = f->ops->fsync(f, data_only);
	else
		err = S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode) ? 0 : -EINVAL;
	file_put(f);
	return err;
}

long sys_fsync(int fd) { return file_sync(fd, false); }
long sys_fdatasync(int fd) { return file_sync(fd, true); }

long sys_sync_file_range(int fd, int64_t offset, int64_t nbytes, unsigned flags)
{
	if (offset < 0 || nbytes < 0 || offset + nbytes < 0 || (flags & ~7u))
		return -EINVAL;
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	bool spipe = !S_ISREG(f->inode->mode) && !S_ISBLK(f->inode->mode) && !S_ISDIR(f->inode->mode) &&
		     !S_ISLNK(f->inode->mode);
	file_put(f);
	return spipe ? -ESPIPE : flags ? file_sync(fd, true) : 0;
}

// File systems here write through: nothing dirty is left behind by write(2). Mapped pages are written by msync.
long sys_sync(void) { return 0; }

long sys_syncfs(int fd)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}
