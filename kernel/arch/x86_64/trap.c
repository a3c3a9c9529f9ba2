// SPDX-License-Identifier: MIT
//
// Exceptions: what a vector means for the program, and what happens when kernel text raises one.
#define COMPONENT "arch"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>

#include "arch/arch.h"
#include "arch/x86_64/private.h"
#include "base/util.h"
#include "debug/debug.h"
#include "mm/mm.h"
#include "plat/plat.h"
#include "sched/sched.h"
#include "sys/entry.h"

enum { VECTOR_DE = 0, VECTOR_DB = 1, VECTOR_BP = 3, VECTOR_UD = 6, VECTOR_NP = 11, VECTOR_SS = 12, VECTOR_GP = 13,
       VECTOR_PF = 14, VECTOR_MF = 16, VECTOR_AC = 17, VECTOR_XM = 19 };

#define PF_PRESENT 1u
#define PF_WRITE   2u
#define PF_EXEC	   16u

struct fixup {
	int32_t insn, landing; // relative to themselves
};
extern const struct fixup fixup_start[], fixup_end[];

static uint64_t fixup_find(uint64_t pc)
{
	for (const struct fixup *f = fixup_start; f < fixup_end; f++)
		if ((uint64_t)&f->insn + (int64_t)f->insn == pc)
			return (uint64_t)&f->landing + (int64_t)f->landing;
	return 0;
}

void trap_kernel(struct frame *frame, const struct trap *trap)
{
	if (trap->vector == VECTOR_PF && entry_trap_kernel(frame, trap) == 0)
		return;
	uint64_t landing = fixup_find(frame->rip);
	if (!landing)
		panic("exception %u error %#lx address %#lx at pc %#lx = kernel+%#lx (cs %#lx sp %#lx rax %#lx rdi %#lx rsi %#lx)",
		      trap->vector, trap->error, trap->vector == VECTOR_PF ? trap->addr : 0, frame->rip,
		      frame->rip - plat_boot()->kernel_va, frame->cs, frame->rsp, frame->rax, frame->rdi, frame->rsi);
	frame->rip = landing;
}

// The first unmasked flag of x87 status or MXCSR, as Linux's fpu__exception_code(): bits IE DE ZE OE UE PE.
static int float_code(unsigned flags)
{
	if (flags & 1)
		return FPE_FLTINV;
	if (flags & 4)
		return FPE_FLTDIV;
	if (flags & 8)
		return FPE_FLTOVF;
	if (flags & (2 | 16))
		return FPE_FLTUND;
	return flags & 32 ? FPE_FLTRES : 0;
}

static int x87_code(void)
{
	uint16_t cw, sw;
	__asm__ volatile("fnstcw %0" : "=m"(cw));
	__asm__ volatile("fnstsw %0" : "=m"(sw));
	return float_code(sw & ~cw);
}

static int sse_code(void)
{
	uint32_t mxcsr;
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return float_code(mxcsr & ~(mxcsr >> 7));
}

static int debug_code(const struct frame *frame)
{
	return frame->rflags & 0x100 ? TRAP_TRACE : TRAP_BRKPT;
}

int arch_trap_signal(const struct frame *frame, const struct trap *trap, int *code, uint64_t *addr, unsigned *access)
{
	*code = SI_KERNEL;
	*addr = 0;
	*access = 0;
	switch (trap->vector) {
	case VECTOR_PF:
		*addr = trap->addr;
		*access = (trap->error & PF_WRITE ? MM_FAULT_WRITE : 0) | (trap->error & PF_EXEC ? MM_FAULT_EXEC : 0) |
			  (trap->error & PF_PRESENT ? MM_FAULT_PRESENT : 0);
		return 0;
	case VECTOR_DE:
		*code = FPE_INTDIV;
		*addr = frame->rip;
		return SIGFPE;
	case VECTOR_DB:
		*code = debug_code(frame);
		*addr = frame->rip;
		return SIGTRAP;
	case VECTOR_BP:
		return SIGTRAP;
	case VECTOR_UD:
		*code = ILL_ILLOPN;
		*addr = frame->rip;
		return SIGILL;
	case VECTOR_NP:
	case VECTOR_SS:
		return SIGBUS;
	case VECTOR_MF:
		*code = x87_code();
		*addr = frame->rip;
		return SIGFPE;
	case VECTOR_XM:
		*code = sse_code();
		*addr = frame->rip;
		return SIGFPE;
	case TRAP_NO_MEMORY:
		*code = BUS_ADRERR;
		*addr = trap->addr;
		return SIGBUS;
	case VECTOR_AC:
		*code = BUS_ADRALN;
		return SIGBUS;
	default:
		return SIGSEGV;
	}
}

// Is this a place in the kernel's text behind a call, direct (e8 and 32 bits) or by a register or memory (ff /2, two to seven bytes)?
static bool behind_call(uint64_t pc)
{
	const uint8_t *end = (const uint8_t *)pc;
	if (pc < (uint64_t)kernel_text_start + 7 || pc >= (uint64_t)kernel_text_end)
		return false;
	if (end[-5] == 0xe8)
		return true;
	for (int n = 2; n <= 7; n++)
		if (end[-n] == 0xff && (end[1 - n] & 0x38) == 0x10)
			return true;
	return false;
}

// Without frame pointers: whatever on the stack looks like a return address, innermost first. One that a function
// left there which has returned long since can be among them.
int arch_backtrace(uint64_t *pc, int max)
{
	const uint64_t *sp = __builtin_frame_address(0);
	uint64_t stack_top = arch_cpu()->kernel_sp; // not this stack's on an idle CPU, whose own ends on a page's end
	if (stack_top - (uint64_t)sp > KERNEL_STACK_SIZE)
		stack_top = ALIGN_UP((uint64_t)(sp + 1), PAGE_SIZE);
	int n = 0;
	for (; (uint64_t)sp < stack_top && n < max; sp++)
		if (behind_call(*sp))
			pc[n++] = *sp;
	return n;
}

unsigned arch_report_registers(const struct thread *t, const struct frame *f, uint64_t reg[24])
{
	const uint64_t all[] = {f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp, f->rsp, f->r8, f->r9, f->r10,
				f->r11, f->r12, f->r13, f->r14, f->r15, f->rip, f->rflags,
				arch_thread_get_tls(t), t->arch.gs_base};
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		reg[i] = all[i];
	return ARRAY_SIZE(all);
}
