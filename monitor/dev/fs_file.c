// SPDX-License-Identifier: MIT
//
// File contents: opening, reading and writing straight from and to guest memory.
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/fs_private.h"

#define OPEN_FLAGS (O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC)

static int reply_open(struct fs_call *c, struct fs_node *n, int fd, bool writable, bool directory)
{
	struct fuse_open_out out = {0};
	int err = fs_handle_create(c->fs, n, fd, writable, directory, &out.fh);

	if (err)
		return err;
	memcpy(c->reply + c->reply_len, &out, sizeof(out));
	c->reply_len += sizeof(out);
	return 0;
}

int fs_op_open(struct fs_call *c)
{
	bool directory = c->in.opcode == FUSE_OPENDIR;
	struct fuse_open_in in;
	struct fs_node *n;

	memcpy(&in, c->arg, sizeof(in));
	int flags = directory ? O_RDONLY | O_DIRECTORY : (int)in.flags & OPEN_FLAGS;
	bool writable = (flags & O_ACCMODE) != O_RDONLY;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	int err = fs_node_pin(c->fs, c->in.nodeid, &n);
	if (err)
		return err;
	if ((writable || (flags & O_TRUNC)) && c->fs->mount[n->mount].readonly)
		err = -EROFS;
	else if (directory != (n->type == S_IFDIR))
		err = directory ? -ENOTDIR : n->type == S_IFREG ? 0 : n->type == S_IFDIR ? -EISDIR : -ENXIO;
	// An empty directory still opens: it lists nothing. Its own directory stands for it.
	int fd = err ? err : n->empty && directory ? fcntl(n->fd, F_DUPFD_CLOEXEC, 3) : fs_node_open(c->fs, n, flags);
	err = fd < 0 ? fd : reply_open(c, n, fd, writable, directory);
	fs_node_unpin(c->fs, n);
	return err;
}

int fs_op_create(struct fs_call *c)
{
	struct fuse_create_in in;
	const char *name = fs_name(c, sizeof(in), NULL);
	struct fs_node *dir, *n;

	memcpy(&in, c->arg, sizeof(in));
	int flags = ((int)in.flags & (OPEN_FLAGS | O_EXCL)) | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	const size_t need = sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out);
	if (!name || (flags & O_ACCMODE) == O_ACCMODE || c->room < need)
		return -EINVAL;
	int err = fs_node_pin(c->fs, c->in.nodeid, &dir);
	if (err)
		return err;
	struct stat st;
	int fd = -EACCES;
	if (dir->type == S_IFDIR && !dir->empty) {
		fd = openat(dir->fd, name, flags, in.mode & 07777);
		fd = fd < 0 ? (errno == EMFILE ? -ENFILE : -errno) : fd;
	}
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd); // something special lay there: not ours to open
		fd = -ENXIO;
	}
	err = fd < 0 ? fd : fs_reply_entry(c, dir, name);
	if (!err) {
		struct fuse_entry_out *entry = (struct fuse_entry_out *)c->reply;
		err = fs_node_pin(c->fs, entry->nodeid, &n);
		if (!err) {
			// Another process may have put a different file there meanwhile.
			bool same = n->ino == st.st_ino && n->dev == st.st_dev;
			bool writable = (flags & O_ACCMODE) != O_RDONLY;
			if (same)
				err = reply_open(c, n, fd, writable, false);
			else
				err = -ESTALE, close(fd);
			fs_node_unpin(c->fs, n);
		} else {
			close(fd);
		}
		if (err)
			fs_node_forget(c->fs, entry->nodeid, 1);
	} else if (fd >= 0) {
		close(fd);
	}
	fs_node_unpin(c->fs, dir);
	return err;
}

int fs_op_release(struct fs_call *c)
{
	struct fuse_release_in in;

	memcpy(&in, c->arg, sizeof(in));
	return fs_handle_release(c->fs, in.fh);
}

// A handle for data: regular files only.
static int data_pin(struct fs_call *c, uint64_t fh, bool write, struct fs_handle **h)
{
	int err = fs_handle_pin(c->fs, fh, h);

	if (err)
		return err;
	if ((*h)->directory || (write && !(*h)->writable)) {
		err = (*h)->directory ? -EISDIR : -EBADF;
		fs_handle_unpin(c->fs, *h);
	}
	return err;
}

// `done` bytes of v[at] to v[n - 1] are transferred: what is left begins at the element returned.
static unsigned advance(struct iovec *v, unsigned at, unsigned n, size_t done)
{
	while (at < n && done >= v[at].iov_len)
		done -= v[at++].iov_len;
	if (done && at < n) {
		v[at].iov_base = (char *)v[at].iov_base + done;
		v[at].iov_len -= done;
	}
	return at;
}

int fs_op_read(struct fs_call *c)
{
	struct fuse_read_in in;
	struct fs_handle *h;

	memcpy(&in, c->arg, sizeof(in));
	if (in.offset > INT64_MAX - FS_MAX_IO)
		return -EINVAL;
	int err = data_pin(c, in.fh, false, &h);
	if (err)
		return err;
	size_t want = MIN(in.size, FS_MAX_IO);
	want = MIN(want, c->chain->out_len - sizeof(struct fuse_out_header));
	struct iovec *v = c->server->slice;
	unsigned n = virtq_slice(c->chain->out, c->chain->out_count, sizeof(struct fuse_out_header), want, v);
	size_t done = 0;
	for (unsigned at = 0; at < n && !err;) {
		int count = (int)MIN(n - at, 512u);
		ssize_t got = preadv(h->fd, v + at, count, (off_t)(in.offset + done));
		if (got < 0)
			err = done ? 0 : -errno;
		if (got <= 0)
			break;
		done += (size_t)got;
		at = advance(v, at, n, (size_t)got);
	}
	fs_handle_unpin(c->fs, h);
	c->direct_len = done;
	return err;
}

int fs_op_write(struct fs_call *c)
{
	struct fuse_write_in in;
	struct fs_handle *h;
	const size_t head = sizeof(struct fuse_in_header) + sizeof(in);

	memcpy(&in, c->arg, sizeof(in));
	if (in.offset > INT64_MAX - FS_MAX_IO)
		return -EFBIG;
	if (in.size > FS_MAX_IO || c->chain->in_len - head < in.size)
		return -EINVAL;
	int err = data_pin(c, in.fh, true, &h);
	if (err)
		return err;
	struct iovec *v = c->server->slice;
	unsigned n = virtq_slice(c->chain->in, c->chain->in_count, head, in.size, v);
	size_t done = 0;
	for (unsigned at = 0; at < n;) {
		int count = (int)MIN(n - at, 512u);
		ssize_t put = pwritev2(h->fd, v + at, count, (off_t)(in.offset + done),
				       in.flags & O_APPEND ? RWF_APPEND : 0);
		if (put < 0)
			err = done ? 0 : -errno;
		if (put <= 0)
			break;
		done += (size_t)put;
		at = advance(v, at, n, (size_t)put);
	}
	fs_handle_unpin(c->fs, h);
	struct fuse_write_out out = {.size = (uint32_t)done};
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = sizeof(out);
	return err;
}

int fs_op_fsync(struct fs_call *c)
{
	struct fuse_fsync_in in;
	struct fs_handle *h;

	memcpy(&in, c->arg, sizeof(in));
	int err = fs_handle_pin(c->fs, in.fh, &h);
	if (err)
		return err;
	err = (in.fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(h->fd) : fsync(h->fd)) ? -errno : 0;
	fs_handle_unpin(c->fs, h);
	return err;
}

int fs_op_fallocate(struct fs_call *c)
{
	struct fuse_fallocate_in in;
	struct fs_handle *h;

	memcpy(&in, c->arg, sizeof(in));
	if (in.offset > INT64_MAX || in.length > INT64_MAX)
		return -EINVAL;
	int err = data_pin(c, in.fh, true, &h);
	if (err)
		return err;
	err = fallocate(h->fd, (int)in.mode, (off_t)in.offset, (off_t)in.length) ? -errno : 0;
	fs_handle_unpin(c->fs, h);
	return err;
}

int fs_op_lseek(struct fs_call *c)
{
	struct fuse_lseek_in in;
	struct fs_handle *h;

	memcpy(&in, c->arg, sizeof(in));
	if ((in.whence != SEEK_DATA && in.whence != SEEK_HOLE) || in.offset > INT64_MAX)
		return -EINVAL;
	int err = data_pin(c, in.fh, false, &h);
	if (err)
		return err;
	off_t at = lseek(h->fd, (off_t)in.offset, (int)in.whence);
	err = at < 0 ? -errno : 0;
	fs_handle_unpin(c->fs, h);
	struct fuse_lseek_out out = {.offset = (uint64_t)at};
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = sizeof(out);
	return err;
}

int fs_op_copy_file_range(struct fs_call *c)
{
	struct fuse_copy_file_range_in in;
	struct fs_handle *from, *to;

	memcpy(&in, c->arg, sizeof(in));
	if (in.off_in > INT64_MAX || in.off_out > INT64_MAX || in.flags)
		return -EINVAL;
	int err = data_pin(c, in.fh_in, false, &from);
	if (err)
		return err;
	err = data_pin(c, in.fh_out, true, &to);
	if (err) {
		fs_handle_unpin(c->fs, from);
		return err;
	}
	off_t a = (off_t)in.off_in, b = (off_t)in.off_out;
	// In pieces, so that the machine stays stoppable.
	ssize_t n = copy_file_range(from->fd, &a, to->fd, &b, MIN(in.len, 16ull << 20), 0);
	err = n < 0 ? -errno : 0;
	fs_handle_unpin(c->fs, from);
	fs_handle_unpin(c->fs, to);
	struct fuse_write_out out = {.size = (uint32_t)n};
	memcpy(c->reply, &out, sizeof(out));
	c->reply_len = sizeof(out);
	return err;
}
