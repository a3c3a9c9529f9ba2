// SPDX-License-Identifier: MIT
//
// A system call with a stack pointer that is no address at all: the call is made and nothing is read or written there.
// Not every host gets that right: some virtual machines' kernels leave by an instruction that refuses such a stack,
// and kill the caller. There is nothing to compare then.
#include "registers.h"

#include <sys/wait.h>

SITE(mov, 39, 0, "mov $39, %eax");

static void calls(void *sp)
{
	for (int i = 0; i < 100; i++) {
		long args[6];
		registers_fill(args, sizeof args);
		CHECK_EQ(site_call(__start_sites, args, sp, 0), getpid());
	}
}

int main(void)
{
	int status = 0;
	registers_setup();
	calls(stack_middle());
	pid_t child = fork();
	if (child == 0) {
		calls((void *)(1ul << 63));
		_exit(0);
	}
	if (child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status)) {
		puts("skipped: this host kills who makes a system call with a stack pointer that is not canonical");
		return 77;
	}
	calls((void *)(1ul << 63));
	return test_end();
}
