// SPDX-License-Identifier: MIT
//
// Panic and notices. Nothing here allocates: a panic may come from the allocator.
#include "debug/debug.h"

#include <stdarg.h>

#include "arch/arch.h"
#include "base/format.h"
#include "base/string.h"
#include "plat/plat.h"

_Noreturn void debug_panic(const char *component, const char *fmt, ...)
{
	static struct abi_panic p;
	static bool again;
	va_list ap;
	if (!again) { // a second panic on the way keeps the first one's words
		again = true;
		string_copy(p.component, component, sizeof(p.component));
		va_start(ap, fmt);
		format_v(p.text, sizeof(p.text), fmt, ap);
		va_end(ap);
		p.cpu = arch_cpu()->number;
		p.frame_count = (uint32_t)arch_backtrace(p.frame, ABI_PANIC_FRAMES);
	}
	plat_panic(&p);
}

void debug_notice(const char *fmt, ...)
{
	static struct abi_report report;
	va_list ap;
	memset(&report, 0, sizeof(report));
	report.kind = ABI_REPORT_NOTICE;
	va_start(ap, fmt);
	format_v(report.text, sizeof(report.text), fmt, ap);
	va_end(ap);
	plat_report(&report);
}

#ifdef WHELK_DEBUG
long debug_fail(long err, const char *file, int line)
{
	debug_notice("%s:%d: error %ld", file, line, -err);
	return err;
}
#endif
