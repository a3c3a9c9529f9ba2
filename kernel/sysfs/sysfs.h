// SPDX-License-Identifier: MIT
#ifndef WHELK_SYSFS_H
#define WHELK_SYSFS_H

#include "base/api.h"

API int sysfs_mount(void); // on /sys: 0 or -errno

#endif
