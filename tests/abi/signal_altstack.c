// SPDX-License-Identifier: MIT
//
// sigaltstack: where handlers run, SS_ONSTACK, SS_AUTODISARM, sizes, one stack for each thread.
#include "test.h"

#include <sys/auxv.h>

static char *low, *high;
static volatile bool on_stack, changed;
static volatile int flags_inside, runs;

static void handler(int sig, siginfo_t *info, void *context)
{
	char here;
	stack_t ss;
	runs++;
	on_stack = &here >= low && &here < high;
	sigaltstack(NULL, &ss);
	flags_inside = ss.ss_flags;
	if (sig == SIGUSR1 && runs < 3)
		raise(SIGUSR2); // nested on the same stack, below
	ss.ss_flags = 0;
	changed = sigaltstack(&ss, NULL) == 0;
}

static void *thread(void *arg)
{
	stack_t ss;
	CHECK_EQ(sigaltstack(NULL, &ss), 0);
	CHECK_EQ(ss.ss_flags, SS_DISABLE); // not inherited
	raise(SIGUSR2);
	CHECK(!on_stack);
	return NULL;
}

int main(void)
{
	stack_t ss, old;
	CHECK_EQ(sigaltstack(NULL, &ss), 0);
	CHECK_EQ(ss.ss_flags, SS_DISABLE);
	size_t least = getauxval(AT_MINSIGSTKSZ);
	CHECK(least >= 2048 && least <= 16384);
	CHECK_EQ(sysconf(_SC_MINSIGSTKSZ), least);

	set_handler(SIGUSR1, handler, SA_ONSTACK);
	set_handler(SIGUSR2, handler, SA_ONSTACK);
	size_t size = 64 << 10;
	low = map_anon(size, PROT_READ | PROT_WRITE);
	high = low + size;
	ss = (stack_t){.ss_sp = low, .ss_size = size};
	CHECK_EQ(sigaltstack(&ss, &old), 0);
	CHECK_EQ(old.ss_flags, SS_DISABLE);

	raise(SIGUSR1);
	CHECK_EQ(runs, 2);
	CHECK(on_stack);
	CHECK_EQ(flags_inside, SS_ONSTACK);
	CHECK(!changed); // EPERM while it is in use
	CHECK_EQ(sigaltstack(NULL, &old), 0);
	CHECK_EQ(old.ss_flags, 0);
	CHECK(old.ss_sp == low && old.ss_size == size);

	// Without SA_ONSTACK the handler runs on the ordinary stack.
	set_handler(SIGUSR2, handler, 0);
	raise(SIGUSR2);
	CHECK(!on_stack);
	CHECK(changed);

	// SS_AUTODISARM: disabled inside, set again afterwards.
	set_handler(SIGUSR2, handler, SA_ONSTACK);
	ss.ss_flags = (int)(1u << 31);
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	raise(SIGUSR2);
	CHECK(on_stack);
	CHECK_EQ(flags_inside, SS_DISABLE);
	CHECK_EQ(sigaltstack(NULL, &old), 0);
	CHECK_EQ(old.ss_flags, (int)(1u << 31));
	CHECK(old.ss_sp == low);

	join(start(thread, NULL));

	ss = (stack_t){.ss_sp = low, .ss_size = 1024};
	CHECK_ERR(sigaltstack(&ss, NULL), ENOMEM);
	ss = (stack_t){.ss_sp = low, .ss_size = size, .ss_flags = 77};
	CHECK_ERR(sigaltstack(&ss, NULL), EINVAL);
	CHECK_ERR(sigaltstack((void *)1, NULL), EFAULT);
	ss = (stack_t){.ss_flags = SS_DISABLE};
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	raise(SIGUSR2);
	CHECK(!on_stack);

	// The least size the kernel names is enough for a frame.
	ss = (stack_t){.ss_sp = low, .ss_size = least + 2048};
	high = low + ss.ss_size;
	CHECK_EQ(sigaltstack(&ss, NULL), 0);
	memset(low + ss.ss_size, 0x77, PAGE);
	set_handler(SIGUSR2, handler, SA_ONSTACK);
	raise(SIGUSR2);
	CHECK(on_stack);
	for (size_t i = 0; i < PAGE; i++)
		NEED(low[ss.ss_size + i] == 0x77);
	return test_end();
}
