// SPDX-License-Identifier: MIT
//
// The clock page: the host's CLOCK_MONOTONIC as a line through the processor's counter, drawn anew
// about once a second while the guest runs. Guest time never goes backwards: where it is ahead of the
// host's, it runs slower for a while.
#include <time.h>

#include "monitor/private.h"

#define CLOCK_SHIFT   32
#define CLOCK_FIRST   100000000ull // the first correction comes soon: the frequency is a guess until then
#define CLOCK_PERIOD  1000000000ull

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }

void clock_sample(uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = ~0ull;
	for (int i = 0; i < 3; i++) {
		uint64_t a = arch_counter(), t = mono_ns(), b = arch_counter();
		if (b - a < best) {
			best = b - a;
			*tsc = a + (b - a) / 2;
			*ns = t;
		}
	}
}

// From here to publish() no reader gets a time: one taken from the old line after the new one's first moment could
// be later than what follows.
static void hold(struct machine *m)
{
	uint32_t seq = __atomic_load_n(&m->clock->seq, __ATOMIC_RELAXED) | 1;
	__atomic_store_n(&m->clock->seq, seq, __ATOMIC_SEQ_CST);
}

static void release(struct machine *m)
{
	uint32_t seq = __atomic_load_n(&m->clock->seq, __ATOMIC_RELAXED) | 1;
	__atomic_store_n(&m->clock->seq, seq + 1, __ATOMIC_RELEASE);
}

static void publish(struct machine *m, uint64_t tsc, uint64_t ns, uint64_t mult)
{
	struct abi_clock *c = m->clock;
	int64_t wall = (int64_t)(read_ns(CLOCK_REALTIME) - mono_ns());
	int64_t boot = (int64_t)(read_ns(CLOCK_BOOTTIME) - mono_ns());
	int64_t tai = (int64_t)(read_ns(CLOCK_TAI) - read_ns(CLOCK_REALTIME));

	// Whole seconds but for the time between two readings.
	tai = (tai + 500000000) / 1000000000 * 1000000000;
	c->shift = CLOCK_SHIFT;
	c->mult = mult;
	c->tsc_base = tsc;
	c->mono_ns = ns;
	// Two readings are some ten nanoseconds apart: not worth a jump of the wall clock.
	if (wall - c->wall_off_ns > 1000 || c->wall_off_ns - wall > 1000)
		c->wall_off_ns = wall;
	if (boot - c->boot_off_ns > 1000 || c->boot_off_ns - boot > 1000)
		c->boot_off_ns = boot;
	c->tai_off_ns = tai;
	c->tsc_khz = m->features.tsc_khz;
	release(m);
}

static uint64_t scale(uint64_t ticks, uint64_t mult)
{
	return (uint64_t)((unsigned __int128)ticks * mult >> CLOCK_SHIFT);
}

void clock_init(struct machine *m)
{
	hold(m);
	clock_sample(&m->clock_tsc, &m->clock_ns);
	m->clock->wall_off_ns = m->clock->boot_off_ns = INT64_MIN / 2;
	publish(m, m->clock_tsc, m->clock_ns, (1000000ull << CLOCK_SHIFT) / m->features.tsc_khz);
	m->clock_due_ns = m->clock_ns + CLOCK_FIRST;
}

// The page lies in guest memory; what the guest wrote there harms only the guest.
void clock_refresh(struct machine *m)
{
	uint64_t tsc = 0, ns = 0;

	if (pthread_mutex_trylock(&m->clock_lock))
		return;
	if (mono_ns() < __atomic_load_n(&m->clock_due_ns, __ATOMIC_RELAXED))
		goto out;
	hold(m);
	clock_sample(&tsc, &ns);
	if (tsc <= m->clock_tsc) {
		release(m);
		goto out;
	}
	uint64_t rate = (uint64_t)(((unsigned __int128)(ns - m->clock_ns) << CLOCK_SHIFT) / (tsc - m->clock_tsc));
	uint64_t guest = m->clock->mono_ns + scale(tsc - m->clock->tsc_base, m->clock->mult);
	int64_t ahead = (int64_t)(guest - ns);
	// Behind: step forward. Ahead: slow down, by 10 % at most, so that a period makes up for it. A longer time
	// until the next look only leaves the guest behind.
	if (ahead < 0) {
		guest = ns;
		ahead = 0;
	} else if (ahead > (int64_t)CLOCK_PERIOD / 10) {
		ahead = (int64_t)CLOCK_PERIOD / 10;
	}
	uint64_t mult = (uint64_t)((unsigned __int128)rate * (CLOCK_PERIOD - (uint64_t)ahead) / CLOCK_PERIOD);
	publish(m, tsc, guest, mult);
	m->clock_tsc = tsc;
	m->clock_ns = ns;
	__atomic_store_n(&m->clock_due_ns, ns + CLOCK_PERIOD, __ATOMIC_RELAXED);
out:
	pthread_mutex_unlock(&m->clock_lock);
}
