// SPDX-License-Identifier: MIT
//
// The architecture contract. A port to another CPU is one directory beside this file that fills
// this list and provides <arch/...> headers of the same names: frame.h (struct frame),
// thread.h (struct arch_thread), pte.h (page-table entries), cpu.h (per-CPU pointer, barriers).
// Nothing outside kernel/arch/<name>/ and kernel/plat/ knows a register by name.
//
// Always true: kernel code runs in the program's privilege level, is compiled without vector
// registers and without a red zone, is never preempted, and runs under the kernel lock
// (sched/sched.h). An interrupt that hits kernel text returns at once; its event waits in
// abi_cpu.pending until the kernel leaves.
#ifndef WHELK_ARCH_H
#define WHELK_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/cpu.h"	 // arch_cpu(), arch_current(), arch_cpu_number(), arch_cpu_shared(), arch_pause()
#include "arch/frame.h"	 // struct frame and its accessors
#include "arch/thread.h" // struct arch_thread

struct thread;
struct mm;
struct siginfo;

// --- system calls: the register convention -------------------------------------------------
// frame_nr(f), frame_arg(f, 0..5), frame_result(f), frame_set_result(f, v),
// frame_pc(f), frame_sp(f), frame_set_pc/sp: inline in arch/frame.h.
// frame_restart(f): step back so that the same call is made again when the frame is resumed.

// --- threads ---------------------------------------------------------------------------------

// Prepares `t` (its kernel stack exists) to run `fn(arg)` in the kernel when first switched to.
void arch_thread_init(struct thread *t, void (*fn)(void *), void *arg);

// Prepares `t` to return to the program with a copy of *frame when first switched to.
void arch_thread_init_user(struct thread *t, const struct frame *frame);

// Allocates/frees what arch_thread needs beside the kernel stack (vector state). -ENOMEM.
int arch_thread_alloc(struct thread *t);
void arch_thread_free(struct thread *t);

// Saves the running thread `prev` (vector state, TLS base) and continues `next`. Returns when
// somebody switches back to `prev`. Kernel lock held throughout.
void arch_thread_switch(struct thread *prev, struct thread *next);

// The registers the program left `t` with, when it is in the kernel.
struct frame *arch_thread_frame(const struct thread *t);

// Copies the vector state of the running thread into `child` (clone).
void arch_thread_copy_vector(struct thread *child);

// Resets registers for a fresh program: *frame gets pc, sp, zeroes elsewhere; vector state initial.
void arch_frame_init_exec(struct frame *frame, uint64_t pc, uint64_t sp);

// Resumes the program from the running thread's frame; never returns. (First entry; exec.)
_Noreturn void arch_return_to_program(struct frame *frame);

void arch_thread_set_tls(struct thread *t, uint64_t base); // takes effect at once when t is running
uint64_t arch_thread_get_tls(const struct thread *t);

// --- signals ---------------------------------------------------------------------------------

// Builds Linux's rt signal frame for `sig` on the stack chosen by the caller (sp_base: sp to
// build below; the red zone is respected here) and points *frame at the handler.
// -EFAULT when the stack cannot be written: the caller then forces SIGSEGV.
struct arch_sigframe {
	int sig;
	const struct siginfo *info; // always valid; Linux's 128-byte siginfo_t
	uint64_t handler, restorer;
	bool siginfo;		    // SA_SIGINFO
	uint64_t mask;		    // blocked set to restore at rt_sigreturn
	uint64_t sp_base;
	uint64_t sp_limit;	    // the frame must not reach below (alternate stack); 0: anywhere
	uint64_t alt_sp, alt_size;  // uc_stack
	uint32_t alt_flags;
	uint64_t fault_addr, fault_error, trap_nr; // cr2, err, trapno of the last exception
};
int arch_signal_push(struct frame *frame, const struct arch_sigframe *s);

// rt_sigreturn: reads the frame at the program's sp, restores *frame and vector state.
// Out: mask and uc_stack as found. -EFAULT.
int arch_signal_pop(struct frame *frame, uint64_t *mask, uint64_t *alt_sp, uint64_t *alt_size, uint32_t *alt_flags);

// For reports: rax rbx rcx rdx rsi rdi rbp rsp r8..r15 rip rflags fs_base gs_base (or the like); count.
unsigned arch_report_registers(const struct thread *t, const struct frame *frame, uint64_t reg[24]);

// --- the program's memory --------------------------------------------------------------------

// Copy with faults resolved or reported. Range checks are the caller's (mm/uaccess.h).
// 0 or -EFAULT; `*done` (may be NULL) gets the bytes copied.
int arch_copy_fault(void *dst, const void *src, size_t len, size_t *done);
int arch_zero_fault(void *dst, size_t len, size_t *done);
// Length of a string up to max without the NUL, -EFAULT, or max when no NUL was found.
long arch_strnlen_fault(const char *s, size_t max);
// Atomics on program memory; `*old` gets what was there. 0 or -EFAULT.
int arch_cmpxchg32_fault(uint32_t *p, uint32_t expect, uint32_t want, uint32_t *old);
int arch_xchg_op32_fault(uint32_t *p, int op, uint32_t arg, uint32_t *old); // FUTEX_OP_* set add or andn xor

// --- misc --------------------------------------------------------------------------------------

uint64_t arch_cycles(void); // the counter of abi_clock.tsc_base
bool arch_random64(uint64_t *out);
// Fills pc[] with return addresses of the running kernel stack, innermost first, stale ones among them; count.
int arch_backtrace(uint64_t *pc, int max);
// CPU n's paragraph of /proc/cpuinfo.
struct text;
void arch_format_cpuinfo(struct text *t, unsigned n);
// uname -m, ELF machine number, AT_PLATFORM.
extern const char arch_machine[];
extern const uint16_t arch_elf_machine;
// vDSO image (ELF) and its size; `clock` slot is mapped right before it by exec.
extern uint8_t arch_vdso_start[], arch_vdso_end[];

#endif
