// SPDX-License-Identifier: MIT
//
// A fault whose signal is ignored kills all the same.
// status: 139
#include "test.h"

int main(void)
{
	printf("before\n");
	fflush(stdout);
	signal(SIGSEGV, SIG_IGN);
	*(volatile int *)16 = 1;
	printf("after\n");
	return 1;
}
