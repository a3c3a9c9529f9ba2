// SPDX-License-Identifier: MIT
//
// The kernel lock: a ticket lock, so that CPUs get it in the order they asked. A CPU that waits
// still answers sched_call_others(), because the caller holds the lock while it waits for answers.
#include "abi/boot.h"
#include "plat/plat.h"
#include "sched/private.h"

static struct {
	uint32_t next;	  // ticket to draw
	uint32_t serving; // whose turn it is
} kernel_lock __attribute__((aligned(64)));

void sched_lock_kernel(void)
{
	uint32_t ticket = __atomic_fetch_add(&kernel_lock.next, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&kernel_lock.serving, __ATOMIC_ACQUIRE) != ticket) {
		sched_serve_call();
		arch_pause();
	}
}

void sched_unlock_kernel(void)
{
	__atomic_store_n(&kernel_lock.serving, kernel_lock.serving + 1, __ATOMIC_RELEASE);
}
