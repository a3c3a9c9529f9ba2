// SPDX-License-Identifier: MIT
//
// Threads on one processor: switch futex | yield | create COUNT. The last number printed is how many a second: round
// trips between two threads that wait for each other, calls of sched_yield, threads made and joined.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic int word[2];
static long count;

static void futex(_Atomic int *p, int op, int value)
{
	syscall(SYS_futex, p, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void wait_for(int n)
{
	while (!word[n])
		futex(&word[n], FUTEX_WAIT, 0);
	word[n] = 0;
}

static void tell(int n)
{
	word[n] = 1;
	futex(&word[n], FUTEX_WAKE, 1);
}

static void *pong(void *unused)
{
	for (long i = 0; i < count; i++) {
		wait_for(0);
		tell(1);
	}
	return unused;
}

static void *yield(void *unused)
{
	for (long i = 0; i < count; i++)
		sched_yield();
	return unused;
}

static void *nothing(void *unused) { return unused; }

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	count = atol(argv[2]);
	struct timespec a, b;
	pthread_t t;
	long done = count;
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (!strcmp(argv[1], "futex")) {
		pthread_create(&t, NULL, pong, NULL);
		for (long i = 0; i < count; i++) {
			tell(0);
			wait_for(1);
		}
		pthread_join(t, NULL);
	} else if (!strcmp(argv[1], "yield")) {
		pthread_create(&t, NULL, yield, NULL);
		yield(NULL);
		pthread_join(t, NULL);
		done *= 2;
	} else {
		for (long i = 0; i < count; i++)
			if (pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL))
				return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.0f\n", (double)done / ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9));
	return 0;
}
