// SPDX-License-Identifier: MIT
//
// Vector state (x87, SSE, AVX, AVX-512). The kernel never uses it, so the registers keep the last
// program thread's state until another program thread runs on this CPU. With several CPUs a thread
// is saved when it is switched out, since it may go on elsewhere; it is loaded again only if its
// state is no longer in the registers.
#include "arch/x86_64/private.h"

#include <linux/errno.h>

#include "arch/arch.h"
#include "base/string.h"
#include "mm/heap.h"
#include "plat/plat.h"
#include "sched/sched.h"

static bool owns_registers(const struct thread *t)
{
	struct arch_cpu *cpu = arch_cpu();
	return cpu->vector_owner == t && t->arch.vector_cpu == cpu;
}

static void save(void *area)
{
	uint64_t mask = plat_boot()->xcr0;
	__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}

static void load(struct thread *t)
{
	struct arch_cpu *cpu = arch_cpu();
	if (xrstor_fault(t->arch.xsave, plat_boot()->xcr0)) {
		vector_init_area(t->arch.xsave);
		xrstor_fault(t->arch.xsave, plat_boot()->xcr0);
	}
	cpu->vector_owner = t;
	t->arch.vector_cpu = cpu;
}

void vector_init_area(void *area)
{
	memset(area, 0, plat_boot()->xsave_size);
	*(uint16_t *)area = 0x37f; // FCW
	*(uint32_t *)((char *)area + XSAVE_MXCSR) = 0x1f80;
}

int vector_check_area(const void *area)
{
	const struct xsave_header *h = (const void *)((const char *)area + XSAVE_HEADER);
	uint64_t rest = h->xcomp_bv;
	for (unsigned i = 0; i < ARRAY_SIZE(h->reserved); i++)
		rest |= h->reserved[i];
	if (rest || (h->xstate_bv & ~plat_boot()->xcr0))
		return -EINVAL;
	uint32_t mxcsr = *(const uint32_t *)((const char *)area + XSAVE_MXCSR);
	return mxcsr & ~0x2ffffu ? -EINVAL : 0;
}

void vector_save_current(void)
{
	struct thread *t = arch_current();
	if (owns_registers(t))
		save(t->arch.xsave);
}

void vector_load_current(void)
{
	load(arch_current());
}

void vector_switch(struct thread *prev, struct thread *next)
{
	struct arch_cpu *cpu = arch_cpu();
	bool several = plat_boot()->cpu_count > 1;
	if (several && prev && prev->arch.xsave && owns_registers(prev))
		save(prev->arch.xsave);
	if (!next->arch.xsave || owns_registers(next))
		return;
	if (!several && cpu->vector_owner)
		save(cpu->vector_owner->arch.xsave);
	load(next);
}

int arch_thread_alloc(struct thread *t)
{
	t->arch.xsave_block = heap_alloc(plat_boot()->xsave_size + 64);
	if (!t->arch.xsave_block)
		return -ENOMEM;
	t->arch.xsave = (void *)ALIGN_UP((uint64_t)t->arch.xsave_block, 64);
	t->arch.vector_cpu = NULL;
	vector_init_area(t->arch.xsave);
	return 0;
}

void arch_thread_free(struct thread *t)
{
	struct arch_cpu *cpu = arch_cpu();
	if (cpu->vector_owner == t)
		cpu->vector_owner = NULL;
	heap_free(t->arch.xsave_block);
	t->arch.xsave = t->arch.xsave_block = NULL;
}

void arch_thread_copy_vector(struct thread *child)
{
	struct thread *t = arch_current();
	vector_save_current();
	memcpy(child->arch.xsave, t->arch.xsave, plat_boot()->xsave_size);
}
