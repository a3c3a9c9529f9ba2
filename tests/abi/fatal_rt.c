// SPDX-License-Identifier: MIT
//
// The default action of a real-time signal is to end the program.
// status: 165
#include "test.h"

int main(void)
{
	printf("before\n");
	fflush(stdout);
	raise(SIGRTMIN + 3);
	printf("after\n");
	return 1;
}
