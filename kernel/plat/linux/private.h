// SPDX-License-Identifier: MIT
//
// Between the files of platform linux.
#ifndef WHELK_PLAT_LINUX_PRIVATE_H
#define WHELK_PLAT_LINUX_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/process.h"

struct abi_boot;
struct frame;
struct trap;

// First page of a CPU's group. nucleus.S knows the first two fields.
struct host_cpu {
	struct arch_cpu *cpu; // GS of this thread; NULL before it runs the kernel
	uint32_t gs_by_call;  // it cannot be written by an instruction
	int32_t tid, timer;
	uint32_t go; // futex: this CPU may start
	uint32_t spin_ns;
};

_Static_assert(offsetof(struct host_cpu, gs_by_call) == 8, "nucleus.S");

static inline struct host_cpu *host_cpu_of(const struct abi_boot *boot, unsigned n)
{
	return (struct host_cpu *)(boot->nucleus_va + (uint64_t)n * ABI_PROCESS_GROUP);
}
static inline struct abi_process *host_process(const struct abi_boot *boot)
{
	return (struct abi_process *)boot->doorbell_va;
}

// nucleus.S: the one way to the host. The result as the host gives it.
long host_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
extern const char nucleus_signal[], nucleus_host_call[];

long host_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns); // absolute, CLOCK_MONOTONIC; ~0: none
void host_futex_wake(uint32_t *word);

// upcall.S: continue on a kernel stack with one of the kernel's entries, leave by the exit window.
_Noreturn void upcall_call(struct frame *frame, void (*entry)(struct frame *));
_Noreturn void upcall_trap(struct frame *frame, struct trap *trap);
_Noreturn void upcall_trap_kernel(struct frame *frame, struct trap *trap);
_Noreturn void upcall_events(struct frame *frame);
_Noreturn void upcall_resume(const uint64_t *registers); // of a signal frame, as they were

void trap_probe(void);
extern const char trap_probe_end[];

// Called by nucleus.S and upcall.S.
struct host_siginfo;
struct host_context;
_Noreturn void signal_arrived(int sig, const struct host_siginfo *info, struct host_context *context);
void host_start(const struct abi_boot *boot);
_Noreturn void host_thread_main(unsigned n);

void timer_expired(void); // plat.c: the CPU's timer has fired

// window.c: files of the host in guest-physical memory.
struct window_part {
	uint64_t offset, len, file_off; // in the window
	int fd;
	bool writable, shown; // shown: to the kernel, at ABI_VA_DAX
};
void window_update(void); // takes what the monitor has sent
const struct window_part *window_find(uint64_t offset);

// stream.c: a CPU that sleeps waits for streams too, if no other does.
bool stream_watch_begin(void);			 // it is this one's now
bool stream_watch(uint64_t deadline_ns, bool *late); // sleeps; true: something happened
void stream_watch_end(void);
void stream_kick(void);				 // ends the sleep

#endif
