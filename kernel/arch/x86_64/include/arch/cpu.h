// SPDX-License-Identifier: MIT
//
// The per-CPU block, reached through GS. entry.S knows the offsets of the first fields.
#ifndef WHELK_ARCH_CPU_H
#define WHELK_ARCH_CPU_H

#include <stddef.h>
#include <stdint.h>

struct thread;
struct abi_cpu;
struct abi_nucleus_data;

struct arch_cpu {
	struct arch_cpu *self;		 // %gs:0
	uint64_t kernel_sp;		 // %gs:8   top of the running thread's kernel stack
	struct thread *thread;		 // %gs:16  running thread; part of what abi/auxv.h says
	struct abi_cpu *shared;		 // %gs:24  words shared with the monitor
	uint64_t spill[4];		 // %gs:32  entry code's registers while it has no stack
	struct abi_nucleus_data *nucleus; // %gs:64
	uint64_t interrupt_sp;		 // %gs:72  top of the interrupt upcall's scratch stack
	uint64_t exception_sp;		 // %gs:80  top of the stack for exceptions that find no thread
	uint32_t number;		 // %gs:88  0 .. cpu_count-1
	uint32_t started;
	struct thread *vector_owner;	 // thread whose vector state is in the registers
	uint64_t root;			 // gpa of the page-table root in use (plat.c)
};
_Static_assert(offsetof(struct arch_cpu, number) == 88, "entry.S");

static inline struct arch_cpu *arch_cpu(void)
{
	struct arch_cpu *cpu;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(cpu)); // volatile: a thread may wake up on another CPU
	return cpu;
}

static inline struct thread *arch_current(void)
{
	struct thread *t;
	__asm__ volatile("mov %%gs:16, %0" : "=r"(t));
	return t;
}

static inline unsigned arch_cpu_number(void)
{
	unsigned n;
	__asm__ volatile("mov %%gs:88, %0" : "=r"(n));
	return n;
}

static inline struct abi_cpu *arch_cpu_shared(void)
{
	struct abi_cpu *shared;
	__asm__ volatile("mov %%gs:24, %0" : "=r"(shared));
	return shared;
}

static inline void arch_pause(void) { __builtin_ia32_pause(); }

#endif
