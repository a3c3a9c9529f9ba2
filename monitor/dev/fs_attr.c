// SPDX-License-Identifier: MIT
//
// Attributes: looking up, stat, setattr, symbolic links' text, extended attributes, statfs.
#include <errno.h>
#include <fcntl.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/fs_private.h"

int fs_stat(int fd, const char *name, struct statx *st)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name[0] ? 0 : AT_EMPTY_PATH);

	return statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, st) ? -errno : 0;
}

// One guest file system shows several host ones: inode numbers of the others are moved apart.
uint64_t fs_attr_ino(const struct fs *fs, unsigned mount, uint64_t dev, uint64_t ino)
{
	if (dev == fs->mount[mount].dev)
		return ino;
	return ino ^ (dev * 0x9e3779b97f4a7c15ull >> 16 << 40);
}

void fs_attr_fill(struct fs *fs, const struct fs_node *n, const struct statx *st, struct fuse_attr *a)
{
	uint64_t dev = makedev(st->stx_dev_major, st->stx_dev_minor);

	*a = (struct fuse_attr){
		.ino = fs_attr_ino(fs, n->mount, dev, st->stx_ino),
		.size = st->stx_size,
		.blocks = st->stx_blocks,
		.atime = (uint64_t)st->stx_atime.tv_sec,
		.mtime = (uint64_t)st->stx_mtime.tv_sec,
		.ctime = (uint64_t)st->stx_ctime.tv_sec,
		.atimensec = st->stx_atime.tv_nsec,
		.mtimensec = st->stx_mtime.tv_nsec,
		.ctimensec = st->stx_ctime.tv_nsec,
		.mode = st->stx_mode,
		.nlink = st->stx_nlink,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.rdev = (st->stx_rdev_minor & 0xff) | st->stx_rdev_major << 8 | (st->stx_rdev_minor & ~0xffu) << 12,
		.blksize = st->stx_blksize,
	};
}

// One more lookup of dir/name, as the answer of LOOKUP, MKNOD, LINK and friends.
int fs_reply_entry(struct fs_call *c, struct fs_node *dir, const char *name)
{
	struct fuse_entry_out out = {.entry_valid = 1, .attr_valid = 1};
	struct statx st;
	int err = c->room < sizeof(out) ? -EINVAL : fs_node_lookup(c->fs, dir, name, &st, &out.nodeid);

	if (err)
		return err;
	fs_attr_fill(c->fs, dir, &st, &out.attr);
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = sizeof(out);
	return 0;
}

int fs_op_lookup(struct fs_call *c)
{
	const char *name = fs_name(c, 0, NULL);
	struct fs_node *dir;

	if (!name)
		return -EINVAL;
	int err = fs_node_pin(c->fs, c->in.nodeid, &dir);
	if (err)
		return err;
	err = fs_reply_entry(c, dir, name);
	fs_node_unpin(c->fs, dir);
	return err;
}

static int reply_attr(struct fs_call *c, struct fs_node *n)
{
	struct fuse_attr_out out = {.attr_valid = 1};
	struct statx st;
	int err = fs_stat(n->fd, "", &st);

	if (err)
		return err;
	fs_attr_fill(c->fs, n, &st, &out.attr);
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = sizeof(out);
	return 0;
}

int fs_op_getattr(struct fs_call *c)
{
	struct fs_node *n;
	int err = fs_node_pin(c->fs, c->in.nodeid, &n);

	if (err)
		return err;
	err = reply_attr(c, n);
	fs_node_unpin(c->fs, n);
	return err;
}

static struct timespec set_time(uint32_t valid, uint32_t set, uint32_t now, uint64_t sec, uint32_t nsec)
{
	if (valid & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (valid & set)
		return (struct timespec){.tv_sec = (time_t)sec, .tv_nsec = nsec < 1000000000 ? nsec : 0};
	return (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int set_size(struct fs_call *c, struct fs_node *n, const struct fuse_setattr_in *in)
{
	struct fs_handle *h;
	int err;

	if (in->size > INT64_MAX)
		return -EFBIG;
	if (in->valid & FATTR_FH) {
		err = fs_handle_pin(c->fs, in->fh, &h);
		if (err)
			return err;
		err = h->node != n || !h->writable ? -EBADF : ftruncate(h->fd, (off_t)in->size) ? -errno : 0;
		fs_handle_unpin(c->fs, h);
		return err;
	}
	int fd = fs_node_open(c->fs, n, O_WRONLY);
	if (fd < 0)
		return fd;
	err = ftruncate(fd, (off_t)in->size) ? -errno : 0;
	close(fd);
	return err;
}

static int set_all(struct fs_call *c, struct fs_node *n, const struct fuse_setattr_in *in)
{
	char number[16];
	int err;

	snprintf(number, sizeof(number), "%d", n->fd);
	if (in->valid & (FATTR_UID | FATTR_GID)) {
		uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
		gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;
		if (fchownat(n->fd, "", uid, gid, AT_EMPTY_PATH))
			return -errno;
	}
	if ((in->valid & FATTR_MODE) && fchmodat(c->fs->proc_fd, number, in->mode & 07777, 0))
		return -errno;
	if (in->valid & FATTR_SIZE) {
		err = set_size(c, n, in);
		if (err)
			return err;
	}
	if (in->valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW)) {
		struct timespec ts[2] = {
			set_time(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
			set_time(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
		};
		if (utimensat(c->fs->proc_fd, number, ts, 0))
			return -errno;
	}
	return 0;
}

int fs_op_setattr(struct fs_call *c)
{
	struct fuse_setattr_in in;
	struct fs_node *n;

	memcpy(&in, c->arg, sizeof(in));
	int err = fs_node_pin(c->fs, c->in.nodeid, &n);
	if (err)
		return err;
	err = n->empty ? -EACCES : set_all(c, n, &in);
	if (!err)
		err = reply_attr(c, n);
	fs_node_unpin(c->fs, n);
	return err;
}

int fs_op_readlink(struct fs_call *c)
{
	struct fs_node *n;
	int err = fs_node_pin(c->fs, c->in.nodeid, &n);

	if (err)
		return err;
	ssize_t len = n->type != S_IFLNK ? (errno = EINVAL, -1)
					 : readlinkat(n->fd, "", (char *)c->reply, MIN(c->room, 4096u));
	err = len < 0 ? -errno : 0;
	if (!err)
		c->reply_len = (size_t)len;
	fs_node_unpin(c->fs, n);
	return err;
}

int fs_op_access(struct fs_call *c)
{
	struct fuse_access_in in;
	struct fs_node *n;
	char number[16];

	memcpy(&in, c->arg, sizeof(in));
	int err = fs_node_pin(c->fs, c->in.nodeid, &n);
	if (err)
		return err;
	snprintf(number, sizeof(number), "%d", n->fd);
	if ((in.mask & W_OK) && c->fs->mount[n->mount].readonly)
		err = -EROFS;
	else if (faccessat(c->fs->proc_fd, number, (int)(in.mask & 7), 0))
		err = -errno;
	fs_node_unpin(c->fs, n);
	return err;
}

int fs_op_statfs(struct fs_call *c)
{
	struct fuse_statfs_out out = {0};
	struct fs_node *n;
	struct statfs sf;
	int err = fs_node_pin(c->fs, c->in.nodeid, &n);

	if (err)
		return err;
	err = fstatfs(n->fd, &sf) ? -errno : 0;
	fs_node_unpin(c->fs, n);
	if (err)
		return err;
	out.st = (struct fuse_kstatfs){
		.blocks = sf.f_blocks, .bfree = sf.f_bfree, .bavail = sf.f_bavail, .files = sf.f_files,
		.ffree = sf.f_ffree, .bsize = (uint32_t)sf.f_bsize, .namelen = (uint32_t)sf.f_namelen,
		.frsize = (uint32_t)sf.f_frsize,
	};
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = sizeof(out);
	return 0;
}

// Extended attributes need an ordinary descriptor; so an unreadable file has none here.
static int xattr_open(struct fs_call *c, const char *name, int *fd)
{
	struct fs_node *n;

	if (name && strncmp(name, "user.", 5) != 0)
		return -EOPNOTSUPP;
	int err = fs_node_pin(c->fs, c->in.nodeid, &n);
	if (err)
		return err;
	*fd = fs_node_open(c->fs, n, O_RDONLY);
	fs_node_unpin(c->fs, n);
	return *fd == -ENXIO || *fd == -ELOOP ? -EOPNOTSUPP : *fd < 0 ? *fd : 0;
}

static int reply_xattr(struct fs_call *c, uint32_t want, ssize_t len)
{
	if (len < 0)
		return -errno;
	if (want) {
		c->reply_len = (size_t)len;
		return 0;
	}
	struct fuse_getxattr_out out = {.size = (uint32_t)len};
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = sizeof(out);
	return 0;
}

int fs_op_getxattr(struct fs_call *c)
{
	struct fuse_getxattr_in in;
	const char *name = fs_name(c, sizeof(in), NULL);
	int fd;

	memcpy(&in, c->arg, sizeof(in));
	if (!name)
		return -EINVAL;
	int err = xattr_open(c, name, &fd);
	if (err)
		return err;
	in.size = (uint32_t)MIN((size_t)in.size, c->room);
	err = reply_xattr(c, in.size, fgetxattr(fd, name, c->reply, in.size));
	close(fd);
	return err;
}

// Leaves the names of other name spaces out; the text shrinks in place.
static ssize_t keep_user(char *list, ssize_t len)
{
	ssize_t kept = 0;

	for (ssize_t at = 0; at < len;) {
		ssize_t one = (ssize_t)strnlen(list + at, (size_t)(len - at)) + 1;
		if (strncmp(list + at, "user.", 5) == 0 && at + one <= len) {
			memmove(list + kept, list + at, (size_t)one);
			kept += one;
		}
		at += one;
	}
	return kept;
}

int fs_op_listxattr(struct fs_call *c)
{
	struct fuse_getxattr_in in;
	int fd;

	memcpy(&in, c->arg, sizeof(in));
	int err = xattr_open(c, NULL, &fd);
	if (err)
		return err;
	ssize_t len = flistxattr(fd, (char *)c->reply, FS_REPLY_MAX);
	if (len > 0)
		len = keep_user((char *)c->reply, len);
	if (in.size && len > (ssize_t)in.size) {
		errno = ERANGE;
		len = -1;
	}
	err = reply_xattr(c, in.size, len);
	close(fd);
	return err;
}

int fs_op_setxattr(struct fs_call *c)
{
	struct fuse_setxattr_in in;
	size_t head = FUSE_COMPAT_SETXATTR_IN_SIZE, value;
	const char *name = fs_name(c, head, &value);
	int fd;

	memset(&in, 0, sizeof(in));
	memcpy(&in, c->arg, head);
	if (!name || in.size > c->arg_len - value)
		return -EINVAL;
	int err = xattr_open(c, name, &fd);
	if (err)
		return err;
	err = fsetxattr(fd, name, c->arg + value, in.size, (int)(in.flags & (XATTR_CREATE | XATTR_REPLACE))) ? -errno
													     : 0;
	close(fd);
	return err;
}

int fs_op_removexattr(struct fs_call *c)
{
	const char *name = fs_name(c, 0, NULL);
	int fd;

	if (!name)
		return -EINVAL;
	int err = xattr_open(c, name, &fd);
	if (err)
		return err;
	err = fremovexattr(fd, name) ? -errno : 0;
	close(fd);
	return err;
}

int fs_op_forget(struct fs_call *c)
{
	struct fuse_forget_in in;

	memcpy(&in, c->arg, sizeof(in));
	fs_node_forget(c->fs, c->in.nodeid, in.nlookup);
	return 0;
}

int fs_op_batch_forget(struct fs_call *c)
{
	struct fuse_batch_forget_in in;
	struct fuse_forget_one one;

	memcpy(&in, c->arg, sizeof(in));
	for (size_t i = 0, at = sizeof(in); i < in.count && at + sizeof(one) <= c->arg_len; i++, at += sizeof(one)) {
		memcpy(&one, c->arg + at, sizeof(one));
		fs_node_forget(c->fs, one.nodeid, one.nlookup);
	}
	return 0;
}
