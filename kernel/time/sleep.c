// SPDX-License-Identifier: MIT
//
// nanosleep(2), clock_nanosleep(2). A relative sleep that a signal interrupts goes on to the same end.
#include <linux/errno.h>
#include <linux/time.h>

#include "sched/sched.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "time/private.h"

// Until `clock` shows at_ns: 0 or -EINTR.
static int sleep_until(int clock, uint64_t at_ns)
{
	for (;;) {
		uint64_t now, deadline;
		int err = time_clock_ns(clock, &now);
		if (!err && now >= at_ns)
			return 0;
		if (!err)
			err = clock_deadline(clock, at_ns, &deadline);
		if (!err)
			err = sched_sleep(deadline);
		if (err && err != -ETIMEDOUT)
			return err;
	}
}

static long sleep_relative(int clock, uint64_t at_ns, void *remain);

static long sleep_again(struct thread *t)
{
	return sleep_relative((int)t->restart_arg[0], t->restart_arg[1], (void *)t->restart_arg[2]);
}

static long sleep_relative(int clock, uint64_t at_ns, void *remain)
{
	struct thread *t = thread_current();
	uint64_t now;
	int err = sleep_until(clock, at_ns);
	if (err != -EINTR)
		return err;
	if (time_clock_ns(clock, &now) || now >= at_ns)
		return 0;
	if (remain && time_put_timespec(remain, at_ns - now))
		return -EFAULT;
	t->restart = sleep_again;
	t->restart_arg[0] = (uint64_t)clock;
	t->restart_arg[1] = at_ns;
	t->restart_arg[2] = (uint64_t)remain;
	return -ERESTART_RESTARTBLOCK;
}

long sys_clock_nanosleep(int clockid, int flags, void *request, void *remain)
{
	uint64_t ns, now;
	int steady = clock_steady(clockid);
	if (clockid == CLOCK_THREAD_CPUTIME_ID || !clock_has_timers(clockid))
		return -EOPNOTSUPP;
	if (clock_check(clockid) || clock_absolute(clockid) == clock_absolute(CLOCK_THREAD_CPUTIME_ID))
		return -EINVAL; // its own CPU time stands still while it sleeps
	int err = time_user_timespec(request, &ns);
	if (err)
		return err;
	if (!(flags & TIMER_ABSTIME))
		return time_clock_ns(steady, &now) ? -EINVAL : sleep_relative(steady, time_add(now, ns), remain);
	err = sleep_until(clockid, ns);
	return err == -EINTR ? -ERESTARTNOHAND : err;
}

long sys_nanosleep(void *req, void *rem)
{
	uint64_t ns;
	int err = time_user_timespec(req, &ns);
	return err ? err : sleep_relative(CLOCK_MONOTONIC, time_add(time_mono_ns(), ns), rem);
}
