// SPDX-License-Identifier: MIT
//
// Looking at files: the stat family, statfs, access, readlink.
#include <asm/stat.h>
#include <asm/statfs.h>

#include "sys/syscalls.h"
#include "vfs/private.h"

#define BLOCK_SIZE_SHOWN 4096

static int stat_fill(struct inode *i, void *buf)
{
	int err = inode_getattr(i);
	if (err)
		return err;
	struct stat st = {
		.st_dev = i->super->dev,
		.st_ino = i->ino,
		.st_nlink = i->nlink,
		.st_mode = i->mode,
		.st_uid = i->uid,
		.st_gid = i->gid,
		.st_rdev = i->rdev,
		.st_size = (int64_t)i->size,
		.st_blksize = BLOCK_SIZE_SHOWN,
		.st_blocks = (int64_t)i->blocks,
		.st_atime = i->atime_ns / NSEC_PER_SEC,
		.st_atime_nsec = i->atime_ns % NSEC_PER_SEC,
		.st_mtime = i->mtime_ns / NSEC_PER_SEC,
		.st_mtime_nsec = i->mtime_ns % NSEC_PER_SEC,
		.st_ctime = i->ctime_ns / NSEC_PER_SEC,
		.st_ctime_nsec = i->ctime_ns % NSEC_PER_SEC,
	};
	return user_put(st, (struct stat *)buf);
}

long sys_fstat(int fd, void *statbuf)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	long err = stat_fill(f->inode, statbuf);
	file_put(f);
	return err;
}

// The inode a name and AT_* flags mean. With an empty name and AT_EMPTY_PATH also of a file that has no path.
static int inode_at(int dirfd, const char *path, int flags, struct path *p, struct inode **out)
{
	struct name n;
	int err;
	if (!path && (flags & AT_EMPTY_PATH))
		n.text = n.small, n.small[0] = '\0', err = 0;
	else
		err = name_get(&n, path);
	if (err)
		return err;
	p->dentry = NULL;
	if (!*n.text && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD) {
		struct file *f = file_from_fd(dirfd);
		err = f ? 0 : -EBADF;
		if (f) {
			*out = f->inode;
			inode_get(*out);
			file_put(f);
		}
	} else {
		err = path_lookup(dirfd, n.text,
				  (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
					  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
				  p);
		if (!err) {
			*out = path_inode(p);
			inode_get(*out);
			path_put(p);
		}
	}
	name_put(&n);
	return err;
}

long sys_newfstatat(int dirfd, const char *path, void *statbuf, int flags)
{
	struct path p;
	struct inode *i;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	long err = inode_at(dirfd, path, flags, &p, &i);
	if (err)
		return err;
	err = stat_fill(i, statbuf);
	inode_put(i);
	return err;
}

long sys_stat(const char *path, void *statbuf) { return sys_newfstatat(AT_FDCWD, path, statbuf, 0); }
long sys_lstat(const char *path, void *statbuf) { return sys_newfstatat(AT_FDCWD, path, statbuf, AT_SYMLINK_NOFOLLOW); }

static struct statx_timestamp statx_time(uint64_t ns)
{
	return (struct statx_timestamp){.tv_sec = (int64_t)(ns / NSEC_PER_SEC),
					.tv_nsec = (uint32_t)(ns % NSEC_PER_SEC)};
}

long sys_statx(int dirfd, const char *path, int flags, unsigned mask, void *statxbuf)
{
	struct path p;
	struct inode *i;
	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) ||
	    (mask & STATX__RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	long err = inode_at(dirfd, path, flags, &p, &i);
	if (err)
		return err;
	err = inode_getattr(i);
	if (!err) {
		struct statx sx = {
			.stx_mask = STATX_BASIC_STATS | (i->btime_ns ? STATX_BTIME : 0),
			.stx_blksize = BLOCK_SIZE_SHOWN,
			.stx_nlink = i->nlink,
			.stx_uid = i->uid,
			.stx_gid = i->gid,
			.stx_mode = (uint16_t)i->mode,
			.stx_ino = i->ino,
			.stx_size = i->size,
			.stx_blocks = i->blocks,
			.stx_atime = statx_time(i->atime_ns),
			.stx_btime = statx_time(i->btime_ns),
			.stx_ctime = statx_time(i->ctime_ns),
			.stx_mtime = statx_time(i->mtime_ns),
			.stx_rdev_major = (uint32_t)(i->rdev >> 8 & 0xfff),
			.stx_rdev_minor = (uint32_t)((i->rdev & 0xff) | (i->rdev >> 12 & 0xfff00)),
			.stx_dev_major = (uint32_t)(i->super->dev >> 8 & 0xfff),
			.stx_dev_minor = (uint32_t)((i->super->dev & 0xff) | (i->super->dev >> 12 & 0xfff00)),
		};
		err = user_put(sx, (struct statx *)statxbuf);
	}
	inode_put(i);
	return err;
}

static long statfs_fill(struct super *s, void *buf)
{
	struct statfs_k k = {
		.type = s->magic, .bsize = BLOCK_SIZE_SHOWN, .namelen = NAME_MAX_LEN, .frsize = BLOCK_SIZE_SHOWN};
	int err = s->statfs ? s->statfs(s, &k) : 0;
	if (err)
		return err;
	struct statfs out = {
		.f_type = (long)k.type,
		.f_bsize = (long)k.bsize,
		.f_blocks = (long)k.blocks,
		.f_bfree = (long)k.bfree,
		.f_bavail = (long)k.bavail,
		.f_files = (long)k.files,
		.f_ffree = (long)k.ffree,
		.f_fsid = {{(int)s->dev, 0}},
		.f_namelen = (long)k.namelen,
		.f_frsize = (long)(k.frsize ? k.frsize : k.bsize),
		.f_flags = (long)(k.flags | 0x20 | (s->readonly ? 1 : 0)), // ST_VALID, ST_RDONLY
	};
	return user_put(out, (struct statfs *)buf);
}

long sys_statfs(const char *path, void *buf)
{
	struct path p;
	long err = path_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	err = statfs_fill(p.dentry->inode->super, buf);
	path_put(&p);
	return err;
}

long sys_fstatfs(int fd, void *buf)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	long err = statfs_fill(f->inode->super, buf);
	file_put(f);
	return err;
}

long sys_faccessat2(int dirfd, const char *path, int mode, int flags)
{
	struct process *p = process_current();
	struct inode *i;
	struct path at;
	if ((mode & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	// access(2) asks for the real ids. A look-up that sleeps lets other threads see them (Linux has private
	// credentials for this); when real and effective ids are the same nothing is changed.
	uint32_t uid = p->cred.fsuid, gid = p->cred.fsgid;
	uint64_t caps = p->cred.cap_effective;
	bool change = !(flags & AT_EACCESS) && (p->cred.uid != uid || p->cred.gid != gid);
	if (change) {
		p->cred.fsuid = p->cred.uid;
		p->cred.fsgid = p->cred.gid;
		p->cred.cap_effective = p->cred.uid ? 0 : p->cred.cap_permitted;
	}
	long err = inode_at(dirfd, path, flags, &at, &i);
	if (!err) {
		if (mode)
			err = inode_permission(i, (unsigned)mode);
		inode_put(i);
	}
	if (change) {
		p->cred.fsuid = uid;
		p->cred.fsgid = gid;
		p->cred.cap_effective = caps;
	}
	return err;
}

long sys_faccessat(int dirfd, const char *path, int mode) { return sys_faccessat2(dirfd, path, mode, 0); }
long sys_access(const char *path, int mode) { return sys_faccessat2(AT_FDCWD, path, mode, 0); }

long sys_readlinkat(int dirfd, const char *path, void *buf, size_t bufsiz)
{
	struct path p;
	if ((int)bufsiz <= 0)
		return -EINVAL;
	long n = path_lookup_user(dirfd, path, LOOKUP_EMPTY, &p);
	if (n)
		return n;
	struct inode *i = p.dentry->inode;
	n = -EINVAL;
	if (S_ISLNK(i->mode) && i->ops->readlink) {
		char *text = heap_alloc(PATH_MAX_SIZE);
		n = text ? i->ops->readlink(i, text, PATH_MAX_SIZE) : -ENOMEM;
		if (n > 0) {
			n = MIN((size_t)n, PATH_MAX_SIZE);
			n = MIN((size_t)n, bufsiz);
			if (user_write(buf, text, (size_t)n))
				n = -EFAULT;
		}
		heap_free(text);
	}
	path_put(&p);
	return n;
}

long sys_readlink(const char *path, void *buf, size_t bufsiz) { return sys_readlinkat(AT_FDCWD, path, buf, bufsiz); }
