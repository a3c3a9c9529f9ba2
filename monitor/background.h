// SPDX-License-Identifier: MIT
//
// A machine that others can find: with a name in the registry, and in the background with a log instead of the
// caller's streams. All it needs of the host is open before the jail: afterwards it writes to memory and its log, and
// tells the waiting caller by one write(2) that the program runs.
#ifndef WHELK_MONITOR_BACKGROUND_H
#define WHELK_MONITOR_BACKGROUND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/machine.h"
#include "monitor/options.h"

// Registers the machine if -d or --name asks for it, and with -d forks. True: this process has nothing more to do than
// to end with *status: the machine runs in the background, or an error has been told. Before any thread.
bool background_begin(const struct options *o, int *status);

// Likewise without effect for a machine that nobody can find.
uint64_t (*background_exits(void))[MACHINE_EXITS]; // for machine_config.exits
void background_guest(pid_t pid);		   // platform linux
int background_ready(struct machine *m, const char *platform); // just before the jail. 0 or -errno
void background_started(void);			   // the program's first instruction is next
void background_end(int status);		   // async-signal-safe; the first one counts

#endif
