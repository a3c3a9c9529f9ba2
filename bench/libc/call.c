// SPDX-License-Identifier: MIT
//
// call [getppid|read]...: what a system call through the C library costs, in nanoseconds: the best of many batches, one
// line each. read: one byte of a file in memory.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 200, CALLS = 5000 };

static char byte;
static int fd = -1;

static int call_getppid(void) { return getppid() >= 0; }
static int call_read(void) { return read(fd, &byte, 1) == 1; }

static double now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

// Inlined with its call, so that the loop itself makes it.
static inline __attribute__((always_inline)) double measure(int (*call)(void))
{
	double best = 1e9;
	for (int b = 0; b < BATCHES; b++) {
		lseek(fd, 0, SEEK_SET);
		double start = now_ns();
		for (int i = 0; i < CALLS; i++)
			if (!call())
				return -1;
		double ns = (now_ns() - start) / CALLS;
		best = ns < best ? ns : best;
	}
	return best;
}

int main(int argc, char **argv)
{
	static const char zero[CALLS];
	fd = memfd_create("call", 0);
	if (fd < 0 || write(fd, zero, CALLS) != CALLS) {
		perror("call: memfd_create");
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		double ns = strcmp(argv[i], "read") == 0 ? measure(call_read) : measure(call_getppid);
		if (ns < 0) {
			fprintf(stderr, "call: %s failed\n", argv[i]);
			return 1;
		}
		printf("%s %.2f\n", argv[i], ns);
	}
	return 0;
}
