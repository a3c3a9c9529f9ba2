// SPDX-License-Identifier: MIT
//
// Where the architecture's entry code calls the kernel. Each runs on the thread's kernel stack with
// *frame at its top, takes the kernel lock, and returns with it dropped and *frame ready to resume.
#ifndef WHELK_SYS_ENTRY_H
#define WHELK_SYS_ENTRY_H

#include <stdint.h>

struct frame;

// A page that is mapped and has no memory behind it: a file of the host that has shrunk, a host that is out of
// memory. No processor's vector; platforms on a host see it.
#define TRAP_NO_MEMORY 0x100

struct trap {
	uint32_t vector;    // the architecture's number (x86: exception vector), or TRAP_*
	uint64_t error;	    // hardware error code, 0 if none
	uint64_t addr;	    // faulting address of page faults
};

void entry_syscall(struct frame *frame);		      // by the instruction; orig_rax/number in the frame
void entry_call(struct frame *frame);			      // by a jump from a patched site; the same frame
void entry_trap(struct frame *frame, const struct trap *trap); // exception in the program
void entry_events(struct frame *frame);			      // abi_cpu.pending is not zero

// Takes and handles this CPU's events; the idle loop calls it, kernel lock held.
void entry_take_events(void);

// Exception in kernel text, kernel lock held (or not yet taken: see arch). 0: resolved, resume;
// otherwise the architecture looks at its fixup table and panics when there is none.
int entry_trap_kernel(struct frame *frame, const struct trap *trap);

// The architecture names what a vector means: 0 for a page fault (use mm_fault with *access), else the signal,
// its si_code and address to report.
int arch_trap_signal(const struct frame *frame, const struct trap *trap, int *code, uint64_t *addr, unsigned *access);

#endif
