// SPDX-License-Identifier: MIT
//
// What system calls cost: calls FILE [NAME]. FILE has 4 KiB at least. One line for each call: its name, then
// nanoseconds and cycles of the processor's counter for one, the least of ROUNDS averages over some thousands.
// With NAME, that call alone, some times between two int3: bench/syscall/steps.c counts what lies between them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <x86intrin.h>
#define counter() __rdtsc()
#define mark() __asm__ volatile("int3")
#else
#define counter() 0
#define mark() abort()
#endif

#define TIMES 5000
#define ROUNDS 20
#define STEPS_ROUNDS 140 // sites have become jumps long before

static int tmp, file, ends[2], ready;
static uint32_t word;
static char block[TIMES];

static void null_call(void) { getppid(); }
static void set_mask(void) { umask(022); }
static void read_byte(void) { (void)!read(tmp, block, 1); }
static void read_page(void) { (void)!pread(file, block, 4096, 0); }
static void write_pipe(void) { (void)!write(ends[1], block, 1); }
static void drain_pipe(void) { (void)!read(ends[0], block, TIMES); }
static void rewind_file(void) { lseek(tmp, 0, SEEK_SET); }
static void wake(void) { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }
static void seek(void) { lseek(tmp, 1, SEEK_SET); }
static void poll_ready(void)
{
	struct epoll_event e;
	epoll_wait(ready, &e, 1, 0);
}
static void nothing(void) { }

static void clock_by_vdso(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
}

static const char *only;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *name, void (*call)(void), void (*after)(void))
{
	if (only) {
		for (int r = 0; r < STEPS_ROUNDS && !strcmp(name, only); r++) {
			mark();
			call();
			mark();
		}
		return;
	}
	double best = 1e18, cycles = 0;
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t c = counter();
		double begin = now();
		for (int i = 0; i < TIMES; i++)
			call();
		double ns = (now() - begin) / TIMES;
		c = counter() - c;
		if (ns < best) {
			best = ns;
			cycles = (double)c / TIMES;
		}
		after();
	}
	printf("%s %.1f %.0f\n", name, best, cycles);
}

int main(int argc, char **argv)
{
	char name[] = "/dev/shm/calls-XXXXXX";
	only = argc > 2 ? argv[2] : NULL;
	tmp = mkstemp(name);
	unlink(name);
	file = open(argc > 1 ? argv[1] : "/proc/self/exe", O_RDONLY);
	if (tmp < 0 || file < 0 || write(tmp, block, TIMES) != TIMES || pread(file, block, 4096, 0) != 4096 ||
	    pipe(ends))
		return 1;
	int event = eventfd(1, 0);
	ready = epoll_create1(0);
	if (event < 0 || ready < 0 || epoll_ctl(ready, EPOLL_CTL_ADD, event, &(struct epoll_event){.events = EPOLLIN}))
		return 1;
	rewind_file();
	measure("getppid", null_call, nothing);
	measure("umask", set_mask, nothing);
	measure("read-1-tmpfs", read_byte, rewind_file);
	measure("pread-4096-file", read_page, nothing);
	measure("write-1-pipe", write_pipe, drain_pipe);
	measure("futex-wake", wake, nothing);
	measure("lseek", seek, nothing);
	measure("epoll_wait", poll_ready, nothing);
	measure("empty", nothing, nothing);
	measure("clock_gettime", clock_by_vdso, nothing);
	return 0;
}
