// SPDX-License-Identifier: MIT
//
// RLIMIT_CPU: SIGXCPU when the soft limit is reached, SIGKILL at the hard one. Two seconds of work.
// status: 137
// cpus: 1
#include "test.h"

#include <sys/resource.h>

#define SOFT 1
#define HARD 2

static volatile int64_t told_at;

static int64_t used(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void handler(int sig, siginfo_t *info, void *context)
{
	CHECK_EQ(info->si_code, SI_KERNEL);
	told_at = used();
}

static void work_until(int64_t ns)
{
	while (used() < ns && !told_at)
		;
}

int main(void)
{
	struct rlimit l = {SOFT, HARD};
	set_handler(SIGXCPU, handler, 0);
	CHECK_EQ(setrlimit(RLIMIT_CPU, &l), 0);
	sleep_ms(50); // waiting does not count
	work_until(4000000000);
	// Linux counts what its ticks find running, which is not quite what the clock says.
	CHECK(told_at >= 500000000 && told_at < 1900000000);
	puts("SIGXCPU");
	test_end();
	told_at = 0;
	work_until(4000000000);
	puts("SIGKILL has not come");
	fflush(stdout);
	return 1;
}
