// SPDX-License-Identifier: MIT
//
// Calls that have no handler, and how the user learns of them: once per number.
#include "sys/refuse.h"

#include <asm/mman.h>
#include <linux/errno.h>

#include "base/format.h"
#include "base/string.h"
#include "mm/mm.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sys/manifest.h"
#include "sys/table.h"
#include "vfs/vfs.h"

#define REPORTED_MAX 1024 // numbers above share one bit

static uint64_t reported[REPORTED_MAX / 64 + 1];

long sys_refuse(void)
{
	return -EPERM;
}

// The file the code at `pc` comes from, and where in it.
static void locate(uint64_t pc, uint64_t *base, uint64_t *off, char *path, size_t size)
{
	struct vma *vma = mm_find(mm_current(), pc);
	if (!vma || vma->start > pc || !vma->file || !(vma->prot & PROT_EXEC))
		return;
	*base = vma->start - vma->pgoff * PAGE_SIZE;
	*off = pc - *base;
	file_format_path(vma->file, path, size);
}

static void sys_report(uint64_t nr, enum abi_report_kind kind, const char *what)
{
	uint64_t bit = MIN(nr, (uint64_t)REPORTED_MAX);
	if (reported[bit / 64] & (1ull << bit % 64))
		return;
	reported[bit / 64] |= 1ull << bit % 64;

	const struct frame *frame = thread_current()->frame;
	uint64_t pc = frame_pc(frame), caller = 0;
	if (user_get(caller, (const void *)frame_sp(frame))) // may sleep: before the report is begun
		caller = 0;

	static struct abi_report report; // too big for a kernel stack; the kernel lock is held
	memset(&report, 0, sizeof(report));
	report.kind = kind;
	report.nr = nr;
	report.tid = (uint32_t)thread_current()->tid;
	report.pc = pc;
	string_copy(report.text, what ? what : "", sizeof(report.text));
	locate(pc, &report.load_base, &report.file_off, report.path, sizeof(report.path));
	uint64_t base;
	locate(caller, &base, &report.caller_off, report.caller_path, sizeof(report.caller_path));
	plat_report(&report);
}

void sys_report_missing(uint64_t nr, const char *what)
{
	sys_report(nr, ABI_REPORT_UNKNOWN, what);
}

long sys_missing(uint64_t nr, const struct frame *frame)
{
	(void)frame;
	if (!manifest_allows(nr)) {
		sys_report(nr, ABI_REPORT_REFUSED, sys_name(nr));
		return -ENOSYS;
	}
	const struct sys_row *row = sys_row(nr);
	if (row && row->level == LEVEL_ABSENT)
		return -ENOSYS;
	sys_report_missing(nr, sys_name(nr));
	return -ENOSYS;
}
