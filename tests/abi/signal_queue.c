// SPDX-License-Identifier: MIT
//
// Real-time signals: queued with their values, in order, lowest number first; sigwaitinfo, sigtimedwait, limits.
#include "test.h"

#include <sys/resource.h>

static int order[64], values[64], n;

static void handler(int sig, siginfo_t *info, void *context)
{
	order[n] = sig - SIGRTMIN;
	values[n++] = info->si_value.sival_int;
}

static void send(int sig, int value)
{
	CHECK_EQ(sigqueue(getpid(), SIGRTMIN + sig, (union sigval){.sival_int = value}), 0);
}

static void *send_later(void *arg)
{
	sleep_ms(20);
	send(1, 4711);
	return NULL;
}

int main(void)
{
	sigset_t all, pending;
	sigemptyset(&all);
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigfillset(&sa.sa_mask);
	for (int i = 0; i < 8; i++) {
		sigaddset(&all, SIGRTMIN + i);
		sigaction(SIGRTMIN + i, &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < 3; i++)
		for (int s = 3; s >= 0; s--)
			send(s, s * 10 + i);
	CHECK_EQ(sigpending(&pending), 0);
	CHECK(sigismember(&pending, SIGRTMIN + 2) && !sigismember(&pending, SIGRTMIN + 4));
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	CHECK_EQ(n, 12);
	for (int i = 0; i < n; i++)
		printf("%d:%d ", order[i], values[i]);
	printf("\n");

	// Taking them without a handler.
	sigprocmask(SIG_BLOCK, &all, NULL);
	send(5, 50);
	send(2, 20);
	send(2, 21);
	siginfo_t info;
	for (int i = 0; i < 3; i++) {
		CHECK(sigwaitinfo(&all, &info) > 0);
		printf("%d:%d code %d ", info.si_signo - SIGRTMIN, info.si_value.sival_int, info.si_code);
	}
	printf("\n");
	struct timespec zero = {0, 0}, some = ms_timespec(30);
	CHECK_ERR(sigtimedwait(&all, &info, &zero), EAGAIN);
	int64_t t = now_ms();
	CHECK_ERR(sigtimedwait(&all, &info, &some), EAGAIN);
	CHECK(now_ms() - t >= 29);
	some.tv_nsec = 1000000000;
	CHECK_ERR(sigtimedwait(&all, &info, &some), EINVAL);
	pthread_t th = start(send_later, NULL);
	CHECK_EQ(sigwaitinfo(&all, &info), SIGRTMIN + 1);
	CHECK_EQ(info.si_value.sival_int, 4711);
	join(th);
	int sig;
	send(6, 1);
	CHECK_EQ(sigwait(&all, &sig), 0);
	CHECK_EQ(sig, SIGRTMIN + 6);

	// A signal for which there is a handler, and that is not waited for, interrupts the wait.
	sigset_t one = set_of(SIGRTMIN + 1);
	set_handler(SIGALRM, handler, 0);
	ualarm(20000, 0);
	CHECK_ERR(sigwaitinfo(&one, &info), EINTR);

	// RLIMIT_SIGPENDING bounds the queue.
	struct rlimit limit;
	CHECK_EQ(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
	limit.rlim_cur = 5;
	CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	int sent = 0;
	while (sent < 100 && sigqueue(getpid(), SIGRTMIN + 7, (union sigval){.sival_int = sent}) == 0)
		sent++;
	CHECK(sent <= 5);
	CHECK_EQ(errno, EAGAIN);
	return test_end();
}
