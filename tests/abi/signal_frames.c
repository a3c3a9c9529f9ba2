// SPDX-License-Identifier: MIT
//
// Several pending signals at once nest: the frames are made lowest first, so the highest handler runs first; a
// handler interrupted by another goes on after it. sigsuspend, and the mask it leaves.
#include "test.h"

static char trace[200];
static volatile int n;

static void handler(int sig, siginfo_t *info, void *context)
{
	n += snprintf(trace + n, sizeof trace - n, "<%d", sig);
	if (sig == SIGUSR1)
		raise(SIGUSR2); // another signal: nests at once
	n += snprintf(trace + n, sizeof trace - n, ">");
}

static void show(const char *what)
{
	printf("%s: %s\n", what, trace);
	n = 0;
	trace[0] = 0;
}

static void *later(void *arg)
{
	sleep_ms(20);
	kill(getpid(), SIGUSR2);
	return NULL;
}

int main(void)
{
	set_handler(SIGUSR1, handler, 0);
	set_handler(SIGUSR2, handler, 0);
	set_handler(SIGTERM, handler, 0);
	set_handler(SIGHUP, handler, 0);
	raise(SIGUSR1);
	show("nested");

	sigset_t some = set_of(SIGTERM), old, none;
	sigaddset(&some, SIGHUP);
	sigaddset(&some, SIGUSR2);
	sigprocmask(SIG_BLOCK, &some, &old);
	raise(SIGTERM);
	raise(SIGHUP);
	raise(SIGUSR2);
	CHECK_EQ(n, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("three at once");

	// sigsuspend opens the mask just while it waits, and runs the handler before it returns.
	sigprocmask(SIG_BLOCK, &some, NULL);
	raise(SIGHUP);
	sigemptyset(&none);
	CHECK_ERR(sigsuspend(&none), EINTR);
	show("sigsuspend, pending before");
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGHUP) && sigismember(&now, SIGTERM) && !sigismember(&now, SIGUSR1));
	sigset_t all_block = some;
	sigaddset(&all_block, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &all_block, NULL);
	pthread_t t = start(later, NULL);
	sigdelset(&all_block, SIGUSR2);
	CHECK_ERR(sigsuspend(&all_block), EINTR);
	show("sigsuspend, later");
	join(t);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR2));
	CHECK_ERR(syscall(SYS_rt_sigsuspend, &now, 4), EINVAL);

	// The mask in the frame is what comes back: a handler may change it there.
	sigprocmask(SIG_SETMASK, &none, NULL);
	raise(SIGUSR2);
	show("last");
	return test_end();
}
