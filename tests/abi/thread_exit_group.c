// SPDX-License-Identifier: MIT
//
// exit() in a thread ends all threads, those that wait, sleep or spin, with that status.
// status: 7
#include "test.h"

static void *spin(void *arg)
{
	for (volatile long i = 0;; i++)
		;
	return NULL;
}
static void *wait_long(void *arg)
{
	sleep_ms(1000000);
	return NULL;
}
static void *read_long(void *arg)
{
	int ends[2];
	char c;
	NEED(pipe(ends) == 0);
	return (void *)read(ends[0], &c, 1);
}
static void at_exit(void)
{
	printf("atexit runs\n");
}
static void *leave(void *arg)
{
	sleep_ms(20);
	exit(7);
}

int main(void)
{
	atexit(at_exit);
	start(spin, NULL);
	start(spin, NULL);
	start(wait_long, NULL);
	start(read_long, NULL);
	start(leave, NULL);
	pause();
	return 1;
}
