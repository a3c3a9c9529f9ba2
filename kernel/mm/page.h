// SPDX-License-Identifier: MIT
//
// Physical pages of guest RAM: a buddy allocator over a frontier. RAM above the frontier was
// never used, is known to be zero, and its struct page is not even touched (a hello program
// must not pay for bookkeeping of memory it does not use).
#ifndef WHELK_MM_PAGE_H
#define WHELK_MM_PAGE_H

#include "base/api.h"
#include "base/list.h"
#include "base/util.h"

struct page {
	uint32_t refs;	// owners: page tables (each mapping), page caches, kernel users
	uint16_t flags; // PG_*, private to mm
	uint16_t order; // of the free block, or of the allocation, at its first page
	struct list link; // for the owner: free list, LRU
};

#define PAGE_ZERO      (1u << 0) // contents must be zero
#define PAGE_NO_RECLAIM (1u << 1) // do not call reclaimers (used by them)

// 2^order contiguous pages with one reference, or NULL. Tries registered reclaimers before giving up.
API struct page *page_alloc(unsigned order, unsigned flags);
API static inline void page_get(struct page *p SHARED) { p->refs++; }
API void page_split(struct page *p SHARED); // an allocated block becomes single pages
API void page_put_last(struct page *p SHARED);
API static inline void page_put(struct page *p SHARED) // frees at the last reference
{
	if (p->refs <= 1)
		page_put_last(p);
	else
		p->refs--;
}

API uint64_t page_phys(const struct page *p);
API void *page_virt(const struct page *p);
API struct page *page_from_phys(uint64_t phys); // must be RAM
API struct page *page_from_virt(const void *va);

// A reclaimer drops up to `want` clean pages it caches; returns how many it freed.
struct page_reclaimer {
	struct list link;
	size_t (*reclaim)(size_t want);
};
API void page_reclaimer_register(struct page_reclaimer *r SHARED);

struct page_info {
	uint64_t total, free, cached, peak_used; // pages
};
API void page_info(struct page_info *out OUT(1));
API void page_account_cached(int64_t delta); // page caches say what they hold (for /proc/meminfo)

void page_init(void); // boot: from boot.free_gpa on

#endif
