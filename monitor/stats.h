// SPDX-License-Identifier: MIT
//
// The table behind --stats, on standard error after the program's end.
#ifndef WHELK_MONITOR_STATS_H
#define WHELK_MONITOR_STATS_H

#include "monitor/machine.h"

void stats_print(const struct machine_result *result, uint64_t start_ns, uint64_t end_ns);

#endif
