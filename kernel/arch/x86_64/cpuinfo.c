// SPDX-License-Identifier: MIT
//
// /proc/cpuinfo of x86-64: what CPUID says, as text.
#include <cpuid.h>

#include "arch/arch.h"
#include "base/format.h"
#include "base/string.h"
#include "plat/plat.h"

static const char flag_edx[32][8] = {"fpu",  "vme",   "de",   "pse",	 "tsc",	 "msr", "pae",	"mce",
				     "cx8",  "apic",  "",     "sep",	 "mtrr", "pge", "mca",	"cmov",
				     "pat",  "pse36", "pn",   "clflush", "",	 "dts", "acpi", "mmx",
				     "fxsr", "sse",   "sse2", "ss",	 "ht",	 "tm",	"",	"pbe"};
static const char flag_ecx[32][12] = {
	"pni",	 "pclmulqdq", "",     "monitor", "",	  "", "",     "",     "",	"ssse3",     "",
	"",	 "fma",	      "cx16", "",	 "",	  "", "pcid", "",     "sse4_1", "sse4_2",    "x2apic",
	"movbe", "popcnt",    "",     "aes",	 "xsave", "", "avx",  "f16c", "rdrand", "hypervisor"};

void arch_format_cpuinfo(struct text *t, unsigned n)
{
	unsigned a, b, c, d, family, model;
	char vendor[13] = "", brand[49] = "";
	__cpuid(0, a, b, c, d);
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &d, 4);
	memcpy(vendor + 8, &c, 4);
	for (unsigned i = 0; i < 3; i++) {
		unsigned r[4];
		__cpuid(0x80000002 + i, r[0], r[1], r[2], r[3]);
		memcpy(brand + 16 * i, r, 16);
	}
	__cpuid(1, a, b, c, d);
	family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 255 : 0);
	model = (a >> 4 & 15) | (a >> 12 & 0xf0);
	const struct abi_clock *clock = plat_phys_to_virt(plat_clock_gpa());
	text_append(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n"
		    "stepping\t: %u\n", n, vendor, family, model,
		    brand, a & 15);
	text_append(t, "cpu MHz\t\t: %lu.%03lu\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n"
		    "flags\t\t:", clock->tsc_khz / 1000,
		    clock->tsc_khz % 1000, plat_boot()->cpu_count, n, plat_boot()->cpu_count);
	for (int i = 0; i < 32; i++)
		if (d & (1u << i) && flag_edx[i][0])
			text_append(t, " %s", flag_edx[i]);
	for (int i = 0; i < 32; i++)
		if (c & (1u << i) && flag_ecx[i][0])
			text_append(t, " %s", flag_ecx[i]);
	text_append(t, "\nbogomips\t: %lu.00\n\n", clock->tsc_khz / 500);
}
