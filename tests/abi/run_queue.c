// SPDX-License-Identifier: MIT
//
// More threads than CPUs, none of which ever sleeps: each gets on, also one that comes to a CPU whose thread ran alone
// and never calls the kernel.
#include "test.h"

#define THREADS 4

static volatile long turns[THREADS];
static volatile bool stop;

static void *spin(void *arg)
{
	volatile long *mine = arg;
	while (!stop)
		++*mine;
	return NULL;
}

static bool all_ran(void)
{
	for (int i = 0; i < THREADS; i++)
		if (!turns[i])
			return false;
	return true;
}

int main(void)
{
	for (int round = 0; round < 20 && !test_failures; round++) {
		pthread_t t[THREADS];
		stop = false;
		for (int i = 0; i < THREADS; i++) {
			turns[i] = 0;
			t[i] = start(spin, (void *)&turns[i]);
		}
		int64_t until = now_ms() + 4000;
		while (!all_ran() && now_ms() < until)
			; // spins as well
		CHECK(all_ran());
		stop = true;
		for (int i = 0; i < THREADS; i++)
			join(t[i]);
	}
	return test_end();
}
