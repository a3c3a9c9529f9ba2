// SPDX-License-Identifier: MIT
//
// A thread that ends with signals queued to it gives back what they took: RLIMIT_SIGPENDING counts those that wait.
#include "test.h"

#include <sys/resource.h>

#define LIMIT 100
#define THREADS 300

static int refused;

static void *body(void *arg)
{
	mask(SIG_BLOCK, SIGRTMIN);
	if (pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = 1}))
		refused++;
	sigset_t pending;
	sigpending(&pending);
	return (void *)(long)sigismember(&pending, SIGRTMIN);
}

int main(void)
{
	struct rlimit l = {LIMIT, LIMIT};
	CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &l), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ((long)join(start(body, NULL)), 1);
	CHECK_EQ(refused, 0);
	return test_end();
}
