// SPDX-License-Identifier: MIT
//
// Reports and panics as lines. A panic's backtrace is given as offsets in the kernel image, which is stripped:
// `addr2line -e build/kernel.full OFFSET` (build/kernel-linux.full on platform linux) names them. The program's own
// addresses get names from its file, unless that is one the guest keeps in memory.
#include "monitor/report.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/message.h"
#include "monitor/symbol.h"
#include "monitor/view.h"
#include "monitor_arch.h"

// "name+0x12 in PATH" (or "PATH+0x1234"); "" when the address lies in no file.
static const char *locate(const struct view *view, const char *path, uint64_t off, char *out, size_t size)
{
	char symbol[200] = "";
	struct stat st;
	out[0] = '\0';
	if (!path[0])
		return out;
	int fd = path[0] == '/' && !view_hidden(view, path)
			 ? view_open_path(view, path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
			 : -1;
	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			symbol_find(fd, off, symbol, sizeof(symbol));
		close(fd);
	}
	if (symbol[0])
		snprintf(out, size, "%s in %s", symbol, path);
	else
		snprintf(out, size, "%s+0x%lx", path, off);
	return out;
}

static void print_registers(const struct abi_report *r)
{
	static const char *const name[] = ARCH_REGISTERS;
	uint32_t count = MIN(MIN(r->reg_count, (uint32_t)ARRAY_SIZE(name)), (uint32_t)ARRAY_SIZE(r->reg));
	for (uint32_t i = 0; i < count; i += 3) {
		char line[128];
		int n = 0;
		for (uint32_t k = i; k < count && k < i + 3; k++)
			n += snprintf(line + n, sizeof(line) - (size_t)n, "  %-7s %016lx", name[k], r->reg[k]);
		message_plain("%s", line);
	}
}

static const char *code_name(int sig, int code)
{
	switch (code) {
	case SI_USER:
	case SI_QUEUE:
	case SI_TKILL:
		return ", sent by kill";
	case SI_KERNEL:
		return "";
	}
	if (sig == SIGSEGV)
		return code == SEGV_MAPERR ? ", nothing is mapped there" : code == SEGV_ACCERR ? ", no permission" : "";
	if (sig == SIGBUS)
		return code == BUS_ADRERR ? ", beyond the end of the file" : "";
	return "";
}

static void print_signal(const struct abi_report *r, const struct view *view)
{
	const char *name = r->signal > 0 && r->signal < NSIG ? sigabbrev_np(r->signal) : NULL;
	char place[600], number[16], addr[40] = "";
	bool fault = (r->signal == SIGSEGV || r->signal == SIGBUS) && r->code > 0 && r->code != SI_KERNEL;

	locate(view, r->path, r->file_off, place, sizeof(place));
	snprintf(number, sizeof(number), "%d", r->signal);
	if (fault)
		snprintf(addr, sizeof(addr), ", address 0x%lx", r->addr);
	message("killed by %s%s (%d) at 0x%lx%s%s%s%s%s, thread %u", name ? "SIG" : "signal ", name ? name : number,
		r->signal, r->pc, place[0] ? " (" : "", place, place[0] ? ")" : "", addr, code_name(r->signal, r->code),
		r->tid);
	if (message_verbose)
		print_registers(r);
}

static void print_unknown(const struct abi_report *r, const struct view *view)
{
	char place[600], caller[600];
	locate(view, r->path, r->file_off, place, sizeof(place));
	locate(view, r->caller_path, r->caller_off, caller, sizeof(caller));
	message("system call %lu%s%s%s is not %s: called at 0x%lx%s%s%s%s", r->nr, r->text[0] ? " (" : "", r->text,
		r->text[0] ? ")" : "", r->kind == ABI_REPORT_REFUSED ? "in the image's manifest" : "implemented", r->pc,
		place[0] ? ", " : "", place, caller[0] ? ", from " : "", caller);
}

// Each call is named once; numbers past the map share a bit.
static bool first_time(uint64_t nr)
{
	static uint64_t seen[ABI_STATS_CALLS / 64 + 1];
	nr = MIN(nr, (uint64_t)ABI_STATS_CALLS);
	uint64_t bit = 1ull << nr % 64;
	return !(__atomic_fetch_or(&seen[nr / 64], bit, __ATOMIC_RELAXED) & bit);
}

void report_print(const struct abi_report *hostile, const struct view *view)
{
	struct abi_report r = *hostile;
	r.path[sizeof(r.path) - 1] = r.text[sizeof(r.text) - 1] = r.caller_path[sizeof(r.caller_path) - 1] = '\0';
	switch (r.kind) {
	case ABI_REPORT_SIGNAL:
		print_signal(&r, view);
		break;
	case ABI_REPORT_UNKNOWN:
	case ABI_REPORT_REFUSED:
		if (first_time(r.nr))
			print_unknown(&r, view);
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
