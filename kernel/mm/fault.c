// SPDX-License-Identifier: MIT
//
// Page faults. A fault costs far more than the page it brings, so each maps a run of pages that
// grows while faults stay sequential; a fresh mapping needs no flush.
#define COMPONENT "mm"
#include "mm/private.h"

#include <asm/mman.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>

#include "base/string.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "vfs/vfs.h"
#include "debug/debug.h"

#define RUN_MAX 512u // pages
#define VMA_LARGE (16ul << 20) // a mapping of this size gets 2 MiB pages from its first touch

static bool may_write(const struct vma *v) { return v->prot & PROT_WRITE; }
static bool may_exec(const struct vma *v) { return v->prot & PROT_EXEC; }

static int out_of_memory(void)
{
	struct process *p = process_current();
	if (!p->exiting)
		debug_notice("out of memory: the program is killed (more with -m SIZE)");
	signal_kill_process(p, SIGKILL);
	return SIGKILL;
}

// How many pages this fault maps: four times the last run when it starts where the last one ended; else four, or sixteen
// of a mapping that is no small one (tables that are touched here and there).
static unsigned run_length(struct vma *v, uint64_t addr)
{
	uint64_t last = v->fault_hint & (PAGE_SIZE - 1);
	bool sequential = ALIGN_DOWN(v->fault_hint, PAGE_SIZE) == addr && last;
	unsigned order = sequential ? MIN((unsigned)last + 2, 9u) : 2 + 2 * (v->end - v->start >= HUGE_SIZE);
	return 1u << order;
}

static void run_done(struct vma *v, uint64_t end, unsigned length)
{
	v->fault_hint = end | (unsigned)__builtin_ctz(length);
}

// A whole aligned 2 MiB inside the VMA with nothing mapped yet.
static bool map_huge(struct vma *v, uint64_t addr)
{
	uint64_t start = ALIGN_DOWN(addr, HUGE_SIZE);
	if (start < v->start || start + HUGE_SIZE > v->end || v->flags & VMA_NOHUGE || process_current()->thp_disabled)
		return false;
	pte_t *slot = pt_block(v->mm, start, true);
	if (!slot || pte_present(*slot))
		return false;
	struct page *p = page_alloc(HUGE_SHIFT - PAGE_SHIFT, PAGE_ZERO);
	if (!p)
		return false;
	pt_set(v->mm, slot, pte_make_block(page_phys(p), may_write(v), may_exec(v)));
	return true;
}

// Large mappings may be touched here and there: rounding up must not be what exhausts memory.
static bool plenty(void)
{
	struct page_info info;
	page_info(&info);
	return info.free > info.total / 2;
}

static int fault_anonymous(struct vma *v, uint64_t addr)
{
	unsigned length = run_length(v, addr);
	if ((v->flags & VMA_HUGE || length >= RUN_MAX || (v->end - v->start >= VMA_LARGE && plenty())) &&
	    map_huge(v, addr)) {
		run_done(v, ALIGN_DOWN(addr, HUGE_SIZE) + HUGE_SIZE, RUN_MAX);
		return 0;
	}
	// The run does not cross into the next 2 MiB: there a huge page may follow.
	uint64_t end = MIN(v->end, MIN(addr + length * PAGE_SIZE, ALIGN_DOWN(addr, HUGE_SIZE) + HUGE_SIZE)), at;
	for (at = addr; at < end; at += PAGE_SIZE) {
		pte_t *slot = pt_entry(v->mm, at, true);
		if (slot && pte_present(*slot))
			break;
		struct page *p = slot ? page_alloc(0, PAGE_ZERO) : NULL;
		if (!p && at == addr)
			return out_of_memory();
		if (!p)
			break;
		pt_set(v->mm, slot, pte_page(page_phys(p), may_write(v), may_exec(v)));
	}
	run_done(v, at, length);
	return 0;
}

// A private copy of what is mapped or would be.
static int copy_page(struct vma *v, uint64_t addr, pte_t *slot, const void *src, int *code)
{
	struct page *p = page_alloc(0, 0);
	if (!p)
		return out_of_memory();
	if (arch_copy_fault(page_virt(p), src, PAGE_SIZE, NULL)) { // the host has no memory or no more file behind it
		page_put(p);
		*code = BUS_ADRERR;
		return SIGBUS;
	}
	pte_t entry = pte_page(page_phys(p), true, may_exec(v));
	if (!pte_present(*slot)) {
		pt_set(v->mm, slot, entry);
		return 0;
	}
	struct pt_batch b;
	struct page *old = *slot & PTE_SOFT0 ? NULL : page_from_phys(pte_phys(*slot));
	*slot = entry;
	pt_batch_begin(&b, v->mm);
	pt_batch_add(&b, addr, old); // other CPUs and this one still see the old page
	pt_batch_end(&b);
	return 0;
}

static const void *phys_to_read(uint64_t phys)
{
	return phys < plat_boot()->ram_size ? plat_phys_to_virt(phys) : NULL;
}

// Maps the page and its neighbours that lie beside it, read-only unless shared and writable.
static void map_around(struct vma *v, uint64_t addr, const struct fault_page *fp, bool write)
{
	uint64_t before = MIN(fp->before, (addr - v->start) / PAGE_SIZE),
		 after = MIN(fp->after, (v->end - addr) / PAGE_SIZE - 1);
	before = MIN(before, 16ul);
	after = MIN(after, 47ul);
	uint64_t first = addr - before * PAGE_SIZE;
	uint64_t soft = fp->page ? 0 : PTE_SOFT0;
	for (uint64_t i = 0; i <= before + after; i++) {
		uint64_t va = first + i * PAGE_SIZE, phys = fp->phys - before * PAGE_SIZE + i * PAGE_SIZE;
		pte_t *slot = pt_entry(v->mm, va, true);
		if (!slot || pte_present(*slot))
			continue;
		if (fp->page && va != addr)
			page_get(page_from_phys(phys));
		else if (fp->page)
			page_get(fp->page);
		pt_set(v->mm, slot, pte_page(phys, write, may_exec(v)) | soft);
	}
}

static int fault_file(struct vma *v, uint64_t addr, bool write, int *code)
{
	struct inode *inode = v->file->inode;
	bool shared = v->flags & VMA_SHARED;
	struct fault_page fp = {0};
	uint64_t index = v->pgoff + (addr - v->start) / PAGE_SIZE;
	int err = inode->ops->get_page(inode, index, shared && write, &fp);
	if (err == -ENOMEM)
		return out_of_memory();
	if (err) {
		*code = BUS_ADRERR;
		return SIGBUS;
	}
	pte_t *slot = pt_entry(v->mm, addr, true); // get_page may have slept: look again
	int sig = 0;
	if (!slot) {
		sig = out_of_memory();
	} else if (write && !shared) {
		const void *src = fp.page ? page_virt(fp.page) : phys_to_read(fp.phys);
		if (!src) { // in the file window, which the kernel reads through the program's own mapping
			if (!pte_present(*slot))
				pt_set(v->mm, slot, pte_page(fp.phys, false, may_exec(v)) | PTE_SOFT0);
			plat_translate(addr); // saves a fault; what goes wrong shows when it is read
			src = (const void *)addr;
		}
		sig = copy_page(v, addr, slot, src, code);
	} else if (!pte_present(*slot)) {
		map_around(v, addr, &fp, shared && write && fp.writable);
	} else if (shared && write && !pte_writable(*slot)) {
		*slot |= PTE_WRITE | PTE_DIRTY;
	}
	if (fp.page)
		page_put(fp.page);
	return sig;
}

// A write to a page that is there but read-only.
static int fault_protected(struct vma *v, uint64_t addr, pte_t *slot, int *code)
{
	if (pte_writable(*slot))
		return 0; // another CPU was faster; the processor looks again
	if (v->file && v->flags & VMA_SHARED)
		return fault_file(v, addr, true, code);
	if (*slot & PTE_SOFT0)
		return copy_page(v, addr, slot, (const void *)addr, code);
	struct page *p = page_from_phys(pte_phys(*slot));
	if (p->refs == 1) { // nobody else has it
		*slot |= PTE_WRITE | PTE_DIRTY;
		return 0;
	}
	return copy_page(v, addr, slot, page_virt(p), code);
}

int mm_fault(struct mm *mm, uint64_t addr, unsigned access, int *code)
{
	struct vma *v = vma_at(mm, addr);
	bool write = access & MM_FAULT_WRITE;
	*code = SEGV_MAPERR;
	if (!v)
		return SIGSEGV;
	*code = SEGV_ACCERR;
	if (write		     ? !may_write(v)
	    : access & MM_FAULT_EXEC ? !may_exec(v)
				     : !(v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		return SIGSEGV;
	addr = ALIGN_DOWN(addr, PAGE_SIZE);

	pte_t *block = pt_block(mm, addr, true);
	if (!block)
		return out_of_memory();
	if (pte_present(*block) && pte_block(*block)) {
		if (!write || pte_writable(*block))
			return 0;
		if (!(*block & PTE_SOFT0) && page_from_phys(pte_phys(*block))->refs == 1) {
			*block |= PTE_WRITE | PTE_DIRTY;
			return 0;
		}
	}
	pte_t *slot = pt_entry(mm, addr, true);
	if (!slot)
		return out_of_memory();
	if (pte_present(*slot))
		return write ? fault_protected(v, addr, slot, code) : 0;
	if (!v->file)
		return fault_anonymous(v, addr);
	plat_stats()->faults_file++;
	return fault_file(v, addr, write, code);
}

void mm_populate(struct mm *mm, uint64_t addr, uint64_t len, bool write)
{
	int code;
	for (uint64_t end = addr + len; addr < end; addr += PAGE_SIZE) {
		pte_t *slot = pt_block(mm, addr, false);
		if (slot && pte_present(*slot) && pte_block(*slot))
			continue;
		slot = pt_entry(mm, addr, false);
		if (slot && pte_present(*slot) && (!write || pte_writable(*slot)))
			continue;
		if (mm_fault(mm, addr, write ? MM_FAULT_WRITE : 0, &code))
			return;
	}
}
