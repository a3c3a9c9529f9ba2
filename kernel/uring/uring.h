// SPDX-License-Identifier: MIT
//
// io_uring(7), as the rest of the kernel sees it.
#ifndef WHELK_URING_H
#define WHELK_URING_H

#include "base/api.h"

struct process;

// Before a process's memory is replaced (execve): no request of it is left. May sleep.
API void uring_cancel_process(struct process *p SHARED);

#endif
