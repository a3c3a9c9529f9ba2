// SPDX-License-Identifier: MIT
//
// Helpers of the ABI tests. A test prints only what is the same in every run; a CHECK that does not hold prints
// its place and makes the test end with status 1. `return test_end();` is the last line of main.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "arch.h"

#define PAGE 4096ul
#define UNUSED __attribute__((unused))

static atomic_int test_failures;

// From handlers and threads too, so with nothing of stdio. After many failures the rest says little.
UNUSED static void test_fail(const char *file, int line, const char *what, long got)
{
	int saved = errno;
	char text[400];
	int n = snprintf(text, sizeof text, "%s:%d: %s (got %ld, errno %d %s)\n", file, line, what, got, saved,
		strerrorname_np(saved) ?: "");
	fflush(stdout);
	if (write(1, text, n) < 0 || atomic_fetch_add(&test_failures, 1) > 15)
		_exit(1);
	errno = saved;
}

#define CHECK(c)											\
	do {												\
		if (!(c))										\
			test_fail(__FILE_NAME__, __LINE__, #c, 0);					\
	} while (0)
#define CHECK_EQ(a, b)											\
	do {												\
		long check_a = (long)(a), check_b = (long)(b);						\
		if (check_a != check_b)									\
			test_fail(__FILE_NAME__, __LINE__, #a " == " #b, check_a);			\
	} while (0)
// The call fails with errno `e`.
#define CHECK_ERR(call, e)										\
	do {												\
		errno = 0;										\
		long check_r = (long)(call);								\
		if (check_r != -1 || errno != (e))							\
			test_fail(__FILE_NAME__, __LINE__, #call " fails with " #e, check_r);		\
	} while (0)
// What nothing can follow without.
#define NEED(c)												\
	do {												\
		if (!(c)) {										\
			test_fail(__FILE_NAME__, __LINE__, #c, 0);					\
			exit(1);									\
		}											\
	} while (0)

UNUSED static int test_end(void)
{
	if (test_failures)
		printf("%d checks failed\n", test_failures);
	else
		printf("all checks hold\n");
	fflush(stdout);
	return test_failures != 0;
}

// --- time

UNUSED static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}
UNUSED static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}
UNUSED static struct timespec ms_timespec(int64_t ms)
{
	return (struct timespec){ms / 1000, ms % 1000 * 1000000};
}
UNUSED static void sleep_ms(int ms)
{
	struct timespec t = ms_timespec(ms);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

// --- memory and faults

UNUSED static void *map_anon(size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(p != MAP_FAILED);
	return p;
}

static sigjmp_buf fault_jump;
static volatile int fault_code;
static void *volatile fault_addr;

UNUSED static void fault_handler(int sig, siginfo_t *info, void *context)
{
	fault_code = info->si_code;
	fault_addr = info->si_addr;
	siglongjmp(fault_jump, sig);
}

// Touches a byte: 0, or the signal it raised, with fault_code and fault_addr set.
UNUSED static int probe(volatile void *p, bool write_it)
{
	struct sigaction sa = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO}, segv, bus;
	sigaction(SIGSEGV, &sa, &segv);
	sigaction(SIGBUS, &sa, &bus);
	fault_code = 0;
	fault_addr = NULL;
	int sig = sigsetjmp(fault_jump, 1);
	if (!sig) {
		if (write_it)
			*(volatile char *)p = *(volatile char *)p;
		else
			(void)*(volatile char *)p;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return sig;
}
#define probe_read(p) probe(p, false)
#define probe_write(p) probe(p, true)

// --- signals

UNUSED static void set_handler(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
	NEED(sigaction(sig, &sa, NULL) == 0);
}
UNUSED static sigset_t set_of(int sig)
{
	sigset_t s;
	sigemptyset(&s);
	if (sig)
		sigaddset(&s, sig);
	return s;
}
UNUSED static void mask(int how, int sig)
{
	sigset_t s = set_of(sig);
	NEED(pthread_sigmask(how, &s, NULL) == 0);
}

// --- threads and files

UNUSED static pthread_t start(void *(*f)(void *), void *arg)
{
	pthread_t t;
	NEED(pthread_create(&t, NULL, f, arg) == 0);
	return t;
}
UNUSED static void *join(pthread_t t)
{
	void *r = NULL;
	NEED(pthread_join(t, &r) == 0);
	return r;
}
// Until the thread sleeps that stores its id in *tid as the last thing before it may.
UNUSED static void until_asleep(atomic_int *tid)
{
	char name[64], text[256];
	for (int i = 0; i < 5000; i++, sleep_ms(1)) {
		snprintf(name, sizeof name, "/proc/self/task/%d/stat", *tid);
		int fd = *tid ? open(name, O_RDONLY) : -1;
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
		close(fd);
		text[n < 0 ? 0 : n] = 0;
		char *end = strrchr(text, ')');
		if (end && end[2] == 'S')
			return;
	}
	test_fail(__FILE_NAME__, __LINE__, "the thread sleeps", *tid);
}
UNUSED static int make_file(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	NEED(fd >= 0);
	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}
UNUSED static const char *read_text(const char *name)
{
	static char text[65536];
	int fd = open(name, O_RDONLY);
	if (fd < 0)
		return "";
	size_t n = 0;
	for (ssize_t r; n < sizeof text - 1 && (r = read(fd, text + n, sizeof text - 1 - n)) > 0;)
		n += r;
	text[n] = 0;
	close(fd);
	return text;
}
