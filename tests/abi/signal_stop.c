// SPDX-License-Identifier: MIT
//
// Stop signals, as far as nobody is stopped: handled, ignored, blocked, taken back by SIGCONT, and by default in a
// process group that nobody could continue. tests/apps/errors.test shows SIGSTOP itself, which Whelk refuses.
#include "test.h"

static volatile int got[64];

static void handler(int sig, siginfo_t *info, void *context)
{
	got[sig]++;
}

int main(void)
{
	static const int stop[] = {SIGTSTP, SIGTTIN, SIGTTOU};
	sigset_t pending;
	struct sigaction sa = {.sa_handler = SIG_IGN};
	CHECK_ERR(sigaction(SIGSTOP, &sa, NULL), EINVAL);
	mask(SIG_BLOCK, SIGSTOP); // without effect
	sigset_t now;
	CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &now), 0);
	CHECK_EQ(sigismember(&now, SIGSTOP), 0);
	setsid(); // natively: nobody else in the session, so an orphaned group
	for (int i = 0; i < 3; i++) {
		int sig = stop[i];
		set_handler(sig, handler, 0);
		CHECK_EQ(raise(sig), 0);
		CHECK_EQ(got[sig], 1);
		mask(SIG_BLOCK, sig);
		raise(sig);
		sigpending(&pending);
		CHECK_EQ(sigismember(&pending, sig), 1);
		mask(SIG_UNBLOCK, sig);
		CHECK_EQ(got[sig], 2);
		// SIGCONT takes back what waits, and the other way round.
		mask(SIG_BLOCK, sig);
		raise(sig);
		raise(SIGCONT);
		sigpending(&pending);
		CHECK_EQ(sigismember(&pending, sig), 0);
		mask(SIG_BLOCK, SIGCONT);
		raise(SIGCONT);
		raise(sig);
		sigpending(&pending);
		CHECK_EQ(sigismember(&pending, SIGCONT), 0);
		mask(SIG_UNBLOCK, SIGCONT);
		mask(SIG_UNBLOCK, sig);
		CHECK_EQ(got[sig], 3);
		sigaction(sig, &sa, NULL);
		raise(sig);
		CHECK_EQ(got[sig], 3);
		signal(sig, SIG_DFL);
		if (getsid(0) == getpid())
			raise(sig);
	}
	raise(SIGCONT);
	set_handler(SIGCONT, handler, 0);
	raise(SIGCONT);
	CHECK_EQ(got[SIGCONT], 1);
	return test_end();
}
