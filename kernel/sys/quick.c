// SPDX-License-Identifier: MIT
//
// Calls that a patched site has answered without a frame, a lock or a function: what they tell lies in the thread
// (struct thread.quick), and call_entry in arch/*/entry.S hands it out. Another such call: a slot here and in enum
// quick.
#include "sys/quick.h"

#include <asm/unistd.h>

#include "plat/plat.h"
#include "sched/sched.h"
#include "sys/manifest.h"
#include "sys/trace.h"

#define QUICK_LIMIT (__NR_gettid + 1)

const uint8_t quick_slot[QUICK_LIMIT] = { // 1 + slot; 0: not one of them
	[__NR_getpid] = 1 + QUICK_PID, [__NR_gettid] = 1 + QUICK_TID, [__NR_getppid] = 1 + QUICK_PPID,
	[__NR_getuid] = 1 + QUICK_UID, [__NR_geteuid] = 1 + QUICK_EUID,
	[__NR_getgid] = 1 + QUICK_GID, [__NR_getegid] = 1 + QUICK_EGID,
};
uint32_t quick_limit;
uint64_t *quick_counts;

void quick_init(void)
{
	quick_counts = plat_stats()->call;
	quick_limit = trace_on ? 0 : QUICK_LIMIT; // the tracer shall see them all
	for (uint64_t nr = 0; nr < QUICK_LIMIT; nr++)
		if (quick_slot[nr] && !manifest_allows(nr))
			quick_limit = 0;
}
