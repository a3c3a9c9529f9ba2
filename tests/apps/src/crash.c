// SPDX-License-Identifier: MIT
//
// Ends badly, in the way its argument says. For errors.test.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Symbols that the monitor's messages must name.
__attribute__((noinline)) void crash_here(volatile int *p)
{
	*p = 1;
}

__attribute__((noinline)) long call_nothing(void)
{
	return syscall(999, 1, 2, 3);
}

// Whole records, each announced on standard output once it is written.
static int records(void)
{
	char line[32];
	int fd = open("log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);

	for (int i = 1;; i++) {
		int n = snprintf(line, sizeof(line), "record %d\n", i);
		if (write(fd, line, (size_t)n) != n || write(1, line, (size_t)n) != n)
			return 1;
	}
}

static int memory(void)
{
	for (size_t total = 0;; total += 1 << 20) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return errno == ENOMEM && total > 16 << 20 ? 3 : 4;
		memset(p, 1, 1 << 20);
	}
}

static int bus(void)
{
	int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p[4096];
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	volatile int zero = argc - argc;

	if (!strcmp(how, "null"))
		crash_here((volatile int *)0x18);
	if (!strcmp(how, "jump"))
		((void (*)(void))(uintptr_t)0x123456789000)();
	if (!strcmp(how, "noncanonical"))
		crash_here((volatile int *)(uintptr_t)0x8000000000000000);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "divide"))
		return argc * 1000 / zero;
	if (!strcmp(how, "illegal"))
		__builtin_trap();
	if (!strcmp(how, "bus"))
		return bus();
	if (!strcmp(how, "kill"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "term"))
		raise(SIGTERM);
	if (!strcmp(how, "stack")) {
		volatile char big[4096];
		big[0] = 0;
		main(argc, argv);
		return big[0];
	}
	if (!strcmp(how, "memory"))
		return memory();
	if (!strcmp(how, "nothing")) {
		for (int i = 0; i < 3; i++)
			if (call_nothing() != -1 || errno != ENOSYS)
				return 1;
		return 0;
	}
	if (!strcmp(how, "fork"))
		return fork() == -1 && errno == ENOSYS ? 0 : 1;
	if (!strcmp(how, "panic")) // DEBUG_PRCTL_PANIC of kernel/debug/debug.h
		return prctl(0x70616e69) == -1 && errno == EINVAL ? 0 : 1;
	if (!strcmp(how, "stop"))
		return raise(SIGSTOP) || raise(SIGTSTP);
	if (!strcmp(how, "records"))
		return records();
	if (!strcmp(how, "wait")) {
		close(open("started", O_CREAT | O_WRONLY, 0600));
		for (;;)
			pause();
	}
	if (!strcmp(how, "exit"))
		return atoi(argv[2]);
	fprintf(stderr, "usage: crash HOW\n");
	return 2;
}
