// SPDX-License-Identifier: MIT
//
// /dev: a tmpfs filled at boot, and the drivers behind its simplest nodes.
#ifndef WHELK_DEVFS_H
#define WHELK_DEVFS_H

#include "base/api.h"
#include "vfs/vfs.h"

// Registers the drivers, mounts /dev and /dev/pts, starts tty. Boot code mounts a tmpfs on /dev/shm
// afterwards. 0 or -errno.
API int devfs_mount(void);
// Parts of it (sys/part.h): terminals, and pseudo-terminals.
int devfs_terminals(void);
int devpts_mount(void);

#endif
