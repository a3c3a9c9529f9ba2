// SPDX-License-Identifier: MIT
//
// Reading and writing regular files of hostfs.
#define COMPONENT "hostfs"
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/stat.h>

#include "base/string.h"
#include "debug/debug.h"
#include "hostfs/private.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"

#define MAX_ORDER_IO 8 // 1 MiB: the largest request

// A contiguous buffer for up to `len` bytes; smaller when memory is short.
static struct page *bounce_alloc(size_t len, size_t *size)
{
	unsigned order = 0;

	while (order < MAX_ORDER_IO && (PAGE_SIZE << order) < len)
		order++;
	for (;; order--) {
		struct page *p = page_alloc(order, 0);
		*size = PAGE_SIZE << order;
		if (p || order == 0)
			return p;
	}
}

// Past the block cache: for O_DIRECT, while the file is mapped writable, and when memory is short.
static int64_t read_direct(struct hostfs_node *n, struct iter *to, int64_t *pos)
{
	int64_t done = 0, got = 0;
	size_t size;
	uint64_t fh;
	int err = hostfs_handle(n, false, &fh);

	if (err)
		return err;
	struct page *p = bounce_alloc(to->left, &size);
	if (!p)
		return -ENOMEM;
	while (to->left) {
		struct virtq_buffer v = {page_virt(p), MIN(size, to->left)};
		struct fuse_read_in in = {.fh = fh, .offset = (uint64_t)*pos, .size = (uint32_t)v.len};
		got = fuse_call(&(struct fuse_call){
			.opcode = FUSE_READ, .node = n->id, .arg = {{&in, sizeof(in)}}, .out = &v, .out_count = 1});
		if (got <= 0)
			break;
		size_t came = (size_t)got;
		got = iter_write(to, v.p, came);
		if (got <= 0)
			break;
		done += got;
		*pos += got;
		if ((size_t)got < v.len)
			break;
	}
	page_put(p);
	return done ? done : got;
}

// The block at `index`, filled and complete; NULL with *err 0 at the end of the file.
static struct hostfs_block *block_get(struct hostfs_node *n, struct hostfs_file *f, uint64_t index, int *err)
{
	for (unsigned tries = 0; tries < 4; tries++) {
		struct hostfs_block *b = hostfs_block_find(n, index);
		if (!b) {
			*err = hostfs_cache_fill(n, f, index);
			if (*err)
				return NULL;
			continue;
		}
		if (b->reading) {
			hostfs_cache_wait(n);
			continue;
		}
		if (b->mark) {
			b->mark = false;
			struct page *keep = b->page;
			page_get(keep);
			hostfs_cache_ahead(n, f);
			page_put(keep);
		}
		*err = 0;
		return b;
	}
	*err = 0;
	return NULL;
}

static int64_t file_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct hostfs_node *n = hostfs_node(f->inode);
	int64_t done = 0;

	if ((f->flags & O_DIRECT) || n->dax_written)
		return read_direct(n, to, pos);
	if ((uint64_t)*pos >= n->inode->size) {
		int err = hostfs_refresh(n, false); // it may have grown
		if (err)
			return err;
	}
	if (n->fs->constant && n->inode->size > SMALL_FILE) {
		done = hostfs_window_read(n, to, pos);
		if (done != -ENXIO)
			return done;
		done = 0;
	}
	const bool head = *pos + to->left <= HEAD_READ && n->inode->size > SMALL_FILE && !n->dax_failed;
	while (to->left && (uint64_t)*pos < n->inode->size) {
		if (*pos >= (int64_t)PAGE_SIZE && hostfs_cache_head_only(n))
			hostfs_cache_drop(n); // it is read after all: in large blocks
		// While the cache is empty its block size is still to be chosen; ask after it is.
		int shift = n->inode->size <= SMALL_FILE || n->dax_failed ? 0 : BLOCK_SHIFT;
		int err = n->block_count || n->in_flight ? 0
			  : head ? hostfs_cache_fill_head(n)
				 : hostfs_cache_fill(n, f->fs, (uint64_t)*pos >> PAGE_SHIFT >> shift);
		uint64_t size = PAGE_SIZE << n->block_shift, off = (uint64_t)*pos % size;
		struct hostfs_block *b = err ? NULL : block_get(n, f->fs, (uint64_t)*pos / size, &err);
		if (err == -ENOMEM) {
			int64_t got = read_direct(n, to, pos);
			return got > 0 ? done + got : done ? done : got;
		}
		if (err)
			return done ? done : err;
		if (!b || b->valid <= off) {
			// Shorter than we were told, or the block was read before the file grew.
			if (hostfs_refresh(n, true) || (uint64_t)*pos >= n->inode->size)
				break;
			int64_t got = read_direct(n, to, pos);
			return got > 0 ? done + got : done ? done : got;
		}
		uint64_t left = MIN(b->valid - off, n->inode->size - (uint64_t)*pos);
		struct page *p = b->page;
		page_get(p); // the copy may sleep
		int64_t got = iter_write(to, (uint8_t *)page_virt(p) + off, MIN(left, to->left));
		page_put(p);
		if (got <= 0)
			return done ? done : got;
		done += got;
		*pos += got;
	}
	return done;
}

static int sync_file(struct hostfs_node *n, bool data_only)
{
	struct fuse_fsync_in in = {.fsync_flags = data_only ? FUSE_FSYNC_FDATASYNC : 0};
	int err = hostfs_handle(n, n->has_write, &in.fh);

	return err ? err : (int)fuse_call(&(struct fuse_call){
		.opcode = FUSE_FSYNC, .node = n->id, .arg = {{&in, sizeof(in)}}});
}

// One piece that is already in `buf`. Bytes written, or -errno.
static int64_t write_piece(struct hostfs_node *n, uint64_t fh, uint8_t *buf, size_t len, uint64_t pos, uint32_t flags)
{
	struct fuse_write_in in = {.fh = fh, .offset = pos, .size = (uint32_t)len, .flags = flags};
	struct virtq_buffer v = {buf, len};
	struct fuse_write_out out;

	hostfs_cache_wait(n); // what is being read now must not land on what we write
	int64_t got = fuse_call(&(struct fuse_call){.opcode = FUSE_WRITE, .node = n->id, .arg = {{&in, sizeof(in)}},
						    .data = &v, .data_count = 1,
						    .reply = &out, .reply_size = sizeof(out)});
	if (got < 0)
		return got;
	if (got < (int64_t)sizeof(out) || out.size > len)
		return fail(-EIO);
	hostfs_cache_update(n, pos, buf, out.size);
	n->inode->size = MAX(n->inode->size, pos + out.size);
	n->self_changed = true;
	n->attr_until = 0; // times and blocks are the host's to tell
	return out.size;
}

static int64_t file_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct hostfs_node *n = hostfs_node(f->inode);
	uint32_t append = f->flags & O_APPEND;
	int64_t done = 0, got = 0;
	size_t size;
	uint64_t fh;
	int err = hostfs_handle(n, true, &fh);

	if (!err && append) {
		err = hostfs_refresh(n, false);
		*pos = (int64_t)n->inode->size;
	}
	if (err || from->left == 0)
		return err;
	struct page *p = bounce_alloc(from->left, &size);
	if (!p)
		return -ENOMEM;
	while (from->left) {
		got = iter_read(from, page_virt(p), MIN(size, from->left));
		if (got <= 0)
			break;
		size_t have = (size_t)got;
		got = write_piece(n, fh, page_virt(p), have, (uint64_t)*pos, append);
		if (got <= 0)
			break;
		done += got;
		*pos += got;
		if ((size_t)got < have)
			break;
	}
	page_put(p);
	if (done && (f->flags & O_DSYNC)) {
		err = sync_file(n, !(f->flags & __O_SYNC));
		if (err)
			return err;
	}
	return done ? done : got;
}

static int file_fsync(struct file *f, bool data_only) { return sync_file(hostfs_node(f->inode), data_only); }

static int file_fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	struct hostfs_node *n = hostfs_node(f->inode);
	struct fuse_fallocate_in in = {.offset = (uint64_t)off, .length = (uint64_t)len, .mode = (uint32_t)mode};
	int err = hostfs_handle(n, true, &in.fh);

	if (err)
		return err;
	mm_unmap_inode(n->front, 0, ~0ull, false);
	hostfs_cache_drop(n);
	struct fuse_call call = {.opcode = FUSE_FALLOCATE, .node = n->id, .arg = {{&in, sizeof(in)}}};
	int64_t got = fuse_call(&call);
	if (got < 0)
		return (int)got;
	n->self_changed = true;
	return hostfs_refresh(n, true);
}

static void file_release(struct file *f)
{
	struct hostfs_node *n = hostfs_node(f->inode);

	n->opens--;
	if ((f->flags & O_ACCMODE) != O_RDONLY && --n->writers == 0 && list_empty(&n->chunks))
		hostfs_handles_drop(n, false, true);
	heap_free(f->fs);
}

const struct inode_ops hostfs_file_ops = {
	.getattr = hostfs_getattr, .setattr = hostfs_setattr, .open = hostfs_open, .get_page = hostfs_get_page,
	.has_page = hostfs_has_page,
	.release = hostfs_release, .getxattr = hostfs_getxattr, .setxattr = hostfs_setxattr,
	.listxattr = hostfs_listxattr, .removexattr = hostfs_removexattr,
};
const struct file_ops hostfs_file_fops = {
	.read = file_read, .write = file_write, .fsync = file_fsync, .fallocate = file_fallocate,
	.release = file_release,
};
