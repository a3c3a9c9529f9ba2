// SPDX-License-Identifier: MIT
//
// The CPU's timer on platform linux: it is armed for earlier moments only, moved on where it fires for a moment that
// was given up, and due when the host says so, however late the clock page is: a handler that armed it again for a
// moment in the host's past would be called again before it is over.
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <unistd.h>

#include "abi/boot.h"
#include "arch/arch.h"
#include "check.h"
#include "plat/linux/private.h"
#include "plat/plat.h"
#include "plat/private.h"

#define MS 1000000ull

static _Alignas(ABI_PROCESS_GROUP) char group[ABI_PROCESS_GROUP];
static struct abi_boot boot = {.nucleus_va = (uint64_t)group};
static struct abi_cpu shared;
static struct arch_cpu cpu;
static uint64_t host_now, behind; // the host's clock; how far the clock page is behind it
static uint64_t armed;		  // the host's timer; 0: not set
static unsigned calls;
enum plat_tls plat_tls;
static struct abi_stats stats;
struct abi_stats *plat_stats(void) { return &stats; }

const struct abi_boot *plat_boot(void) { return &boot; }
uint64_t plat_direct_va;
uint64_t plat_clock_mono_ns(void) { return host_now - behind; }
long host_futex_wait(uint32_t *word, uint32_t v, uint64_t ns) { return (void)word, (void)v, (void)ns, 0; }
void host_futex_wake(uint32_t *word) { (void)word; }
void trap_probe(void) {}
void measure_trap(void (*probe)(void)) { (void)probe; }
void window_update(void) {}
bool stream_watch_begin(void) { return false; }
bool stream_watch(uint64_t deadline_ns, bool *late) { return (void)deadline_ns, *late = false; }
void stream_watch_end(void) {}
void stream_kick(void) {}
enum plat_tls plat_tls;

// A timer set to a moment that has passed fires at once, as on the host.
static void run_host(void)
{
	if (!armed || armed > host_now)
		return;
	armed = 0;
	CHECK(++calls < 10);
	timer_expired();
}

long host_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	(void)a, (void)d, (void)e, (void)f;
	CHECK_EQ(nr, __NR_timer_settime);
	CHECK_EQ(b, 1);
	const uint64_t *its = (const uint64_t *)c;
	armed = its[2] * 1000 * MS + its[3];
	run_host();
	return 0;
}

static void at(uint64_t ns)
{
	host_now = ns;
	run_host();
}

static bool due(void)
{
	bool timer = shared.pending & ABI_EVENT_TIMER;
	shared.pending = 0;
	calls = 0;
	return timer;
}

int main(void)
{
	cpu.self = &cpu;
	cpu.shared = &shared;
	CHECK_EQ(syscall(__NR_arch_prctl, ARCH_SET_GS, &cpu), 0);
	shared.deadline_ns = shared.armed_ns = ~0ull;

	at(1000 * MS);
	plat_timer_arm(1010 * MS);
	at(1009 * MS);
	CHECK(!due());
	at(1010 * MS);
	CHECK(due());

	// Later is no call of the host's; what fires for the moment given up is set again.
	plat_timer_arm(1020 * MS);
	plat_timer_arm(1030 * MS);
	CHECK_EQ(armed, 1020 * MS);
	at(1020 * MS);
	CHECK(!due());
	CHECK_EQ(armed, 1030 * MS);
	plat_timer_arm(1025 * MS);
	at(1025 * MS);
	CHECK(due());

	// No longer wanted.
	plat_timer_arm(1040 * MS);
	plat_timer_arm(~0ull);
	at(1040 * MS);
	CHECK(!due());

	// A clock page 5 ms late, with and without a moment given up before.
	behind = 5 * MS;
	plat_timer_arm(1050 * MS);
	at(1050 * MS);
	CHECK(due());
	plat_timer_arm(1060 * MS);
	plat_timer_arm(1062 * MS);
	at(1063 * MS);
	CHECK(due());
	printf("ok plat_timer\n");
	return 0;
}
