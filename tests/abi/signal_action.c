// SPDX-License-Identifier: MIT
//
// sigaction: flags, the mask during a handler, defaults, ignoring, what it refuses and returns.
#include "test.h"

static volatile int depth, deepest, count;
static volatile sigset_t during;

static void nested(int sig, siginfo_t *info, void *context)
{
	if (++depth > deepest)
		deepest = depth;
	count++;
	if (count < 4)
		raise(sig);
	pthread_sigmask(SIG_BLOCK, NULL, (sigset_t *)&during);
	depth--;
}

static void count_it(int sig)
{
	count++;
}

static void reset(void)
{
	depth = deepest = count = 0;
}

int main(void)
{
	// Blocked while its handler runs: the second one comes afterwards.
	set_handler(SIGUSR1, nested, 0);
	raise(SIGUSR1);
	CHECK_EQ(deepest, 1);
	CHECK_EQ(count, 4);
	CHECK(sigismember((sigset_t *)&during, SIGUSR1));

	reset();
	set_handler(SIGUSR1, nested, SA_NODEFER);
	raise(SIGUSR1);
	CHECK_EQ(deepest, 4);
	CHECK(!sigismember((sigset_t *)&during, SIGUSR1));

	// sa_mask is added, and gone afterwards.
	reset();
	struct sigaction sa = {.sa_sigaction = nested, .sa_flags = SA_SIGINFO}, old;
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaddset(&sa.sa_mask, SIGKILL); // silently impossible
	CHECK_EQ(sigaction(SIGUSR1, &sa, &old), 0);
	CHECK(old.sa_flags & SA_NODEFER && old.sa_sigaction == nested);
	count = 10;
	raise(SIGUSR1);
	CHECK(sigismember((sigset_t *)&during, SIGUSR2));
	CHECK(!sigismember((sigset_t *)&during, SIGKILL));
	sigset_t now;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	CHECK(!sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2));
	CHECK_EQ(sigaction(SIGUSR1, NULL, &old), 0);
	CHECK(sigismember(&old.sa_mask, SIGUSR2));
	CHECK(!sigismember(&old.sa_mask, SIGKILL));

	// SA_RESETHAND: once.
	reset();
	set_handler(SIGUSR2, nested, SA_RESETHAND);
	count = 10;
	raise(SIGUSR2);
	CHECK_EQ(count, 11);
	CHECK_EQ(sigaction(SIGUSR2, NULL, &old), 0);
	CHECK(old.sa_handler == SIG_DFL);

	// Ignored and default-ignored signals do nothing; a pending one is dropped when it becomes ignored.
	signal(SIGUSR2, SIG_IGN);
	raise(SIGUSR2);
	raise(SIGCHLD);
	raise(SIGURG);
	raise(SIGWINCH);
	raise(SIGCONT);
	mask(SIG_BLOCK, SIGUSR2);
	signal(SIGUSR2, count_it);
	raise(SIGUSR2);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGUSR2, count_it);
	reset();
	mask(SIG_UNBLOCK, SIGUSR2);
	CHECK_EQ(count, 0);

	// Standard signals are not queued: two pending are one.
	mask(SIG_BLOCK, SIGUSR2);
	raise(SIGUSR2);
	raise(SIGUSR2);
	CHECK_EQ(sigpending(&now), 0);
	CHECK(sigismember(&now, SIGUSR2));
	mask(SIG_UNBLOCK, SIGUSR2);
	CHECK_EQ(count, 1);
	sigpending(&now);
	CHECK(!sigismember(&now, SIGUSR2));

	CHECK_ERR(sigaction(SIGKILL, &sa, NULL), EINVAL);
	CHECK_ERR(sigaction(SIGSTOP, &sa, NULL), EINVAL);
	CHECK_EQ(sigaction(SIGKILL, NULL, &old), 0);
	CHECK_ERR(sigaction(65, &sa, NULL), EINVAL);
	CHECK_ERR(sigaction(0, &sa, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, (void *)1, NULL, 8), EFAULT);
	CHECK_ERR(syscall(SYS_rt_sigprocmask, 99, &now, NULL, 8), EINVAL);
	CHECK_ERR(kill(getpid(), 65), EINVAL);
	CHECK_ERR(kill(999999, 0), ESRCH);
	CHECK_EQ(kill(getpid(), 0), 0);
	CHECK_ERR(syscall(SYS_tgkill, getpid(), 999999, 0), ESRCH);
	CHECK_ERR(syscall(SYS_tgkill, 0, 0, SIGUSR1), EINVAL);

	// SIGKILL and SIGSTOP cannot be blocked.
	sigfillset(&now);
	sigprocmask(SIG_SETMASK, &now, NULL);
	sigprocmask(SIG_SETMASK, NULL, &now);
	CHECK(!sigismember(&now, SIGKILL) && !sigismember(&now, SIGSTOP) && sigismember(&now, SIGTERM));
	return test_end();
}
