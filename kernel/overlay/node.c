// SPDX-License-Identifier: MIT
//
// Overlay inodes: where they come from, their attributes, and the file system itself.
#define COMPONENT "overlay"
#include <asm/errno.h>
#include <linux/stat.h>

#include "base/string.h"
#include "debug/debug.h"
#include "hostfs/hostfs.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "overlay/private.h"
#include "time/time.h"
#include "tmpfs/tmpfs.h"

static struct overlay_node **table; // by lower inode
static size_t table_size, node_count;

static struct overlay_node **slot(const struct inode *lower)
{
	return &table[((uint64_t)lower >> 4) * 0x9e3779b97f4a7c15ull >> 32 & (table_size - 1)];
}

static int table_grow(void)
{
	size_t old_size = table_size;
	struct overlay_node **old = table, **grown = heap_zalloc((old_size ? old_size * 2 : 128) * sizeof(*grown));

	if (!grown)
		return old_size ? 0 : -ENOMEM;
	table = grown;
	table_size = old_size ? old_size * 2 : 128;
	for (size_t i = 0; i < old_size; i++) {
		for (struct overlay_node *n = old[i], *next; n; n = next) {
			next = n->hash_next;
			n->hash_next = *slot(n->lower);
			*slot(n->lower) = n;
		}
	}
	heap_free(old);
	return 0;
}

// --- attributes ------------------------------------------------------------------------------------------

static void copy_contents_fields(struct inode *to, const struct inode *from)
{
	to->size = from->size;
	to->blocks = from->blocks;
}

static void copy_meta_fields(struct inode *to, const struct inode *from)
{
	to->mode = (to->mode & S_IFMT) | (from->mode & 07777);
	to->uid = from->uid;
	to->gid = from->gid;
	to->atime_ns = from->atime_ns;
	to->mtime_ns = from->mtime_ns;
	to->ctime_ns = from->ctime_ns;
	to->btime_ns = from->btime_ns;
}

void overlay_sync(struct overlay_node *n)
{
	struct inode *real = overlay_real(n);

	if (!real)
		return;
	copy_contents_fields(n->inode, real);
	if (n->upper || !n->meta)
		copy_meta_fields(n->inode, real);
	if (!n->meta) {
		n->inode->nlink = real->nlink;
		n->inode->rdev = real->rdev;
	}
}

int overlay_getattr(struct inode *i)
{
	struct overlay_node *n = overlay_node(i);
	struct inode *real = overlay_real(n);

	if (real && real->ops->getattr && !(n->meta && !S_ISREG(i->mode))) {
		int err = real->ops->getattr(real);
		if (err)
			return err;
	}
	overlay_sync(n);
	return 0;
}

void overlay_pin(struct overlay_node *n)
{
	n->meta = true;
	if (n->pinned || !n->lower)
		return;
	n->pinned = true;
	inode_get(n->inode);
}

void overlay_unlinked(struct overlay_node *n)
{
	struct inode *i = n->inode;

	overlay_pin(n);
	i->nlink = S_ISDIR(i->mode) || i->nlink == 0 ? 0 : i->nlink - 1;
	i->ctime_ns = time_wall_ns();
	if (i->nlink == 0 && n->pinned) {
		n->pinned = false;
		inode_put(i);
	}
}

int overlay_setattr(struct inode *i, const struct iattr *a)
{
	struct overlay_node *n = overlay_node(i);
	uint64_t old = i->size;
	int err;

	if (a->valid & ATTR_SIZE) {
		if (!S_ISREG(i->mode))
			return S_ISDIR(i->mode) ? -EISDIR : -EINVAL;
		err = overlay_copy_up(n, a->size);
		if (err)
			return err;
	}
	overlay_pin(n);
	if (n->upper) {
		err = n->upper->ops->setattr(n->upper, a);
		if (err)
			return err;
		overlay_sync(n);
		// The VMAs are ours: the tmpfs could not reach them.
		if ((a->valid & ATTR_SIZE) && a->size < old)
			mm_unmap_inode(i, ALIGN_UP(a->size, PAGE_SIZE) >> PAGE_SHIFT, ~0ull, true);
		return 0;
	}
	inode_set_fields(i, a);
	return 0;
}

// --- links, special files ----------------------------------------------------------------------------------

static int64_t link_read(struct inode *i, char *buf, size_t size)
{
	struct overlay_node *n = overlay_node(i);

	if (!n->link)
		return n->lower->ops->readlink(n->lower, buf, size);
	size_t len = strlen(n->link);
	memcpy(buf, n->link, MIN(size, len));
	return (int64_t)len;
}

void overlay_release(struct inode *i)
{
	struct overlay_node *n = overlay_node(i), **p;

	overlay_entries_free(n);
	if (n->lower) {
		for (p = slot(n->lower); *p != n; p = &(*p)->hash_next)
			;
		*p = n->hash_next;
		node_count--;
		if (S_ISREG(i->mode))
			hostfs_set_front(n->lower, NULL);
		inode_put(n->lower);
	}
	if (n->upper)
		inode_put(n->upper);
	heap_free(n->link);
	heap_free(n);
	inode_free(i);
}

static const struct inode_ops link_ops = {
	.readlink = link_read, .getattr = overlay_getattr, .setattr = overlay_setattr, .release = overlay_release,
};
static const struct inode_ops special_ops = {
	.getattr = overlay_getattr, .setattr = overlay_setattr, .release = overlay_release,
};

// --- making them -------------------------------------------------------------------------------------------

static struct overlay_node *node_alloc(struct overlay_super *fs, uint32_t mode)
{
	struct overlay_node *n = heap_new(struct overlay_node);
	struct inode *i = n ? inode_alloc(&fs->super, mode) : NULL;

	if (!i) {
		heap_free(n);
		return NULL;
	}
	n->inode = i;
	n->fs = fs;
	mutex_init(&n->copy_lock);
	list_init(&n->entries);
	i->fs = n;
	switch (mode & S_IFMT) {
	case S_IFDIR:
		i->ops = &overlay_dir_ops;
		i->fops = &overlay_dir_fops;
		break;
	case S_IFREG:
		i->ops = &overlay_file_ops;
		i->fops = &overlay_file_fops;
		break;
	case S_IFLNK:
		i->ops = &link_ops;
		break;
	default:
		i->ops = &special_ops;
	}
	return n;
}

int overlay_wrap(struct overlay_super *fs, struct inode *lower, struct inode **out)
{
	struct overlay_node *n;

	if (node_count >= table_size && table_grow())
		goto no_memory;
	for (n = *slot(lower); n && n->lower != lower; n = n->hash_next)
		;
	if (n) {
		inode_put(lower);
		inode_get(n->inode);
		overlay_sync(n);
		*out = n->inode;
		return 0;
	}
	n = node_alloc(fs, lower->mode);
	if (!n)
		goto no_memory;
	n->lower = lower;
	n->inode->ino = lower->ino;
	overlay_sync(n);
	n->hash_next = *slot(lower);
	*slot(lower) = n;
	node_count++;
	if (S_ISREG(lower->mode))
		hostfs_set_front(lower, n->inode);
	*out = n->inode;
	return 0;
no_memory:
	inode_put(lower);
	return -ENOMEM;
}

int overlay_new(struct overlay_super *fs, uint32_t mode, struct inode **out)
{
	struct overlay_node *n = node_alloc(fs, mode);

	if (!n)
		return -ENOMEM;
	n->meta = true;
	n->inode->ino = fs->next_ino++;
	n->inode->nlink = S_ISDIR(mode) ? 2 : 1;
	if (S_ISREG(mode)) {
		int err = fs->upper_root->ops->tmpfile(fs->upper_root, mode, &n->upper);
		if (err) {
			inode_put(n->inode);
			return err;
		}
		overlay_sync(n);
	}
	*out = n->inode;
	return 0;
}

static int super_statfs(struct super *s, struct statfs_k *out)
{
	struct overlay_super *fs = s->fs;
	struct super *from = fs->upper_super->statfs ? fs->upper_super : fs->lower_super;
	int err = from->statfs ? from->statfs(from, out) : -ENOSYS;

	out->type = s->magic;
	return err;
}

int overlay_create(struct super *lower_super, struct inode *lower_root, struct super **s, struct inode **root)
{
	struct overlay_super *fs = heap_new(struct overlay_super);

	if (!fs)
		return -ENOMEM;
	int err = tmpfs_create(&fs->upper_super, &fs->upper_root);
	if (err)
		goto fail;
	fs->super.dev = super_new_dev();
	fs->super.type = "overlay";
	fs->super.magic = 0x794c7630; // OVERLAYFS_SUPER_MAGIC
	fs->super.fs = fs;
	fs->super.statfs = super_statfs;
	fs->lower_super = lower_super;
	fs->next_ino = 1ull << 48; // apart from the lower file system's
	inode_get(lower_root);
	err = overlay_wrap(fs, lower_root, root);
	if (err)
		goto fail;
	overlay_node(*root)->pinned = true;
	inode_get(*root);
	*s = &fs->super;
	return 0;
fail:
	heap_free(fs);
	return err;
}
