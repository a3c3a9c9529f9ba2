// SPDX-License-Identifier: MIT
//
// The family AF_UNIX: unix(7).
#ifndef WHELK_UNIX_H
#define WHELK_UNIX_H

#include "base/api.h"

struct text;

void unix_init(void);			  // boot, after the heap
API void unix_format(struct text *t SHARED); // /proc/net/unix

#endif
