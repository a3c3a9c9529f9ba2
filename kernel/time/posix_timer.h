// SPDX-License-Identifier: MIT
//
// POSIX timers, as the rest of time sees them.
#ifndef WHELK_TIME_POSIX_TIMER_H
#define WHELK_TIME_POSIX_TIMER_H

struct process;
void posix_timers_delete(struct process *p); // all of them

#endif
