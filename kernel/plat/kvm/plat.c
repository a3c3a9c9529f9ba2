// SPDX-License-Identifier: MIT
//
// Platform kvm: the kernel in a virtual machine. The monitor has built everything before the first
// instruction; what is left is to speak to it: words in shared memory, stores to the doorbell page.
#define COMPONENT "plat"
#include "plat/plat.h"

#include "abi/doorbell.h"
#include "abi/image.h"
#include "arch/arch.h"
#include "arch/pte.h"
#include "base/util.h"
#include "debug/debug.h"
#include "mm/page.h"
#include "plat/kvm/private.h"
#include "plat/private.h"

#define FLUSH_PAGES_MAX 4 // above: everything at once
#define PARK_SPINS	1000 // some ten microseconds

void bell_ring(unsigned offset, uint64_t value)
{
	__asm__ volatile("mov %0, (%1)" ::"r"(value), "r"(plat_boot()->doorbell_va + offset) : "memory");
}

// A fault of the kernel's own: no address begins like this one.
static void probe(void)
{
	char c;
	arch_copy_fault(&c, (const void *)(1ull << 63), 1, NULL);
}

void cpu_prepare(struct arch_cpu *cpu)
{
	char *group = (char *)plat_boot()->nucleus_va + (uint64_t)cpu->number * ABI_NUCLEUS_STRIDE;
	cpu->nucleus = (struct abi_nucleus_data *)(group + ABI_NUCLEUS_DATA * PAGE_SIZE);
	cpu->nucleus->gateway_rip = (uint64_t)gateway_rip;
}

void cpu_enter(struct arch_cpu *cpu)
{
	__asm__ volatile("wrgsbase %0" ::"r"(cpu) : "memory");
	if (cpu->number == 0)
		measure_trap(probe);
}

// plat_tls is PLAT_TLS_OWN.
void plat_set_tls(uint64_t base)
{
	panic("plat_set_tls(%#lx) on a processor of our own", base);
}

void cpu_launch(unsigned n) { bell_ring(ABI_DOORBELL_START, n); }

// --- events --------------------------------------------------------------------------------------

const struct plat_streams *plat_streams(void) { return NULL; } // a guest has no host calls

void plat_idle(uint64_t deadline_ns, bool (*news)(void))
{
	struct abi_cpu *s = arch_cpu()->shared;
	__atomic_store_n(&s->deadline_ns, deadline_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&s->armed, 0, __ATOMIC_RELAXED); // a call that came by a jump left it set
	__atomic_store_n(&s->idle, 1, __ATOMIC_SEQ_CST);
	if (!plat_pending() && !(news && news()))
		bell_ring(ABI_DOORBELL_IDLE, 0);
	__atomic_store_n(&s->idle, 0, __ATOMIC_RELAXED);
}

// The monitor publishes what its timer is set for, then looks at the deadlines once more.
void plat_timer_arm(uint64_t deadline_ns)
{
	struct abi_cpu *s = arch_cpu()->shared;
	__atomic_store_n(&s->deadline_ns, deadline_ns, __ATOMIC_SEQ_CST);
	if (deadline_ns < __atomic_load_n(&s->armed_ns, __ATOMIC_SEQ_CST))
		bell_ring(ABI_DOORBELL_TIMER, 0);
}

void plat_kick(uint64_t mask)
{
	bell_ring(ABI_DOORBELL_KICK, mask);
}

// An exit to sleep costs more than most waits. Longer ones are for somebody whose processor the host has given to another,
// to this CPU perhaps, and not every host notices a CPU that spins (PLE).
void plat_park(uint32_t *word, uint32_t value, uint64_t ns)
{
	for (unsigned n = 0; n < PARK_SPINS; n++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
			return;
		arch_pause();
	}
	bell_ring(ABI_DOORBELL_PARK, ns);
}

void plat_unpark(uint32_t *word)
{
	(void)word;
}

// --- translation -----------------------------------------------------------------------------------

const bool plat_flush_reaches_all = false;

void plat_flush(uint64_t first, uint64_t end)
{
	plat_stats()->flushes++;
	if ((end - first) / PAGE_SIZE > FLUSH_PAGES_MAX)
		gateway_root_set(arch_cpu()->root);
	else
		for (uint64_t va = first; va < end; va += PAGE_SIZE)
			gateway_page_flush(va);
}

int plat_translate(uint64_t va)
{
	(void)va; // the processor looks for itself
	return 0;
}

void plat_touch_soon(uint64_t gpa, uint64_t len)
{
	(void)gpa; // what the host has not got yet costs one exit of its own, or comes 2 MiB at a time
	(void)len;
}

// A slot of the window is one block in the tables that all address spaces share. It stays: what a slot shows is the
// monitor's to change.
const void *plat_window(uint64_t offset, uint64_t len)
{
	uint64_t va = ABI_VA_DAX + offset;
	pte_t *t = plat_phys_to_virt(arch_cpu()->root);
	if (offset > plat_boot()->dax_size || len > plat_boot()->dax_size - offset)
		return NULL;
	for (unsigned level = PTE_LEVELS - 1; level > 1; level--) {
		pte_t *e = &t[pte_index(va, level)];
		if (!pte_present(*e)) {
			struct page *p = page_alloc(0, PAGE_ZERO);
			if (!p)
				return NULL;
			*e = pte_table(page_phys(p));
		}
		t = plat_phys_to_virt(pte_phys(*e));
	}
	pte_t *e = &t[pte_index(va, 1)];
	if (!pte_present(*e))
		*e = pte_make_block(ALIGN_DOWN(ABI_GPA_DAX + offset, HUGE_SIZE), false, false);
	return (const void *)va;
}

void plat_set_page_root(uint64_t root_gpa)
{
	arch_cpu()->root = root_gpa;
	gateway_root_set(root_gpa);
}
