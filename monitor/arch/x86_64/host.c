// SPDX-License-Identifier: MIT
//
// x86-64: what this machine's own processor offers a guest that runs on it as a process.
#include <cpuid.h>
#include <errno.h>
#include <sys/auxv.h>

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

// The frequency: told by a hypervisor, or measured for a millisecond: enough until the first correction.
static uint64_t counter_khz(void)
{
	unsigned a, b, c, d;
	__cpuid(1, a, b, c, d);
	if (c >> 31) {
		__cpuid(0x40000000, a, b, c, d);
		if (a >= 0x40000010 && a < 0x40000100) {
			__cpuid(0x40000010, a, b, c, d);
			if (a > 100000)
				return a;
		}
	}
	uint64_t t0 = mono_ns(), c0 = arch_counter(), t;
	while ((t = mono_ns()) - t0 < 1000000)
		;
	return (arch_counter() - c0) * 1000000 / (t - t0);
}

int arch_host_probe(struct machine *m)
{
	struct features *f = &m->features;
	unsigned a, b, c, d;
	f->hwcap = getauxval(AT_HWCAP);
	f->hwcap2 = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	if (!f->hwcap2)
		return machine_fail(m, -ENODEV, "platform linux needs FSGSBASE (a processor of 2013, Linux 5.9)");
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27))
		return machine_fail(m, -ENODEV, "platform linux needs XSAVE, which this processor or its kernel lacks");
	f->xcr0 = read_xcr0() & XCR0_WANTED;
	f->pku = f->xcr0 & 0x200;
	f->xsave_size = 576;
	for (unsigned i = 2; i < 63; i++) {
		if (!(f->xcr0 >> i & 1))
			continue;
		__cpuid_count(0xd, i, a, b, c, d);
		f->xsave_size = MAX(f->xsave_size, a + b);
	}
	f->tsc_khz = counter_khz();
	return 0;
}

_Noreturn void arch_guest_enter(uint64_t pc, uint64_t arg)
{
	__asm__ volatile("jmp *%0" ::"r"(pc), "D"(arg) : "memory");
	__builtin_unreachable();
}
