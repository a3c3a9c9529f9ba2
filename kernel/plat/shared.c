// SPDX-License-Identifier: MIT
//
// What platforms have in common: CPUs' blocks and stacks, and speaking to the monitor through words in shared
// memory and the doorbell. A platform's own directory brings plat/private.h to life: how a bell is rung, how a CPU
// starts, sleeps, is kicked, and what stands in for the processor's page-table walk.
#define COMPONENT "plat"
#include <linux/errno.h>

#include "abi/doorbell.h"
#include "arch/arch.h"
#include "base/string.h"
#include "base/util.h"
#include "debug/debug.h"
#include "main.h"
#include "mm/page.h"
#include "plat/plat.h"
#include "plat/private.h"

#define STACK_ORDER 2 // of the CPUs' own stacks

uint64_t plat_direct_va;
uint64_t plat_trap_ns;
enum plat_tls plat_tls;
uint8_t plat_boot_stack[BOOT_STACK_SIZE] __attribute__((aligned(16)));
uint64_t plat_cpu_stack[ABI_MAX_CPUS]; // entry.S: top of CPU n's stack

static const struct abi_boot *boot;
static struct arch_cpu boot_cpu;
static struct arch_cpu *cpu_block[ABI_MAX_CPUS];

static void cpu_init(struct arch_cpu *cpu, unsigned n, uint64_t stack)
{
	*cpu = (struct arch_cpu){
		.self = cpu,
		.kernel_sp = stack,
		.shared = (struct abi_cpu *)plat_phys_to_virt(boot->cpus_gpa) + n,
		.number = n,
		.root = boot->root_gpa,
	};
	cpu_prepare(cpu);
	cpu_block[n] = cpu;
}

// The best of a few: the first ones fetch what they need.
void measure_trap(void (*probe)(void))
{
	plat_trap_ns = ~0ull;
	for (int i = 0; i < 4; i++) {
		uint64_t begin = plat_clock_mono_ns();
		probe();
		plat_trap_ns = MIN(plat_trap_ns, plat_clock_mono_ns() - begin);
	}
}

_Noreturn void plat_start(const struct abi_boot *b)
{
	boot = b;
	plat_direct_va = b->direct_va;
	plat_clock_page = plat_phys_to_virt(b->clock_gpa);
	cpu_init(&boot_cpu, 0, (uint64_t)plat_boot_stack + BOOT_STACK_SIZE);
	boot_cpu.started = 1;
	cpu_enter(&boot_cpu);
	kernel_main();
}

_Noreturn void plat_cpu_start_here(unsigned n)
{
	struct arch_cpu *cpu = cpu_block[n];
	cpu_enter(cpu);
	__atomic_store_n(&cpu->started, 1, __ATOMIC_RELEASE);
	kernel_cpu_main(n);
}

int plat_cpu_start(unsigned n)
{
	if (n >= boot->cpu_count || cpu_block[n])
		return -EINVAL;
	struct page *p = page_alloc(STACK_ORDER, PAGE_ZERO);
	if (!p)
		return -ENOMEM;
	// The block at the stack's lower end.
	struct arch_cpu *cpu = page_virt(p);
	uint64_t top = (uint64_t)cpu + (PAGE_SIZE << STACK_ORDER);
	plat_cpu_stack[n] = top;
	cpu_init(cpu, n, top);
	cpu_launch(n);
	return 0;
}

const struct abi_boot *plat_boot(void) { return boot; }
const char *plat_boot_string(uint32_t off) { return (const char *)plat_phys_to_virt(boot->string_gpa) + off; }
struct abi_stats *plat_stats(void) { return plat_phys_to_virt(boot->stats_gpa); }

// --- events --------------------------------------------------------------------------------------

uint32_t plat_take_events(void)
{
	return __atomic_exchange_n(&arch_cpu()->shared->pending, 0, __ATOMIC_SEQ_CST);
}

uint64_t plat_take_host_signals(void)
{
	return __atomic_exchange_n((uint64_t *)&boot->host_signals, 0, __ATOMIC_SEQ_CST);
}

uint64_t plat_page_root(void) { return arch_cpu()->root; }

// --- devices ---------------------------------------------------------------------------------------

void plat_queue_notify(const struct abi_queue *q)
{
	bell_ring(q->notify, 0);
}

static struct abi_console *console(void) { return plat_phys_to_virt(boot->console_gpa); }

int64_t plat_console(struct abi_console_request *req)
{
	struct abi_console *c = console();
	if (req != &c->request)
		memcpy(&c->request, req, sizeof(*req));
	bell_ring(ABI_DOORBELL_CONSOLE, 0);
	req->result = c->request.result;
	return req->result;
}

const struct abi_console_start *plat_console_start(void) { return &console()->start; }

uint32_t plat_console_take_ready(void)
{
	return __atomic_exchange_n(&console()->ready, 0, __ATOMIC_SEQ_CST);
}

// Callers' objects lie in the direct map (stacks, heap) or in the kernel image.
static uint64_t object_gpa(const void *p)
{
	uint64_t va = (uint64_t)p;
	if (va - boot->kernel_va < boot->kernel_size)
		return va - boot->kernel_va + boot->kernel_gpa;
	return plat_virt_to_phys(p);
}

void plat_report(const struct abi_report *r) { bell_ring(ABI_DOORBELL_REPORT, object_gpa(r)); }
void plat_booted(void)
{
	plat_stats()->booted_ns = plat_clock_mono_ns();
	bell_ring(ABI_DOORBELL_BOOTED, 0);
}

// --- the end ---------------------------------------------------------------------------------------

_Noreturn void plat_exit(int wait_status)
{
	for (;;)
		bell_ring(ABI_DOORBELL_EXIT, (uint64_t)(unsigned)wait_status);
}

_Noreturn void plat_panic(const struct abi_panic *p)
{
	for (;;)
		bell_ring(ABI_DOORBELL_PANIC, object_gpa(p));
}
