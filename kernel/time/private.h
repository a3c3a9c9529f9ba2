// SPDX-License-Identifier: MIT
//
// What time's files share.
#ifndef WHELK_TIME_PRIVATE_H
#define WHELK_TIME_PRIVATE_H

#include "time/time.h"

struct interval { // struct itimerspec in ns
	uint64_t interval, value;
};
int interval_get(struct interval *out, const void *itimerspec); // -EFAULT, -EINVAL
int interval_put(void *itimerspec, const struct interval *in);

// A clock's value as a deadline, and what is left of one: times of CPU clocks are reached when the CPU time is, so
// their deadline is only the earliest moment that can be.
bool clock_is_cpu(int clock);
bool clock_is_device(int clock); // names a file (/dev/ptp0): there are none
bool clock_has_timers(int clock);
int clock_check(int clock);   // 0, -EINVAL
int clock_absolute(int clock); // "the caller's CPU time" names its owner: to be asked from anywhere
int clock_deadline(int clock, uint64_t at_ns, uint64_t *mono_ns);
int clock_steady(int clock); // what a relative time of `clock` is counted in
uint64_t clock_cpu_deadline(uint64_t left_ns, bool one_thread); // when that much CPU time may be used up

// A timer in terms of a clock: when it is due, how often since last asked.
struct clock_timer {
	int clock;
	int counted;	     // the clock of expires_ns: a relative time does not follow steps of the wall clock
	uint64_t expires_ns; // 0: disarmed
	uint64_t interval_ns;
};
void clock_timer_left(const struct clock_timer *t, struct interval *out);
// -ESRCH: a CPU clock's owner is gone.
int clock_timer_set(struct clock_timer *t, const struct interval *in, bool absolute);
// How many periods are over now; moves on to the next. 0: not yet.
uint64_t clock_timer_take(struct clock_timer *t);
// The deadline to look at it next, TIME_NEVER when disarmed.
uint64_t clock_timer_deadline(const struct clock_timer *t);

#endif
