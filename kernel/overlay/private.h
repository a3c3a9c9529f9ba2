// SPDX-License-Identifier: MIT
//
// What the files of the overlay share. Every overlay inode has a node. One that came from the lower
// file system is found by its lower inode, so it is the same one under all its names, before and
// after its contents were copied. A node that differs from its lower inode is pinned: it holds a
// reference on itself until it has no name left.
//
// A directory's own entries are what differs from the lower directory: new names, and whiteouts
// (inode NULL) over lower names. So any directory can be renamed, a lower one too.
#ifndef WHELK_OVERLAY_PRIVATE_H
#define WHELK_OVERLAY_PRIVATE_H

#include "overlay/overlay.h"

struct overlay_super {
	struct super super;
	struct super *lower_super, *upper_super;
	struct inode *upper_root; // where the contents of files are made
	uint64_t next_ino;
};

struct overlay_entry {
	struct list link;
	struct overlay_entry *hash_next;
	struct inode *inode; // one reference; NULL: a whiteout
	uint32_t hash;
	uint16_t len;
	char name[];
};

struct overlay_node {
	struct inode *inode;
	struct overlay_super *fs;
	struct inode *lower, *upper; // a reference each, or NULL
	struct overlay_node *hash_next; // nodes with a lower inode
	bool pinned;
	bool meta; // mode, owner, times and links are ours, not the lower inode's
	struct mutex copy_lock;

	struct list entries; // directories: in order of making
	struct overlay_entry **table;
	size_t table_size, entry_count;
	char *link; // text of a symbolic link made here
};

struct overlay_file { // file->fs
	struct file *real; // on the lower or the upper inode
	// Directories: the merged listing, made when it is read from the start.
	struct overlay_item *items;
	size_t item_count, item_room;
	bool merged;
};

struct overlay_item {
	char *name;
	uint64_t ino;
	uint16_t len;
	uint8_t type;
};

static inline struct overlay_node *overlay_node(struct inode *i) { return i->fs; }
static inline struct inode *overlay_real(struct overlay_node *n) { return n->upper ? n->upper : n->lower; }

// node.c
int overlay_wrap(struct overlay_super *fs, struct inode *lower, struct inode **out); // takes the reference on lower
int overlay_new(struct overlay_super *fs, uint32_t mode, struct inode **out);
void overlay_pin(struct overlay_node *n);
void overlay_unlinked(struct overlay_node *n); // one name less
void overlay_sync(struct overlay_node *n);     // fields of the inode from where the truth is, without asking the host
void overlay_release(struct inode *i);
int overlay_getattr(struct inode *i);
int overlay_setattr(struct inode *i, const struct iattr *a);

// file.c
int overlay_copy_up(struct overlay_node *n, uint64_t keep); // contents up to `keep` bytes
extern const struct inode_ops overlay_file_ops;
extern const struct file_ops overlay_file_fops;

// dir.c
struct overlay_entry *overlay_entry_find(struct overlay_node *dir, const char *name, size_t len);
void overlay_entries_free(struct overlay_node *dir);
extern const struct inode_ops overlay_dir_ops;

// list.c
int overlay_dir_open(struct inode *i, struct file *f);
int overlay_dir_empty(struct overlay_node *dir); // 0, -ENOTEMPTY, or another error
extern const struct file_ops overlay_dir_fops;

#endif
