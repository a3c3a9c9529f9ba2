// SPDX-License-Identifier: MIT
//
// Directories kept in memory, filled by kernel code: /dev/pts, /proc, /sys. Programs cannot create in them.
#ifndef WHELK_VFS_STATIC_DIR_H
#define WHELK_VFS_STATIC_DIR_H

#include "vfs/vfs.h"

// What such a directory has beyond the entries added to it (process numbers in /proc, descriptors in fd/).
// Dynamic entries are never cached as absent, and cached as present only while `still` says so.
struct static_dir_hooks {
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out); // -ENOENT
	// Positions from STATIC_DIR_DYNAMIC on; leaves *pos at the next entry. 0 or -errno.
	int (*readdir)(struct inode *dir, struct dir_emit *d, int64_t *pos);
	bool (*still)(struct inode *dir, const char *name, size_t len, struct inode *inode); // NULL: look up each time
	void (*release)(struct inode *dir); // `arg` goes
};
#define STATIC_DIR_DYNAMIC (1l << 40)

API struct inode *static_dir_create(struct super *s SHARED, uint32_t mode, const struct static_dir_hooks *hooks SHARED,
				    void *arg SHARED);
API void *static_dir_arg(struct inode *dir SHARED);
// `child` passes over to the directory, also on failure. -ENOMEM; NULL child: -ENOMEM, so that creation may be nested.
API int static_dir_add(struct inode *dir SHARED, const char *name IN(strlen), struct inode *child SHARED);
// The same at a path; directories on the way are made. A path that ends in `/`: those alone, and `child` is dropped.
API int static_dir_add_path(struct inode *dir SHARED, const char *path IN(strlen), struct inode *child SHARED);
API void static_dir_remove(struct inode *dir SHARED, const char *name IN(strlen));
API struct inode *static_dir_find(struct inode *dir SHARED, const char *name IN(len),
				  size_t len); // with a reference, or NULL
API struct inode *static_link_create(struct super *s SHARED,
				     const char *target IN(strlen)); // symbolic link; target is static text

#endif
