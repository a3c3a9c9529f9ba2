// SPDX-License-Identifier: MIT
//
// POSIX threads as a C program uses them: mutexes of every kind, condition variables, barriers,
// read-write locks, semaphores, thread-specific data, cancellation, signals to threads, timed waits,
// thread-local variables, a floating-point state per thread. Builds with glibc and with musl, static
// and dynamic. What it prints does not depend on timing.
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 5000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_key_t key;
static sem_t sem;
static _Thread_local uint64_t mine = 7;
static uint64_t shared, table[64];
static atomic_uint destroyed, cleaned, signals_seen;

static void check(int err, const char *what)
{
	if (err) {
		printf("%s: %s\n", what, strerror(err));
		exit(1);
	}
}

static void destroy(void *p)
{
	free(p);
	destroyed++;
}

static void *worker(void *arg)
{
	uintptr_t id = (uintptr_t)arg;
	double sum = 0;

	check(pthread_setspecific(key, malloc(100)), "pthread_setspecific");
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		shared += id;
		pthread_mutex_unlock(&lock);
		mine += i;
		if (i % 64 == 0) {
			pthread_rwlock_wrlock(&rwlock);
			table[i / 64 % 64]++;
			pthread_rwlock_unlock(&rwlock);
			sched_yield();
		} else {
			pthread_rwlock_rdlock(&rwlock);
			sum += sqrt((double)i * (double)(id + 1));
			pthread_rwlock_unlock(&rwlock);
		}
		sem_wait(&sem);
		sem_post(&sem);
	}
	pthread_barrier_wait(&barrier);
	double *result = malloc(sizeof(*result));
	*result = sum + (double)mine;
	return result;
}

static void test_workers(void)
{
	pthread_t t[THREADS];
	pthread_attr_t attr;

	check(pthread_attr_init(&attr), "pthread_attr_init");
	check(pthread_attr_setstacksize(&attr, 128 << 10), "pthread_attr_setstacksize");
	pthread_barrier_init(&barrier, NULL, THREADS);
	pthread_key_create(&key, destroy);
	sem_init(&sem, 0, 3);
	for (uintptr_t i = 0; i < THREADS; i++)
		check(pthread_create(&t[i], &attr, worker, (void *)i), "pthread_create");
	for (int i = 0; i < THREADS; i++) {
		double *r;
		check(pthread_join(t[i], (void **)&r), "pthread_join");
		printf("worker %d %.6f\n", i, *r);
		free(r);
	}
	printf("shared %llu table %llu destroyed %u mine %llu\n", (unsigned long long)shared, (unsigned long long)table[3],
	       (unsigned)destroyed, (unsigned long long)mine);
}

static void *ping(void *arg)
{
	int *turn = arg;

	pthread_mutex_lock(&lock);
	while (*turn < 10000) {
		while (*turn % 2 == 0 && *turn < 10000)
			pthread_cond_wait(&cond, &lock);
		++*turn;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void test_turns(void)
{
	pthread_t t;
	int turn = 0;

	check(pthread_create(&t, NULL, ping, &turn), "pthread_create");
	pthread_mutex_lock(&lock);
	while (turn < 10000) {
		while (turn % 2 == 1 && turn < 10000)
			pthread_cond_wait(&cond, &lock);
		turn++;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&lock);
	check(pthread_join(t, NULL), "pthread_join");
	printf("turns %s\n", turn >= 10000 ? "done" : "missing");
}

static void cleanup(void *arg)
{
	(void)arg;
	cleaned++;
}

static void *sleeper(void *arg)
{
	(void)arg;
	pthread_cleanup_push(cleanup, NULL);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static void test_cancel(void)
{
	pthread_t t;
	void *r;

	check(pthread_create(&t, NULL, sleeper, NULL), "pthread_create");
	usleep(2000);
	check(pthread_cancel(t), "pthread_cancel");
	check(pthread_join(t, &r), "pthread_join");
	printf("cancelled %d cleaned %u\n", r == PTHREAD_CANCELED, (unsigned)cleaned);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGUSR1 && info->si_pid == getpid())
		signals_seen++;
}

static void *signalled(void *arg)
{
	struct timespec ts = { 5, 0 };

	sem_post(arg);
	// A signal without SA_RESTART ends the sleep early.
	return (void *)(intptr_t)(nanosleep(&ts, NULL) == -1 && errno == EINTR);
}

static void test_signal(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	pthread_t t;
	sem_t ready;
	void *r;

	sigaction(SIGUSR1, &sa, NULL);
	sem_init(&ready, 0, 0);
	check(pthread_create(&t, NULL, signalled, &ready), "pthread_create");
	sem_wait(&ready);
	usleep(20000);
	check(pthread_kill(t, SIGUSR1), "pthread_kill");
	check(pthread_join(t, &r), "pthread_join");
	printf("signal %u interrupted %d\n", (unsigned)signals_seen, (int)(intptr_t)r);
}

static void test_mutex_kinds(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	struct timespec ts;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&m, &attr);
	pthread_mutex_lock(&m);
	printf("error-checking %d", pthread_mutex_lock(&m) == EDEADLK);
	pthread_mutex_unlock(&m);
	pthread_mutex_destroy(&m);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m, &attr);
	pthread_mutex_lock(&m);
	printf(" recursive %d", pthread_mutex_lock(&m) == 0);
	pthread_mutex_destroy(&m);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_NORMAL);
	printf(" inherit %d", pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
	pthread_mutex_init(&m, &attr);
	pthread_mutex_lock(&m);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 2000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&normal);
	printf(" timed %d\n", pthread_mutex_timedlock(&normal, &ts) == ETIMEDOUT);
}

// Many short-lived threads: stacks are mapped, reused and unmapped.
static void *nothing(void *arg)
{
	return arg;
}

static void test_many(void)
{
	uintptr_t sum = 0;

	for (uintptr_t i = 0; i < 1000; i++) {
		pthread_t t;
		void *r;
		check(pthread_create(&t, NULL, nothing, (void *)i), "pthread_create");
		check(pthread_join(t, &r), "pthread_join");
		sum += (uintptr_t)r;
	}
	printf("many %lu\n", (unsigned long)sum);
}

int main(void)
{
	test_workers();
	test_turns();
	test_cancel();
	test_signal();
	test_mutex_kinds();
	test_many();
	return 13;
}
