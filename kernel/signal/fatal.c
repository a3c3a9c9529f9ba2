// SPDX-License-Identifier: MIT
//
// The end by a signal: who is told what, then the process goes.
#include "mm/mm.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "signal/private.h"
#include "vfs/vfs.h"

// Where the code at pc came from: path, offset in the file, and how far the file was moved.
static void locate(struct abi_report *r, struct mm *mm)
{
	struct vma *at = mm_find(mm, r->pc), *v;
	if (!at || at->start > r->pc || !at->file)
		return;
	if (file_format_path(at->file, r->path, sizeof(r->path)) < 0)
		r->path[0] = 0;
	r->file_off = r->pc - at->start + at->pgoff * PAGE_SIZE;
	tree_for_each(v, &mm->vmas, node)
		if (v->file && v->file->inode == at->file->inode) {
			r->load_base = v->start - v->pgoff * PAGE_SIZE;
			break;
		}
}

static void report(const struct frame *frame, int sig, const siginfo_k *info)
{
	struct thread *t = thread_current();
	struct abi_report r = {
		.kind = ABI_REPORT_SIGNAL,
		.signal = sig,
		.code = info->si_code,
		.tid = (uint32_t)t->tid,
		.addr = (uint64_t)info->si_addr,
		.pc = frame_pc(frame),
	};
	locate(&r, t->process->mm);
	r.reg_count = arch_report_registers(t, frame, r.reg);
	if (r.reg_count + 2 <= 24) {
		r.reg[r.reg_count++] = t->signal.fault_addr;
		r.reg[r.reg_count++] = t->signal.fault_error;
	}
	plat_report(&r);
}

_Noreturn void signal_die(struct frame *frame, int sig, const siginfo_k *info)
{
	if (!process_current()->exiting)
		report(frame, sig, info);
	process_exit(sig | (SIGNALS_CORE & SIGNAL_MASK(sig) ? 0x80 : 0));
}
