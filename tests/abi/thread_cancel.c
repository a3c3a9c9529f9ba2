// SPDX-License-Identifier: MIT
//
// pthread_cancel in a blocking call, with cleanup handlers; disabled; asynchronous; in a loop without calls.
#include "test.h"

static int ends[2];
static atomic_int cleaned, entered;

static void cleanup(void *arg)
{
	cleaned += (int)(long)arg;
}

static void *in_read(void *arg)
{
	char c;
	pthread_cleanup_push(cleanup, (void *)1);
	pthread_cleanup_push(cleanup, (void *)10);
	entered = 1;
	if (read(ends[0], &c, 1) != 1)
		CHECK(!"never returns");
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static void unlock(void *arg)
{
	pthread_mutex_unlock(arg);
	cleaned++;
}
static void *in_cond(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	entered = 1;
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
	return NULL;
}
static void *in_sleep(void *arg)
{
	entered = 1;
	sleep(100);
	return NULL;
}

static void *disabled(void *arg)
{
	int old;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	entered = 1;
	sleep_ms(30);
	cleaned++;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	pthread_testcancel();
	return NULL;
}

static void *spinning(void *arg)
{
	int old;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	entered = 1;
	for (volatile long i = 0;; i++)
		;
	return NULL;
}

static void check(void *(*f)(void *), int expect_cleaned)
{
	cleaned = entered = 0;
	pthread_t t = start(f, NULL);
	while (!entered)
		sleep_ms(1);
	sleep_ms(5);
	CHECK_EQ(pthread_cancel(t), 0);
	CHECK(join(t) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, expect_cleaned);
}

static void *leave(void *arg)
{
	pthread_cleanup_push(cleanup, (void *)5);
	pthread_exit((void *)77);
	pthread_cleanup_pop(0);
	return NULL;
}

int main(void)
{
	NEED(pipe(ends) == 0);
	check(in_read, 11);
	check(in_cond, 1);
	CHECK_EQ(pthread_mutex_trylock(&mutex), 0);
	check(in_sleep, 0);
	check(disabled, 1);
	check(spinning, 0);
	cleaned = 0;
	CHECK_EQ((long)join(start(leave, NULL)), 77);
	CHECK_EQ(cleaned, 5);
	// The pipe lost nothing to the reader that went.
	char c;
	CHECK_EQ(write(ends[1], "k", 1), 1);
	CHECK_EQ(read(ends[0], &c, 1), 1);
	CHECK_EQ(c, 'k');
	return test_end();
}
