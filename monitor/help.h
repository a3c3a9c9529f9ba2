// SPDX-License-Identifier: MIT
//
// The help texts: a screen each, at most 50 lines of 80 columns.
#ifndef WHELK_MONITOR_HELP_H
#define WHELK_MONITOR_HELP_H

#define WHELK_VERSION "0.1"

extern const char help_main[], help_run[], help_ps[], help_logs[], help_stop[], help_kill[], help_wait[], help_stats[],
	help_rm[], help_doctor[], help_inspect[];

#endif
