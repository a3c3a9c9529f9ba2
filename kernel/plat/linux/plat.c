// SPDX-License-Identifier: MIT
//
// Platform linux: the kernel in a jailed process. A CPU is a thread; it sleeps, sets its timer and kicks its like
// without the monitor, who is asked by words in shared memory for what only it can do.
#define COMPONENT "plat"
#include "plat/plat.h"

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/time.h>

#include "abi/doorbell.h"
#include "arch/arch.h"
#include "base/util.h"
#include "plat/linux/private.h"
#include "plat/private.h"

#define TIMER_EARLY_NS 100000 // the clock page may be behind the host's clock by as much

static struct host_cpu *host_cpu(void)
{
	return host_cpu_of(plat_boot(), arch_cpu()->number);
}

void cpu_prepare(struct arch_cpu *cpu)
{
	host_cpu_of(plat_boot(), cpu->number)->cpu = cpu;
	if (cpu->number == 0)
		measure_trap(trap_probe);
}

// GS is written once and stays, whoever switches.
void cpu_enter(struct arch_cpu *cpu)
{
	static const enum plat_tls tls[] = { [ABI_BASES_OWN] = PLAT_TLS_OWN,
					     [ABI_BASES_LENT] = PLAT_TLS_LENT,
					     [ABI_BASES_CALL] = PLAT_TLS_CALL };
	uint32_t bases = host_process(plat_boot())->bases;
	if (bases == ABI_BASES_OWN)
		__asm__ volatile("wrgsbase %0" ::"r"(cpu) : "memory");
	else
		host_call(__NR_arch_prctl, ARCH_SET_GS, (uint64_t)cpu, 0, 0, 0, 0);
	plat_tls = tls[bases];
}

void plat_set_tls(uint64_t base)
{
	host_call(__NR_arch_prctl, ARCH_SET_FS, base, 0, 0, 0, 0);
}

void cpu_launch(unsigned n)
{
	struct host_cpu *h = host_cpu_of(plat_boot(), n);
	bell_ring(ABI_DOORBELL_START, n); // somebody to answer its bell
	__atomic_store_n(&h->go, 1, __ATOMIC_RELEASE);
	host_futex_wake(&h->go);
}

void bell_ring(unsigned offset, uint64_t value)
{
	struct abi_cpu *s = arch_cpu()->shared;
	uint32_t rung = ABI_BELL_RUNG;
	s->bell_offset = offset;
	s->bell_value = value;
	if (__atomic_exchange_n(&s->bell, ABI_BELL_RUNG, __ATOMIC_SEQ_CST) == ABI_BELL_SERVER_SLEEPS)
		host_futex_wake(&s->bell);
	struct host_cpu *h = host_cpu();
	uint64_t until = plat_clock_mono_ns() + h->spin_ns;
	while (__atomic_load_n(&s->bell, __ATOMIC_ACQUIRE) == ABI_BELL_RUNG && plat_clock_mono_ns() < until)
		arch_pause();
	bool slept = __atomic_compare_exchange_n(&s->bell, &rung, ABI_BELL_RUNG_ASLEEP, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST);
	// while it starts, bells follow each other closely, but for what is slow once
	h->spin_ns = abi_spin_next(h->spin_ns, host_process(plat_boot())->spin_ns, !slept || !plat_stats()->booted_ns);
	if (slept)
		while (__atomic_load_n(&s->bell, __ATOMIC_ACQUIRE) == ABI_BELL_RUNG_ASLEEP)
			host_futex_wait(&s->bell, ABI_BELL_RUNG_ASLEEP, ~0ull);
	window_update();
}

// --- events ----------------------------------------------------------------------------------------

static void add_event(struct abi_cpu *s, uint32_t event)
{
	__atomic_fetch_or(&s->pending, event, __ATOMIC_SEQ_CST);
}

void plat_idle(uint64_t deadline_ns, bool (*news)(void))
{
	struct abi_cpu *s = arch_cpu()->shared;
	bool some = false, late = false;
	__atomic_store_n(&s->idle, ABI_IDLE_FUTEX, __ATOMIC_SEQ_CST);
	bool watch = stream_watch_begin();
	if (watch)
		__atomic_store_n(&s->idle, ABI_IDLE_POLL, __ATOMIC_SEQ_CST);
	while (!plat_pending() && !some && !(news && news())) {
		if (watch)
			some = stream_watch(deadline_ns, &late);
		else
			late = host_futex_wait(&s->pending, 0, deadline_ns) == -ETIMEDOUT;
		if (late)
			add_event(s, ABI_EVENT_TIMER);
	}
	__atomic_store_n(&s->idle, 0, __ATOMIC_RELAXED);
	if (watch && !some)
		stream_watch_end();
}

static void timer_set(uint64_t deadline_ns)
{
	struct {
		uint64_t interval[2], sec, nsec;
	} its = { { 0, 0 }, deadline_ns / NSEC_PER_SEC, deadline_ns % NSEC_PER_SEC };
	host_call(__NR_timer_settime, (uint64_t)host_cpu()->timer, 1 /* TIMER_ABSTIME */, (uint64_t)&its, 0, 0, 0);
}

// armed_ns is stored first: the timer may fire, and timer_expired() change it, before the call is back.
void plat_timer_arm(uint64_t deadline_ns)
{
	struct abi_cpu *s = arch_cpu()->shared;
	__atomic_store_n(&s->deadline_ns, deadline_ns, __ATOMIC_SEQ_CST);
	if (deadline_ns >= __atomic_load_n(&s->armed_ns, __ATOMIC_SEQ_CST))
		return;
	__atomic_store_n(&s->armed_ns, deadline_ns, __ATOMIC_SEQ_CST);
	timer_set(deadline_ns ? deadline_ns : 1); // 0 would mean never
}

// What the timer was armed for has come, whatever the clock page says: it may be far behind the host's clock, and a
// timer armed again for a moment the host has passed would fire at once, in this handler, until its stack is full.
void timer_expired(void)
{
	struct abi_cpu *s = arch_cpu()->shared;
	uint64_t deadline = __atomic_load_n(&s->deadline_ns, __ATOMIC_SEQ_CST);
	uint64_t armed = __atomic_exchange_n(&s->armed_ns, TIME_NEVER, __ATOMIC_SEQ_CST);
	if (deadline == TIME_NEVER)
		return;
	if (deadline > armed && deadline > plat_clock_mono_ns() + TIMER_EARLY_NS) {
		plat_timer_arm(deadline);
		return;
	}
	__atomic_store_n(&s->deadline_ns, TIME_NEVER, __ATOMIC_SEQ_CST);
	add_event(s, ABI_EVENT_TIMER);
}

void plat_park(uint32_t *word, uint32_t value, uint64_t ns)
{
	host_futex_wait(word, value, plat_clock_mono_ns() + ns);
}

void plat_unpark(uint32_t *word)
{
	host_futex_wake(word);
}

// A CPU in the kernel looks at its events on the way out.
void plat_kick(uint64_t mask)
{
	const struct abi_boot *boot = plat_boot();
	struct abi_process *p = host_process(boot);
	struct abi_cpu *all = plat_phys_to_virt(boot->cpus_gpa);
	for (unsigned n = 0; mask; n++, mask >>= 1) {
		struct abi_cpu *s = &all[n];
		if (!(mask & 1))
			continue;
		add_event(s, ABI_EVENT_KICK);
		uint32_t idle = __atomic_load_n(&s->idle, __ATOMIC_SEQ_CST);
		if (idle == ABI_IDLE_POLL)
			stream_kick();
		else if (idle)
			host_futex_wake(&s->pending);
		else if (__atomic_exchange_n(&s->armed, 0, __ATOMIC_SEQ_CST))
			host_call(__NR_tgkill, (uint64_t)p->tid[0], (uint64_t)p->tid[n], ABI_PROCESS_SIGNAL, 0, 0, 0);
	}
}
