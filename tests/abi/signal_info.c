// SPDX-License-Identifier: MIT
//
// What siginfo says about each way to send: kill, tgkill, raise, sigqueue, timers; to whom, and from whom.
#include "test.h"

static volatile siginfo_t got;
static volatile int count;

static void handler(int sig, siginfo_t *info, void *context)
{
	got = *info;
	count++;
}

static void check(int line, int sig, int code)
{
	if (count != 1 || got.si_signo != sig || got.si_code != code || got.si_pid != getpid() ||
		got.si_uid != getuid())
		test_fail(__FILE_NAME__, line, "the siginfo is right", got.si_code);
	count = 0;
}

int main(void)
{
	for (int s = 1; s <= SIGRTMAX; s++)
		if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33)
			set_handler(s, handler, 0);

	kill(getpid(), SIGHUP);
	check(__LINE__, SIGHUP, SI_USER);
	raise(SIGTERM);
	check(__LINE__, SIGTERM, SI_TKILL);
	syscall(SYS_tgkill, getpid(), gettid(), SIGINT);
	check(__LINE__, SIGINT, SI_TKILL);
	syscall(SYS_tkill, gettid(), SIGSEGV); // no fault, so no address
	check(__LINE__, SIGSEGV, SI_TKILL);
	CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 12345}), 0);
	CHECK_EQ(got.si_value.sival_int, 12345);
	check(__LINE__, SIGRTMIN + 2, SI_QUEUE);
	CHECK_EQ(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)0x123456789abcul}), 0);
	CHECK(got.si_value.sival_ptr == (void *)0x123456789abcul);
	check(__LINE__, SIGUSR1, SI_QUEUE);
	CHECK_EQ(pthread_sigqueue(pthread_self(), SIGUSR2, (union sigval){.sival_int = -7}), 0);
	CHECK_EQ(got.si_value.sival_int, -7);
	check(__LINE__, SIGUSR2, SI_QUEUE);

	// A program may say any negative code to itself, and only itself.
	siginfo_t mine = {.si_signo = SIGRTMAX, .si_code = -42};
	mine.si_pid = 77;
	mine.si_value.sival_int = 5;
	CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMAX, &mine), 0);
	CHECK_EQ(got.si_code, -42);
	CHECK_EQ(got.si_pid, 77);
	CHECK_EQ(got.si_value.sival_int, 5);
	count = 0;
	CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGRTMAX, &mine), 0);
	CHECK_EQ(count, 1);
	count = 0;

	union sigval v = {.sival_int = 99};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 5, .sigev_value = v};
	timer_t timer;
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
	struct itimerspec once = {.it_value = ms_timespec(5)};
	NEED(timer_settime(timer, 0, &once, NULL) == 0);
	while (!count)
		sleep_ms(1);
	CHECK_EQ(got.si_code, SI_TIMER);
	CHECK_EQ(got.si_value.sival_int, 99);
	CHECK_EQ(got.si_overrun, 0);
	CHECK_EQ(got.si_signo, SIGRTMIN + 5);
	count = 0;
	alarm(1);
	pause();
	CHECK_EQ(got.si_signo, SIGALRM);
	CHECK_EQ(got.si_code, SI_KERNEL);

	// Writing to a pipe nobody reads: SIGPIPE from the program itself.
	int ends[2];
	NEED(pipe(ends) == 0);
	close(ends[0]);
	count = 0;
	CHECK_ERR(write(ends[1], "x", 1), EPIPE);
	check(__LINE__, SIGPIPE, SI_USER);
	return test_end();
}
