// SPDX-License-Identifier: MIT
//
// A fault whose signal is blocked kills, handler or not.
// status: 139
#include "test.h"

static void handler(int sig, siginfo_t *info, void *context)
{
	printf("never\n");
}

int main(void)
{
	printf("before\n");
	fflush(stdout);
	set_handler(SIGSEGV, handler, 0);
	mask(SIG_BLOCK, SIGSEGV);
	*(volatile int *)16 = 1;
	printf("after\n");
	return 1;
}
