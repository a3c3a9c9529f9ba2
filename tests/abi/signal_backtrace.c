// SPDX-License-Identifier: MIT
//
// Unwinding through a signal frame, with libgcc as C++ exceptions, the JVM and Go's cgo do: the frames above the
// handler, the interrupted function (by a fault and by a signal), and its callers are all found.
// build: -lgcc_s -fno-optimize-sibling-calls
#include "test.h"

#include <unwind.h>

static volatile uintptr_t skip_to;
static uintptr_t frames[64];
static volatile int n_frames, sink;

static _Unwind_Reason_Code frame(struct _Unwind_Context *c, void *arg)
{
	if (n_frames < 64)
		frames[n_frames++] = _Unwind_GetIP(c);
	return _URC_NO_REASON;
}

static __attribute__((noinline)) void handler(int sig, siginfo_t *info, void *context)
{
	n_frames = 0;
	_Unwind_Backtrace(frame, NULL);
	if (sig == SIGILL)
		UC_PC((ucontext_t *)context) = skip_to;
}

static __attribute__((noinline)) void inner(int sig)
{
	if (sig == SIGILL)
		SKIPPABLE(INSN_UNDEFINED);
	else
		raise(sig);
	sink++;
}
static __attribute__((noinline)) void middle(int sig)
{
	inner(sig);
	sink++;
}
static __attribute__((noinline)) void outer(int sig)
{
	middle(sig);
	sink++;
}

static bool has(void (*f)(int), int size)
{
	for (int i = 0; i < n_frames; i++)
		if (frames[i] - (uintptr_t)f < (uintptr_t)size)
			return true;
	return false;
}

static void check(int sig)
{
	n_frames = 0;
	outer(sig);
	CHECK(n_frames >= 6 && n_frames < 40);
	CHECK(has(inner, 200));
	CHECK(has(middle, 60));
	CHECK(has(outer, 60));
	bool in_main = false;
	int main(void);
	for (int i = 0; i < n_frames; i++)
		in_main |= frames[i] - (uintptr_t)main < 400 || frames[i] - (uintptr_t)check < 400;
	CHECK(in_main);
}

static void *thread(void *arg)
{
	check(SIGILL);
	return NULL;
}

int main(void)
{
	set_handler(SIGILL, handler, 0);
	set_handler(SIGUSR1, handler, 0);
	check(SIGILL);
	check(SIGUSR1);
	// On an alternate stack as well.
	stack_t ss = {.ss_sp = map_anon(1 << 16, PROT_READ | PROT_WRITE), .ss_size = 1 << 16};
	NEED(sigaltstack(&ss, NULL) == 0);
	set_handler(SIGILL, handler, SA_ONSTACK);
	set_handler(SIGUSR1, handler, SA_ONSTACK);
	check(SIGILL);
	check(SIGUSR1);
	join(start(thread, NULL));
	return test_end();
}
