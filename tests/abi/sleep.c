// SPDX-License-Identifier: MIT
//
// nanosleep and clock_nanosleep: at least as long, remainders after a signal, absolute times, errors.
#include "test.h"

static volatile int hits;

static void handler(int sig, siginfo_t *info, void *context)
{
	hits++;
}

static pthread_t victim;
static void *poke(void *arg)
{
	sleep_ms(20);
	pthread_kill(victim, SIGUSR1);
	return NULL;
}

static int64_t ns_of(struct timespec t)
{
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(void)
{
	static const int lengths[] = {0, 1, 1000, 100000, 3000000, 20000000};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct timespec t = {0, lengths[i]};
		int64_t begin = clock_ns(CLOCK_MONOTONIC);
		CHECK_EQ(nanosleep(&t, NULL), 0);
		int64_t took = clock_ns(CLOCK_MONOTONIC) - begin;
		CHECK(took >= lengths[i]);
		CHECK(took < lengths[i] + 1000000000);
	}

	victim = pthread_self();
	set_handler(SIGUSR1, handler, SA_RESTART);
	struct timespec ten = {10, 0}, left = {99, 99};
	pthread_t t = start(poke, NULL);
	int64_t begin = clock_ns(CLOCK_MONOTONIC);
	CHECK_ERR(nanosleep(&ten, &left), EINTR);
	int64_t took = clock_ns(CLOCK_MONOTONIC) - begin;
	join(t);
	CHECK_EQ(hits, 1);
	CHECK(llabs(ns_of(left) + took - 10000000000ll) < 500000000);
	CHECK(ns_of(left) < 10000000000ll - 15000000);

	// Absolute: the remainder is not written, for the end is still the same.
	int64_t at = clock_ns(CLOCK_MONOTONIC) + 10000000000ll;
	struct timespec until = {at / 1000000000, at % 1000000000};
	left = (struct timespec){7, 7};
	t = start(poke, NULL);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left), EINTR);
	CHECK_EQ(left.tv_sec, 7);
	join(t);
	at = clock_ns(CLOCK_MONOTONIC) + 20000000;
	until = (struct timespec){at / 1000000000, at % 1000000000};
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= at);
	at = clock_ns(CLOCK_REALTIME) + 20000000;
	until = (struct timespec){at / 1000000000, at % 1000000000};
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL), 0);
	CHECK(clock_ns(CLOCK_REALTIME) >= at);
	until.tv_sec = 1;
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL), 0);
	struct timespec some = ms_timespec(5);
	CHECK_EQ(clock_nanosleep(CLOCK_BOOTTIME, 0, &some, NULL), 0);

	// A default-ignored or ignored signal does not end a sleep.
	signal(SIGUSR1, SIG_IGN);
	t = start(poke, NULL);
	some = ms_timespec(50);
	CHECK_EQ(nanosleep(&some, NULL), 0);
	join(t);

	some.tv_nsec = 1000000000;
	CHECK_ERR(nanosleep(&some, NULL), EINVAL);
	some = (struct timespec){-1, 0};
	CHECK_ERR(nanosleep(&some, NULL), EINVAL);
	CHECK_ERR(nanosleep((void *)1, NULL), EFAULT);
	CHECK_EQ(clock_nanosleep(99, 0, &ten, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ten, NULL), EINVAL);

	return test_end();
}
