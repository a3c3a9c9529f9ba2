// SPDX-License-Identifier: MIT
//
// Regular files of tmpfs: pages by index, holes, seals. Pages are never moved or dropped while they
// belong to a file; who copies from or to one holds a reference across the copy, which may sleep.
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "mm/mm.h"
#include "mm/page.h"
#include "tmpfs/private.h"

static uint64_t tmpfs_total_pages;

uint64_t tmpfs_pages(void) { return tmpfs_total_pages; }

// The page at `index`, made when it is a hole. `zero`: a new one must read as zeroes.
static int file_page(struct inode *i, uint64_t index, bool zero, struct page **out, bool *made)
{
	struct tmpfs *fs = tmpfs_of(i);
	struct tmpfs_node *n = tmpfs_node(i);
	struct page *p = page_tree_get(&n->pages, index);
	if (made)
		*made = !p;
	if (p) {
		*out = p;
		return 0;
	}
	if (fs->pages >= fs->max_pages)
		return -ENOSPC;
	p = page_alloc(0, zero ? PAGE_ZERO : 0);
	if (!p)
		return -ENOMEM;
	int err = page_tree_set(&n->pages, index, p);
	if (err) {
		page_put(p);
		return err;
	}
	fs->pages++;
	tmpfs_total_pages++;
	page_account_cached(1);
	i->blocks += PAGE_SIZE / 512;
	*out = p;
	return 0;
}

static void drop_pages(struct inode *i, uint64_t first, uint64_t last)
{
	uint64_t n = page_tree_remove(&tmpfs_node(i)->pages, first, last, page_put);
	tmpfs_of(i)->pages -= n;
	tmpfs_total_pages -= n;
	page_account_cached(-(int64_t)n);
	i->blocks -= n * (PAGE_SIZE / 512);
}

void tmpfs_file_free(struct inode *i) { drop_pages(i, 0, ~0ull); }

static void zero_range(struct inode *i, uint64_t from, uint64_t to) // within one page
{
	struct page *p = page_tree_get(&tmpfs_node(i)->pages, from >> PAGE_SHIFT);
	if (p && from < to)
		memset((char *)page_virt(p) + from % PAGE_SIZE, 0, to - from);
}

void tmpfs_file_truncate(struct inode *i, uint64_t size)
{
	uint64_t old = i->size;
	i->size = size;
	if (size >= old)
		return;
	uint64_t first = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
	if (!list_empty(&i->mappings))
		mm_unmap_inode(i, first, ~0ull, true);
	drop_pages(i, first, ~0ull);
	zero_range(i, size, ALIGN_UP(size, PAGE_SIZE)); // growing again must show zeroes
}

static int64_t tmpfs_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct inode *i = f->inode;
	struct page_tree *tree = &tmpfs_node(i)->pages;
	int64_t done = 0;

	while (to->left && (uint64_t)*pos < i->size) {
		uint64_t index = (uint64_t)*pos >> PAGE_SHIFT, off = (uint64_t)*pos % PAGE_SIZE;
		uint64_t len = MIN(to->left, i->size - (uint64_t)*pos);
		struct page *p = page_tree_get(tree, index);
		int64_t n;
		len = MIN(len, PAGE_SIZE - off);
		if (p) {
			page_get(p);
			n = iter_write(to, (char *)page_virt(p) + off, len);
			page_put(p);
		} else {
			n = iter_zero(to, len);
		}
		if (n <= 0) {
			if (!done)
				done = n;
			break;
		}
		done += n;
		*pos += n;
		if ((uint64_t)n < len)
			break;
		if (!((uint64_t)*pos & (HUGE_SIZE - 1)))
			sched_poll();
	}
	if (done > 0 && !(f->flags & O_NOATIME))
		inode_accessed(i);
	return done;
}

static int64_t write_page(struct inode *i, struct iter *from, uint64_t pos, uint64_t len)
{
	struct page *p;
	bool made, whole = len == PAGE_SIZE;
	int err = file_page(i, pos >> PAGE_SHIFT, !whole, &p, &made);
	if (err)
		return err;
	char *at = (char *)page_virt(p) + pos % PAGE_SIZE;
	page_get(p);
	int64_t n = iter_read(from, at, len);
	if (made && whole && n < (int64_t)len) // what the copy did not reach must not show old memory
		memset(at + MAX(n, 0), 0, len - (uint64_t)MAX(n, 0));
	page_put(p);
	return n;
}

static int64_t tmpfs_write_locked(struct file *f, struct iter *from, int64_t *pos)
{
	struct inode *i = f->inode;
	int64_t done = 0;

	if (f->flags & O_APPEND)
		*pos = (int64_t)i->size;
	if (!from->left)
		return 0;
	if (i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if ((i->seals & F_SEAL_GROW) && (uint64_t)*pos + from->left > i->size)
		return -EPERM;
	if ((uint64_t)*pos + from->left > INT64_MAX - PAGE_SIZE)
		return -EFBIG;
	while (from->left) {
		uint64_t off = (uint64_t)*pos % PAGE_SIZE, len = MIN(from->left, PAGE_SIZE - off);
		int64_t n = write_page(i, from, (uint64_t)*pos, len);
		if (n <= 0) {
			if (!done)
				done = n;
			break;
		}
		done += n;
		*pos += n;
		if ((uint64_t)*pos > i->size)
			i->size = (uint64_t)*pos;
		if ((uint64_t)n < len)
			break;
		if (!((uint64_t)*pos & (HUGE_SIZE - 1)))
			sched_poll();
	}
	if (done > 0)
		inode_touch(i, ATTR_MTIME);
	return done;
}

static int64_t tmpfs_write(struct file *f, struct iter *from, int64_t *pos)
{
	mutex_lock(&f->inode->lock);
	int64_t n = tmpfs_write_locked(f, from, pos);
	mutex_unlock(&f->inode->lock);
	return n;
}

static int64_t tmpfs_seek(struct file *f, int64_t off, int whence)
{
	struct inode *i = f->inode;
	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if (off < 0 || (uint64_t)off >= i->size)
			return -ENXIO;
		uint64_t found = page_tree_next(&tmpfs_node(i)->pages, (uint64_t)off >> PAGE_SHIFT,
						whence == SEEK_HOLE);
		if (whence == SEEK_DATA && (found == ~0ull || found << PAGE_SHIFT >= i->size))
			return -ENXIO;
		off = MAX(off, (int64_t)(found << PAGE_SHIFT));
		off = MIN(off, (int64_t)i->size);
		whence = SEEK_SET;
	}
	int err = file_offset(f, off, whence, &off);
	return err ? err : (f->pos = off);
}

static int punch_hole(struct inode *i, uint64_t from, uint64_t to)
{
	if (i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	uint64_t first = ALIGN_UP(from, PAGE_SIZE), end = ALIGN_DOWN(to, PAGE_SIZE);
	if (first >= end) { // no whole page
		zero_range(i, from, MIN(to, first));
		if (to > first)
			zero_range(i, first, to);
		return 0;
	}
	if (!list_empty(&i->mappings))
		mm_unmap_inode(i, first >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1, false);
	drop_pages(i, first >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1);
	zero_range(i, from, first);
	zero_range(i, end, to);
	return 0;
}

static int tmpfs_fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	struct inode *i = f->inode;
	uint64_t from = (uint64_t)off, to = from + (uint64_t)len;
	int err = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EOPNOTSUPP;
		err = punch_hole(i, from, to);
	} else {
		if (!(mode & FALLOC_FL_KEEP_SIZE) && to > i->size && (i->seals & F_SEAL_GROW))
			return -EPERM;
		uint64_t missing = ((to - 1) >> PAGE_SHIFT) - (from >> PAGE_SHIFT) + 1;
		struct page_info info;
		page_info(&info);
		if (missing > tmpfs_of(i)->max_pages || missing > info.total)
			return -ENOSPC;
		struct page *p;
		for (uint64_t n = from >> PAGE_SHIFT; !err && n <= (to - 1) >> PAGE_SHIFT; n++)
			err = file_page(i, n, true, &p, NULL);
		if (err == -ENOMEM)
			err = -ENOSPC;
		if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && to > i->size)
			i->size = to;
	}
	if (!err)
		inode_touch(i, ATTR_MTIME);
	return err;
}

static int tmpfs_fsync(struct file *f, bool data_only)
{
	(void)f, (void)data_only;
	return 0;
}

static int tmpfs_get_page(struct inode *i, uint64_t index, bool write, struct fault_page *out)
{
	struct page *p;
	(void)write; // a shared mapping must see later writes: a hole is filled on reading too
	if (index >= ALIGN_UP(i->size, PAGE_SIZE) >> PAGE_SHIFT)
		return -EFAULT;
	int err = file_page(i, index, true, &p, NULL);
	if (err)
		return err;
	page_get(p);
	*out = (struct fault_page){.phys = page_phys(p), .page = p, .writable = true};
	return 0;
}

static bool tmpfs_has_page(struct inode *i, uint64_t index)
{
	return page_tree_get(&tmpfs_node(i)->pages, index) != NULL;
}

// Seals: F_ADD_SEALS, F_GET_SEALS of fcntl(2).
static bool mapped_writable(struct inode *i)
{
	struct vma *v;
	list_for_each(v, &i->mappings, inode_link)
		if ((v->flags & VMA_SHARED) && v->file && (v->file->mode & FILE_WRITE) && (v->prot & 2)) // PROT_WRITE
			return true;
	return false;
}

static int tmpfs_fcntl(struct file *f, int cmd, uint64_t arg)
{
	const uint64_t known = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	struct inode *i = f->inode;
	if (cmd == F_GET_SEALS)
		return (int)i->seals;
	if (cmd != F_ADD_SEALS)
		return -EINVAL;
	if (!(f->mode & FILE_WRITE))
		return -EPERM;
	if (arg & ~known)
		return -EINVAL;
	if (i->seals & F_SEAL_SEAL)
		return -EPERM;
	if ((arg & F_SEAL_WRITE) && !(i->seals & F_SEAL_WRITE) && mapped_writable(i))
		return -EBUSY;
	i->seals |= (uint32_t)arg;
	return 0;
}

const struct inode_ops tmpfs_file_inode_ops = {
	.setattr = tmpfs_setattr,
	.get_page = tmpfs_get_page,
	.has_page = tmpfs_has_page,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.release = tmpfs_inode_release,
};
const struct file_ops tmpfs_file_ops = {
	.read = tmpfs_read,
	.write = tmpfs_write,
	.seek = tmpfs_seek,
	.fsync = tmpfs_fsync,
	.fallocate = tmpfs_fallocate,
	.fcntl = tmpfs_fcntl,
};
