// SPDX-License-Identifier: MIT
//
// The clock: a line through the processor's counter, on a page that the monitor draws anew each second. Every file
// that is written and one call of eight reads it.
#include "arch/arch.h"
#include "base/util.h"
#include "plat/plat.h"

const struct abi_clock *plat_clock_page;

uint64_t plat_clock_mono_ns(void)
{
	const struct abi_clock *c = plat_clock_page;
	uint32_t seq;
	uint64_t ns;

	do {
		seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
		int64_t delta = (int64_t)(arch_cycles() - c->tsc_base);
		uint64_t ticks = delta < 0 ? 0 : (uint64_t)delta;
		ns = c->mono_ns + (uint64_t)((unsigned __int128)ticks * c->mult >> c->shift);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (unlikely((seq & 1) || seq != __atomic_load_n(&c->seq, __ATOMIC_RELAXED)));
	return ns;
}

int64_t plat_clock_boot_offset_ns(void) { return __atomic_load_n(&plat_clock_page->boot_off_ns, __ATOMIC_RELAXED); }
int64_t plat_clock_tai_offset_ns(void) { return __atomic_load_n(&plat_clock_page->tai_off_ns, __ATOMIC_RELAXED); }
uint64_t plat_clock_gpa(void) { return plat_boot()->clock_gpa; }
