// SPDX-License-Identifier: MIT
//
// Address spaces and their VMAs: a tree by start, never overlapping; neighbours that are the same
// are merged.
#define COMPONENT "mm"
#include "mm/private.h"

#include <asm/mman.h>
#include <linux/errno.h>

#include "abi/boot.h"
#include "devfs/random.h"
#include "mm/heap.h"
#include "plat/plat.h"
#include "sched/sched.h"
#include "vfs/vfs.h"
#include "debug/debug.h"

struct mm *mm_create(void)
{
	struct mm *mm = heap_new(struct mm);
	if (!mm)
		return NULL;
	mm->refs = 1;
	tree_init(&mm->vmas);
	if (pt_create(mm)) {
		heap_free(mm);
		return NULL;
	}
	// mmap goes down from a random top: 46 bits of page numbers, of which the upper half of the range is used.
	uint64_t span = (ABI_VA_USER_END - ABI_VA_RANDOM_MIN) / 2;
	mm->mmap_top = ALIGN_DOWN(ABI_VA_USER_END - (1ull << 40) - random_u64() % (span - (1ull << 41)), PAGE_SIZE);
	return mm;
}

// A CPU that idles still has the tables of what ran last.
static void leave_tables(void *arg)
{
	const struct mm *mm = arg;
	if (plat_page_root() == mm->root_phys)
		plat_set_page_root(plat_boot()->root_gpa);
}

void mm_put(struct mm *mm)
{
	assert(mm->refs);
	if (--mm->refs)
		return;
	text_changes(mm, 0, ABI_VA_USER_END, MM_DESTROYS);
	leave_tables(mm);
	sched_call_others(leave_tables, mm);
	struct pt_batch b;
	pt_batch_begin(&b, mm);
	pt_unmap(&b, 0, ABI_VA_USER_END);
	b.count = 0; // no CPU uses these tables any more: nothing to flush
	pt_batch_end(&b);
	struct vma *v;
	while ((v = tree_first_entry(&mm->vmas, struct vma, node)) != NULL)
		vma_delete(v);
	pt_destroy(mm);
	if (mm->exe) {
		inode_allow_write(mm->exe->inode);
		file_put(mm->exe);
	}
	heap_free(mm);
}

void mm_activate(struct mm *mm)
{
	if (plat_page_root() != mm->root_phys)
		plat_set_page_root(mm->root_phys);
}

void mm_init(void) {}

static bool vma_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct vma, node)->start < tree_entry(b, struct vma, node)->start;
}

static bool ends_before(const struct tree_node *n, const void *key)
{
	return tree_entry(n, struct vma, node)->end <= *(const uint64_t *)key;
}

struct vma *mm_find(struct mm *mm, uint64_t addr)
{
	return tree_entry_or_null(tree_lower_bound(&mm->vmas, &addr, ends_before), struct vma, node);
}

struct vma *vma_at(struct mm *mm, uint64_t addr)
{
	struct vma *v = mm_find(mm, addr);
	return v && v->start <= addr ? v : NULL;
}

static void link_inode(struct vma *v)
{
	list_init(&v->inode_link);
	if (v->file)
		list_push_back(&v->file->inode->mappings, &v->inode_link);
}

struct vma *vma_new(struct mm *mm, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags, struct file *file,
		    uint64_t pgoff)
{
	struct vma *v = heap_new(struct vma);
	if (!v)
		return NULL;
	*v = (struct vma){
		.mm = mm, .start = start, .end = end, .prot = prot, .flags = flags, .file = file, .pgoff = pgoff};
	if (file)
		file_get(file);
	link_inode(v);
	tree_insert(&mm->vmas, &v->node, vma_before);
	mm->vma_count++;
	mm->mapped_pages += (end - start) / PAGE_SIZE;
	return v;
}

void vma_delete(struct vma *v)
{
	struct mm *mm = v->mm;
	tree_remove(&mm->vmas, &v->node);
	list_remove(&v->inode_link);
	mm->vma_count--;
	mm->mapped_pages -= (v->end - v->start) / PAGE_SIZE;
	if (v->flags & VMA_LOCKED)
		mm->locked_pages -= (v->end - v->start) / PAGE_SIZE;
	if (v->file)
		file_put(v->file);
	heap_free(v);
}

int vma_split(struct vma *v, uint64_t at)
{
	struct vma *n = heap_new(struct vma);
	if (!n)
		return -ENOMEM;
	*n = *v;
	n->start = at;
	n->pgoff = v->pgoff + (at - v->start) / PAGE_SIZE;
	n->fault_hint = 0;
	v->end = at;
	if (n->file)
		file_get(n->file);
	link_inode(n);
	tree_insert(&v->mm->vmas, &n->node, vma_before);
	v->mm->vma_count++;
	return 0;
}

int vma_isolate(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = vma_at(mm, start);
	if (v && v->start < start && vma_split(v, start))
		return -ENOMEM;
	v = vma_at(mm, end - 1);
	return v && v->end > end ? vma_split(v, end) : 0;
}

static bool same(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags && a->file == b->file &&
	       a->name == b->name && !(a->flags & VMA_SPECIAL) &&
	       (!a->file || a->pgoff + (a->end - a->start) / PAGE_SIZE == b->pgoff);
}

void vma_merge_around(struct mm *mm, uint64_t start, uint64_t end)
{
	struct vma *v = mm_find(mm, start ? start - 1 : 0), *n;
	while (v && v->start <= end && (n = vma_next(v)) != NULL) {
		if (!same(v, n)) {
			v = n;
			continue;
		}
		uint64_t stop = n->end, pages = (n->end - n->start) / PAGE_SIZE;
		uint64_t locked = n->flags & VMA_LOCKED ? pages : 0;
		vma_delete(n);
		mm->mapped_pages += pages;
		mm->locked_pages += locked;
		v->end = stop;
	}
}

// The highest gap of `len` bytes that ends at or below hi.
uint64_t vma_find_gap(struct mm *mm, uint64_t len, uint64_t lo, uint64_t hi)
{
	struct vma *v = mm_find(mm, hi);
	// v is the first that ends above hi; a gap can only end below its start.
	if (v && v->start < hi)
		hi = v->start;
	struct vma *prev = v ? tree_prev_entry(v, struct vma, node)
			     : tree_entry_or_null(tree_last(&mm->vmas), struct vma, node);
	for (;;) {
		uint64_t floor = prev ? MAX(prev->end, lo) : lo;
		if (hi >= floor && hi - floor >= len)
			return hi - len;
		if (!prev || prev->start <= lo)
			return 0;
		hi = MIN(hi, prev->start);
		prev = tree_prev_entry(prev, struct vma, node);
	}
}

uint64_t mm_pick_random(struct mm *mm, uint64_t len, uint64_t align, uint64_t lo, uint64_t hi)
{
	if (len > hi - lo)
		return 0;
	for (int tries = 0; tries < 64; tries++) {
		uint64_t at = ALIGN_UP(lo + random_u64() % (hi - lo - len + 1), align);
		if (at + len > hi)
			continue;
		struct vma *v = mm_find(mm, at);
		if (!v || v->start >= at + len)
			return at;
	}
	return 0;
}
