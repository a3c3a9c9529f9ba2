// SPDX-License-Identifier: MIT
#ifndef WHELK_PROCFS_H
#define WHELK_PROCFS_H

#include "base/api.h"

API int procfs_mount(void); // on /proc: 0 or -errno

#endif
