// SPDX-License-Identifier: MIT
//
// The futex call itself: wait, wake, bitsets, requeue, wake_op, waitv, shared ones in a file, timeouts, errors.
#include "test.h"

#include <linux/futex.h>

static uint32_t a, b;
static atomic_int woken, asleep;

static long futex(uint32_t *word, int op, uint32_t val, const struct timespec *t, uint32_t *word2, uint32_t val3)
{
	return syscall(SYS_futex, word, op, val, t, word2, val3);
}

struct wait {
	uint32_t *word;
	int op;
	uint32_t bits;
};

static void *wait_on(void *arg)
{
	struct wait *w = arg;
	asleep++;
	long r = futex(w->word, w->op, 0, NULL, NULL, w->bits);
	CHECK_EQ(r, 0);
	woken++;
	return (void *)(long)w->bits;
}

static void settle(void)
{
	sleep_ms(25);
}
static void until(int want)
{
	for (int i = 0; i < 3000 && woken < want; i++)
		sleep_ms(1);
	CHECK_EQ(woken, want);
}

static void *wait_v(void *arg)
{
	struct futex_waitv v[2] = {{.val = 0, .uaddr = (uintptr_t)&a, .flags = FUTEX_32}, {.val = 0,
		.uaddr = (uintptr_t)&b, .flags = FUTEX_32}};
	asleep++;
	return (void *)syscall(SYS_futex_waitv, v, 2, 0, NULL, 0);
}

int main(void)
{
	CHECK_ERR(futex(&a, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
	CHECK_EQ(futex(&a, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	struct timespec t = ms_timespec(15);
	int64_t begin = now_ms();
	CHECK_ERR(futex(&a, FUTEX_WAIT, 0, &t, NULL, 0), ETIMEDOUT);
	CHECK(now_ms() - begin >= 14);
	int64_t at = clock_ns(CLOCK_MONOTONIC) + 15000000;
	t = (struct timespec){at / 1000000000, at % 1000000000};
	CHECK_ERR(futex(&a, FUTEX_WAIT_BITSET_PRIVATE, 0, &t, NULL, ~0u), ETIMEDOUT);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= at);
	at = clock_ns(CLOCK_REALTIME) + 15000000;
	t = (struct timespec){at / 1000000000, at % 1000000000};
	CHECK_ERR(futex(&a, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &t, NULL, ~0u), ETIMEDOUT);
	CHECK(clock_ns(CLOCK_REALTIME) >= at);

	// Wake says how many it woke.
	pthread_t th[4];
	struct wait w = {&a, FUTEX_WAIT_PRIVATE, 0};
	for (int i = 0; i < 4; i++)
		th[i] = start(wait_on, &w);
	settle();
	CHECK_EQ(futex(&a, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
	until(1);
	CHECK_EQ(futex(&a, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 3);
	for (int i = 0; i < 4; i++)
		join(th[i]);

	// Bitsets select.
	woken = 0;
	struct wait one = {&a, FUTEX_WAIT_BITSET, 1}, two = {&a, FUTEX_WAIT_BITSET, 2}, both = {&a, FUTEX_WAIT_BITSET,
		3};
	th[0] = start(wait_on, &one);
	th[1] = start(wait_on, &two);
	th[2] = start(wait_on, &both);
	settle();
	CHECK_EQ(futex(&a, FUTEX_WAKE_BITSET, 10, NULL, NULL, 4), 0);
	CHECK_EQ(futex(&a, FUTEX_WAKE_BITSET, 10, NULL, NULL, 1), 2);
	CHECK_EQ((long)join(th[0]), 1);
	CHECK_EQ((long)join(th[2]), 3);
	CHECK_EQ(woken, 2);
	CHECK_EQ(futex(&a, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
	join(th[1]);
	CHECK_ERR(futex(&a, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);

	// Requeue: wake one, move the others to another word.
	woken = 0;
	for (int i = 0; i < 4; i++)
		th[i] = start(wait_on, &w);
	settle();
	CHECK_ERR(syscall(SYS_futex, &a, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10l, &b, 5), EAGAIN);
	CHECK_EQ(syscall(SYS_futex, &a, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2l, &b, 0), 3);
	until(1);
	CHECK_EQ(futex(&a, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
	until(2);
	CHECK_EQ(futex(&b, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 2);
	for (int i = 0; i < 4; i++)
		join(th[i]);

	// WAKE_OP: b = b + 5, and wake there too if it had been 0.
	woken = 0;
	struct wait on_b = {&b, FUTEX_WAIT_PRIVATE, 0};
	th[0] = start(wait_on, &w);
	th[1] = start(wait_on, &on_b);
	settle();
	CHECK_EQ(syscall(SYS_futex, &a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1l, &b, FUTEX_OP(FUTEX_OP_ADD, 5,
		FUTEX_OP_CMP_EQ, 0)), 2);
	CHECK_EQ(b, 5);
	join(th[0]);
	join(th[1]);
	CHECK_EQ(syscall(SYS_futex, &a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1l, &b, FUTEX_OP(FUTEX_OP_ANDN, 1,
		FUTEX_OP_CMP_GT, 9)), 0);
	CHECK_EQ(b, 4);
	b = 0;

	// One of several.
	th[0] = start(wait_v, NULL);
	settle();
	CHECK_EQ(futex(&b, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	CHECK_EQ((long)join(th[0]), 1);

	// Shared: two addresses of one word of a file are the same futex; private ones are not.
	int fd = memfd_create("m", 0);
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	uint32_t *x = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint32_t *y = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(x != MAP_FAILED && y != MAP_FAILED && x != y);
	struct wait shared = {x + 3, FUTEX_WAIT, 0};
	th[0] = start(wait_on, &shared);
	settle();
	CHECK_EQ(futex(y + 3, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	CHECK_EQ(futex(y + 3, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	join(th[0]);

	CHECK_ERR(futex((uint32_t *)((char *)&a + 1), FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((uint32_t *)16, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(&a, 77, 0, NULL, NULL, 0), ENOSYS);
	t = (struct timespec){0, -1};
	CHECK_ERR(futex(&a, FUTEX_WAIT, 0, &t, NULL, 0), EINVAL);
	return test_end();
}
