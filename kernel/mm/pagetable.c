// SPDX-License-Identifier: MIT
//
// Page tables of address spaces. A present entry for RAM holds one reference on its page; entries
// for the file window and fixed pages hold none (PTE_SOFT0). Giving rights needs no flush; taking
// them is collected in a batch and flushed once, before any page is freed.
#define COMPONENT "mm"
#include "mm/private.h"

#include <linux/errno.h>

#include "abi/boot.h"
#include "base/string.h"
#include "plat/plat.h"
#include "sched/sched.h"
#include "debug/debug.h"

static pte_t *table(uint64_t phys) { return plat_phys_to_virt(phys); }

static pte_t *table_new(void)
{
	struct page *p = page_alloc(0, PAGE_ZERO);
	return p ? page_virt(p) : NULL;
}

static int split_block(pte_t *slot)
{
	pte_t *t = table_new();
	if (!t)
		return -ENOMEM;
	pte_t e = *slot;
	uint64_t phys = pte_phys(e);
	if (!(e & PTE_SOFT0))
		page_split(page_from_phys(phys));
	for (unsigned i = 0; i < PTE_ENTRIES; i++)
		t[i] = (e & ~(PTE_ADDR | PTE_BLOCK)) | (phys + i * PAGE_SIZE);
	*slot = pte_table(plat_virt_to_phys(t));
	return 0;
}

pte_t *pt_block(struct mm *mm, uint64_t va, bool create)
{
	pte_t *t = table(mm->root_phys);
	for (unsigned level = PTE_LEVELS - 1; level > 1; level--) {
		pte_t *slot = &t[pte_index(va, level)];
		if (!pte_present(*slot)) {
			pte_t *next = create ? table_new() : NULL;
			if (!next)
				return NULL;
			*slot = pte_table(plat_virt_to_phys(next));
		}
		t = table(pte_phys(*slot));
	}
	return &t[pte_index(va, 1)];
}

pte_t *pt_entry(struct mm *mm, uint64_t va, bool create)
{
	pte_t *slot = pt_block(mm, va, create);
	if (!slot)
		return NULL;
	if (!pte_present(*slot)) {
		pte_t *t = create ? table_new() : NULL;
		if (!t)
			return NULL;
		*slot = pte_table(plat_virt_to_phys(t));
	} else if (pte_block(*slot) && split_block(slot)) {
		return NULL;
	}
	return &table(pte_phys(*slot))[pte_index(va, 0)];
}

void pt_set(struct mm *mm, pte_t *slot, pte_t entry)
{
	assert(!pte_present(*slot));
	*slot = entry;
	mm->resident_pages += pte_block(entry) ? PTE_ENTRIES : 1;
	mm->peak_resident_pages = MAX(mm->peak_resident_pages, mm->resident_pages);
}

void pt_batch_begin(struct pt_batch *b, struct mm *mm)
{
	b->mm = mm;
	b->first = ~0ull;
	b->last = 0;
	b->count = 0;
	b->shares = 0;
	list_init(&b->own);
}

static void flush_here(void *arg)
{
	const struct pt_batch *b = arg;
	plat_flush(b->first, b->last + PAGE_SIZE);
}

static void flush(struct pt_batch *b)
{
	if (!b->count)
		return;
	flush_here(b);
	if (!plat_flush_reaches_all)
		sched_call_others(flush_here, b);
	b->count = 0;
	b->first = ~0ull;
	b->last = 0;
}

void pt_batch_end(struct pt_batch *b)
{
	flush(b);
	for (unsigned i = 0; i < b->shares; i++)
		page_put(b->shared[i]);
	b->shares = 0;
	while (!list_empty(&b->own)) {
		struct page *p = list_first(&b->own, struct page, link);
		list_remove(&p->link);
		page_put(p);
	}
}

void pt_batch_add(struct pt_batch *b, uint64_t va, struct page *page)
{
	b->first = MIN(b->first, va);
	b->last = MAX(b->last, va);
	b->count++;
	if (!page)
		return;
	if (page->refs == 1) {
		list_push_back(&b->own, &page->link);
		return;
	}
	b->shared[b->shares++] = page;
	if (b->shares == ARRAY_SIZE(b->shared))
		pt_batch_end(b);
}

static struct page *page_of(pte_t e)
{
	return e & PTE_SOFT0 ? NULL : page_from_phys(pte_phys(e));
}

// Calls back for each level-1 slot that has something in [start, end): skips holes by whole tables.
static pte_t *next_slot(struct mm *mm, uint64_t *va, uint64_t end)
{
	while (*va < end) {
		pte_t *t = table(mm->root_phys);
		unsigned level = PTE_LEVELS - 1;
		pte_t *slot = &t[pte_index(*va, level)];
		while (pte_present(*slot) && level > 1) {
			t = table(pte_phys(*slot));
			level--;
			slot = &t[pte_index(*va, level)];
		}
		if (pte_present(*slot))
			return slot;
		*va = ALIGN_DOWN(*va, pte_span(level)) + pte_span(level);
	}
	return NULL;
}

void pt_unmap(struct pt_batch *b, uint64_t start, uint64_t end)
{
	uint64_t va = start;
	pte_t *slot;
	while ((slot = next_slot(b->mm, &va, end)) != NULL) {
		uint64_t stop = MIN(end, ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE);
		if (pte_block(*slot) && IS_ALIGNED(va, HUGE_SIZE) && stop - va == HUGE_SIZE) {
			pte_t e = *slot;
			*slot = 0;
			b->mm->resident_pages -= PTE_ENTRIES;
			pt_batch_add(b, va, page_of(e));
			pt_batch_add(b, va + HUGE_SIZE - PAGE_SIZE, NULL);
		} else {
			pte_t *e = pt_entry(b->mm, va, false);
			if (!e)
				panic("no memory to split a huge page"); // one page; reclaim has been tried
			for (uint64_t at = va; at < stop; at += PAGE_SIZE, e++) {
				pte_t old = *e;
				if (!pte_present(old))
					continue;
				*e = 0;
				b->mm->resident_pages--;
				pt_batch_add(b, at, page_of(old));
			}
		}
		va = stop;
	}
}

// Entries that exist lose or gain rights. Writing is only ever taken here; a write fault gives it back, because
// the page may be shared.
static bool protect_entry(pte_t *e, bool write, bool exec, bool none)
{
	pte_t old = *e, new = old;
	new = exec ? new & ~PTE_NX : new | PTE_NX;
	if (!write)
		new &= ~PTE_WRITE;
	new = none ? new & ~PTE_USER : new | PTE_USER;
	new &= ~PTE_PLATFORM;
	*e = new;
	return (old & PTE_WRITE && !(new & PTE_WRITE)) || (!(old & PTE_NX) && new & PTE_NX) || none;
}

void pt_protect(struct pt_batch *b, uint64_t start, uint64_t end, bool write, bool exec, bool none)
{
	uint64_t va = start;
	pte_t *slot;
	while ((slot = next_slot(b->mm, &va, end)) != NULL) {
		uint64_t stop = MIN(end, ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE);
		if (pte_block(*slot) && IS_ALIGNED(va, HUGE_SIZE) && stop - va == HUGE_SIZE) {
			if (protect_entry(slot, write, exec, none))
				pt_batch_add(b, va, NULL), pt_batch_add(b, va + HUGE_SIZE - PAGE_SIZE, NULL);
		} else {
			pte_t *e = pt_entry(b->mm, va, false);
			if (!e)
				panic("no memory to split a huge page");
			for (uint64_t at = va; at < stop; at += PAGE_SIZE, e++)
				if (pte_present(*e) && protect_entry(e, write, exec, none))
					pt_batch_add(b, at, NULL);
		}
		va = stop;
	}
}

// A 2 MiB entry keeps its size when both places are aligned and the new one is empty.
static bool move_block(struct mm *mm, pte_t *slot, uint64_t to)
{
	pte_t *n = pte_block(*slot) && IS_ALIGNED(to, HUGE_SIZE) ? pt_block(mm, to, true) : NULL;
	if (!n || pte_present(*n))
		return false;
	*n = *slot & ~PTE_PLATFORM;
	*slot = 0;
	return true;
}

// mremap: entries move, pages stay.
int pt_move(struct mm *mm, struct pt_batch *b, uint64_t from, uint64_t to, uint64_t len)
{
	uint64_t va = from, end = from + len;
	pte_t *slot;
	while ((slot = next_slot(mm, &va, end)) != NULL) {
		uint64_t stop = MIN(end, ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE);
		if (IS_ALIGNED(va, HUGE_SIZE) && stop - va == HUGE_SIZE && move_block(mm, slot, to + (va - from))) {
			pt_batch_add(b, va, NULL);
			pt_batch_add(b, stop - PAGE_SIZE, NULL);
			va = stop;
			continue;
		}
		for (; va < stop; va += PAGE_SIZE) {
			pte_t *e = pt_entry(mm, va, false);
			if (!e || !pte_present(*e))
				continue;
			pte_t *n = pt_entry(mm, to + (va - from), true);
			if (!n)
				return -ENOMEM;
			*n = *e & ~PTE_PLATFORM;
			*e = 0;
			pt_batch_add(b, va, NULL);
		}
	}
	return 0;
}

// The kernel's part of every root is the same: the tables below it are shared.
int pt_create(struct mm *mm)
{
	pte_t *root = table_new();
	if (!root)
		return -ENOMEM;
	const pte_t *kernel = table(plat_boot()->root_gpa);
	for (unsigned i = pte_index(ABI_VA_USER_END, PTE_LEVELS - 1); i < PTE_ENTRIES; i++)
		root[i] = kernel[i];
	mm->root_phys = plat_virt_to_phys(root);
	return 0;
}

static void destroy_level(uint64_t phys, unsigned level, unsigned entries)
{
	pte_t *t = table(phys);
	for (unsigned i = 0; level > 0 && i < entries; i++)
		if (pte_present(t[i]) && !pte_block(t[i]))
			destroy_level(pte_phys(t[i]), level - 1, PTE_ENTRIES);
	page_put(page_from_phys(phys));
}

void pt_destroy(struct mm *mm)
{
	destroy_level(mm->root_phys, PTE_LEVELS - 1, pte_index(ABI_VA_USER_END, PTE_LEVELS - 1));
}
