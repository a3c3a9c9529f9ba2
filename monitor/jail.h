// SPDX-License-Identifier: MIT
//
// The monitor's jail: what it can still do once the guest runs. Each function returns 0 or -errno.
#ifndef WHELK_MONITOR_JAIL_H
#define WHELK_MONITOR_JAIL_H

#include "monitor/machine.h"

int jail_process(void); // once, when everything is open: no new privileges, capabilities dropped
int jail_thread(enum machine_thread which); // on the thread: its system-call filter
int jail_console(void); // likewise, the console's thread

#endif
