// SPDX-License-Identifier: MIT
//
// Clocks: they go on, never back, agree with one another, and the vDSO agrees with the call.
#include "test.h"

#include <sys/time.h>
#include <sys/times.h>

static int64_t by_call(clockid_t c)
{
	struct timespec t;
	if (syscall(SYS_clock_gettime, c, &t))
		return -1;
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static atomic_int stop;
static atomic_llong newest;

// No thread ever sees a time before one that another saw earlier.
static void *watch(void *arg)
{
	long back = 0;
	while (!stop) {
		long long seen = newest, now = clock_ns(CLOCK_MONOTONIC);
		back += now < seen;
		while (seen < now && !atomic_compare_exchange_weak(&newest, &seen, now))
			;
	}
	return (void *)back;
}

int main(void)
{
	static const clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI,
					CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_PROCESS_CPUTIME_ID,
						CLOCK_THREAD_CPUTIME_ID};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct timespec res;
		CHECK_EQ(clock_getres(all[i], &res), 0);
		CHECK(res.tv_sec == 0 && res.tv_nsec > 0 && res.tv_nsec <= 10000000);
		int64_t last = clock_ns(all[i]), back = 0, far = 0;
		for (int k = 0; k < 3000; k++) {
			int64_t now = k % 2 ? clock_ns(all[i]) : by_call(all[i]); // vDSO and call in turn
			back += now < last;
			far += now - last > 2000000000;
			last = now;
		}
		if (back || far)
			printf("clock %d\n", all[i]);
		CHECK_EQ(back, 0);
		CHECK_EQ(far, 0);
	}
	int64_t real = clock_ns(CLOCK_REALTIME);
	CHECK(real > 1700000000000000000 && real < 4000000000000000000);
	CHECK(llabs(real - clock_ns(CLOCK_REALTIME_COARSE)) < 1000000000);
	CHECK(llabs(clock_ns(CLOCK_MONOTONIC) - clock_ns(CLOCK_MONOTONIC_COARSE)) < 1000000000);
	struct timeval tv;
	CHECK_EQ(gettimeofday(&tv, NULL), 0);
	CHECK(llabs(tv.tv_sec * 1000000000ll + tv.tv_usec * 1000ll - real) < 1000000000);
	CHECK(labs(time(NULL) - (long)(real / 1000000000)) <= 1);
	CHECK(labs(syscall(SYS_time, NULL) - (long)(real / 1000000000)) <= 1);
	struct tms tms;
	clock_t ticks = times(&tms);
	CHECK(ticks != -1);

	// Sleeping costs no CPU time, spinning does.
	int64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), mono = clock_ns(CLOCK_MONOTONIC);
	sleep_ms(50);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu < 25000000);
	CHECK(clock_ns(CLOCK_MONOTONIC) - mono >= 50000000);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int64_t end = now_ms() + 2000; now_ms() < end && clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu < 20000000;)
		;
	CHECK(clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu >= 20000000);

	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		t[i] = start(watch, NULL);
	sleep_ms(150); // whelk draws its clock page anew 100 ms after the start
	clockid_t of_thread;
	CHECK_EQ(pthread_getcpuclockid(t[0], &of_thread), 0);
	CHECK(clock_ns(of_thread) > 0);
	stop = 1;
	for (int i = 0; i < 3; i++)
		CHECK_EQ((long)join(t[i]), 0);

	struct timespec ts;
	CHECK_ERR(clock_gettime(99, &ts), EINVAL);
	CHECK_ERR(clock_getres(-1, &ts), EINVAL);
	CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 1), EFAULT);
	return test_end();
}
