// SPDX-License-Identifier: MIT
//
// The main thread may end before others: the program goes on, and the last thread's end is the program's, with
// status 0. /proc/self/stat and kill still find the process.
#include "test.h"

static void *nothing(void *arg)
{
	return arg;
}

static void *body(void *arg)
{
	sleep_ms(30);
	CHECK_EQ(kill(getpid(), 0), 0);
	CHECK(gettid() != getpid());
	CHECK_EQ(access("/proc/self/stat", R_OK), 0);
	join(start(nothing, NULL));
	printf("the other thread goes on\n");
	test_end();
	return NULL;
}

int main(void)
{
	start(body, NULL);
	printf("main ends\n");
	fflush(stdout);
	pthread_exit(NULL);
}
