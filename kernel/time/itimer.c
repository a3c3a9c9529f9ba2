// SPDX-License-Identifier: MIT
//
// setitimer(2), alarm(2), RLIMIT_CPU. Timers of CPU time are looked at when that much could have passed.
#include <linux/errno.h>
#include <linux/time.h>

#include "mm/uaccess.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "sys/part.h"
#include "sys/syscalls.h"
#include "time/private.h"
#include "time/posix_timer.h"

enum { EXPIRY, INTERVAL };

struct timeval_k {
	int64_t sec, usec;
};

static void real_fired(struct timer *timer)
{
	struct process *p = container_of(timer, struct process, itimer_real);
	signal_send_process(p, SIGALRM, NULL);
	if (p->itimer_real_interval_ns)
		timer_start(timer, MAX(timer->deadline_ns + p->itimer_real_interval_ns, time_mono_ns() + 50000));
}

static void set_real(struct process *p, const struct interval *in)
{
	timer_stop(&p->itimer_real);
	p->itimer_real_interval_ns = in->value ? in->interval : 0;
	p->itimer_real.fn = real_fired;
	if (in->value)
		timer_start(&p->itimer_real, time_add(time_mono_ns(), in->value));
}

// --- CPU time -------------------------------------------------------------------------------------------

static void cpu_limit(struct process *p, uint64_t run_ns, uint64_t *left)
{
	const struct rlimit64 *limit = &p->rlimit[RLIMIT_CPU];
	if (limit->rlim_cur == RLIM64_INFINITY)
		return;
	if (limit->rlim_max != RLIM64_INFINITY && run_ns / NSEC_PER_SEC >= limit->rlim_max)
		signal_kill_process(p, SIGKILL);
	else if (run_ns / NSEC_PER_SEC >= MAX(limit->rlim_cur, p->cpu_limit_told + 1)) {
		p->cpu_limit_told = run_ns / NSEC_PER_SEC;
		signal_send_process(p, SIGXCPU, NULL);
	}
	uint64_t ns;
	if (!mul_overflow((uint64_t)MAX(limit->rlim_cur, p->cpu_limit_told + 1), NSEC_PER_SEC, &ns))
		*left = MIN(*left, ns - MIN(ns, run_ns));
}

// What ITIMER_VIRTUAL and ITIMER_PROF count.
static uint64_t cpu_clock(struct process *p, int which)
{
	return which == ITIMER_VIRTUAL ? process_times(p).user_ns : process_run_ns(p);
}

static void cpu_look(struct process *p)
{
	static const int sig[] = {SIGVTALRM, SIGPROF};
	uint64_t left = TIME_NEVER, run_ns = process_run_ns(p);
	for (int i = 0; i < 2; i++) {
		uint64_t *it = p->itimer_cpu_ns[i], run = cpu_clock(p, ITIMER_VIRTUAL + i);
		if (it[EXPIRY] && run >= it[EXPIRY]) {
			signal_send_process(p, sig[i], NULL);
			it[EXPIRY] = it[INTERVAL] ? MAX(it[EXPIRY] + it[INTERVAL], run + 1) : 0;
		}
		if (it[EXPIRY])
			left = MIN(left, it[EXPIRY] - MIN(it[EXPIRY], run));
	}
	cpu_limit(p, run_ns, &left);
	if (left != TIME_NEVER)
		timer_start(&p->cpu_timer, clock_cpu_deadline(left, false));
}

static void cpu_fired(struct timer *timer)
{
	cpu_look(container_of(timer, struct process, cpu_timer));
}

void time_cpu_limit_changed(struct process *p)
{
	p->cpu_timer.fn = cpu_fired;
	cpu_look(p);
}

static void get(struct process *p, int which, struct interval *out)
{
	uint64_t now = time_mono_ns(), run;
	if (which == ITIMER_REAL) {
		*out = (struct interval){p->itimer_real_interval_ns, 0};
		if (p->itimer_real.armed)
			out->value = p->itimer_real.deadline_ns > now ? p->itimer_real.deadline_ns - now : 1000;
		return;
	}
	const uint64_t *it = p->itimer_cpu_ns[which - 1];
	run = cpu_clock(p, which);
	*out = (struct interval){it[INTERVAL], !it[EXPIRY] ? 0 : it[EXPIRY] > run ? it[EXPIRY] - run : 1000};
}

static void set(struct process *p, int which, const struct interval *in)
{
	if (which == ITIMER_REAL) {
		set_real(p, in);
		return;
	}
	uint64_t *it = p->itimer_cpu_ns[which - 1];
	it[INTERVAL] = in->interval;
	it[EXPIRY] = in->value ? time_add(cpu_clock(p, which), in->value) : 0;
	time_cpu_limit_changed(p);
}

static int put(void *to, const struct interval *in)
{
	struct timeval_k v[2] = {
		{(int64_t)(in->interval / NSEC_PER_SEC), (int64_t)(in->interval % NSEC_PER_SEC / 1000)},
		{(int64_t)(in->value / NSEC_PER_SEC), (int64_t)(in->value % NSEC_PER_SEC / 1000)}};
	return user_put(v, to);
}

static int to_ns(const struct timeval_k *v, uint64_t *ns)
{
	if (v->sec < 0 || (uint64_t)v->usec >= 1000000)
		return -EINVAL;
	*ns = MIN((uint64_t)v->sec, TIME_NEVER / 4 / NSEC_PER_SEC) * NSEC_PER_SEC + (uint64_t)v->usec * 1000;
	return 0;
}

long sys_getitimer(int which, void *curr_value)
{
	struct interval now;
	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	get(process_current(), which, &now);
	return put(curr_value, &now);
}

long sys_setitimer(int which, const void *new_value, void *old_value)
{
	struct process *p = process_current();
	struct interval in = {0}, old;
	struct timeval_k v[2];
	if (new_value) { // NULL disarms, as Linux does
		if (user_get(v, new_value))
			return -EFAULT;
		if (to_ns(&v[0], &in.interval) || to_ns(&v[1], &in.value))
			return -EINVAL;
	}
	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	get(p, which, &old);
	set(p, which, &in);
	return old_value && put(old_value, &old) ? -EFAULT : 0;
}

long sys_alarm(unsigned seconds)
{
	struct process *p = process_current();
	struct interval in = {0, seconds * NSEC_PER_SEC}, old;
	get(p, ITIMER_REAL, &old);
	set_real(p, &in);
	// Rounded to the nearest second, but what is armed never reads as 0.
	return old.value ? (long)MAX((old.value + NSEC_PER_SEC / 2) / NSEC_PER_SEC, 1ull) : 0;
}

void time_process_exec(struct process *p)
{
	PART(posix_timers_delete, p);
}

void time_process_exit(struct process *p)
{
	PART(posix_timers_delete, p);
	timer_stop(&p->itimer_real);
	timer_stop(&p->cpu_timer);
}
