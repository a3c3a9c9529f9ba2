// SPDX-License-Identifier: MIT
//
// Calls that a patched site has answered without a frame, a lock or a function: what they tell lies in the thread
// (struct thread.quick), and call_entry in arch/*/entry.S hands it out, and tell() of the vDSO. Another such call: quick_calls.h.
#include "sys/quick.h"

#include "plat/plat.h"
#include "sys/quick_calls.h"
#include "sys/trace.h"

const uint8_t quick_slot[QUICK_LIMIT] = QUICK_SLOTS;
uint32_t quick_limit;
uint64_t *quick_counts;

void quick_init(void)
{
	quick_counts = plat_stats()->call;
	quick_limit = trace_on ? 0 : QUICK_LIMIT; // the tracer shall see them all
}
