// SPDX-License-Identifier: MIT
//
// tmpfs: instances, inodes, attributes, anonymous files.
#include <linux/magic.h>
#include <linux/memfd.h>

#include "base/format.h"
#include "mm/page.h"
#include "proc/process.h"
#include "time/time.h"
#include "tmpfs/private.h"

#ifndef F_SEAL_SEAL
#include <linux/fcntl.h>
#endif

static int tmpfs_statfs(struct super *s, struct statfs_k *out)
{
	struct tmpfs *fs = s->fs;
	out->blocks = fs->max_pages;
	out->bfree = out->bavail = fs->max_pages > fs->pages ? fs->max_pages - fs->pages : 0;
	out->files = fs->max_pages;
	out->ffree = fs->max_pages > fs->inodes ? fs->max_pages - fs->inodes : 0;
	return 0;
}

static struct tmpfs *tmpfs_new(void)
{
	struct page_info info;
	struct tmpfs *fs = heap_new(struct tmpfs);
	if (!fs)
		return NULL;
	page_info(&info);
	fs->max_pages = info.total / 2;
	fs->super = (struct super){
		.dev = super_new_dev(), .type = "tmpfs", .magic = TMPFS_MAGIC, .fs = fs, .statfs = tmpfs_statfs};
	return fs;
}

int tmpfs_create(struct super **super, struct inode **root)
{
	struct tmpfs *fs = tmpfs_new();
	if (!fs)
		return -ENOMEM;
	int err = tmpfs_inode_create(fs, NULL, S_IFDIR | 01777, 0, root);
	if (err) {
		heap_free(fs);
		return err;
	}
	(*root)->uid = (*root)->gid = 0;
	*super = &fs->super;
	return 0;
}

int tmpfs_create_anonymous(const char *name, uint64_t size, struct inode **out)
{
	static struct tmpfs *anonymous; // one instance for all of them
	if (!anonymous && !(anonymous = tmpfs_new()))
		return -ENOMEM;
	anonymous->max_pages = ~0ull; // memory itself is the limit
	struct inode *i;
	int err = tmpfs_inode_create(anonymous, NULL, S_IFREG | 0777, 0, &i);
	if (err)
		return err;
	size_t len = strlen(name) + sizeof "/ (deleted)";
	struct tmpfs_node *n = tmpfs_node(i);
	n->name = heap_alloc(len);
	if (!n->name) {
		inode_put(i);
		return -ENOMEM;
	}
	format(n->name, len, "/%s (deleted)", name);
	i->name = n->name;
	i->nlink = 0;
	i->size = size;
	i->seals = F_SEAL_SEAL;
	*out = i;
	return 0;
}

int tmpfs_inode_create(struct tmpfs *fs, struct inode *dir, uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct thread *t = thread_current();
	struct tmpfs_node *n = heap_new(struct tmpfs_node);
	struct inode *i = n ? inode_alloc(&fs->super, mode) : NULL;
	if (!i) {
		heap_free(n);
		return -ENOMEM;
	}
	list_init(&n->xattrs);
	i->fs = n;
	i->rdev = rdev;
	i->seals = F_SEAL_SEAL;
	if (t && t->process) {
		i->uid = t->process->cred.fsuid;
		i->gid = t->process->cred.fsgid;
	}
	if (dir && (dir->mode & S_ISGID)) { // entries of a set-group-ID directory belong to its group
		i->gid = dir->gid;
		if (S_ISDIR(mode))
			i->mode |= S_ISGID;
	}
	if (S_ISREG(mode)) {
		i->ops = &tmpfs_file_inode_ops;
		i->fops = &tmpfs_file_ops;
	} else if (S_ISDIR(mode)) {
		i->ops = &tmpfs_dir_inode_ops;
		i->fops = &tmpfs_dir_ops;
		i->nlink = 2;
		tmpfs_dir_init(n);
	} else if (S_ISLNK(mode)) {
		i->ops = &tmpfs_link_inode_ops;
	} else {
		i->ops = &tmpfs_special_inode_ops;
	}
	fs->inodes++;
	*out = i;
	return 0;
}

void tmpfs_inode_release(struct inode *i)
{
	struct tmpfs_node *n = tmpfs_node(i);
	if (S_ISREG(i->mode))
		tmpfs_file_free(i);
	else if (S_ISDIR(i->mode))
		tmpfs_dir_free(n);
	else if (S_ISLNK(i->mode))
		heap_free(n->target);
	tmpfs_xattr_free(n);
	tmpfs_of(i)->inodes--;
	heap_free(n->name);
	heap_free(n);
	inode_free(i);
}

int tmpfs_setattr(struct inode *i, const struct iattr *a)
{
	if (a->valid & ATTR_SIZE) {
		if (!S_ISREG(i->mode))
			return -EINVAL;
		if (a->size > INT64_MAX - PAGE_SIZE)
			return -EFBIG;
		if ((a->size < i->size && (i->seals & F_SEAL_SHRINK)) ||
		    (a->size > i->size && (i->seals & F_SEAL_GROW)))
			return -EPERM;
		tmpfs_file_truncate(i, a->size);
		i->mtime_ns = time_wall_ns();
	}
	inode_set_fields(i, a);
	return 0;
}

static int64_t tmpfs_readlink(struct inode *i, char *buf, size_t size)
{
	memcpy(buf, tmpfs_node(i)->target, MIN(i->size, size));
	return (int64_t)i->size;
}

#define TMPFS_COMMON                                                                                                   \
	.setattr = tmpfs_setattr, .getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr,                              \
	.listxattr = tmpfs_listxattr, .removexattr = tmpfs_removexattr, .release = tmpfs_inode_release

const struct inode_ops tmpfs_link_inode_ops = {.readlink = tmpfs_readlink, TMPFS_COMMON};
const struct inode_ops tmpfs_special_inode_ops = {TMPFS_COMMON};
