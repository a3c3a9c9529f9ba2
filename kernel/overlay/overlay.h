// SPDX-License-Identifier: MIT
//
// An in-memory file system on top of a read-only one: the root of every machine. Directories,
// names, modes, owners and times live here; contents of files that were written live in a tmpfs;
// everything else is the lower file system's.
#ifndef WHELK_OVERLAY_H
#define WHELK_OVERLAY_H

#include "base/api.h"
#include "vfs/vfs.h"

API int overlay_create(struct super *lower_super SHARED, struct inode *lower_root SHARED, struct super **s OUT(1),
		       struct inode **root OUT(1));

#endif
