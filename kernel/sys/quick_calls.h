// SPDX-License-Identifier: MIT
//
// Calls that only tell what the thread knows anyway, and which word of struct thread.quick it is. For the kernel and its vDSO.
#ifndef WHELK_SYS_QUICK_CALLS_H
#define WHELK_SYS_QUICK_CALLS_H

#include <asm/unistd.h>

enum quick { QUICK_PID, QUICK_TID, QUICK_PPID, QUICK_UID, QUICK_EUID, QUICK_GID, QUICK_EGID, QUICK_CALLS, QUICK_COUNT };

#define QUICK_LIMIT (__NR_gettid + 1)

// By number: 1 + the word; 0: not one of them.
#define QUICK_SLOTS {											\
	[__NR_getpid] = 1 + QUICK_PID, [__NR_gettid] = 1 + QUICK_TID, [__NR_getppid] = 1 + QUICK_PPID,	\
	[__NR_getuid] = 1 + QUICK_UID, [__NR_geteuid] = 1 + QUICK_EUID,					\
	[__NR_getgid] = 1 + QUICK_GID, [__NR_getegid] = 1 + QUICK_EGID,					\
}

#endif
