// SPDX-License-Identifier: MIT
//
// SIGKILL ends the program at once, whatever is blocked.
// status: 137
#include "test.h"

int main(void)
{
	printf("before\n");
	fflush(stdout);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	kill(getpid(), SIGKILL);
	printf("after\n");
	return 1;
}
