// SPDX-License-Identifier: MIT
//
// The file system in memory: /tmp, /dev/shm, the overlay's upper layer, memfd and shared anonymous memory.
#ifndef WHELK_TMPFS_H
#define WHELK_TMPFS_H

#include "base/api.h"
#include "vfs/vfs.h"

// A file system of its own with a root directory (mode 1777, uid and gid 0); both belong to the caller. It may
// hold half of RAM.
API int tmpfs_create(struct super **super OUT(1), struct inode **root OUT(1));
// A file without a name. `name` is what /proc/self/maps and fd/ show: "/NAME (deleted)".
API int tmpfs_create_anonymous(const char *name IN(strlen), uint64_t size, struct inode **out OUT(1));
API uint64_t tmpfs_pages(void); // in use by all of them (/proc/meminfo Shmem)

#endif
