// SPDX-License-Identifier: MIT
#ifndef WHELK_SYS_QUICK_H
#define WHELK_SYS_QUICK_H

#include <stdint.h>

// entry.S: numbers below quick_limit are looked up in quick_slot, and counted.
extern const uint8_t quick_slot[];
extern uint32_t quick_limit;
extern uint64_t *quick_counts;

void quick_init(void); // boot, after trace_init()

#endif
