// SPDX-License-Identifier: MIT
//
// Affinity, policies, priorities, niceness, getcpu: what is set is read back, and what is wrong refused.
#include "test.h"

#include <sched.h>
#include <sys/resource.h>

static void *on_cpu(void *arg)
{
	int cpu = (int)(long)arg, wrong = 0;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
	for (int i = 0; i < 200; i++) {
		unsigned c = 99, by_call = 99;
		wrong += sched_getcpu() != cpu;
		getcpu(&c, NULL);
		syscall(SYS_getcpu, &by_call, NULL, NULL);
		wrong += c != (unsigned)cpu || by_call != (unsigned)cpu;
		if (i % 50 == 0)
			sleep_ms(1);
	}
	CHECK_EQ(wrong, 0);
	cpu_set_t now;
	CHECK_EQ(pthread_getaffinity_np(pthread_self(), sizeof now, &now), 0);
	CHECK(CPU_EQUAL(&now, &set));
	return NULL;
}

int main(void)
{
	cpu_set_t set, one;
	CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
	int n = CPU_COUNT(&set);
	CHECK(n >= 1);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= n);
	for (int c = 0; c < n; c++)
		if (CPU_ISSET(c, &set))
			join(start(on_cpu, (void *)(long)c));
	unsigned char bytes[1024];
	long r = syscall(SYS_sched_getaffinity, 0, sizeof bytes, bytes);
	CHECK(r > 0 && r % 8 == 0);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 3, bytes), EINVAL);
	CPU_ZERO(&one);
	CHECK_ERR(sched_setaffinity(0, sizeof one, &one), EINVAL);
	CPU_SET(1000, &one);
	CHECK_ERR(sched_setaffinity(0, sizeof one, &one), EINVAL);
	CPU_SET(0, &one); // those that are not there are left out
	if (CPU_ISSET(0, &set))
		CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
	CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
	CHECK_ERR(sched_getaffinity(999999, sizeof set, &set), ESRCH);

	CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
	struct sched_param p = {0};
	CHECK_EQ(sched_getparam(0, &p), 0);
	CHECK_EQ(p.sched_priority, 0);
	printf("priorities %d %d %d %d %d %d\n", sched_get_priority_min(SCHED_OTHER),
		sched_get_priority_max(SCHED_OTHER),
	       sched_get_priority_min(SCHED_FIFO), sched_get_priority_max(SCHED_FIFO), sched_get_priority_min(SCHED_RR),
	       sched_get_priority_max(SCHED_RR));
	CHECK_ERR(sched_get_priority_max(77), EINVAL);
	p.sched_priority = 1;
	CHECK_ERR(sched_setscheduler(0, SCHED_OTHER, &p), EINVAL);
	p.sched_priority = 100;
	CHECK_ERR(sched_setscheduler(0, SCHED_FIFO, &p), EINVAL);
	p.sched_priority = 0;
	CHECK_ERR(sched_setscheduler(0, SCHED_RR, &p), EINVAL);
	CHECK_EQ(sched_setscheduler(0, SCHED_BATCH, &p), 0);
	CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
	CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &p), 0);
	CHECK_ERR(sched_getscheduler(999999), ESRCH);
	CHECK_ERR(sched_getparam(0, NULL), EINVAL);
	struct timespec quantum;
	CHECK_EQ(sched_rr_get_interval(0, &quantum), 0);
	CHECK(quantum.tv_sec == 0 && quantum.tv_nsec >= 0);

	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 15); // the call itself says 20 - nice
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 100), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
	CHECK_ERR(getpriority(9, 0), EINVAL);
	CHECK_ERR(getpriority(PRIO_PROCESS, 999999), ESRCH);
	CHECK_EQ(sched_yield(), 0);
	return test_end();
}
