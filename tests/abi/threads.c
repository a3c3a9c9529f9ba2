// SPDX-License-Identifier: MIT
//
// Threads by the hundred: creation, results, thread-local storage, identity, detached ones, those of a thread.
#include "test.h"

static _Thread_local int tls_data = 42;
static _Thread_local char tls_zero[5000];
static atomic_int alive, total;
static pthread_key_t key;
static atomic_int destroyed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int onces;

static void destroy(void *value)
{
	destroyed++;
}
static void run_once(void)
{
	onces++;
}

static void *body(void *arg)
{
	long n = (long)arg;
	CHECK_EQ(tls_data, 42);
	for (size_t i = 0; i < sizeof tls_zero; i += 500)
		CHECK_EQ(tls_zero[i], 0);
	tls_data = (int)n;
	memset(tls_zero, (int)n, sizeof tls_zero);
	pthread_setspecific(key, (void *)1);
	pthread_once(&once, run_once);
	sched_yield();
	CHECK_EQ(tls_data, n);
	CHECK_EQ(tls_zero[4999], (char)n);
	total++;
	return (void *)(n * n);
}

static void *tree(void *arg)
{
	long depth = (long)arg;
	if (!depth)
		return (void *)1;
	pthread_t a = start(tree, (void *)(depth - 1)), b = start(tree, (void *)(depth - 1));
	return (void *)((long)join(a) + (long)join(b));
}

static void *identity(void *arg)
{
	pid_t *tid = arg;
	*tid = gettid();
	CHECK(gettid() != getpid());
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d", gettid());
	CHECK_EQ(access(path, F_OK), 0);
	return NULL;
}

static void *counted(void *arg)
{
	alive++;
	return NULL;
}

static void *named(void *arg)
{
	char name[16] = "";
	CHECK_EQ(pthread_setname_np(pthread_self(), "worker-one"), 0);
	CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
	CHECK(!strcmp(name, "worker-one"));
	CHECK_EQ(pthread_setname_np(pthread_self(), "a name that is too long"), ERANGE);
	return NULL;
}

int main(void)
{
	NEED(pthread_key_create(&key, destroy) == 0);
	static pthread_t t[300];
	for (long i = 0; i < 300; i++)
		t[i] = start(body, (void *)i);
	for (long i = 0; i < 300; i++)
		CHECK_EQ((long)join(t[i]), i * i);
	CHECK_EQ(total, 300);
	CHECK_EQ(destroyed, 300);
	CHECK_EQ(onces, 1);
	CHECK_EQ(tls_data, 42);

	// In turn, a thousand: stacks are used again.
	for (int i = 0; i < 1000; i++)
		join(start(counted, NULL));
	CHECK_EQ(alive, 1000);
	CHECK_EQ((long)tree((void *)6l), 64);

	pid_t tid = 0;
	CHECK_EQ(gettid(), getpid());
	join(start(identity, &tid));
	CHECK(tid > 0 && tid != getpid());
	// The kernel forgets a thread that is gone: it is gone when the join returns, or very soon.
	for (int i = 0; i < 1000 && syscall(SYS_tgkill, getpid(), tid, 0) == 0; i++)
		sleep_ms(1);
	CHECK_ERR(syscall(SYS_tgkill, getpid(), tid, 0), ESRCH);
	join(start(named, NULL));

	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64 << 10);
	alive = 0;
	for (int i = 0; i < 100; i++) {
		pthread_t d;
		CHECK_EQ(pthread_create(&d, &attr, counted, NULL), 0);
	}
	for (int i = 0; i < 5000 && alive < 100; i++)
		sleep_ms(1);
	CHECK_EQ(alive, 100);

	// A stack the program gives.
	void *stack = map_anon(128 << 10, PROT_READ | PROT_WRITE);
	pthread_attr_init(&attr);
	CHECK_EQ(pthread_attr_setstack(&attr, stack, 128 << 10), 0);
	pthread_t own;
	CHECK_EQ(pthread_create(&own, &attr, counted, NULL), 0);
	join(own);
	CHECK_EQ(munmap(stack, 128 << 10), 0);
	return test_end();
}
