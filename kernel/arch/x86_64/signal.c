// SPDX-License-Identifier: MIT
//
// Signal frames, as Linux lays them out on x86-64 (arch/x86/kernel/signal_64.c and the UAPI headers
// sigcontext.h, ucontext.h): {restorer, ucontext, siginfo}, the XSAVE area above, 64-byte aligned. What
// comes back in rt_sigreturn is the program's to forge: every field is checked or forced.
#include "arch/arch.h"

#include <linux/errno.h>

#include "arch/x86_64/private.h"
#include "base/string.h"
#include "base/util.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "sched/sched.h"

struct sigcontext_k {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
_Static_assert(sizeof(struct sigcontext_k) == 256, "sigcontext layout");

struct ucontext_k {
	uint64_t flags, link;
	uint64_t stack_sp;
	uint32_t stack_flags, pad;
	uint64_t stack_size;
	struct sigcontext_k mc;
	uint64_t mask;
};

struct rt_frame {
	uint64_t restorer;
	struct ucontext_k uc;
	uint8_t info[128];
};
_Static_assert(sizeof(struct rt_frame) == 8 + 304 + 128, "rt_sigframe layout");

// The last 48 bytes of the legacy XSAVE region, left to software.
struct sw_reserved {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, pad[7];
};
_Static_assert(sizeof(struct sw_reserved) == 48, "sw_reserved layout");

#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u

#define UC_FP_XSTATE	     1
#define UC_SIGCONTEXT_SS     2
#define UC_STRICT_RESTORE_SS 4

#define RED_ZONE    128
#define FLAGS_FIXED 0x50dd5ull // what rt_sigreturn may set: AC RF OF DF TF SF ZF AF PF CF
#define FLAG_TF	    0x100ull
#define FLAG_DF	    0x400ull
#define FLAG_RF	    0x10000ull
#define FLAG_IF	    0x200ull

static int push_vector(uint64_t at)
{
	const struct abi_boot *boot = plat_boot();
	uint8_t *area = arch_current()->arch.xsave;
	uint32_t magic2 = MAGIC2;

	vector_save_current();
	*(struct sw_reserved *)(area + XSAVE_SW) = (struct sw_reserved){
		.magic1 = MAGIC1,
		.extended_size = boot->xsave_size + sizeof(magic2),
		.xfeatures = boot->xcr0,
		.xstate_size = boot->xsave_size,
	};
	int err = user_write((void *)at, area, boot->xsave_size);
	return err ? err : user_write((void *)(at + boot->xsave_size), &magic2, sizeof(magic2));
}

int arch_signal_push(struct frame *frame, const struct arch_sigframe *s)
{
	uint64_t vector = ALIGN_DOWN(s->sp_base - RED_ZONE - plat_boot()->xsave_size - sizeof(uint32_t), 64);
	uint64_t at = ALIGN_DOWN(vector - sizeof(struct rt_frame), 16) - 8;
	if (at < s->sp_limit || at > s->sp_base)
		return -EFAULT;
	struct rt_frame f = {
		.restorer = s->restorer,
		.uc = {
			.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
			.stack_sp = s->alt_sp,
			.stack_flags = s->alt_flags,
			.stack_size = s->alt_size,
			.mc = {
				.r8 = frame->r8, .r9 = frame->r9, .r10 = frame->r10, .r11 = frame->r11,
				.r12 = frame->r12, .r13 = frame->r13, .r14 = frame->r14, .r15 = frame->r15,
				.rdi = frame->rdi, .rsi = frame->rsi, .rbp = frame->rbp, .rbx = frame->rbx,
				.rdx = frame->rdx, .rax = frame->rax, .rcx = frame->rcx, .rsp = frame->rsp,
				.rip = frame->rip, .rflags = frame->rflags, .cs = 0x33, .ss = 0x2b,
				.err = s->fault_error, .trapno = s->trap_nr, .oldmask = s->mask,
				.cr2 = s->fault_addr, .fpstate = vector,
			},
			.mask = s->mask,
		},
	};

	memcpy(f.info, s->info, sizeof(f.info));
	int err = push_vector(vector);
	if (!err)
		err = user_write((void *)at, &f, sizeof(f));
	if (err)
		return -EFAULT;
	frame->rdi = (uint64_t)s->sig;
	frame->rsi = at + offsetof(struct rt_frame, info);
	frame->rdx = at + offsetof(struct rt_frame, uc);
	frame->rax = 0;
	frame->rip = s->handler;
	frame->rsp = at;
	frame->rflags = (frame->rflags & ~(FLAG_TF | FLAG_DF | FLAG_RF)) | FLAG_IF;
	frame->cs = 0x33;
	frame->ss = 0x2b;
	frame_leave_syscall(frame);
	return 0;
}

// The program's area -> `area`, checked. -EFAULT, and `area` is not to be used.
static int read_vector(uint8_t *area, uint64_t at)
{
	const struct abi_boot *boot = plat_boot();
	struct xsave_header *header = (void *)(area + XSAVE_HEADER);
	struct sw_reserved sw;
	uint32_t magic2;

	if (!IS_ALIGNED(at, 64) || user_read(&sw, (void *)(at + XSAVE_SW), sizeof(sw)))
		return -EFAULT;
	bool extended = sw.magic1 == MAGIC1 && sw.xstate_size == boot->xsave_size &&
			sw.extended_size >= boot->xsave_size + sizeof(magic2) &&
			!user_read(&magic2, (void *)(at + boot->xsave_size), sizeof(magic2)) && magic2 == MAGIC2;
	if (user_read(area, (void *)at, extended ? boot->xsave_size : XSAVE_LEGACY))
		return -EFAULT;
	if (!extended) {
		memset(area + XSAVE_LEGACY, 0, boot->xsave_size - XSAVE_LEGACY);
		header->xstate_bv = 3; // x87 and SSE: all that FXSAVE has
	}
	return vector_check_area(area) ? -EFAULT : 0;
}

// Reading may sleep, and a thread switch saves this thread's registers in its own area: so by way of a copy.
static int pop_vector(uint64_t at)
{
	size_t size = plat_boot()->xsave_size;
	uint8_t *own = arch_current()->arch.xsave;
	uint8_t *copy = NULL;
	int err = 0;

	if (at) {
		copy = heap_alloc(size);
		err = copy ? read_vector(copy, at) : -EFAULT;
	}
	if (at && !err)
		memcpy(own, copy, size);
	else
		vector_init_area(own);
	heap_free(copy);
	vector_load_current();
	return err;
}

int arch_signal_pop(struct frame *frame, uint64_t *mask, uint64_t *alt_sp, uint64_t *alt_size, uint32_t *alt_flags)
{
	struct rt_frame f;
	const struct sigcontext_k *c = &f.uc.mc;

	if (user_read(&f, (void *)(frame->rsp - 8), offsetof(struct rt_frame, info)))
		return -EFAULT;
	*frame = (struct frame){
		.r8 = c->r8, .r9 = c->r9, .r10 = c->r10, .r11 = c->r11, .r12 = c->r12, .r13 = c->r13, .r14 = c->r14,
		.r15 = c->r15, .rdi = c->rdi, .rsi = c->rsi, .rbp = c->rbp, .rbx = c->rbx, .rdx = c->rdx, .rax = c->rax,
		.rcx = c->rcx, .rsp = c->rsp, .rip = c->rip, .cs = 0x33, .ss = 0x2b, .orig_rax = FRAME_NO_CALL,
		.rflags = (frame->rflags & ~FLAGS_FIXED) | (c->rflags & FLAGS_FIXED) | FLAG_IF,
	};
	*mask = f.uc.mask;
	*alt_sp = f.uc.stack_sp;
	*alt_size = f.uc.stack_size;
	*alt_flags = f.uc.stack_flags;
	return pop_vector(c->fpstate);
}
