// SPDX-License-Identifier: MIT
//
// The program's registers as saved on kernel entry: Linux's pt_regs order, so that a tail of
// it is an iretq frame. It lies at the top of the thread's kernel stack.
#ifndef WHELK_ARCH_FRAME_H
#define WHELK_ARCH_FRAME_H

#include <stdbool.h>
#include <stdint.h>

struct frame {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; // system-call number, or FRAME_NO_CALL for exceptions and interrupts (no restart)
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct frame) == 21 * 8, "frame layout is known to entry.S");

#define FRAME_NO_CALL (~0ull << 31) // entry.S pushes it too; not -1, which programs use as a number

// Linux looks at the lower half, as an int.
static inline uint64_t frame_nr(const struct frame *f) { return (uint64_t)(int32_t)f->orig_rax; }
static inline uint64_t frame_result(const struct frame *f) { return f->rax; }
static inline void frame_set_result(struct frame *f, uint64_t v) { f->rax = v; }
static inline uint64_t frame_pc(const struct frame *f) { return f->rip; }
static inline uint64_t frame_sp(const struct frame *f) { return f->rsp; }
static inline void frame_set_pc(struct frame *f, uint64_t pc) { f->rip = pc; }
static inline void frame_set_sp(struct frame *f, uint64_t sp) { f->rsp = sp; }

static inline uint64_t frame_arg(const struct frame *f, int i)
{
	const uint64_t arg[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
	return arg[i];
}

static inline bool frame_in_syscall(const struct frame *f) { return f->orig_rax != FRAME_NO_CALL; }
static inline void frame_leave_syscall(struct frame *f) { f->orig_rax = FRAME_NO_CALL; }

// Makes the same call again: `syscall` is two bytes and rax holds the number.
static inline void frame_restart(struct frame *f)
{
	f->rax = f->orig_rax;
	f->rip -= 2;
}

// Makes restart_syscall(2) instead (timeouts that must shrink).
static inline void frame_restart_block(struct frame *f)
{
	f->rax = 219;
	f->rip -= 2;
}

#endif
