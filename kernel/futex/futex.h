// SPDX-License-Identifier: MIT
//
// Futexes: futex(2), futex_waitv, get_robust_list(2). A waiter is found by a key: the address space
// and address, or for shared mappings the inode and offset.
#ifndef WHELK_FUTEX_H
#define WHELK_FUTEX_H

#include "base/api.h"

struct thread;

// A thread ends: its robust list is walked, PI futexes it holds pass on. May sleep.
API void futex_thread_exit(struct thread *t SHARED);
// FUTEX_WAKE of at most n waiters on the running process's address. Count woken, or -EFAULT.
API int futex_wake_user(void *addr USER, int n);

#endif
