// SPDX-License-Identifier: MIT
//
// Clocks: clock_gettime(2), clock_getres(2), gettimeofday(2), times(2), adjtimex(2). The clock page the
// vDSO reads and these calls are the same: they agree. Setting is the host's business.
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/times.h>
#include <linux/timex.h>

#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "time/private.h"

#define TICK_NS	   4000000ull // what the COARSE clocks promise
#define USER_HZ_NS 10000000ull

uint64_t time_mono_ns(void) { return plat_clock_mono_ns(); }
uint64_t time_wall_coarse_ns(void) { return plat_clock_coarse_ns() + (uint64_t)plat_clock_wall_offset_ns(); }
uint64_t time_wall_ns(void) { return plat_clock_mono_ns() + (uint64_t)plat_clock_wall_offset_ns(); }

// Clock ids below zero name a process or thread: ~id << 3 | kind, 4 for a thread. clock_getcpuclockid(3).
static int cpu_clock_ns(int clock, uint64_t *out)
{
	int id = ~(clock >> 3);
	if ((clock & 3) == 3)
		return -EINVAL; // a device, or nothing
	if (clock & 4) {
		struct thread *t = id ? thread_find(id) : thread_current();
		if (!t)
			return -EINVAL;
		*out = thread_run_ns(t);
		return 0;
	}
	struct process *p = id ? process_find(id) : process_current();
	if (!p)
		return -EINVAL;
	*out = process_run_ns(p);
	return 0;
}

int time_clock_ns(int clock, uint64_t *out)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
		*out = time_wall_ns();
		return 0;
	case CLOCK_TAI:
		*out = time_wall_ns() + (uint64_t)plat_clock_tai_offset_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		*out = time_mono_ns();
		return 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*out = time_mono_ns() + (uint64_t)plat_clock_boot_offset_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*out = process_run_ns(process_current());
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*out = thread_run_ns(thread_current());
		return 0;
	default:
		return clock < 0 ? cpu_clock_ns(clock, out) : -EINVAL;
	}
}

int clock_check(int clock)
{
	uint64_t ns;
	return time_clock_ns(clock, &ns);
}

int clock_absolute(int clock)
{
	bool own = clock < 0 && ~(clock >> 3) == 0; // as the C library names its own process and thread
	if (clock == CLOCK_PROCESS_CPUTIME_ID || (own && !(clock & 4)))
		return ~process_current()->pid * 8 + 2;
	if (clock == CLOCK_THREAD_CPUTIME_ID || own)
		return ~thread_current()->tid * 8 + 6;
	return clock;
}

bool clock_is_cpu(int clock)
{
	return clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

bool clock_is_device(int clock)
{
	return clock < 0 && (clock & 7) == 3;
}

bool clock_has_timers(int clock)
{
	return clock != CLOCK_MONOTONIC_RAW && clock != CLOCK_REALTIME_COARSE && clock != CLOCK_MONOTONIC_COARSE &&
	       !clock_is_device(clock);
}

int clock_steady(int clock)
{
	return clock_is_cpu(clock) ? clock : CLOCK_MONOTONIC;
}

// CPU time passes at most as fast as there are CPUs; a millisecond spares needless looks.
uint64_t clock_cpu_deadline(uint64_t left_ns, bool one_thread)
{
	return time_add(time_mono_ns(), MAX(left_ns / (one_thread ? 1 : plat_boot()->cpu_count), 1000000ull));
}

int clock_deadline(int clock, uint64_t at_ns, uint64_t *mono_ns)
{
	uint64_t now;
	int err = time_clock_ns(clock, &now);
	if (err)
		return err;
	uint64_t left = at_ns > now ? at_ns - now : 0;
	if (clock_is_cpu(clock) && left)
		*mono_ns = clock_cpu_deadline(left, clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && clock & 4));
	else
		*mono_ns = time_add(time_mono_ns(), left);
	return 0;
}

int time_deadline(int clock, uint64_t absolute_ns, uint64_t *deadline_ns)
{
	return clock_deadline(clock, absolute_ns, deadline_ns);
}

static int to_ns(const struct __kernel_timespec *ts, uint64_t *ns)
{
	if (ts->tv_sec < 0 || (uint64_t)ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if (mul_overflow((uint64_t)ts->tv_sec, NSEC_PER_SEC, ns) || *ns >= TIME_NEVER / 2)
		*ns = TIME_NEVER / 2; // centuries: as good as for ever, and sums do not overflow
	else
		*ns += (uint64_t)ts->tv_nsec;
	return 0;
}

int time_user_timespec(const void *ts, uint64_t *ns)
{
	struct __kernel_timespec k;
	return user_get(k, ts) ? -EFAULT : to_ns(&k, ns);
}

static struct __kernel_timespec from_ns(uint64_t ns)
{
	return (struct __kernel_timespec){(int64_t)(ns / NSEC_PER_SEC), (long long)(ns % NSEC_PER_SEC)};
}

int time_put_timespec(void *ts, uint64_t ns)
{
	struct __kernel_timespec k = from_ns(ns);
	return user_put(k, ts);
}

int time_user_timeout(const void *ts, uint64_t *deadline_ns)
{
	uint64_t ns;
	*deadline_ns = TIME_NEVER;
	if (!ts)
		return 0;
	int err = time_user_timespec(ts, &ns);
	if (!err)
		*deadline_ns = time_add(time_mono_ns(), ns);
	return err;
}

int interval_get(struct interval *out, const void *itimerspec)
{
	struct __kernel_itimerspec k;
	if (user_get(k, itimerspec))
		return -EFAULT;
	int err = to_ns(&k.it_interval, &out->interval);
	return err ? err : to_ns(&k.it_value, &out->value);
}

int interval_put(void *itimerspec, const struct interval *in)
{
	struct __kernel_itimerspec k = {from_ns(in->interval), from_ns(in->value)};
	return user_put(k, itimerspec);
}

void clock_timer_left(const struct clock_timer *t, struct interval *out)
{
	uint64_t now = 0;
	*out = (struct interval){t->interval_ns, 0};
	if (!t->expires_ns || time_clock_ns(t->counted, &now))
		return;
	out->value = t->expires_ns > now ? t->expires_ns - now : 1; // due, but not taken yet: not "disarmed"
}

int clock_timer_set(struct clock_timer *t, const struct interval *in, bool absolute)
{
	uint64_t now;
	int counted = absolute ? t->clock : clock_steady(t->clock);
	if (time_clock_ns(counted, &now))
		return -ESRCH;
	t->counted = counted;
	t->interval_ns = in->interval;
	t->expires_ns = !in->value ? 0 : absolute ? in->value : time_add(now, in->value);
	return 0;
}

uint64_t clock_timer_take(struct clock_timer *t)
{
	uint64_t now;
	if (!t->expires_ns || time_clock_ns(t->counted, &now) || now < t->expires_ns)
		return 0;
	uint64_t over = 1;
	if (t->interval_ns) {
		over += (now - t->expires_ns) / t->interval_ns;
		t->expires_ns += over * t->interval_ns;
	} else {
		t->expires_ns = 0;
	}
	return over;
}

uint64_t clock_timer_deadline(const struct clock_timer *t)
{
	uint64_t at;
	if (!t->expires_ns || clock_deadline(t->counted, t->expires_ns, &at))
		return TIME_NEVER;
	// An interval of nanoseconds must not keep the CPU busy with itself: periods between looks are counted.
	return t->interval_ns ? MAX(at, time_mono_ns() + 50000) : at;
}

// --- system calls ---------------------------------------------------------------------------------------

long sys_clock_gettime(int clockid, void *tp)
{
	uint64_t ns;
	int err = time_clock_ns(clockid, &ns);
	return err ? err : time_put_timespec(tp, ns);
}

long sys_clock_getres(int clockid, void *res)
{
	int err = clock_check(clockid);
	bool coarse = clockid == CLOCK_REALTIME_COARSE || clockid == CLOCK_MONOTONIC_COARSE ||
		      (clockid < 0 && !(clockid & 2)); // user or system time alone: a matter of ticks
	return err || !res ? err : time_put_timespec(res, coarse ? TICK_NS : 1);
}

long sys_clock_settime(int clockid, const void *tp)
{
	uint64_t ns;
	int err = time_user_timespec(tp, &ns);
	if (clockid < 0 && !clock_check(clockid))
		return -EPERM; // nobody sets CPU time
	if (clockid != CLOCK_REALTIME)
		return -EINVAL;
	return err ? err : -EPERM;
}

long sys_gettimeofday(void *tv, void *tz)
{
	uint64_t ns = time_wall_ns();
	struct { int64_t sec, usec; } now = {(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000)};
	struct timezone zone = {0};
	if ((tv && user_put(now, tv)) || (tz && user_put(zone, tz)))
		return -EFAULT;
	return 0;
}

long sys_settimeofday(const void *tv, const void *tz)
{
	struct { int64_t sec, usec; } time;
	struct timezone zone;
	if ((tv && user_get(time, tv)) || (tz && user_get(zone, tz)))
		return -EFAULT;
	return tv || tz ? -EPERM : 0;
}

long sys_time(void *tloc)
{
	int64_t now = (int64_t)(time_wall_ns() / NSEC_PER_SEC);
	return tloc && user_put(now, tloc) ? -EFAULT : now;
}

long sys_times(void *buf)
{
	struct cpu_times times = process_times(process_current());
	struct tms out = {.tms_utime = (__kernel_clock_t)(times.user_ns / USER_HZ_NS),
			  .tms_stime = (__kernel_clock_t)(times.kernel_ns / USER_HZ_NS)};
	if (buf && user_put(out, buf))
		return -EFAULT;
	return (long)(time_mono_ns() / USER_HZ_NS);
}

static long adjust(void *buf)
{
	struct timex tx;
	if (user_get(tx, buf))
		return -EFAULT;
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	uint64_t ns = time_wall_ns();
	tx = (struct timex){.modes = tx.modes, .status = STA_UNSYNC | STA_NANO, .maxerror = 16000000,
			    .esterror = 16000000, .constant = 2, .precision = 1, .tolerance = 32768000, .tick = 10000,
			    .tai = (int)(plat_clock_tai_offset_ns() / (int64_t)NSEC_PER_SEC)};
	tx.time.tv_sec = (int64_t)(ns / NSEC_PER_SEC);
	tx.time.tv_usec = (int64_t)(ns % NSEC_PER_SEC);
	return user_put(tx, buf) ? -EFAULT : TIME_ERROR; // "not synchronised": the host may be, this is not told
}

long sys_adjtimex(void *buf) { return adjust(buf); }

long sys_clock_adjtime(int clockid, void *buf)
{
	if (clockid == CLOCK_REALTIME)
		return adjust(buf);
	return clock_check(clockid) ? -EINVAL : -EOPNOTSUPP;
}
