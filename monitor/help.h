// SPDX-License-Identifier: MIT
//
// The help texts: a screen each, at most 23 lines of 80 columns. help_run_all follows help_run on demand.
#ifndef WHELK_MONITOR_HELP_H
#define WHELK_MONITOR_HELP_H

#define WHELK_VERSION "0.1"

extern const char help_main[], help_run[], help_run_all[], help_ps[], help_logs[], help_stop[], help_kill[], help_wait[],
	help_stats[], help_rm[], help_doctor[], help_inspect[];

#endif
