// SPDX-License-Identifier: MIT
//
// The monitor's end of abi/console.h, and the one thread beside the vCPUs' that waits: for streams somebody
// in the guest wants, and for signals sent to whelk, which it passes on.
#ifndef WHELK_MONITOR_CONSOLE_H
#define WHELK_MONITOR_CONSOLE_H

#include <stdbool.h>

#include "monitor/machine.h"

// Blocks the signals that are passed on and remembers the terminal's settings. Before any thread.
// insist: SIGINT three times ends the machine.
void console_init(bool insist);
// Starts the thread. `enter` (or NULL) runs on it first: the jail. 0 or -errno.
int console_start(struct machine *m, int (*enter)(void));
void console_serve(struct abi_console *shared); // one request; c is hostile memory
void console_finish(void);			 // gives the terminal its settings back
void console_restore(void);			 // only the latter; async-signal-safe
// Standard output and error are a log: of more than `bytes` the oldest are given back to its file system. Before any
// thread.
void console_limit_log(uint64_t bytes);
bool console_interrupted(void);			 // the user insisted: SIGINT three times in two seconds

#endif
