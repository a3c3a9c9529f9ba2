// SPDX-License-Identifier: MIT
//
// Character devices of major 1.
#ifndef WHELK_DEVFS_MEMORY_H
#define WHELK_DEVFS_MEMORY_H

#include "vfs/vfs.h"

int memory_device_open(struct inode *i, struct file *f);

#endif
