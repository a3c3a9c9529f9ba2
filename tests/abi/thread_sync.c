// SPDX-License-Identifier: MIT
//
// Mutexes, conditions, barriers, read-write locks, semaphores, spin locks between threads that compete.
#include "test.h"

#include <semaphore.h>

#define THREADS 8
#define ROUNDS 3000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static sem_t sem;
static long by_mutex, by_spin, by_sem, pair[2];
static atomic_int torn;

static void *compete(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		by_mutex++;
		pthread_mutex_unlock(&mutex);
		sem_wait(&sem);
		by_sem++;
		sem_post(&sem);
		if (i % 16 == 0) {
			pthread_rwlock_wrlock(&rw);
			pair[0]++;
			if (i % 256 == 0)
				sched_yield();
			pair[1]++;
			pthread_rwlock_unlock(&rw);
		} else {
			pthread_rwlock_rdlock(&rw);
			torn += pair[0] != pair[1];
			pthread_rwlock_unlock(&rw);
		}
		if (i % 64 == 0) {
			pthread_spin_lock(&spin);
			by_spin++;
			pthread_spin_unlock(&spin);
		}
	}
	return NULL;
}

// A bounded queue of numbers by a mutex and two conditions.
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static int queue[4], in_queue;

static void *produce(void *arg)
{
	for (int i = 1; i <= 2000; i++) {
		pthread_mutex_lock(&mutex);
		while (in_queue == 4)
			pthread_cond_wait(&emptied, &mutex);
		queue[in_queue++] = i;
		pthread_cond_signal(&filled);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}
static void *consume(void *arg)
{
	long sum = 0;
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		while (!in_queue)
			pthread_cond_wait(&filled, &mutex);
		sum += queue[--in_queue];
		pthread_cond_signal(&emptied);
		pthread_mutex_unlock(&mutex);
	}
	return (void *)sum;
}

static pthread_barrier_t barrier;
static atomic_int phase[50], serial;
static void *march(void *arg)
{
	for (int i = 0; i < 50; i++) {
		phase[i]++;
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			serial++;
		CHECK_EQ(phase[i], THREADS);
	}
	return NULL;
}

static int waiting;
static bool go;
static void *wait_for_all(void *arg)
{
	pthread_mutex_lock(&mutex);
	waiting++;
	while (!go)
		pthread_cond_wait(&filled, &mutex);
	waiting--;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];
	sem_init(&sem, 0, 1);
	pthread_spin_init(&spin, 0);
	for (int i = 0; i < THREADS; i++)
		t[i] = start(compete, NULL);
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	CHECK_EQ(by_mutex, THREADS * ROUNDS);
	CHECK_EQ(by_sem, THREADS * ROUNDS);
	CHECK_EQ(by_spin, THREADS * ((ROUNDS + 63) / 64));
	CHECK_EQ(pair[0], THREADS * ((ROUNDS + 15) / 16));
	CHECK_EQ(torn, 0);

	for (int i = 0; i < 4; i++)
		t[i] = start(i % 2 ? produce : consume, NULL);
	long sum = 0;
	for (int i = 0; i < 4; i++)
		sum += (long)join(t[i]);
	CHECK_EQ(sum, 2 * 2000 * 2001 / 2);

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		t[i] = start(march, NULL);
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	CHECK_EQ(serial, 50);

	for (int i = 0; i < THREADS; i++)
		t[i] = start(wait_for_all, NULL);
	for (int n = 0; n < THREADS;) {
		sleep_ms(1);
		pthread_mutex_lock(&mutex);
		n = waiting;
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_lock(&mutex);
	go = true;
	pthread_cond_broadcast(&filled);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	CHECK_EQ(waiting, 0);

	// Kinds of mutexes.
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m, &attr);
	CHECK_EQ(pthread_mutex_lock(&m), 0);
	CHECK_EQ(pthread_mutex_lock(&m), 0);
	CHECK_EQ(pthread_mutex_unlock(&m), 0);
	CHECK_EQ(pthread_mutex_unlock(&m), 0);
	CHECK_EQ(pthread_mutex_unlock(&m), EPERM);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&m, &attr);
	CHECK_EQ(pthread_mutex_lock(&m), 0);
	CHECK_EQ(pthread_mutex_lock(&m), EDEADLK);
	CHECK_EQ(pthread_mutex_trylock(&m), EBUSY);
	return test_end();
}
