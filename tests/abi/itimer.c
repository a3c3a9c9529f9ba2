// SPDX-License-Identifier: MIT
//
// setitimer of all three kinds, alarm, pause.
#include "test.h"

#include <sys/time.h>

static volatile int hits[65];

static void handler(int sig, siginfo_t *info, void *context)
{
	hits[sig]++;
	CHECK_EQ(info->si_code, SI_KERNEL);
}

static void busy_until(volatile int *v, int want)
{
	for (int64_t end = now_ms() + 5000; *v < want && now_ms() < end;)
		;
	CHECK(*v >= want);
}

static bool only_prof_in_kernel(void)
{
	static char block[1 << 20];
	static int fd = -1;
	if (fd < 0)
		fd = make_file("file", "");
	int prof = hits[SIGPROF], virtual = hits[SIGVTALRM];
	while (hits[SIGPROF] < prof + 10)
		CHECK_EQ(pwrite(fd, block, sizeof block, 0), sizeof block);
	return hits[SIGVTALRM] - virtual <= 6;
}

int main(void)
{
	set_handler(SIGALRM, handler, 0);
	set_handler(SIGVTALRM, handler, 0);
	set_handler(SIGPROF, handler, 0);
	struct itimerval set = {.it_value = {0, 10000}, .it_interval = {0, 5000}}, get;
	CHECK_EQ(getitimer(ITIMER_REAL, &get), 0);
	CHECK_EQ(get.it_value.tv_sec + get.it_value.tv_usec, 0);
	int64_t begin = now_ms();
	CHECK_EQ(setitimer(ITIMER_REAL, &set, NULL), 0);
	while (hits[SIGALRM] < 4)
		CHECK_ERR(pause(), EINTR);
	CHECK(now_ms() - begin >= 24);
	CHECK_EQ(getitimer(ITIMER_REAL, &get), 0);
	CHECK_EQ(get.it_interval.tv_usec, 5000);
	CHECK(get.it_value.tv_usec <= 6000);
	set = (struct itimerval){0};
	CHECK_EQ(setitimer(ITIMER_REAL, &set, &get), 0);
	int n = hits[SIGALRM];
	sleep_ms(20);
	CHECK_EQ(hits[SIGALRM], n);

	// alarm is the same timer, in seconds.
	CHECK_EQ(alarm(100), 0);
	CHECK_EQ(getitimer(ITIMER_REAL, &get), 0);
	CHECK(get.it_value.tv_sec == 99 || get.it_value.tv_sec == 100);
	CHECK_EQ(alarm(0), 100);
	CHECK_EQ(alarm(0), 0);

	// CPU time: stands still while the program sleeps.
	set = (struct itimerval){.it_value = {0, 20000}, .it_interval = {0, 10000}};
	CHECK_EQ(setitimer(ITIMER_VIRTUAL, &set, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_PROF, &set, NULL), 0);
	sleep_ms(60);
	CHECK_EQ(hits[SIGVTALRM], 0);
	CHECK_EQ(hits[SIGPROF], 0);
	busy_until(&hits[SIGPROF], 3);
	busy_until(&hits[SIGVTALRM], 3);
	// In the kernel only PROF goes on. A busy host takes its time out of either: five tries.
	int tries = 0;
	while (!only_prof_in_kernel())
		CHECK(++tries < 5);
	set = (struct itimerval){0};
	CHECK_EQ(setitimer(ITIMER_VIRTUAL, &set, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_PROF, &set, NULL), 0);

	set.it_value.tv_usec = 1000000;
	CHECK_ERR(setitimer(ITIMER_REAL, &set, NULL), EINVAL);
	CHECK_ERR(setitimer(7, &get, NULL), EINVAL);
	return test_end();
}
