// SPDX-License-Identifier: MIT
//
// x86-64: what this machine's own processor offers a guest that runs on it as a process. CPUID is asked little: in a
// virtual machine each costs an exit.
#include <cpuid.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/platform/x86.h>

#include "abi/process.h"
#include "base/util.h"
#include "monitor/guest.h"
#include "monitor/private.h"

#define HWCAP2_FSGSBASE 2u
#define XCR0_WANTED	0x2e7ull // x87 SSE AVX AVX-512 PKRU; what needs a permission (AMX) is left away

static uint64_t read_xcr0(void)
{
	uint32_t low, high;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low | (uint64_t)high << 32;
}

// The frequency, as far as the time since the machine's first step tells: enough until the first correction.
#define MEASURE_NS 300000

uint64_t arch_counter_khz(const struct machine *m)
{
	uint64_t ns = 0, ticks = 0;
	while (!ns || ns - m->clock_ns < MEASURE_NS)
		clock_sample(&ticks, &ns);
	return (ticks - m->clock_tsc) * 1000000 / (ns - m->clock_ns);
}

// Of the XSAVE area for these components, in the standard format.
static uint32_t area_size(uint64_t components)
{
	unsigned a, b, c, d, size = 576;
	for (unsigned i = 2; i < 63; i++) {
		if (!(components >> i & 1))
			continue;
		__cpuid_count(0xd, i, a, b, c, d);
		size = MAX(size, a + b);
	}
	return size;
}

static sigjmp_buf no_instruction;
static void on_illegal(int sig)
{
	(void)sig;
	siglongjmp(no_instruction, 1);
}

// The processor may have FSGSBASE turned on where the kernel does not know of it: below a hypervisor that runs
// kernels in ring 3.
static bool writes_fs(void)
{
	struct sigaction before, sa = { .sa_handler = on_illegal };
	volatile bool works = false;
	if (sigaction(SIGILL, &sa, &before))
		return false;
	if (!sigsetjmp(no_instruction, 1)) {
		__asm__ volatile("wrfsbase %0" ::"r"(__builtin_thread_pointer()));
		works = true;
	}
	sigaction(SIGILL, &before, NULL);
	return works;
}

enum abi_process_bases arch_host_bases(void)
{
	const char *wish = getenv("WHELK_BASES"); // a test's: the ways of lesser hosts
	if (wish && strcmp(wish, "call") == 0)
		return ABI_BASES_CALL;
	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE && !(wish && strcmp(wish, "lent") == 0))
		return ABI_BASES_OWN;
	return writes_fs() ? ABI_BASES_LENT : ABI_BASES_CALL;
}

int arch_host_probe(struct machine *m)
{
	struct features *f = &m->features;
	unsigned a, b, c, d;
	f->hwcap = getauxval(AT_HWCAP);
	f->hwcap2 = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	f->bases = arch_host_bases();
	if (!CPU_FEATURE_PRESENT(OSXSAVE))
		return machine_fail(m, -ENODEV, "platform linux needs XSAVE, which this processor or its kernel lacks");
	f->xcr0 = read_xcr0() & XCR0_WANTED;
	f->pku = f->xcr0 & 0x200;
	__cpuid_count(0xd, 0, a, b, c, d);
	if (f->xcr0 == read_xcr0()) // all that is on: the processor adds up
		f->xsave_size = b;
	else
		f->xsave_size = area_size(f->xcr0);
	return 0;
}

_Noreturn void arch_guest_enter(uint64_t pc, uint64_t arg)
{
	__asm__ volatile("jmp *%0" ::"r"(pc), "D"(arg) : "memory");
	__builtin_unreachable();
}
