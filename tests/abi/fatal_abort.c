// SPDX-License-Identifier: MIT
//
// abort() ends the program by SIGABRT though it is blocked and ignored.
// status: 134
#include "test.h"

int main(void)
{
	printf("before\n");
	fflush(stdout);
	signal(SIGABRT, SIG_IGN);
	mask(SIG_BLOCK, SIGABRT);
	abort();
	printf("after\n");
	return 1;
}
