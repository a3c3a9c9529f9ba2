// SPDX-License-Identifier: MIT
//
// Robust mutexes whose owner ends, priority inheritance, priority ceilings, errors of both.
#include "test.h"

static pthread_mutex_t robust[5], pi;
static atomic_int counter, locked;

static void *die_with_them(void *arg)
{
	for (int i = 0; i < 4; i++)
		pthread_mutex_lock(&robust[i]);
	locked = 1;
	if (arg)
		sleep_ms(20);
	return NULL;
}

static void *add(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		CHECK_EQ(pthread_mutex_lock(&pi), 0);
		counter = counter + 1;
		if (i % 50 == 0)
			sched_yield();
		CHECK_EQ(pthread_mutex_unlock(&pi), 0);
	}
	return NULL;
}

static void make(pthread_mutex_t *m, int protocol, int type, bool is_robust)
{
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	NEED(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
	NEED(pthread_mutexattr_settype(&attr, type) == 0);
	if (is_robust)
		NEED(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
	NEED(pthread_mutex_init(m, &attr) == 0);
}

static void *hold_pi(void *arg)
{
	pthread_mutex_lock(&pi);
	locked = 1;
	sleep_ms(60);
	pthread_mutex_unlock(&pi);
	return NULL;
}

static void check_robust(int protocol)
{
	for (int i = 0; i < 5; i++)
		make(&robust[i], protocol, PTHREAD_MUTEX_NORMAL, true);
	join(start(die_with_them, NULL));
	CHECK_EQ(pthread_mutex_trylock(&robust[0]), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(&robust[0]), 0);
	CHECK_EQ(pthread_mutex_unlock(&robust[0]), 0);
	CHECK_EQ(pthread_mutex_lock(&robust[0]), 0);
	CHECK_EQ(pthread_mutex_unlock(&robust[0]), 0);
	// Not made consistent: lost for ever.
	CHECK_EQ(pthread_mutex_lock(&robust[1]), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_unlock(&robust[1]), 0);
	CHECK_EQ(pthread_mutex_lock(&robust[1]), ENOTRECOVERABLE);
	CHECK_EQ(pthread_mutex_trylock(&robust[4]), 0);

	// A waiter is woken by the owner's death.
	for (int i = 0; i < 4; i++)
		make(&robust[i], protocol, PTHREAD_MUTEX_NORMAL, true);
	locked = 0;
	pthread_t t = start(die_with_them, (void *)1);
	while (!locked)
		sleep_ms(1);
	CHECK_EQ(pthread_mutex_lock(&robust[3]), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(&robust[3]), 0);
	CHECK_EQ(pthread_mutex_unlock(&robust[3]), 0);
	join(t);
}

// Each holds one and waits for the one before.
static pthread_mutex_t ring[3];
static atomic_int holding;

static void *link_of_chain(void *arg)
{
	long i = (long)arg;
	CHECK_EQ(pthread_mutex_lock(&ring[i]), 0);
	holding = holding + 1;
	CHECK_EQ(pthread_mutex_lock(&ring[i - 1]), 0);
	CHECK_EQ(pthread_mutex_unlock(&ring[i - 1]), 0);
	CHECK_EQ(pthread_mutex_unlock(&ring[i]), 0);
	return NULL;
}

// The wait that would close a ring is refused, the others go on.
static void check_ring(void)
{
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		make(&ring[i], PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ERRORCHECK, false);
	CHECK_EQ(pthread_mutex_lock(&ring[0]), 0);
	for (int i = 1; i < 3; i++) {
		t[i] = start(link_of_chain, (void *)(long)i);
		while (holding < i || !(*(volatile unsigned *)&ring[i - 1].__data.__lock & 0x80000000)) // FUTEX_WAITERS
			sleep_ms(1);
	}
	sleep_ms(5); // the bit comes just before the wait
	// FUTEX_LOCK_PI_PRIVATE, by hand: the C library takes this answer for a mistake of the kernel's.
	CHECK_ERR(syscall(SYS_futex, &ring[2].__data.__lock, 6 | 128, 0, NULL, NULL, 0), EDEADLK);
	CHECK_EQ(pthread_mutex_unlock(&ring[0]), 0);
	join(t[1]);
	join(t[2]);
	CHECK_EQ(pthread_mutex_lock(&ring[2]), 0);
	CHECK_EQ(pthread_mutex_unlock(&ring[2]), 0);
}

int main(void)
{
	check_ring();
	check_robust(PTHREAD_PRIO_NONE);
	check_robust(PTHREAD_PRIO_INHERIT);

	make(&pi, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ERRORCHECK, false);
	pthread_t t[6];
	for (int i = 0; i < 6; i++)
		t[i] = start(add, NULL);
	for (int i = 0; i < 6; i++)
		join(t[i]);
	CHECK_EQ(counter, 12000);
	CHECK_EQ(pthread_mutex_lock(&pi), 0);
	CHECK_EQ(pthread_mutex_lock(&pi), EDEADLK);
	CHECK_EQ(pthread_mutex_unlock(&pi), 0);
	CHECK_EQ(pthread_mutex_unlock(&pi), EPERM);

	locked = 0;
	pthread_t holder = start(hold_pi, NULL);
	while (!locked)
		sleep_ms(1);
	CHECK_EQ(pthread_mutex_trylock(&pi), EBUSY);
	int64_t at = clock_ns(CLOCK_REALTIME) + 10000000;
	struct timespec until = {at / 1000000000, at % 1000000000};
	CHECK_EQ(pthread_mutex_timedlock(&pi, &until), ETIMEDOUT);
	CHECK_EQ(pthread_mutex_lock(&pi), 0);
	CHECK_EQ(pthread_mutex_unlock(&pi), 0);
	join(holder);

	// The raw call: owner's id in the word, and what it refuses.
	static int word;
	CHECK_EQ(syscall(SYS_futex, &word, 6 /* FUTEX_LOCK_PI */, 0, NULL, NULL, 0), 0);
	CHECK_EQ(word & 0x3fffffff, gettid());
	CHECK_ERR(syscall(SYS_futex, &word, 6, 0, NULL, NULL, 0), EDEADLK);
	CHECK_EQ(syscall(SYS_futex, &word, 7 /* FUTEX_UNLOCK_PI */, 0, NULL, NULL, 0), 0);
	CHECK_EQ(word, 0);
	word = 0x3ffffff0; // a thread that does not exist
	CHECK_ERR(syscall(SYS_futex, &word, 6, 0, NULL, NULL, 0), ESRCH);
	CHECK_ERR(syscall(SYS_futex, &word, 7, 0, NULL, NULL, 0), EPERM);

	void *head = NULL;
	size_t len = 0;
	CHECK_EQ(syscall(SYS_get_robust_list, 0, &head, &len), 0);
	CHECK(head && len == 24);
	CHECK_ERR(syscall(SYS_set_robust_list, head, 8), EINVAL);
	return test_end();
}
