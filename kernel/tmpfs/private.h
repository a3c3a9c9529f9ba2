// SPDX-License-Identifier: MIT
//
// tmpfs inside: what hangs on inode->fs, and the page tree of a file.
#ifndef WHELK_TMPFS_PRIVATE_H
#define WHELK_TMPFS_PRIVATE_H

#include <linux/errno.h>

#include "base/string.h"
#include "mm/heap.h"
#include "tmpfs/pages.h"
#include "tmpfs/tmpfs.h"

struct tmpfs { // super->fs
	struct super super;
	uint64_t max_pages, pages; // the limit and what is used
	uint64_t inodes;
};

struct tmpfs_entry { // a name in a directory
	struct list order; // by cookie, rising
	struct tmpfs_entry *chain;
	struct inode *inode; // one reference
	int64_t cookie;
	uint32_t hash;
	uint32_t len;
	char name[];
};

struct tmpfs_xattr {
	struct list link;
	size_t size;
	void *value;
	char name[];
};

struct tmpfs_node { // inode->fs
	struct list xattrs;
	union {
		struct page_tree pages; // regular files
		struct {
			struct list order;
			struct tmpfs_entry **bucket; // NULL while there are few
			uint32_t bucket_count, count;
			int64_t next_cookie;
		} dir;
		char *target; // symbolic links
	};
	char *name; // anonymous files
};

static inline struct tmpfs_node *tmpfs_node(struct inode *i) { return i->fs; }
static inline struct tmpfs *tmpfs_of(struct inode *i) { return i->super->fs; }

extern const struct inode_ops tmpfs_file_inode_ops, tmpfs_dir_inode_ops, tmpfs_link_inode_ops, tmpfs_special_inode_ops;
extern const struct file_ops tmpfs_file_ops, tmpfs_dir_ops;

// An inode of any type with its node, owned by the running process. `dir` may be NULL.
int tmpfs_inode_create(struct tmpfs *fs, struct inode *dir, uint32_t mode, uint64_t rdev, struct inode **out);
void tmpfs_inode_release(struct inode *i);
int tmpfs_setattr(struct inode *i, const struct iattr *a);
void tmpfs_file_truncate(struct inode *i, uint64_t size);
void tmpfs_file_free(struct inode *i);
void tmpfs_dir_init(struct tmpfs_node *n);
void tmpfs_dir_free(struct tmpfs_node *n);

int64_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int tmpfs_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags);
int64_t tmpfs_listxattr(struct inode *i, char *buf, size_t size);
int tmpfs_removexattr(struct inode *i, const char *name);
void tmpfs_xattr_free(struct tmpfs_node *n);

#endif
