// SPDX-License-Identifier: MIT
//
// timer_create and friends: once, periodic, absolute, by signal, by thread, by none; overruns; deletion.
#include "test.h"

static atomic_int hits, thread_hits, value;

static void handler(int sig, siginfo_t *info, void *context)
{
	hits++;
	value = info->si_value.sival_int;
}

static void in_thread(union sigval v)
{
	thread_hits++;
	value = v.sival_int;
}

static void wait_for(atomic_int *v, int want)
{
	for (int i = 0; i < 5000 && *v < want; i++)
		sleep_ms(1);
	CHECK(*v >= want);
}

int main(void)
{
	set_handler(SIGUSR1, handler, 0);
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 17};
	timer_t t;
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &t) == 0);
	struct itimerspec set = {.it_value = ms_timespec(20)}, get;
	CHECK_EQ(timer_gettime(t, &get), 0);
	CHECK_EQ(get.it_value.tv_sec + get.it_value.tv_nsec, 0);
	int64_t begin = now_ms();
	CHECK_EQ(timer_settime(t, 0, &set, NULL), 0);
	CHECK_EQ(timer_gettime(t, &get), 0);
	CHECK(get.it_value.tv_sec == 0 && get.it_value.tv_nsec > 0 && get.it_value.tv_nsec <= 20000000);
	wait_for(&hits, 1);
	CHECK(now_ms() - begin >= 20);
	CHECK_EQ(value, 17);
	sleep_ms(30);
	CHECK_EQ(hits, 1);

	// Periodic, then stopped; what was left comes back.
	set.it_interval = set.it_value = ms_timespec(5);
	CHECK_EQ(timer_settime(t, 0, &set, NULL), 0);
	wait_for(&hits, 6);
	set = (struct itimerspec){0};
	CHECK_EQ(timer_settime(t, 0, &set, &get), 0);
	CHECK_EQ(get.it_interval.tv_nsec, 5000000);
	int before = hits;
	sleep_ms(25);
	CHECK_EQ(hits, before);

	// Blocked for long: one signal, and the others are counted as overruns.
	mask(SIG_BLOCK, SIGUSR1);
	set.it_interval = set.it_value = ms_timespec(2);
	CHECK_EQ(timer_settime(t, 0, &set, NULL), 0);
	sleep_ms(50);
	hits = 0;
	siginfo_t info;
	sigset_t s = set_of(SIGUSR1);
	CHECK_EQ(sigwaitinfo(&s, &info), SIGUSR1);
	CHECK_EQ(info.si_code, SI_TIMER);
	CHECK(info.si_overrun >= 15);
	CHECK_EQ(timer_getoverrun(t), info.si_overrun);
	CHECK_EQ(timer_delete(t), 0);
	CHECK_ERR(timer_delete(t), EINVAL);
	struct timespec zero = {0, 0};
	while (sigtimedwait(&s, NULL, &zero) > 0)
		;
	mask(SIG_UNBLOCK, SIGUSR1);

	// Absolute, in the past: at once.
	NEED(timer_create(CLOCK_REALTIME, &ev, &t) == 0);
	hits = 0;
	set = (struct itimerspec){.it_value = {1000, 0}};
	CHECK_EQ(timer_settime(t, TIMER_ABSTIME, &set, NULL), 0);
	wait_for(&hits, 1);
	int64_t at = clock_ns(CLOCK_REALTIME) + 20000000;
	set.it_value = (struct timespec){at / 1000000000, at % 1000000000};
	CHECK_EQ(timer_settime(t, TIMER_ABSTIME, &set, NULL), 0);
	wait_for(&hits, 2);
	CHECK(clock_ns(CLOCK_REALTIME) >= at);
	CHECK_EQ(timer_delete(t), 0);

	// In a new thread; to one thread; to nobody.
	ev = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread,
		.sigev_value.sival_int = 23};
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &t) == 0);
	set = (struct itimerspec){.it_value = ms_timespec(5), .it_interval = ms_timespec(5)};
	CHECK_EQ(timer_settime(t, 0, &set, NULL), 0);
	wait_for(&thread_hits, 3);
	CHECK_EQ(value, 23);
	CHECK_EQ(timer_delete(t), 0);
	ev = (struct sigevent){.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	ev._sigev_un._tid = gettid();
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &t) == 0);
	hits = 0;
	set.it_interval = (struct timespec){0, 0};
	CHECK_EQ(timer_settime(t, 0, &set, NULL), 0);
	wait_for(&hits, 1);
	CHECK_EQ(timer_delete(t), 0);
	ev.sigev_notify = SIGEV_NONE;
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &t) == 0);
	CHECK_EQ(timer_settime(t, 0, &set, NULL), 0);
	sleep_ms(15);
	CHECK_EQ(hits, 1);
	CHECK_EQ(timer_gettime(t, &get), 0);
	CHECK_EQ(get.it_value.tv_nsec, 0);

	// CPU time drives one too.
	ev = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	NEED(timer_create(CLOCK_PROCESS_CPUTIME_ID, &ev, &t) == 0);
	set.it_value = ms_timespec(30);
	hits = 0;
	CHECK_EQ(timer_settime(t, 0, &set, NULL), 0);
	sleep_ms(60);
	CHECK_EQ(hits, 0);
	for (int64_t end = now_ms() + 5000; !hits && now_ms() < end;)
		;
	CHECK_EQ(hits, 1);

	set.it_value.tv_nsec = 1000000000;
	CHECK_ERR(timer_settime(t, 0, &set, NULL), EINVAL);
	CHECK_ERR(timer_create(99, &ev, &t), EINVAL);
	ev.sigev_signo = 99;
	CHECK_ERR(timer_create(CLOCK_MONOTONIC, &ev, &t), EINVAL);
	return test_end();
}
