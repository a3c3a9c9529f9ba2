// SPDX-License-Identifier: MIT
//
// Directories of tmpfs: entries in order of creation (their cookies only rise, so readdir neither
// repeats nor skips what stays while others come and go), and a hash table once there are many.
#include <linux/fs.h>

#include "time/time.h"
#include "tmpfs/private.h"

#define HASH_FROM 16 // entries before there is a table

void tmpfs_dir_init(struct tmpfs_node *n)
{
	list_init(&n->dir.order);
	n->dir.next_cookie = 2;
}

static uint32_t name_hash(const char *name, size_t len)
{
	uint32_t h = 2166136261u;
	for (size_t k = 0; k < len; k++)
		h = (h ^ (uint8_t)name[k]) * 16777619u;
	return h ^ h >> 15;
}

static struct tmpfs_entry *entry_find(struct tmpfs_node *n, const char *name, size_t len)
{
	uint32_t hash = name_hash(name, len);
	struct tmpfs_entry *e;
	if (n->dir.bucket) {
		for (e = n->dir.bucket[hash % n->dir.bucket_count]; e; e = e->chain)
			if (e->hash == hash && e->len == len && !memcmp(e->name, name, len))
				return e;
		return NULL;
	}
	list_for_each(e, &n->dir.order, order)
		if (e->hash == hash && e->len == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

static void hash_insert(struct tmpfs_node *n, struct tmpfs_entry *e)
{
	if (!n->dir.bucket)
		return;
	struct tmpfs_entry **b = &n->dir.bucket[e->hash % n->dir.bucket_count];
	e->chain = *b;
	*b = e;
}

// Without memory for a larger table the old one goes on serving.
static void hash_grow(struct tmpfs_node *n)
{
	if (n->dir.count < HASH_FROM || n->dir.count < n->dir.bucket_count)
		return;
	uint32_t count = n->dir.bucket_count ? n->dir.bucket_count * 4 : HASH_FROM * 4;
	struct tmpfs_entry **bucket = heap_zalloc(count * sizeof(struct tmpfs_entry *)), *e;
	if (!bucket)
		return;
	heap_free(n->dir.bucket);
	n->dir.bucket = bucket;
	n->dir.bucket_count = count;
	list_for_each(e, &n->dir.order, order)
		hash_insert(n, e);
}

static void hash_remove(struct tmpfs_node *n, struct tmpfs_entry *e)
{
	if (!n->dir.bucket)
		return;
	struct tmpfs_entry **at = &n->dir.bucket[e->hash % n->dir.bucket_count];
	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
}

static struct tmpfs_entry *entry_alloc(const char *name, size_t len)
{
	struct tmpfs_entry *e = heap_zalloc(sizeof *e + len);
	if (!e)
		return NULL;
	e->len = (uint32_t)len;
	e->hash = name_hash(name, len);
	memcpy(e->name, name, len);
	return e;
}

// Takes over the reference to `i`.
static void entry_insert(struct inode *dir, struct tmpfs_entry *e, struct inode *i)
{
	struct tmpfs_node *n = tmpfs_node(dir);
	e->inode = i;
	e->cookie = n->dir.next_cookie++;
	list_push_back(&n->dir.order, &e->order);
	n->dir.count++;
	hash_insert(n, e);
	hash_grow(n);
	dir->size += 20; // as Linux's tmpfs shows it
	inode_touch(dir, ATTR_MTIME);
}

static void entry_remove(struct inode *dir, struct tmpfs_entry *e)
{
	struct tmpfs_node *n = tmpfs_node(dir);
	hash_remove(n, e);
	list_remove(&e->order);
	n->dir.count--;
	dir->size -= 20;
	inode_touch(dir, ATTR_MTIME);
	struct inode *i = e->inode;
	heap_free(e);
	inode_put(i);
}

void tmpfs_dir_free(struct tmpfs_node *n)
{
	struct tmpfs_entry *e, *next;
	list_for_each_safe(e, next, &n->dir.order, order) {
		inode_put(e->inode);
		heap_free(e);
	}
	heap_free(n->dir.bucket);
}

static int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct tmpfs_entry *e = entry_find(tmpfs_node(dir), name, len);
	if (!e)
		return -ENOENT;
	inode_get(e->inode);
	*out = e->inode;
	return 0;
}

static int dir_add(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, const char *target,
		   struct inode **out)
{
	struct tmpfs *fs = tmpfs_of(dir);
	struct inode *i;
	if (entry_find(tmpfs_node(dir), name, len))
		return -EEXIST;
	if (fs->inodes >= fs->max_pages)
		return -ENOSPC;
	struct tmpfs_entry *e = entry_alloc(name, len);
	if (!e)
		return -ENOMEM;
	int err = tmpfs_inode_create(fs, dir, mode, rdev, &i);
	if (err) {
		heap_free(e);
		return err;
	}
	if (target) {
		i->size = strlen(target);
		if (!(tmpfs_node(i)->target = heap_strdup(target))) {
			inode_put(i);
			heap_free(e);
			return -ENOMEM;
		}
	}
	if (S_ISDIR(mode))
		dir->nlink++;
	inode_get(i); // one for the entry, one for the caller
	entry_insert(dir, e, i);
	*out = i;
	return 0;
}

static int dir_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	return dir_add(dir, name, len, mode, rdev, NULL, out);
}

static int dir_mkdir(struct inode *dir, const char *name, size_t len, uint32_t mode, struct inode **out)
{
	return dir_add(dir, name, len, S_IFDIR | (mode & 07777), 0, NULL, out);
}

static int dir_symlink(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out)
{
	return dir_add(dir, name, len, S_IFLNK | 0777, 0, target, out);
}

static int dir_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	if (entry_find(tmpfs_node(dir), name, len))
		return -EEXIST;
	struct tmpfs_entry *e = entry_alloc(name, len);
	if (!e)
		return -ENOMEM;
	inode_get(target);
	target->nlink++;
	target->ctime_ns = time_wall_ns();
	entry_insert(dir, e, target);
	return 0;
}

static void drop_link(struct inode *dir, struct inode *i)
{
	i->ctime_ns = time_wall_ns();
	if (S_ISDIR(i->mode)) {
		i->nlink = 0;
		dir->nlink--;
	} else {
		i->nlink--;
	}
}

static int dir_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	struct tmpfs_entry *e = entry_find(tmpfs_node(dir), name, len);
	if (!e || e->inode != victim)
		return -ENOENT;
	drop_link(dir, victim);
	entry_remove(dir, e);
	return 0;
}

static int dir_rmdir(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	if (tmpfs_node(victim)->dir.count)
		return -ENOTEMPTY;
	return dir_unlink(dir, name, len, victim);
}

static int dir_exchange(struct inode *from, struct tmpfs_entry *a, struct inode *to, struct tmpfs_entry *b)
{
	struct inode *i = a->inode;
	bool a_dir = S_ISDIR(i->mode), b_dir = S_ISDIR(b->inode->mode);
	a->inode = b->inode;
	b->inode = i;
	if (from != to && a_dir != b_dir) {
		from->nlink += b_dir ? 1u : -1u;
		to->nlink += a_dir ? 1u : -1u;
	}
	a->inode->ctime_ns = i->ctime_ns = time_wall_ns();
	inode_touch(from, ATTR_MTIME);
	inode_touch(to, ATTR_MTIME);
	return 0;
}

static int dir_rename(struct inode *from, const char *fname, size_t flen, struct inode *to, const char *tname,
		      size_t tlen, unsigned flags)
{
	struct tmpfs_entry *src = entry_find(tmpfs_node(from), fname, flen),
			   *dst = entry_find(tmpfs_node(to), tname, tlen);
	if (!src || ((flags & RENAME_EXCHANGE) && !dst))
		return -ENOENT;
	if (flags & RENAME_EXCHANGE)
		return dir_exchange(from, src, to, dst);
	if (dst && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (dst && S_ISDIR(dst->inode->mode) && tmpfs_node(dst->inode)->dir.count)
		return -ENOTEMPTY;
	struct tmpfs_entry *fresh = entry_alloc(tname, tlen);
	if (!fresh)
		return -ENOMEM;
	struct inode *i = src->inode;
	inode_get(i);
	if (dst) {
		drop_link(to, dst->inode);
		entry_remove(to, dst);
	}
	entry_remove(from, src);
	if (S_ISDIR(i->mode)) {
		from->nlink--;
		to->nlink++;
	}
	entry_insert(to, fresh, i);
	i->ctime_ns = time_wall_ns();
	return 0;
}

static int dir_tmpfile(struct inode *dir, uint32_t mode, struct inode **out)
{
	int err = tmpfs_inode_create(tmpfs_of(dir), dir, mode, 0, out);
	if (!err)
		(*out)->nlink = 0;
	return err;
}

static int dir_readdir(struct file *f, struct dir_emit *d, int64_t *pos)
{
	struct tmpfs_node *n = tmpfs_node(f->inode);
	struct tmpfs_entry *e;
	if (!dir_emit_dots(f, d, pos))
		return 0;
	// A directory of many entries is read in many calls: start at the nearer end.
	if (!list_empty(&n->dir.order) && *pos > n->dir.next_cookie / 2) {
		struct list *at = &n->dir.order;
		while (at->prev != &n->dir.order && list_entry(at->prev, struct tmpfs_entry, order)->cookie >= *pos)
			at = at->prev;
		if (at == &n->dir.order)
			return 0;
		e = list_entry(at, struct tmpfs_entry, order);
	} else {
		e = list_first(&n->dir.order, struct tmpfs_entry, order);
	}
	for (; &e->order != &n->dir.order; e = list_entry(e->order.next, struct tmpfs_entry, order)) {
		if (e->cookie < *pos)
			continue;
		if (!d->emit(d, e->name, e->len, e->inode->ino, (e->inode->mode & S_IFMT) >> 12, e->cookie + 1))
			return 0;
		*pos = e->cookie + 1;
	}
	return 0;
}

static int64_t dir_seek(struct file *f, int64_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	return f->pos = off;
}

static int dir_fsync(struct file *f, bool data_only)
{
	(void)f, (void)data_only;
	return 0;
}

const struct inode_ops tmpfs_dir_inode_ops = {
	.lookup = dir_lookup,
	.create = dir_create,
	.mkdir = dir_mkdir,
	.symlink = dir_symlink,
	.link = dir_link,
	.unlink = dir_unlink,
	.rmdir = dir_rmdir,
	.rename = dir_rename,
	.tmpfile = dir_tmpfile,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.release = tmpfs_inode_release,
};
const struct file_ops tmpfs_dir_ops = {
	.readdir = dir_readdir,
	.seek = dir_seek,
	.fsync = dir_fsync,
};
