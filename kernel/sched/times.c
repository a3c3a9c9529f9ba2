// SPDX-License-Identifier: MIT
//
// How much of a thread's CPU time was the kernel's. Faults are measured, each of them. Of system calls a sample is: two
// readings of the clock would double the price of a short one. A thread's first calls are measured one by one, then one
// of eight on average, at random distances so that no loop of calls keeps step with them; it stands for those skipped.
#include "sched/sched.h"

#define MEASURE_ALL 64u // calls of a new thread
#define SKIP_MOST   15u // of 0..15 skipped: 7.5 on average

static unsigned random_skip(void)
{
	static uint32_t state = 1; // Numerical Recipes' generator: its upper bits are good enough to keep out of step
	state = state * 1664525 + 1013904223;
	return state >> 28 & SKIP_MOST;
}

void sched_measured(struct thread *t, uint64_t start_ns, bool call)
{
	uint64_t took = thread_run_ns(t) - start_ns;
	if (!call) {
		t->kernel_ns += took;
		return;
	}
	t->kernel_ns += took * (t->calls_skipped + 1);
	t->calls_skipped = t->calls_to_skip = t->calls_measured < MEASURE_ALL ? 0 : random_skip();
	t->calls_measured++;
}

struct cpu_times sched_times(uint64_t run_ns, uint64_t kernel_ns, uint64_t *user_told_ns)
{
	uint64_t user = MAX(run_ns - MIN(kernel_ns, run_ns), *user_told_ns);
	*user_told_ns = user;
	return (struct cpu_times){user, run_ns - user};
}

struct cpu_times thread_times(struct thread *t)
{
	return sched_times(thread_run_ns(t), t->kernel_ns, &t->user_told_ns);
}
