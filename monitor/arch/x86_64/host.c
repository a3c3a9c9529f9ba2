// SPDX-License-Identifier: MIT
//
// x86-64: what this machine's own processor offers a guest that runs on it as a process. CPUID is asked little: in a
// virtual machine each costs an exit.
#include <cpuid.h>
#include <errno.h>
#include <sys/auxv.h>
#include <sys/platform/x86.h>

#include "base/util.h"
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

int arch_host_probe(struct machine *m)
{
	struct features *f = &m->features;
	unsigned a, b, c, d;
	f->hwcap = getauxval(AT_HWCAP);
	f->hwcap2 = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	if (!f->hwcap2)
		return machine_fail(m, -ENODEV, "platform linux needs FSGSBASE (a processor of 2013, Linux 5.9)");
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
