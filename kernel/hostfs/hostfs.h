// SPDX-License-Identifier: MIT
//
// The client of the monitor's file server: host directories as file systems.
#ifndef WHELK_HOSTFS_H
#define WHELK_HOSTFS_H

#include "base/api.h"
#include "vfs/vfs.h"

// Mount `mount_index` of the boot block. -ENODEV, -ENOMEM, or what the server says.
API int hostfs_mount(unsigned mount_index, struct super **s OUT(1), struct inode **root OUT(1));

// VMAs that map `inode` are listed on `front` (an overlay's inode); NULL: on itself again.
API void hostfs_set_front(struct inode *inode SHARED, struct inode *front SHARED);

#endif
