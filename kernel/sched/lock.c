// SPDX-License-Identifier: MIT
//
// The kernel lock. Whoever finds it free has it, in no order: a virtual CPU whose turn it were may not be running,
// and all would wait for the host to schedule it. Who has spun for long without luck is next, so that none starves.
// A CPU that waits still answers sched_call_others(), because the caller holds the lock while it waits for answers.
// On a machine whose other CPUs were never started it is a word that is written, and nobody reads.
#include "abi/boot.h"
#include "arch/arch.h"
#include "plat/plat.h"
#include "sched/private.h"

#define SPINS_LONG 20000 // some hundred microseconds

struct sched_lock sched_lock __attribute__((aligned(64)));

static bool take(uint32_t me)
{
	uint32_t next = __atomic_load_n(&sched_lock.next, __ATOMIC_RELAXED);
	return (!next || next == me) && !__atomic_load_n(&sched_lock.held, __ATOMIC_RELAXED) &&
	       !__atomic_exchange_n(&sched_lock.held, 1, __ATOMIC_ACQUIRE);
}

void sched_lock_wait(void)
{
	uint32_t me = arch_cpu_number() + 1, none = 0;
	for (uint32_t spins = 0; !take(me); spins++) {
		if (spins >= SPINS_LONG && !__atomic_load_n(&sched_lock.next, __ATOMIC_RELAXED)) {
			__atomic_compare_exchange_n(&sched_lock.next, &none, me, false, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED);
			none = 0;
		}
		sched_serve_call();
		arch_pause();
	}
	if (__atomic_load_n(&sched_lock.next, __ATOMIC_RELAXED) == me)
		__atomic_store_n(&sched_lock.next, 0, __ATOMIC_RELAXED);
}
