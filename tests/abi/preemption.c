// SPDX-License-Identifier: MIT
//
// Threads that never call the kernel share one CPU: each gets some of it, a sleeper wakes in time among them, and
// sched_yield lets the others go on.
#include "test.h"

#include <sched.h>

static atomic_int stop;
static volatile long work[4 * 16];

static void pin(void)
{
	cpu_set_t set;
	sched_getaffinity(0, sizeof set, &set);
	for (int c = 0, first = -1; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &set)) {
			if (first >= 0)
				CPU_CLR(c, &set);
			else
				first = c;
		}
	NEED(sched_setaffinity(0, sizeof set, &set) == 0);
}

static void *spin(void *arg)
{
	pin();
	volatile long *mine = arg;
	while (!stop)
		++*mine;
	return NULL;
}

static atomic_int turn;
static void *take_turns(void *arg)
{
	pin();
	int me = (int)(long)arg;
	for (int i = 0; i < 500; i++) {
		while (turn % 3 != me)
			sched_yield();
		turn++;
	}
	return NULL;
}

int main(void)
{
	pin();
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		t[i] = start(spin, (void *)&work[i * 16]);
	int late = 0;
	for (int i = 0; i < 20; i++) {
		int64_t begin = now_ms();
		sleep_ms(10);
		late += now_ms() - begin > 200;
	}
	CHECK(late <= 2);
	sleep_ms(200);
	stop = 1;
	long least = work[0], most = work[0];
	for (int i = 0; i < 4; i++) {
		join(t[i]);
		if (work[i * 16] < least)
			least = work[i * 16];
		if (work[i * 16] > most)
			most = work[i * 16];
	}
	CHECK(least > 0);
	CHECK(least * 6 > most);

	for (long i = 0; i < 3; i++)
		t[i] = start(take_turns, (void *)i);
	for (int i = 0; i < 3; i++)
		join(t[i]);
	CHECK_EQ(turn, 1500);
	return test_end();
}
