// SPDX-License-Identifier: MIT
//
// Calls that have no handler, and how the user learns of them: once per number.
#include "sys/refuse.h"

#include <linux/errno.h>

#include "base/format.h"
#include "base/string.h"
#include "mm/mm.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sys/table.h"
#include "vfs/vfs.h"

#define REPORTED_MAX 1024 // numbers above share one bit

static uint64_t reported[REPORTED_MAX / 64 + 1];

long sys_refuse(void)
{
	return -EPERM;
}

void sys_report_missing(uint64_t nr, const char *what)
{
	uint64_t bit = MIN(nr, (uint64_t)REPORTED_MAX);
	if (reported[bit / 64] & (1ull << bit % 64))
		return;
	reported[bit / 64] |= 1ull << bit % 64;

	static struct abi_report report; // too big for a kernel stack; the kernel lock is held
	memset(&report, 0, sizeof(report));
	const struct frame *frame = thread_current()->frame;
	report.kind = ABI_REPORT_UNKNOWN;
	report.nr = nr;
	report.tid = (uint32_t)thread_current()->tid;
	report.pc = frame_pc(frame);
	string_copy(report.text, what ? what : "", sizeof(report.text));
	struct vma *vma = mm_find(mm_current(), report.pc);
	if (vma && vma->start <= report.pc && vma->file) {
		report.load_base = vma->start - vma->pgoff * PAGE_SIZE;
		report.file_off = report.pc - report.load_base;
		file_format_path(vma->file, report.path, sizeof(report.path));
	}
	plat_report(&report);
}

long sys_missing(uint64_t nr, const struct frame *frame)
{
	(void)frame;
	if (nr < sys_row_count && sys_rows[nr].level == LEVEL_ABSENT)
		return -ENOSYS;
	sys_report_missing(nr, sys_name(nr));
	return -ENOSYS;
}
