// SPDX-License-Identifier: MIT
//
// A fatal signal sent to one thread ends all of them.
// status: 143
#include "test.h"

static void *sleeper(void *arg)
{
	for (;;)
		sleep_ms(1000);
	return arg;
}

int main(void)
{
	printf("before\n");
	fflush(stdout);
	pthread_t t = start(sleeper, NULL);
	pthread_kill(t, SIGTERM);
	sleep_ms(10000);
	printf("after\n");
	return 1;
}
