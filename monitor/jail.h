// SPDX-License-Identifier: MIT
//
// The monitor's jail: what it can still do once the guest runs. No new privileges; no capabilities but those
// that serving files takes; with Landlock, only the directories the guest is shown; a system-call filter for
// each kind of thread (jail_filter.c). All of it is a thread's own, inherited by the threads it makes, and
// cannot be taken off. Each function returns 0 or -errno; a failure is no reason to go on without.
#ifndef WHELK_MONITOR_JAIL_H
#define WHELK_MONITOR_JAIL_H

#include <sys/types.h>

#include "monitor/machine.h"

int jail_prepare(const struct machine_mount *mount, unsigned count); // before any thread
int jail_thread(enum machine_thread which);			     // on the thread: everything
int jail_guest(void);						     // a guest's process: all but its filter
int jail_console(void);						     // likewise, the console's thread
int jail_landlock_abi(void);					     // what this host has; 0: nothing

// jail_filter.c: the calling thread's system-call filter.
enum jail_kind { JAIL_CPU, JAIL_FILES, JAIL_CONSOLE, JAIL_NET, JAIL_TAP, JAIL_KINDS };
int jail_filter_install(enum jail_kind kind);
void jail_filter_guest(pid_t pid); // before any: a process the filters let the monitor signal

#endif
