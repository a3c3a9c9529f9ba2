// SPDX-License-Identifier: MIT
//
// Files whose contents are made when they are read: most of /proc and /sys. show() appends to the
// text; it is called again with more room when the text did not fit, and anew when reading restarts at 0.
#ifndef WHELK_VFS_TEXT_FILE_H
#define WHELK_VFS_TEXT_FILE_H

#include "base/format.h"
#include "vfs/vfs.h"

typedef int (*text_show_fn)(struct text *t, void *arg);
typedef int64_t (*text_store_fn)(const char *buf, size_t len, void *arg); // bytes taken or -errno; buf is terminated

API struct inode *vfs_text_file(struct super *s SHARED, uint32_t mode, text_show_fn show, void *arg SHARED);
// With writing: store() gets each write(2), at most a page.
API struct inode *vfs_text_file_rw(struct super *s SHARED, uint32_t mode, text_show_fn show, text_store_fn store,
				   void *arg SHARED);
// Files whose contents are fixed, into `dir` and directories below it: TEXT_FILE(PATH, TEXT), one after the other. 0, -ENOMEM.
#define TEXT_FILE(path, text) path "\0" text "\0"
API int vfs_add_texts(struct inode *dir SHARED, const char *list SHARED);
// arg belongs to the inode: free_arg(arg) is called when it goes.
API void vfs_text_file_own(struct inode *i SHARED, void (*free_arg)(void *));

#endif
