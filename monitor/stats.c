// SPDX-License-Identifier: MIT
//
// Counters of the kernel (untrusted: only printed) and of the monitor.
#include "monitor/stats.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/util.h"
#include "monitor/message.h"

#define CALLS_SHOWN 24

// Names as in kernel/sys/syscalls.def.
static const char call_name[][24] = {
#define ROW(name, ...) [__NR_##name] = #name,
#include "sys/rows.inc"
#undef ROW
};

static const char *name_of(unsigned nr, char buf[16])
{
	if (nr < ARRAY_SIZE(call_name) && call_name[nr][0])
		return call_name[nr];
	snprintf(buf, 16, "%u", nr);
	return buf;
}

static void print_sites(const struct abi_stats *s)
{
	static const char *const why[ABI_SITE_REASONS] = {
		[ABI_SITE_WRITABLE] = "in code that is writable or shared",
		[ABI_SITE_UNPROVEN] = "no unwind table tells where instructions begin",
		[ABI_SITE_UNMOVABLE] = "behind an instruction that cannot be moved",
		[ABI_SITE_NO_ROOM] = "no room for a jump",
		[ABI_SITE_OTHER] = "out of memory",
	};
	message_plain("call sites       %10lu, of them %lu patched", s->sites_seen, s->sites_patched);
	for (unsigned i = 0; i < ABI_SITE_REASONS; i++)
		if (s->sites_refused[i])
			message_plain("  refused %25lu  %s", s->sites_refused[i], why[i]);
}

void stats_print(const struct machine_result *result, uint64_t start_ns, uint64_t end_ns)
{
	const struct abi_stats *s = &result->stats;
	struct rusage ru;
	bool printed[ABI_STATS_CALLS] = {false};

	if (s->booted_ns > start_ns)
		message_plain("boot             %10.3f ms", (double)(s->booted_ns - start_ns) / 1e6);
	message_plain("total            %10.3f ms", (double)(end_ns - start_ns) / 1e6);
	message_plain("guest memory     %10lu KiB used, %lu KiB at most", s->pages_used * 4, s->pages_peak * 4);
	if (getrusage(RUSAGE_SELF, &ru) == 0)
		message_plain("resident memory  %10ld KiB at most, monitor and guest", ru.ru_maxrss);
	message_plain("page faults      %10lu, of them %lu on files", s->faults, s->faults_file);
	message_plain("thread switches  %10lu", s->switches);
	message_plain("interrupts       %10lu", s->interrupts);
	message_plain("TLB flushes      %10lu", s->flushes);
	uint64_t calls = 0;
	for (unsigned i = 0; i < ABI_STATS_CALLS; i++)
		calls += s->call[i];
	message_plain("system calls     %10lu, of them %lu trapped", calls, s->traps);
	if (s->early_calls && s->early_calls <= calls && s->early_traps <= s->traps)
		message_plain("  after %llu ms %13lu, of them %lu trapped", ABI_STATS_EARLY_NS / 1000000,
			      calls - s->early_calls, s->traps - s->early_traps);
	print_sites(s);
	uint64_t exits = 0;
	for (unsigned k = 0; machine_exit_name(k); k++)
		exits += result->exits[k];
	message_plain("exits            %10lu", exits);
	for (unsigned k = 0; machine_exit_name(k); k++)
		if (result->exits[k])
			message_plain("  %-22s %10lu", machine_exit_name(k), result->exits[k]);
	uint64_t others = calls;
	for (int shown = 0; shown < CALLS_SHOWN; shown++) { // the most frequent
		unsigned best = ABI_STATS_CALLS;
		for (unsigned i = 0; i < ABI_STATS_CALLS; i++)
			if (!printed[i] && s->call[i] && (best == ABI_STATS_CALLS || s->call[i] > s->call[best]))
				best = i;
		if (best == ABI_STATS_CALLS)
			break;
		printed[best] = true;
		others -= s->call[best];
		char number[16];
		message_plain("  %-22s %10lu", name_of(best, number), s->call[best]);
	}
	if (others && others <= calls)
		message_plain("  %-22s %10lu", "others", others);
}
