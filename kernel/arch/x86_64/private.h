// SPDX-License-Identifier: MIT
//
// What the files of this directory share with entry.S and each other.
#ifndef WHELK_ARCH_PRIVATE_H
#define WHELK_ARCH_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

struct frame;
struct thread;
struct trap;

extern const char kernel_text_start[], kernel_text_end[]; // kernel.ld

// entry.S, uaccess.S
void switch_stacks(uint64_t *save_sp, uint64_t sp);
void thread_first_kernel(void);
void thread_first_user(void);
_Noreturn void resume_frame(void);
int xrstor_fault(const void *area, uint64_t mask);

// called by entry.S, and by platforms that have their own way to it
void thread_begin_user(void);
void trap_kernel(struct frame *frame, const struct trap *trap);

// Vector state (vector.c). The running thread's is in the registers when it owns them.
void vector_save_current(void);	       // registers -> the running thread's area; a copy
void vector_load_current(void);	       // its area -> registers; the area must be well-formed
void vector_init_area(void *area);     // initial state
int vector_check_area(const void *area); // of the program's making: -EINVAL when XRSTOR would fault
void vector_switch(struct thread *prev, struct thread *next);

struct xsave_header {
	uint64_t xstate_bv, xcomp_bv, reserved[6];
};
#define XSAVE_HEADER  512
#define XSAVE_MXCSR   24
#define XSAVE_MXCSR_MASK 28
#define XSAVE_SW      464
#define XSAVE_LEGACY  512

#endif
