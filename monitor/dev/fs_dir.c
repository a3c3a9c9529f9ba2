// SPDX-License-Identifier: MIT
//
// Directories: making, removing, renaming and listing entries.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/fs_private.h"

// Pins the directory a change is made in.
static int dir_pin(struct fs *fs, uint64_t id, struct fs_node **dir)
{
	int err = fs_node_pin(fs, id, dir);

	if (!err && ((*dir)->type != S_IFDIR || (*dir)->empty)) {
		err = (*dir)->empty ? -EACCES : -ENOTDIR;
		fs_node_unpin(fs, *dir);
	}
	return err;
}

// The tail of the calls that make an entry.
static int made(struct fs_call *c, struct fs_node *dir, const char *name, int failed)
{
	int err = failed ? -errno : fs_reply_entry(c, dir, name);

	fs_node_unpin(c->fs, dir);
	return err;
}

int fs_op_symlink(struct fs_call *c)
{
	size_t target;
	const char *name = fs_name(c, 0, &target);
	struct fs_node *dir;

	if (!name || target >= c->arg_len || !memchr(c->arg + target, 0, c->arg_len - target))
		return -EINVAL;
	int err = dir_pin(c->fs, c->in.nodeid, &dir);
	return err ? err : made(c, dir, name, symlinkat((const char *)c->arg + target, dir->fd, name));
}

int fs_op_mknod(struct fs_call *c)
{
	struct fuse_mknod_in in;
	const char *name = fs_name(c, sizeof(in), NULL);
	struct fs_node *dir;

	memcpy(&in, c->arg, sizeof(in));
	if (!name)
		return -EINVAL;
	if (S_ISCHR(in.mode) || S_ISBLK(in.mode))
		return -EPERM;
	if (!S_ISREG(in.mode) && !S_ISFIFO(in.mode) && !S_ISSOCK(in.mode))
		return -EINVAL;
	int err = dir_pin(c->fs, c->in.nodeid, &dir);
	return err ? err : made(c, dir, name, mknodat(dir->fd, name, in.mode & (S_IFMT | 07777), 0));
}

int fs_op_mkdir(struct fs_call *c)
{
	struct fuse_mkdir_in in;
	const char *name = fs_name(c, sizeof(in), NULL);
	struct fs_node *dir;

	memcpy(&in, c->arg, sizeof(in));
	if (!name)
		return -EINVAL;
	int err = dir_pin(c->fs, c->in.nodeid, &dir);
	return err ? err : made(c, dir, name, mkdirat(dir->fd, name, in.mode & 07777));
}

int fs_op_unlink(struct fs_call *c)
{
	const char *name = fs_name(c, 0, NULL);
	struct fs_node *dir;

	if (!name)
		return -EINVAL;
	int err = dir_pin(c->fs, c->in.nodeid, &dir);
	if (err)
		return err;
	fs_node_unlinked(c->fs, dir, name);
	err = unlinkat(dir->fd, name, c->in.opcode == FUSE_RMDIR ? AT_REMOVEDIR : 0) ? -errno : 0;
	fs_node_unpin(c->fs, dir);
	return err;
}

int fs_op_rename(struct fs_call *c)
{
	struct fuse_rename2_in in = {0};
	size_t at = c->in.opcode == FUSE_RENAME ? sizeof(struct fuse_rename_in) : sizeof(in);
	struct fs_node *from, *to;

	memcpy(&in, c->arg, at);
	const char *fname = fs_name(c, at, &at), *tname = fname ? fs_name(c, at, NULL) : NULL;
	if (!tname || (in.flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)))
		return -EINVAL;
	int err = dir_pin(c->fs, c->in.nodeid, &from);
	if (err)
		return err;
	err = dir_pin(c->fs, in.newdir, &to);
	if (err) {
		fs_node_unpin(c->fs, from);
		return err;
	}
	if (from->mount != to->mount) {
		err = -EXDEV;
		goto out;
	}
	if (!(in.flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)))
		fs_node_unlinked(c->fs, to, tname);
	err = renameat2(from->fd, fname, to->fd, tname, in.flags) ? -errno : 0;
	if (!err) {
		fs_node_renamed(c->fs, from, fname, to, tname);
		if (in.flags & RENAME_EXCHANGE)
			fs_node_renamed(c->fs, to, tname, from, fname);
	}
out:
	fs_node_unpin(c->fs, from);
	fs_node_unpin(c->fs, to);
	return err;
}

int fs_op_link(struct fs_call *c)
{
	struct fuse_link_in in;
	const char *name = fs_name(c, sizeof(in), NULL);
	struct fs_node *dir, *old;
	char number[16];

	memcpy(&in, c->arg, sizeof(in));
	if (!name)
		return -EINVAL;
	int err = dir_pin(c->fs, c->in.nodeid, &dir);
	if (err)
		return err;
	err = fs_node_pin(c->fs, in.oldnodeid, &old);
	if (err) {
		fs_node_unpin(c->fs, dir);
		return err;
	}
	if (old->mount != dir->mount) {
		fs_node_unpin(c->fs, old);
		fs_node_unpin(c->fs, dir);
		return -EXDEV;
	}
	snprintf(number, sizeof(number), "%d", old->fd);
	int failed = linkat(c->fs->proc_fd, number, dir->fd, name, AT_SYMLINK_FOLLOW);
	err = errno;
	fs_node_unpin(c->fs, old);
	errno = err;
	return made(c, dir, name, failed);
}

// --- listing -----------------------------------------------------------------------------------------

struct host_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

// Appends one entry; false: no room left.
static bool emit(struct fs_call *c, struct fs_node *dir, const struct host_dirent *d, size_t room, bool plus)
{
	size_t len = strlen(d->name);
	size_t head = plus ? sizeof(struct fuse_entry_out) : 0;
	size_t need = FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET + len);
	struct fuse_entry_out entry = {.entry_valid = 1, .attr_valid = 1};
	struct fuse_dirent e = {.ino = d->ino, .off = (uint64_t)d->off, .namelen = (uint32_t)len, .type = d->type};
	bool dots = !strcmp(d->name, ".") || !strcmp(d->name, "..");
	struct statx st;

	if (len == 0 || len > 255 || c->reply_len + need > room)
		return len == 0 || len > 255;
	uint8_t *at = c->reply + c->reply_len;
	memset(at, 0, need);
	// "." and ".." get no node: the guest knows where it is, and ".." of a root is not its business.
	if (plus && !dots) {
		if (fs_node_lookup(c->fs, dir, d->name, &st, &entry.nodeid)) {
			memset(&entry, 0, sizeof(entry));
		} else {
			fs_attr_fill(c->fs, dir, &st, &entry.attr);
			e.ino = entry.attr.ino;
		}
	} else {
		e.ino = dots ? fs_attr_ino(c->fs, dir->mount, dir->dev, dir->ino)
			     : fs_attr_ino(c->fs, dir->mount, dir->dev, d->ino);
	}
	if (plus)
		memcpy(at, &entry, sizeof(entry));
	memcpy(at + head, &e, FUSE_NAME_OFFSET);
	memcpy(at + head + FUSE_NAME_OFFSET, d->name, len);
	c->reply_len += need;
	return true;
}

static int list(struct fs_call *c, struct fs_handle *h, int64_t off, size_t room)
{
	bool plus = c->in.opcode == FUSE_READDIRPLUS;
	char buf[8192] __attribute__((aligned(8)));

	if (h->dir_off != off && lseek(h->fd, off, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		h->dir_off = -1;
		long n = syscall(SYS_getdents64, h->fd, buf, sizeof(buf));
		if (n < 0)
			return c->reply_len ? 0 : -errno;
		if (n == 0)
			break;
		for (long at = 0; at < n;) {
			const struct host_dirent *d = (const struct host_dirent *)(buf + at);
			if (!emit(c, h->node, d, room, plus)) {
				// Where the next call goes on is the offset of the last one taken: it says so and we
				// seek.
				return c->reply_len ? 0 : -EINVAL;
			}
			off = d->off;
			at += d->reclen;
		}
	}
	h->dir_off = off;
	return 0;
}

int fs_op_readdir(struct fs_call *c)
{
	struct fuse_read_in in;
	struct fs_handle *h;
	struct fs_node *n;

	memcpy(&in, c->arg, sizeof(in));
	if (in.offset > INT64_MAX)
		return -EINVAL;
	int err = fs_handle_pin(c->fs, in.fh, &h);
	if (err)
		return err;
	if (h->node->empty) { // lists nothing
		fs_handle_unpin(c->fs, h);
		return 0;
	}
	// Names are looked up relative to the node's descriptor: it must be open.
	err = h->directory ? fs_node_pin(c->fs, h->node->id, &n) : -ENOTDIR;
	if (!err) {
		pthread_mutex_lock(&h->dir_lock);
		err = list(c, h, (int64_t)in.offset, MIN(c->room, (size_t)in.size));
		pthread_mutex_unlock(&h->dir_lock);
		fs_node_unpin(c->fs, n);
	}
	fs_handle_unpin(c->fs, h);
	return err;
}
