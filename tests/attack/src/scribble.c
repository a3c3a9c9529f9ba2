// SPDX-License-Identifier: MIT
//
// Overwrites what the kernel, its nucleus and the monitor have for each other in guest RAM, then goes on as if nothing
// had been: system calls, faults, a kick, output. It may end any way it likes, and may end its machine; see
// process.test for what must hold.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/boot.h"
#include "abi/console.h"
#include "abi/process.h"

static const struct abi_boot *boot;
static uint8_t *direct;

// The boot block lies a few pages below the CPUs' words, which GS leads to.
static void find_boot(void)
{
	uint8_t *cpu;
	__asm__ volatile("mov %%gs:24, %0" : "=r"(cpu));
	for (uint8_t *p = (uint8_t *)((uintptr_t)cpu & -4096), *low = p - 64 * 4096; !boot && p > low; p -= 4096)
		if (((const struct abi_boot *)p)->magic == ABI_BOOT_MAGIC)
			boot = (const struct abi_boot *)p;
	if (!boot) {
		printf("no boot block\n");
		exit(3);
	}
	direct = (uint8_t *)boot->direct_va;
}

struct range {
	const char *name;
	uint8_t *at;
	size_t len;
};

static struct range find(const char *name)
{
	uint8_t *data = (uint8_t *)boot->kernel_va;
	const struct range all[] = {
		{"process", (uint8_t *)boot->doorbell_va, 4096},
		{"tids", (uint8_t *)((struct abi_process *)boot->doorbell_va)->tid, sizeof(int32_t) * ABI_MAX_CPUS},
		{"group", (uint8_t *)boot->nucleus_va, 4096},
		{"signal-stack", (uint8_t *)boot->nucleus_va + 4096, ABI_PROCESS_GROUP - 4096},
		{"cpus", direct + boot->cpus_gpa, 4096},
		{"clock", direct + boot->clock_gpa, sizeof(struct abi_clock)},
		{"stats", direct + boot->stats_gpa, 4096},
		{"console", direct + boot->console_gpa, sizeof(struct abi_console)},
		{"descriptors", direct + boot->queue[0].desc_gpa, 16 * boot->queue[0].size},
		{"available", direct + boot->queue[0].avail_gpa, 6 + 2 * boot->queue[0].size},
		{"used", direct + boot->queue[1].used_gpa, 6 + 8 * boot->queue[1].size},
		{"root", direct + boot->root_gpa, 4096},
		{"boot", (uint8_t *)(uintptr_t)boot, 4096},
		{"kernel-data", data + boot->kernel_size - 16 * 4096, 16 * 4096},
		{"all", direct, boot->ram_size},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(name, all[i].name))
			return all[i];
	printf("no such range\n");
	exit(3);
}

static void scribble(struct range r, const char *how)
{
	uint64_t x = 88172645463325252ull;
	for (size_t i = 0; i < r.len; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		r.at[i] = !strcmp(how, "zero") ? 0 : !strcmp(how, "ones") ? 0xff : (uint8_t)x;
	}
}

int main(int argc, char **argv)
{
	char buf[512];
	if (argc < 4)
		return 2;
	const char *marker = argv[3];
	find_boot();
	struct range r = find(argv[1]);
	scribble(r, argv[2]);
	for (int i = 0; i < 100; i++) {
		syscall(SYS_getppid);
		int fd = open(i & 1 ? "/etc/passwd" : marker, O_RDWR | O_CREAT, 0600);
		if (read(fd, buf, sizeof(buf)) < 0)
			close(fd);
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED)
			p[i * 4096] = 1;
		kill(getpid(), 0);
		if (write(1, "on\n", 3) < 0)
			break;
	}
	printf("lived\n");
	return 0;
}
