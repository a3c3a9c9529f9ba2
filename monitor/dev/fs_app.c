// SPDX-License-Identifier: MIT
//
// Files of an image (monitor/app.h): their numbers are those of its index, and stay; nothing is opened. Contents come
// from the image's one descriptor, into the page cache of the guest or through the file window.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/app.h"
#include "monitor/dev/fs_private.h"

#define VALID_SECONDS 86400 // nothing in it changes

int fs_app_root(struct fs *fs, unsigned mount, const struct app *app)
{
	if (fs->app)
		return -EINVAL;
	int err = fs_node_file(fs, mount, app->fd, &fs->app_node);
	if (err)
		return err;
	fs->app = app;
	fs->app_mount = mount;
	fs->mount[mount].node = FS_APP_NODE;
	fs->mount[mount].readonly = true;
	return 0;
}

// The file a message is about; NULL: there is none of this number.
static const struct app_node *node_of(const struct fs *fs, uint64_t id)
{
	uint64_t n = id & ~FS_APP_NODE;
	return (id & FS_APP_NODE) && fs->app && n < fs->app->head.nodes ? &fs->app->node[n] : NULL;
}

static uint64_t id_of(const struct fs *fs, const struct app_node *n)
{
	return FS_APP_NODE | (uint64_t)(n - fs->app->node);
}

static void attr_fill(const struct fs *fs, const struct app_node *n, struct fuse_attr *a)
{
	*a = (struct fuse_attr){
		.ino = (uint64_t)(n - fs->app->node) + 1,
		.size = S_ISDIR(n->mode) ? PAGE_SIZE : n->size,
		.blocks = ALIGN_UP(n->size, PAGE_SIZE) / 512,
		.atime = (uint64_t)n->mtime,
		.mtime = (uint64_t)n->mtime,
		.ctime = (uint64_t)n->mtime,
		.mode = n->mode,
		.nlink = S_ISDIR(n->mode) ? 2 : 1,
		.uid = n->uid,
		.gid = n->gid,
		.blksize = PAGE_SIZE,
	};
}

static int reply(struct fs_call *c, const void *data, size_t size)
{
	if (c->room < size)
		return -EINVAL;
	memcpy(c->reply, data, size);
	c->reply_len = size;
	return 0;
}

static void entry_fill(const struct fs *fs, const struct app_node *n, struct fuse_entry_out *e)
{
	*e = (struct fuse_entry_out){.nodeid = id_of(fs, n), .entry_valid = VALID_SECONDS, .attr_valid = VALID_SECONDS};
	attr_fill(fs, n, &e->attr);
}

static int lookup(struct fs_call *c, const struct app_node *dir)
{
	const struct app *app = c->fs->app;
	const char *name = fs_name(c, 0, NULL);
	struct fuse_entry_out out;

	if (!name || !S_ISDIR(dir->mode))
		return name ? -ENOTDIR : -EINVAL;
	uint32_t child = app_lookup(app, (uint32_t)(dir - app->node), name);
	if (!child)
		return -ENOENT;
	entry_fill(c->fs, &app->node[child], &out);
	return reply(c, &out, sizeof(out));
}

static int getattr(struct fs_call *c, const struct app_node *n)
{
	struct fuse_attr_out out = {.attr_valid = VALID_SECONDS};
	attr_fill(c->fs, n, &out.attr);
	return reply(c, &out, sizeof(out));
}

static int open_node(struct fs_call *c, const struct app_node *n)
{
	struct fuse_open_out out = {.fh = id_of(c->fs, n)};
	struct fuse_open_in in;
	memcpy(&in, c->arg, sizeof(in));
	if (c->in.opcode == FUSE_OPENDIR)
		return S_ISDIR(n->mode) ? reply(c, &out, sizeof(out)) : -ENOTDIR;
	if (!S_ISREG(n->mode))
		return S_ISDIR(n->mode) ? -EISDIR : -ENXIO;
	return (in.flags & (O_ACCMODE | O_TRUNC)) ? -EROFS : reply(c, &out, sizeof(out));
}

static int read_file(struct fs_call *c, const struct app_node *n)
{
	const struct app *app = c->fs->app;
	struct iovec *v = c->server->slice;
	struct fuse_read_in in;

	memcpy(&in, c->arg, sizeof(in));
	if (!S_ISREG(n->mode))
		return -EISDIR;
	if (in.offset >= n->size)
		return 0;
	size_t want = MIN(MIN(in.size, FS_MAX_IO), c->chain->out_len - sizeof(struct fuse_out_header));
	want = MIN(want, n->size - in.offset);
	unsigned count = virtq_slice(c->chain->out, c->chain->out_count, sizeof(struct fuse_out_header), want, v);
	ssize_t got = preadv(app->fd, v, (int)MIN(count, 512u), (off_t)(app->head.data.offset + n->at + in.offset));
	if (got < 0)
		return -errno;
	c->direct_len = (size_t)got;
	return 0;
}

// Appends child number `i` of `dir`; false: no room left.
static bool emit(struct fs_call *c, const struct app_node *n, uint64_t i, size_t room)
{
	const struct fs *fs = c->fs;
	const char *name = fs->app->text + n->name;
	size_t len = strlen(name), head = c->in.opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
	size_t need = FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET + len);
	struct fuse_dirent e = {.ino = (uint64_t)(n - fs->app->node) + 1,
				.off = i + 1,
				.namelen = (uint32_t)len,
				.type = (n->mode & S_IFMT) >> 12};
	struct fuse_entry_out entry;
	uint8_t *at = c->reply + c->reply_len;

	if (c->reply_len + need > room)
		return false;
	memset(at, 0, need);
	if (head) {
		entry_fill(fs, n, &entry);
		memcpy(at, &entry, head);
	}
	memcpy(at + head, &e, FUSE_NAME_OFFSET);
	memcpy(at + head + FUSE_NAME_OFFSET, name, len);
	c->reply_len += need;
	return true;
}

// "." and ".." are the guest's own.
static int readdir(struct fs_call *c, const struct app_node *dir)
{
	struct fuse_read_in in;
	memcpy(&in, c->arg, sizeof(in));
	size_t room = MIN(c->room, (size_t)in.size);
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	for (uint64_t i = in.offset; i < dir->children; i++)
		if (!emit(c, &c->fs->app->node[dir->at + i], i, room))
			return c->reply_len ? 0 : -EINVAL;
	return 0;
}

static int lseek_file(struct fs_call *c, const struct app_node *n)
{
	struct fuse_lseek_in in;
	memcpy(&in, c->arg, sizeof(in));
	if (in.whence != SEEK_DATA && in.whence != SEEK_HOLE)
		return -EINVAL;
	struct fuse_lseek_out out = {.offset = in.whence == SEEK_DATA ? in.offset : n->size};
	return in.offset >= n->size ? -ENXIO : reply(c, &out, sizeof(out));
}

static int statfs_app(struct fs_call *c)
{
	const struct app_head *h = &c->fs->app->head;
	struct fuse_statfs_out out = {.st = {.blocks = h->file_size / PAGE_SIZE,
					     .files = h->nodes,
					     .bsize = PAGE_SIZE,
					     .frsize = PAGE_SIZE,
					     .namelen = 255}};
	return reply(c, &out, sizeof(out));
}

static int setupmapping(struct fs_call *c, const struct app_node *n)
{
	const struct app *app = c->fs->app;
	struct fuse_setupmapping_in in;
	struct fs_source from = {c->fs->app_node, app->fd, app->head.data.offset + n->at, n->size};
	memcpy(&in, c->arg, sizeof(in));
	if (!S_ISREG(n->mode))
		return -EISDIR;
	if (in.flags & FUSE_SETUPMAPPING_FLAG_WRITE)
		return -EACCES;
	return fs_dax_map(c->fs, &from, &in, false);
}

static int access_node(struct fs_call *c)
{
	struct fuse_access_in in;
	memcpy(&in, c->arg, sizeof(in));
	return in.mask & W_OK ? -EROFS : 0;
}

int fs_app_call(struct fs_call *c)
{
	const struct app_node *n = node_of(c->fs, c->in.nodeid);

	if (!n)
		return -ESTALE;
	switch (c->in.opcode) {
	case FUSE_LOOKUP:
		return lookup(c, n);
	case FUSE_GETATTR:
		return getattr(c, n);
	case FUSE_READLINK:
		return S_ISLNK(n->mode) ? reply(c, c->fs->app->text + n->at, n->size) : -EINVAL;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return open_node(c, n);
	case FUSE_READ:
		return read_file(c, n);
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		return readdir(c, n);
	case FUSE_STATFS:
		return statfs_app(c);
	case FUSE_ACCESS:
		return access_node(c);
	case FUSE_LSEEK:
		return lseek_file(c, n);
	case FUSE_SETUPMAPPING:
		return setupmapping(c, n);
	case FUSE_REMOVEMAPPING:
		return fs_op_removemapping(c);
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		return -EOPNOTSUPP;
	default: // FORGET, RELEASE, FLUSH, FSYNC: nothing to do
		return 0;
	}
}
