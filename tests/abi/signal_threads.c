// SPDX-License-Identifier: MIT
//
// Which thread gets a signal: the one it is directed to, or any that has it unblocked; pending sets of both kinds.
#include "test.h"

static _Thread_local int mine;
static atomic_int by_main, by_worker, ready, stop;
static pid_t main_tid;

static void handler(int sig, siginfo_t *info, void *context)
{
	mine++;
	if (gettid() == main_tid)
		by_main++;
	else
		by_worker++;
}

static void *worker(void *arg)
{
	if (!arg)
		mask(SIG_UNBLOCK, SIGUSR1);
	ready = 1;
	while (!stop)
		sleep_ms(1);
	return (void *)(long)mine;
}

static void *waiter(void *arg)
{
	sigset_t s = set_of(SIGUSR2), pending;
	ready = 1;
	while (!stop)
		sleep_ms(1);
	// What was directed to main is not pending here; what the process got is.
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGUSR2));
	CHECK(!sigismember(&pending, SIGUSR1));
	int sig = 0;
	CHECK_EQ(sigwait(&s, &sig), 0);
	CHECK_EQ(sig, SIGUSR2);
	return NULL;
}

static void wait_for(atomic_int *v, int want)
{
	for (int i = 0; i < 5000 && *v < want; i++)
		sleep_ms(1);
	CHECK_EQ(*v, want);
}

int main(void)
{
	main_tid = gettid();
	set_handler(SIGUSR1, handler, SA_RESTART);
	mask(SIG_BLOCK, SIGUSR1); // threads inherit the mask
	pthread_t t = start(worker, NULL);
	wait_for(&ready, 1);

	// To the process: only the worker takes it.
	for (int i = 1; i <= 20; i++) {
		CHECK_EQ(kill(getpid(), SIGUSR1), 0);
		wait_for(&by_worker, i);
	}
	CHECK_EQ(by_main, 0);
	// To main: pending until main unblocks it.
	CHECK_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
	sleep_ms(10);
	CHECK_EQ(by_main, 0);
	CHECK_EQ(by_worker, 20);
	mask(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(by_main, 1);
	mask(SIG_BLOCK, SIGUSR1);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(pthread_kill(t, SIGUSR1), 0);
		wait_for(&by_worker, 21 + i);
	}
	stop = 1;
	CHECK_EQ((long)join(t), 40);

	// Nobody has it unblocked; a thread that unblocks it later gets it.
	stop = ready = 0;
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	sigset_t pending;
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGUSR1));
	t = start(worker, NULL);
	wait_for(&by_worker, 41);
	stop = 1;
	CHECK_EQ((long)join(t), 1);
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGUSR1));

	// pending: the process's set and the thread's own.
	stop = ready = 0;
	mask(SIG_BLOCK, SIGUSR2);
	t = start(waiter, NULL);
	wait_for(&ready, 1);
	pthread_kill(pthread_self(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2));
	stop = 1;
	join(t);
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGUSR2));
	// A new thread starts with no pending signals of its own.
	stop = 1;
	CHECK_EQ((long)join(start(worker, NULL)), 0);
	mask(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(by_main, 2);
	return test_end();
}
