// SPDX-License-Identifier: MIT
//
// What the ABI tests must know about x86-64: registers of a signal frame, instructions that fault.
#pragma once
#include <stdint.h>
#include <ucontext.h>

#define UC_PC(uc) ((uc)->uc_mcontext.gregs[REG_RIP])
#define UC_SP(uc) ((uc)->uc_mcontext.gregs[REG_RSP])
#define UC_RESULT(uc) ((uc)->uc_mcontext.gregs[REG_RAX])

// Each leaves 1 in `skipped` when a handler continues at the label after the instruction, which it puts in `next`.
#define SKIPPABLE(instruction)										\
	__extension__({											\
		__asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; " instruction "; 1:"		\
				 : "=m"(skip_to)							\
				 :									\
				 : "rax", "rcx", "rdx", "memory", "cc");				\
	})
#define INSN_UNDEFINED "ud2"
#define INSN_BREAKPOINT "int3"
#define INSN_DIVIDE_BY_ZERO "xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx"
#define INSN_PRIVILEGED "hlt"
#define INSN_NON_CANONICAL "movabs $0x8000000000000000, %%rax; mov (%%rax), %%rax"
#define BREAKPOINT_ADVANCES 1 // the PC of SIGTRAP is behind the instruction

static inline uint64_t arch_ticks(void)
{
	return __builtin_ia32_rdtsc();
}
