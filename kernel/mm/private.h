// SPDX-License-Identifier: MIT
//
// What mm's files share.
#ifndef WHELK_MM_PRIVATE_H
#define WHELK_MM_PRIVATE_H

#include "arch/pte.h"
#include "mm/mm.h"
#include "mm/page.h"

// --- pagetable.c: entries of one address space ------------------------------------------------------
// The level-0 entry of va, with tables made on the way when `create` (NULL: no memory); a 2 MiB block in
// the way is split. Without `create` NULL also means: nothing mapped.
pte_t *pt_entry(struct mm *mm, uint64_t va, bool create);
// The level-1 entry; NULL as above.
pte_t *pt_block(struct mm *mm, uint64_t va, bool create);
// Puts a present entry where none was and accounts it. The page's reference passes to the table.
void pt_set(struct mm *mm, pte_t *slot, pte_t entry);

// What an unmap or protect must flush, and pages to free after that.
struct pt_batch {
	struct mm *mm;
	uint64_t first, last; // addresses whose rights shrank
	uint64_t count;
	struct list own;	// pages with no other owner, by their links
	struct page *shared[64];
	unsigned shares;
};
void pt_batch_begin(struct pt_batch *b, struct mm *mm);
void pt_batch_end(struct pt_batch *b); // flushes, then drops the pages
void pt_batch_add(struct pt_batch *b, uint64_t va, struct page *page); // page: a reference to drop, or NULL
void pt_unmap(struct pt_batch *b, uint64_t start, uint64_t end);
void pt_protect(struct pt_batch *b, uint64_t start, uint64_t end, bool write, bool exec, bool none);
int pt_move(struct mm *mm, struct pt_batch *b, uint64_t from, uint64_t to, uint64_t len);
int pt_create(struct mm *mm);
void pt_destroy(struct mm *mm);

static inline void text_changes(struct mm *mm, uint64_t start, uint64_t end, enum mm_change change)
{
	if (unlikely(mm->text_changes != NULL))
		mm->text_changes(mm, start, end, change);
}

// --- vma.c ------------------------------------------------------------------------------------------
struct vma *vma_new(struct mm *mm, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags, struct file *file,
		    uint64_t pgoff);
int vma_split(struct vma *v, uint64_t at);	// `at` becomes a boundary
int vma_isolate(struct mm *mm, uint64_t start, uint64_t end); // both ends become boundaries
void vma_delete(struct vma *v);
void vma_merge_around(struct mm *mm, uint64_t start, uint64_t end);
uint64_t vma_find_gap(struct mm *mm, uint64_t len, uint64_t lo, uint64_t hi); // highest; 0: none
struct vma *vma_at(struct mm *mm, uint64_t addr); // that contains addr, or NULL
static inline struct vma *vma_next(struct vma *v) { return tree_next_entry(v, struct vma, node); }

#endif
