// SPDX-License-Identifier: MIT
//
// The main thread's stack grows by itself up to RLIMIT_STACK, and an overflow is a SIGSEGV that an alternate stack
// can handle. A thread's stack ends in a guard page.
#include "test.h"

#include <sys/resource.h>

static volatile long sink;

static __attribute__((noinline)) long deep(int levels)
{
	volatile char frame[8000];
	frame[0] = frame[7999] = (char)levels;
	long r = levels ? deep(levels - 1) : 0;
	return r + frame[0] + (frame[7999] != (char)levels);
}

static sigjmp_buf jump;
static char *volatile where;
static volatile int code;

static void overflow(int sig, siginfo_t *info, void *context)
{
	where = info->si_addr;
	code = info->si_code;
	siglongjmp(jump, 1);
}

static volatile bool never;

static __attribute__((noinline)) int endless(int n)
{
	volatile char frame[1000];
	frame[n % 1000] = 1;
	if (never)
		return 0;
	return endless(n + 1) + frame[(n + 1) % 1000];
}

static void use_altstack(void)
{
	stack_t ss = {.ss_sp = map_anon(65536, PROT_READ | PROT_WRITE), .ss_size = 65536};
	NEED(sigaltstack(&ss, NULL) == 0);
}

static void *thread(void *arg)
{
	pthread_attr_t attr;
	void *low;
	size_t size, guard;
	NEED(pthread_getattr_np(pthread_self(), &attr) == 0);
	pthread_attr_getstack(&attr, &low, &size);
	pthread_attr_getguardsize(&attr, &guard);
	CHECK_EQ(guard, PAGE);
	use_altstack();
	if (!sigsetjmp(jump, 1))
		endless(0);
	CHECK(where < (char *)low + PAGE && where >= (char *)low - PAGE);
	CHECK_EQ(code, SEGV_ACCERR);
	return NULL;
}

int main(void)
{
	struct rlimit limit;
	CHECK_EQ(getrlimit(RLIMIT_STACK, &limit), 0);
	printf("RLIMIT_STACK %ld\n", (long)limit.rlim_cur);
	sink = deep(900); // 7 MB of 8
	char here;
	char *line = strstr(read_text("/proc/self/maps"), "[stack]");
	CHECK(line != NULL);

	use_altstack();
	set_handler(SIGSEGV, overflow, SA_ONSTACK);
	if (!sigsetjmp(jump, 1))
		endless(0);
	long depth = &here - where;
	CHECK(depth > 7 << 20 && depth < (long)limit.rlim_cur + (1 << 20));
	CHECK_EQ(code, SEGV_MAPERR);
	// Once more: the stack is the same afterwards.
	if (!sigsetjmp(jump, 1))
		endless(0);
	sink = deep(100);

	pthread_attr_t attr;
	pthread_t t;
	pthread_attr_init(&attr);
	CHECK_EQ(pthread_attr_setstacksize(&attr, 256 << 10), 0);
	CHECK_EQ(pthread_create(&t, &attr, thread, NULL), 0);
	join(t);

	// MAP_GROWSDOWN grows as well.
	char *p = map_anon(64 * PAGE, PROT_NONE);
	munmap(p, 64 * PAGE);
	char *g = mmap(p + 60 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	NEED(g == p + 60 * PAGE);
	g[0] = 1;
	return test_end();
}
