// SPDX-License-Identifier: MIT
//
// Clocks, sleeping, interval and POSIX timers, timerfd. Kernel time is uint64_t nanoseconds of
// CLOCK_MONOTONIC (deadlines) or since the epoch (file times).
#ifndef WHELK_TIME_H
#define WHELK_TIME_H

#include <linux/time_types.h>

#include "base/api.h"
#include "base/util.h"

struct process;

API uint64_t time_mono_ns(void);
API uint64_t time_wall_ns(void);
API uint64_t time_wall_coarse_ns(void); // a second or two behind, and cheap
// Any clock id (CPU-time clocks too); -EINVAL.
API int time_clock_ns(int clock, uint64_t *out OUT(1));

// timespec of the program -> ns; -EINVAL when nsec is out of range or sec negative; -EFAULT.
API int time_user_timespec(const void *ts USER, uint64_t *ns OUT(1));
API int time_put_timespec(void *ts USER, uint64_t ns);
// A relative timeout (NULL = never) as an absolute CLOCK_MONOTONIC deadline, saturating.
API int time_user_timeout(const void *ts USER, uint64_t *deadline_ns OUT(1));
// An absolute time of `clock` as a CLOCK_MONOTONIC deadline.
API int time_deadline(int clock, uint64_t absolute_ns, uint64_t *deadline_ns OUT(1));
static inline uint64_t time_add(uint64_t a, uint64_t b) { return a + b < a ? TIME_NEVER : a + b; }

API void time_cpu_limit_changed(struct process *p SHARED); // setrlimit(RLIMIT_CPU)
API void time_process_exit(struct process *p SHARED);   // drops all timers
API void time_process_exec(struct process *p SHARED);   // POSIX timers go at execve, itimers stay

#endif
