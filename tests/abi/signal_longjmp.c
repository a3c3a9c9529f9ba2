// SPDX-License-Identifier: MIT
//
// siglongjmp out of handlers, from an alternate stack too, many times; swapcontext; errno around a handler.
#include "test.h"

#include <ucontext.h>

static sigjmp_buf jump;

static void jump_out(int sig, siginfo_t *info, void *context)
{
	siglongjmp(jump, sig);
}

static void change_errno(int sig, siginfo_t *info, void *context)
{
	errno = ENOTTY;
}

static ucontext_t main_context, other_context;
static int steps;

static void other(void)
{
	steps++;
	swapcontext(&other_context, &main_context);
	steps += 10;
}

int main(void)
{
	stack_t ss = {.ss_sp = map_anon(1 << 16, PROT_READ | PROT_WRITE), .ss_size = 1 << 16};
	NEED(sigaltstack(&ss, NULL) == 0);
	set_handler(SIGUSR1, jump_out, 0);
	set_handler(SIGSEGV, jump_out, SA_ONSTACK);
	volatile int jumps = 0;
	for (volatile int i = 0; i < 1000; i++) {
		int sig = sigsetjmp(jump, 1);
		if (!sig) {
			if (i % 2)
				raise(SIGUSR1);
			else
				*(volatile int *)8 = 1;
			CHECK(!"not reached");
		}
		jumps += sig == (i % 2 ? SIGUSR1 : SIGSEGV);
	}
	CHECK_EQ(jumps, 1000);
	stack_t now;
	CHECK_EQ(sigaltstack(NULL, &now), 0);
	CHECK_EQ(now.ss_flags, 0); // not in use: Linux judges by the stack pointer

	// Without the mask: it stays blocked.
	if (!sigsetjmp(jump, 0))
		raise(SIGUSR1);
	sigset_t mask_now;
	sigprocmask(SIG_BLOCK, NULL, &mask_now);
	CHECK(sigismember(&mask_now, SIGUSR1));
	mask(SIG_UNBLOCK, SIGUSR1);

	set_handler(SIGUSR2, change_errno, 0);
	errno = 0;
	CHECK_EQ(raise(SIGUSR2), 0);
	CHECK_EQ(errno, ENOTTY); // a handler's errno is the program's own business

	static char stack[65536];
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack;
	other_context.uc_stack.ss_size = sizeof stack;
	other_context.uc_link = &main_context;
	makecontext(&other_context, other, 0);
	swapcontext(&main_context, &other_context);
	CHECK_EQ(steps, 1);
	swapcontext(&main_context, &other_context);
	CHECK_EQ(steps, 11);
	return test_end();
}
