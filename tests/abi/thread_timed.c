// SPDX-License-Identifier: MIT
//
// Waits of threads that end by time: conditions on both clocks, mutexes, semaphores, read-write locks, joins.
#include "test.h"

#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stop;

static struct timespec in_ms(clockid_t clock, int ms)
{
	int64_t at = clock_ns(clock) + ms * 1000000ll;
	return (struct timespec){at / 1000000000, at % 1000000000};
}

static int64_t begin;
static void started(void)
{
	begin = clock_ns(CLOCK_MONOTONIC);
}
static void took(int line, int least_ms)
{
	int64_t ms = (clock_ns(CLOCK_MONOTONIC) - begin) / 1000000;
	if (ms < least_ms || ms > least_ms + 2000)
		test_fail(__FILE_NAME__, line, "took as long as it should", ms);
}

static void *hold(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_rwlock_wrlock(arg);
	while (!stop)
		sleep_ms(1);
	pthread_rwlock_unlock(arg);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *post_later(void *sem)
{
	sleep_ms(15);
	sem_post(sem);
	return NULL;
}

int main(void)
{
	pthread_cond_t real = PTHREAD_COND_INITIALIZER, mono;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&mono, &attr);
	pthread_mutex_lock(&mutex);
	struct timespec t = in_ms(CLOCK_REALTIME, 20);
	started();
	CHECK_EQ(pthread_cond_timedwait(&real, &mutex, &t), ETIMEDOUT);
	took(__LINE__, 19);
	t = in_ms(CLOCK_MONOTONIC, 20);
	started();
	CHECK_EQ(pthread_cond_timedwait(&mono, &mutex, &t), ETIMEDOUT);
	took(__LINE__, 20);
	t = in_ms(CLOCK_MONOTONIC, -1000);
	started();
	CHECK_EQ(pthread_cond_timedwait(&mono, &mutex, &t), ETIMEDOUT);
	took(__LINE__, 0);
	pthread_mutex_unlock(&mutex);

	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
	pthread_t holder = start(hold, &rw);
	while (pthread_rwlock_tryrdlock(&rw) == 0) {
		pthread_rwlock_unlock(&rw);
		sleep_ms(1);
	}
	t = in_ms(CLOCK_REALTIME, 15);
	started();
	CHECK_EQ(pthread_mutex_timedlock(&mutex, &t), ETIMEDOUT);
	took(__LINE__, 14);
	t = in_ms(CLOCK_MONOTONIC, 15);
	started();
	CHECK_EQ(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &t), ETIMEDOUT);
	took(__LINE__, 15);
	t = in_ms(CLOCK_REALTIME, 15);
	CHECK_EQ(pthread_rwlock_timedrdlock(&rw, &t), ETIMEDOUT);
	t = in_ms(CLOCK_REALTIME, 15);
	CHECK_EQ(pthread_rwlock_timedwrlock(&rw, &t), ETIMEDOUT);
	void *result;
	CHECK_EQ(pthread_tryjoin_np(holder, &result), EBUSY);
	t = in_ms(CLOCK_REALTIME, 15);
	started();
	CHECK_EQ(pthread_timedjoin_np(holder, &result, &t), ETIMEDOUT);
	took(__LINE__, 14);
	stop = true;
	t = in_ms(CLOCK_REALTIME, 5000);
	CHECK_EQ(pthread_mutex_timedlock(&mutex, &t), 0);
	pthread_mutex_unlock(&mutex);
	t = in_ms(CLOCK_REALTIME, 5000);
	CHECK_EQ(pthread_timedjoin_np(holder, &result, &t), 0);

	sem_t sem;
	sem_init(&sem, 0, 0);
	t = in_ms(CLOCK_REALTIME, 15);
	started();
	CHECK_ERR(sem_timedwait(&sem, &t), ETIMEDOUT);
	took(__LINE__, 14);
	CHECK_ERR(sem_trywait(&sem), EAGAIN);
	pthread_t poster = start(post_later, &sem);
	t = in_ms(CLOCK_REALTIME, 5000);
	CHECK_EQ(sem_timedwait(&sem, &t), 0);
	join(poster);
	t.tv_nsec = -1;
	CHECK_ERR(sem_timedwait(&sem, &t), EINVAL);
	return test_end();
}
