// SPDX-License-Identifier: MIT
//
// The kernel lock. Whoever finds it free has it, in no order: a virtual CPU whose turn it were may not be running,
// and all would wait for the host to schedule it. Who has spun for long without luck is next, so that none starves.
// A CPU that waits still answers sched_call_others(), because the caller holds the lock while it waits for answers.
// On a machine whose other CPUs were never started it is a word that is written, and nobody reads.
//
// Whoever waits for more than a moment parks: the host may have taken the processor from the lock's holder, or the holder
// waits for the monitor, and who spins then takes the processor they need. Nothing depends on being woken: the way out of
// the kernel has no fence before its look at `parked`, so a wake-up may be missed, and a park ends by itself.
#include "abi/boot.h"
#include "arch/arch.h"
#include "plat/plat.h"
#include "sched/private.h"

#define SPINS_PARK 1000	 // some ten microseconds
#define SPINS_LONG 20000 // some hundred, if it does not park
#define PARK_NS	   200000

struct sched_lock sched_lock __attribute__((aligned(64)));

static bool take(uint32_t me)
{
	uint32_t next = __atomic_load_n(&sched_lock.next, __ATOMIC_RELAXED);
	return (!next || next == me) && !__atomic_load_n(&sched_lock.held, __ATOMIC_RELAXED) &&
	       !__atomic_exchange_n(&sched_lock.held, 1, __ATOMIC_ACQUIRE);
}

static void unpark(uint32_t count)
{
	__atomic_fetch_add(&sched_lock.news, 1, __ATOMIC_SEQ_CST);
	while (count--)
		plat_unpark(&sched_lock.news);
}

void sched_unpark(void)
{
	unpark(__atomic_load_n(&sched_lock.next, __ATOMIC_RELAXED) ? __atomic_load_n(&sched_lock.parked, __ATOMIC_RELAXED) : 1);
}

void sched_unpark_all(void)
{
	uint32_t parked = __atomic_load_n(&sched_lock.parked, __ATOMIC_SEQ_CST);
	if (parked)
		unpark(parked);
}

// Unless there is news since `seen` was read.
static void park(uint32_t seen)
{
	__atomic_fetch_add(&sched_lock.parked, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&sched_lock.held, __ATOMIC_SEQ_CST) && !sched_this()->call)
		plat_park(&sched_lock.news, seen, PARK_NS);
	__atomic_fetch_sub(&sched_lock.parked, 1, __ATOMIC_SEQ_CST);
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
		uint32_t seen = __atomic_load_n(&sched_lock.news, __ATOMIC_ACQUIRE);
		sched_serve_call();
		if (spins % SPINS_PARK == SPINS_PARK - 1)
			park(seen);
		else
			arch_pause();
	}
	if (__atomic_load_n(&sched_lock.next, __ATOMIC_RELAXED) == me)
		__atomic_store_n(&sched_lock.next, 0, __ATOMIC_RELAXED);
}
