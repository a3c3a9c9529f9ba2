// SPDX-License-Identifier: MIT
//
// Reports and panics as lines. Backtraces are given as offsets in the kernel image, which is stripped:
// `addr2line -e build/kernel.full OFFSET` names them.
#include "monitor/report.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "monitor/message.h"

static void print_registers(const struct abi_report *r)
{
	static const char *const name[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
		"r12", "r13", "r14", "r15", "rip", "rflags", "fs_base", "gs_base", "cr2", "error"};
	uint32_t count = r->reg_count < ARRAY_SIZE(name) ? r->reg_count : (uint32_t)ARRAY_SIZE(name);
	for (uint32_t i = 0; i < count; i += 3) {
		char line[128];
		int n = 0;
		for (uint32_t k = i; k < count && k < i + 3; k++)
			n += snprintf(line + n, sizeof(line) - (size_t)n, "  %-7s %016lx", name[k], r->reg[k]);
		message_plain("%s", line);
	}
}

static void print_signal(const struct abi_report *r)
{
	const char *name = r->signal > 0 && r->signal < NSIG ? sigabbrev_np(r->signal) : NULL;
	char where[400] = "", addr[40] = "";

	if (r->path[0])
		snprintf(where, sizeof(where), " (%.255s+0x%lx)", r->path, r->pc - r->load_base);
	if (r->signal == SIGSEGV || r->signal == SIGBUS)
		snprintf(addr, sizeof(addr), ", address 0x%lx", r->addr);
	message("killed by SIG%s (%d), code %d, thread %u, at 0x%lx%s%s", name ? name : "?", r->signal, r->code, r->tid, r->pc,
		where, addr);
	if (message_verbose)
		print_registers(r);
}

// Each call is named once; numbers past the map are always named.
static bool first_time(uint64_t nr)
{
	static uint64_t seen[ABI_STATS_CALLS / 64];
	if (nr >= ABI_STATS_CALLS)
		return true;
	uint64_t bit = 1ull << nr % 64;
	return !(__atomic_fetch_or(&seen[nr / 64], bit, __ATOMIC_RELAXED) & bit);
}

void report_print(const struct abi_report *hostile)
{
	struct abi_report r = *hostile;
	r.path[sizeof(r.path) - 1] = r.text[sizeof(r.text) - 1] = '\0';
	switch (r.kind) {
	case ABI_REPORT_SIGNAL:
		print_signal(&r);
		break;
	case ABI_REPORT_UNKNOWN:
		if (!first_time(r.nr))
			break;
		message("system call %lu%s%s is not implemented (called at 0x%lx%s%s)", r.nr, r.text[0] ? " " : "", r.text, r.pc,
			r.path[0] ? " in " : "", r.path);
		break;
	default:
		message("%s", r.text);
	}
}

void report_panic(const struct abi_panic *p, uint64_t kernel_va, uint64_t kernel_size)
{
	message("kernel panic on CPU %u: %.15s: %.231s", p->cpu, p->component, p->text);
	uint32_t count = p->frame_count < ABI_PANIC_FRAMES ? p->frame_count : ABI_PANIC_FRAMES;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t offset = p->frame[i] - kernel_va;
		if (offset < kernel_size)
			message_plain("  #%-2u kernel+0x%lx", i, offset);
		else
			message_plain("  #%-2u 0x%lx", i, p->frame[i]);
	}
}
