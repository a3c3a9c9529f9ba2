// SPDX-License-Identifier: MIT
//
// Writing to the program's code behind its back. Other CPUs may be executing the very bytes: they get a new page with
// all of them changed, never a page in which some are.
#define COMPONENT "mm"
#include <asm/mman.h>
#include <linux/errno.h>

#include "base/string.h"
#include "base/util.h"
#include "mm/private.h"
#include "plat/plat.h"
#include "sched/sched.h"

static bool is_own(pte_t e)
{
	return !(e & PTE_SOFT0) && pte_dirty(e) && page_from_phys(pte_phys(e))->refs == 1;
}

// The entry of a page that is mapped, NULL.
static pte_t *mapped(struct mm *mm, uint64_t addr)
{
	pte_t *slot = pt_block(mm, addr, false);
	slot = slot && pte_present(*slot) ? pt_entry(mm, addr, false) : NULL;
	return slot && pte_present(*slot) ? slot : NULL;
}

// How the kernel reads it: pages of the file window through the program's own mapping.
static const void *contents(pte_t e, uint64_t addr)
{
	return e & PTE_SOFT0 ? (const void *)addr : (const char *)plat_phys_to_virt(pte_phys(e)) + addr % PAGE_SIZE;
}

bool mm_text_is(struct mm *mm, uint64_t addr, const void *bytes, size_t len)
{
	const pte_t *slot = mapped(mm, addr);
	size_t here = MIN(len, PAGE_SIZE - addr % PAGE_SIZE);
	return slot && memcmp(contents(*slot, addr), bytes, here) == 0 &&
	       (here == len || mm_text_is(mm, addr + here, (const char *)bytes + here, len - here));
}

int mm_text_edit(struct mm *mm, struct text_edit *e, uint64_t addr, const void *bytes, size_t len)
{
	const struct vma *v = vma_at(mm, addr);
	uint64_t offset = addr % PAGE_SIZE, at = addr - offset;
	if (!v || v->flags & (VMA_SHARED | VMA_SPECIAL) || (v->prot & (PROT_WRITE | PROT_EXEC)) != PROT_EXEC ||
	    offset + len > PAGE_SIZE)
		return -EACCES;
	pte_t *slot = mapped(mm, addr);
	if (!slot)
		return -EACCES;
	if (is_own(*slot) && sched_alone()) {
		memcpy((char *)plat_phys_to_virt(pte_phys(*slot)) + offset, bytes, len);
		return 0;
	}
	if (!e->count || e->at[e->count - 1] != at) {
		if (e->count == ARRAY_SIZE(e->at))
			mm_text_flush(mm, e);
		struct page *p = page_alloc(0, 0);
		if (!p)
			return -ENOMEM;
		memcpy(page_virt(p), contents(*slot, at), PAGE_SIZE);
		e->at[e->count] = at;
		e->copy[e->count++] = p;
	}
	memcpy((char *)page_virt(e->copy[e->count - 1]) + offset, bytes, len);
	return 0;
}

void mm_text_flush(struct mm *mm, struct text_edit *e)
{
	struct pt_batch b;
	pt_batch_begin(&b, mm);
	for (unsigned i = 0; i < e->count; i++) {
		pte_t *slot = mapped(mm, e->at[i]);
		struct page *old = *slot & PTE_SOFT0 ? NULL : page_from_phys(pte_phys(*slot));
		*slot = pte_page(page_phys(e->copy[i]), false, true) | PTE_DIRTY; // dirty: a private copy (mm_unmap_inode)
		pt_batch_add(&b, e->at[i], old);
	}
	pt_batch_end(&b);
	e->count = 0;
}

int mm_text_write(struct mm *mm, uint64_t addr, const void *bytes, size_t len)
{
	struct text_edit e = {0};
	int err = mm_text_edit(mm, &e, addr, bytes, len);
	mm_text_flush(mm, &e);
	return err;
}
