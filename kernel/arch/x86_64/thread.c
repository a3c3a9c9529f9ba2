// SPDX-License-Identifier: MIT
//
// Threads: first steps, switching, resuming the program. The program's frame is the topmost thing
// on a kernel stack; kernel work starts below it, so a frame can always be put there.
#define COMPONENT "arch"
#include "arch/arch.h"

#include <linux/errno.h>

#include "arch/x86_64/private.h"
#include "base/string.h"
#include "base/util.h"
#include "debug/debug.h"
#include "plat/plat.h"
#include "sched/sched.h"
#include "sys/entry.h"

const char arch_machine[] = "x86_64";
const uint16_t arch_elf_machine = 62;

static uint64_t stack_top(const struct thread *t) { return (uint64_t)t->kernel_stack + KERNEL_STACK_SIZE; }
struct frame *arch_thread_frame(const struct thread *t)
{
	return (struct frame *)(stack_top(t) - sizeof(struct frame));
}

// What switch_stacks pops.
struct switch_frame {
	uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};

static void prepare(struct thread *t, uint64_t sp, void (*entry)(void), uint64_t rbx, uint64_t r12)
{
	struct switch_frame *s = (struct switch_frame *)(sp - sizeof(*s));
	*s = (struct switch_frame){.rip = (uint64_t)entry, .rbx = rbx, .r12 = r12};
	t->arch.sp = (uint64_t)s;
}

void arch_thread_init(struct thread *t, void (*fn)(void *), void *arg)
{
	prepare(t, (uint64_t)arch_thread_frame(t) - 8, thread_first_kernel, (uint64_t)fn, (uint64_t)arg);
}

void arch_thread_init_user(struct thread *t, const struct frame *frame)
{
	*arch_thread_frame(t) = *frame;
	prepare(t, (uint64_t)arch_thread_frame(t), thread_first_user, 0, 0);
}

// The switch was made under the kernel lock; the way out is that of an event.
void thread_begin_user(void)
{
	sched_unlock_kernel();
	entry_events(arch_thread_frame(arch_current()));
}

// Of the running thread. Where the register is not its own it has no way to change it but arch_prctl(2).
static uint64_t read_fs(const struct thread *t)
{
	uint64_t v = t->arch.fs_base;
	if (plat_tls == PLAT_TLS_OWN)
		__asm__ volatile("rdfsbase %0" : "=r"(v));
	return v;
}

static void write_fs(uint64_t v)
{
	if (plat_tls == PLAT_TLS_CALL)
		plat_set_tls(v);
	else
		__asm__ volatile("wrfsbase %0" ::"r"(v));
}

void arch_thread_switch(struct thread *prev, struct thread *next)
{
	struct arch_cpu *cpu = arch_cpu();
	uint64_t nowhere;
	vector_switch(prev, next);
	if (prev)
		prev->arch.fs_base = read_fs(prev);
	write_fs(next->arch.fs_base);
	if (next->kernel_stack)
		cpu->kernel_sp = stack_top(next);
	cpu->thread = next;
	switch_stacks(prev ? &prev->arch.sp : &nowhere, next->arch.sp);
}

void arch_frame_init_exec(struct frame *frame, uint64_t pc, uint64_t sp)
{
	struct thread *t = arch_current();
	*frame = (struct frame){
		.orig_rax = FRAME_NO_CALL, .rip = pc, .rsp = sp, .cs = 0x33, .ss = 0x2b, .rflags = 0x202};
	if (t && t->arch.xsave) {
		vector_init_area(t->arch.xsave);
		vector_load_current();
		arch_thread_set_tls(t, 0);
	}
}

// Kernel lock held.
_Noreturn void arch_return_to_program(struct frame *frame)
{
	struct thread *t = arch_current();
	if (frame != arch_thread_frame(t))
		*arch_thread_frame(t) = *frame;
	sched_unlock_kernel();
	entry_events(arch_thread_frame(t));
	resume_frame();
}

void arch_thread_set_tls(struct thread *t, uint64_t base)
{
	t->arch.fs_base = base;
	if (t == arch_current())
		write_fs(base);
}

uint64_t arch_thread_get_tls(const struct thread *t)
{
	return t == arch_current() ? read_fs(t) : t->arch.fs_base;
}

uint64_t arch_cycles(void)
{
	return __builtin_ia32_rdtsc();
}

// Not every processor under every host has the instruction: the boot seed is the real source.
bool arch_random64(uint64_t *out)
{
	(void)out;
	return false;
}

// FUTEX_OP_*: set, add, or, andn, xor (linux/futex.h).
int arch_xchg_op32_fault(uint32_t *p, int op, uint32_t arg, uint32_t *old)
{
	for (;;) {
		uint32_t was, found, want;
		int err = arch_copy_fault(&was, p, sizeof(was), NULL);
		if (err)
			return err;
		switch (op) {
		case 0: want = arg; break;
		case 1: want = was + arg; break;
		case 2: want = was | arg; break;
		case 3: want = was & ~arg; break;
		case 4: want = was ^ arg; break;
		default: return -ENOSYS;
		}
		err = arch_cmpxchg32_fault(p, was, want, &found);
		if (err)
			return err;
		if (found == was) {
			*old = was;
			return 0;
		}
	}
}
