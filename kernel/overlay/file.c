// SPDX-License-Identifier: MIT
//
// Regular files of the overlay. Reads, writes and page faults go straight to the inode that has the
// contents; the first open for writing copies a lower file's contents up. Files opened before that
// follow: they read what is written, as on any other file system.
#define COMPONENT "overlay"
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/stat.h>

#include "debug/debug.h"
#include "hostfs/hostfs.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "overlay/private.h"
#include "time/time.h"

#define COPY_ORDER 6 // 256 KiB at a time

static int copy_contents(struct inode *from, struct inode *to, uint64_t len)
{
	struct file *in, *out;
	unsigned order = COPY_ORDER;
	struct page *p;
	int err = file_create_inode(from, O_RDONLY, &in);

	if (err)
		return err;
	err = file_create_inode(to, O_WRONLY, &out);
	if (err)
		goto out_in;
	while (!(p = page_alloc(order, 0)) && order > 0)
		order--;
	err = p ? 0 : -ENOMEM;
	for (uint64_t at = 0; !err && at < len;) {
		int64_t n = file_read_kernel(in, page_virt(p), MIN(PAGE_SIZE << order, len - at), (int64_t)at);
		if (n <= 0) {
			err = (int)n;
			break;
		}
		int64_t put = file_write_kernel(out, page_virt(p), (size_t)n, (int64_t)at);
		if (put != n)
			err = put < 0 ? (int)put : -ENOSPC;
		at += (uint64_t)n;
		sched_poll();
	}
	if (p)
		page_put(p);
	file_put(out);
out_in:
	file_put(in);
	return err;
}

int overlay_copy_up(struct overlay_node *n, uint64_t keep)
{
	struct inode *i = n->inode, *upper;
	int err = 0;

	if (n->upper)
		return 0;
	mutex_lock(&n->copy_lock);
	if (n->upper)
		goto out;
	err = n->fs->upper_root->ops->tmpfile(n->fs->upper_root, i->mode, &upper);
	if (err)
		goto out;
	err = copy_contents(n->lower, upper, MIN(keep, i->size));
	struct iattr a = {
		.valid = ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME,
		.mode = i->mode, .uid = i->uid, .gid = i->gid, .atime_ns = i->atime_ns, .mtime_ns = i->mtime_ns,
	};
	if (!err)
		err = upper->ops->setattr(upper, &a);
	if (err) {
		inode_put(upper);
		goto out;
	}
	overlay_pin(n);
	n->upper = upper;
	// Pages of the lower file that are mapped come from the copy from now on.
	mm_unmap_inode(i, 0, ~0ull, false);
	overlay_sync(n);
out:
	mutex_unlock(&n->copy_lock);
	return err;
}

static int file_open(struct inode *i, struct file *f)
{
	struct overlay_node *n = overlay_node(i);
	int err;

	if (!n->upper && (f->flags & O_ACCMODE) != O_RDONLY) {
		err = overlay_copy_up(n, i->size);
		if (err)
			return err;
	}
	struct overlay_file *of = heap_new(struct overlay_file);
	if (!of)
		return -ENOMEM;
	err = file_create_inode(overlay_real(n), f->flags, &of->real);
	if (err) {
		heap_free(of);
		return err;
	}
	overlay_sync(n); // hostfs may have asked the host
	f->fs = of;
	return 0;
}

// The file the contents are in now, with a reference for the caller.
static int real_get(struct file *f, struct file **out)
{
	struct overlay_file *of = f->fs;
	struct inode *real = overlay_real(overlay_node(f->inode));

	if (of->real->inode != real) {
		struct file *fresh;
		int err = file_create_inode(real, f->flags, &fresh);
		if (err)
			return err;
		file_put(of->real);
		of->real = fresh;
	}
	of->real->flags = f->flags; // fcntl(F_SETFL) changed ours
	*out = of->real;
	file_get(*out);
	return 0;
}

static void real_put(struct file *f, struct file *real)
{
	overlay_sync(overlay_node(f->inode));
	file_put(real);
}

static int64_t file_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct file *real;
	int err = real_get(f, &real);

	if (err)
		return err;
	int64_t n = real->ops->read(real, to, pos);
	real_put(f, real);
	return n;
}

static int64_t file_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct file *real;
	int err = real_get(f, &real);

	if (err)
		return err;
	int64_t n = real->ops->write(real, from, pos);
	real_put(f, real);
	return n;
}

static int file_fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	struct file *real;
	int err = real_get(f, &real);

	if (err)
		return err;
	err = real->ops->fallocate ? real->ops->fallocate(real, mode, off, len) : -EOPNOTSUPP;
	mm_unmap_inode(f->inode, 0, ~0ull, false);
	real_put(f, real);
	return err;
}

static int file_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return 0; // what is written here is memory
}

static void file_release(struct file *f)
{
	struct overlay_file *of = f->fs;

	file_put(of->real);
	heap_free(of);
}

static int file_get_page(struct inode *i, uint64_t index, bool write, struct fault_page *out)
{
	struct overlay_node *n = overlay_node(i);
	int err = write ? overlay_copy_up(n, i->size) : 0;

	if (err)
		return err;
	err = overlay_real(n)->ops->get_page(overlay_real(n), index, write, out);
	overlay_sync(n);
	return err;
}

static bool file_has_page(struct inode *i, uint64_t index)
{
	struct inode *real = overlay_real(overlay_node(i));
	return real->ops->has_page(real, index);
}

static int64_t file_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct inode *real = overlay_real(overlay_node(i));
	return real->ops->getxattr ? real->ops->getxattr(real, name, buf, size) : -EOPNOTSUPP;
}

static int64_t file_listxattr(struct inode *i, char *buf, size_t size)
{
	struct inode *real = overlay_real(overlay_node(i));
	return real->ops->listxattr ? real->ops->listxattr(real, buf, size) : 0;
}

// A lower file's extended attributes are not copied up: after this only the new ones are there.
static int file_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags)
{
	struct overlay_node *n = overlay_node(i);
	int err = overlay_copy_up(n, i->size);

	if (err)
		return err;
	return n->upper->ops->setxattr ? n->upper->ops->setxattr(n->upper, name, buf, size, flags) : -EOPNOTSUPP;
}

static int file_removexattr(struct inode *i, const char *name)
{
	struct overlay_node *n = overlay_node(i);
	int err = overlay_copy_up(n, i->size);

	if (err)
		return err;
	return n->upper->ops->removexattr ? n->upper->ops->removexattr(n->upper, name) : -EOPNOTSUPP;
}

const struct inode_ops overlay_file_ops = {
	.getattr = overlay_getattr, .setattr = overlay_setattr, .open = file_open, .get_page = file_get_page,
	.has_page = file_has_page,
	.getxattr = file_getxattr, .setxattr = file_setxattr, .listxattr = file_listxattr,
	.removexattr = file_removexattr, .release = overlay_release,
};
const struct file_ops overlay_file_fops = {
	.read = file_read,
	.write = file_write,
	.fsync = file_fsync,
	.fallocate = file_fallocate,
	.release = file_release,
};
