// SPDX-License-Identifier: MIT
//
// The page allocator: free lists per order for what came back, a frontier for what was never used.
// struct page array entries above the frontier have never been written.
#define COMPONENT "mm"
#include "mm/page.h"

#include "base/string.h"
#include "plat/plat.h"
#include "debug/asan.h"
#include "debug/debug.h"

#define ORDERS 11 // up to 4 MiB

#define BOOT_PAGES 64 // what the kernel takes until the program runs, and a little more

#define PG_FREE 1u // first page of a free block

static struct page *pages; // one per page of RAM
static uint64_t total, frontier; // page numbers
static uint64_t first_page;	 // first the allocator owns
static uint64_t free_pages, cached_pages;
static struct list free_list[ORDERS];
static struct list reclaimers = LIST_INIT(reclaimers);

void page_init(void)
{
	const struct abi_boot *boot = plat_boot();
	total = boot->ram_size >> PAGE_SHIFT;
	uint64_t array = asan_init(ALIGN_UP(boot->free_gpa, PAGE_SIZE));
	pages = plat_phys_to_virt(array);
	first_page = frontier = ALIGN_UP(array + total * sizeof(struct page), PAGE_SIZE) >> PAGE_SHIFT;
	if (frontier >= total)
		panic("no memory is left: -m is too small");
	free_pages = total - frontier;
	plat_touch_soon(frontier << PAGE_SHIFT, MIN(free_pages, (uint64_t)BOOT_PAGES) << PAGE_SHIFT);
	for (unsigned i = 0; i < ORDERS; i++)
		list_init(&free_list[i]);
}

uint64_t page_phys(const struct page *p) { return (uint64_t)(p - pages) << PAGE_SHIFT; }
void *page_virt(const struct page *p) { return plat_phys_to_virt(page_phys(p)); }
struct page *page_from_virt(const void *va) { return page_from_phys(plat_virt_to_phys(va)); }

struct page *page_from_phys(uint64_t phys)
{
	assert(phys >> PAGE_SHIFT < frontier);
	return &pages[phys >> PAGE_SHIFT];
}

static void put_free(struct page *p, unsigned order)
{
	p->flags = PG_FREE;
	p->order = (uint16_t)order;
	p->refs = 0;
	list_push_front(&free_list[order], &p->link);
}

// Gives a block back, joined with its free buddy as often as there is one.
static void free_block(uint64_t n, unsigned order)
{
	while (order + 1 < ORDERS) {
		uint64_t buddy = n ^ (1ull << order);
		if (buddy < first_page || buddy + (1ull << order) > frontier || pages[buddy].flags != PG_FREE ||
		    pages[buddy].order != order)
			break;
		list_remove(&pages[buddy].link);
		pages[buddy].flags = 0;
		n &= ~(1ull << order);
		order++;
	}
	put_free(&pages[n], order);
}

static struct page *from_lists(unsigned order)
{
	for (unsigned o = order; o < ORDERS; o++) {
		if (list_empty(&free_list[o]))
			continue;
		struct page *p = list_first(&free_list[o], struct page, link);
		list_remove(&p->link);
		p->flags = 0;
		while (o > order) { // the upper halves go back
			o--;
			put_free(p + (1ull << o), o);
		}
		return p;
	}
	return NULL;
}

// Fresh memory, aligned to its size; what alignment skips becomes free blocks.
static struct page *from_frontier(unsigned order)
{
	uint64_t n = ALIGN_UP(frontier, 1ull << order);
	if (n + (1ull << order) > total)
		return NULL;
	uint64_t skipped = frontier;
	frontier = n + (1ull << order);
	for (; skipped < n; skipped++) {
		pages[skipped] = (struct page){0};
		free_block(skipped, 0);
	}
	for (uint64_t i = n; i < frontier; i++)
		pages[i] = (struct page){0};
	return &pages[n];
}

static bool reclaim(size_t want)
{
	static bool busy;
	struct page_reclaimer *r;
	size_t got = 0;
	if (busy)
		return false;
	busy = true;
	list_for_each(r, &reclaimers, link)
		if (got < want)
			got += r->reclaim(want - got);
	busy = false;
	return got > 0;
}

struct page *page_alloc(unsigned order, unsigned flags)
{
	struct page *p;
	bool fresh;
	assert(order < ORDERS);
	do {
		p = from_lists(order);
		fresh = !p;
		if (!p)
			p = from_frontier(order);
	} while (!p && !(flags & PAGE_NO_RECLAIM) && reclaim(MAX(1ul << order, 32ul)));
	if (!p)
		return NULL;
	p->refs = 1;
	p->order = (uint16_t)order;
	list_init(&p->link);
	free_pages -= 1ull << order;
	struct abi_stats *stats = plat_stats();
	stats->pages_used = total - free_pages;
	stats->pages_peak = MAX(stats->pages_peak, stats->pages_used);
	if (flags & PAGE_ZERO && !fresh)
		memset(page_virt(p), 0, PAGE_SIZE << order);
	return p;
}

void page_put_last(struct page *p)
{
	assert(p->refs == 1 && p->flags != PG_FREE);
	p->refs = 0;
	free_pages += 1ull << p->order;
	plat_stats()->pages_used = total - free_pages;
	free_block((uint64_t)(p - pages), p->order);
}

// A block allocated as one becomes single pages, each with one reference.
void page_split(struct page *p)
{
	unsigned order = p->order;
	for (unsigned i = 0; i < 1u << order; i++) {
		p[i].order = 0;
		p[i].refs = 1;
		list_init(&p[i].link);
	}
}

void page_reclaimer_register(struct page_reclaimer *r)
{
	list_push_back(&reclaimers, &r->link);
}

void page_info(struct page_info *out)
{
	*out = (struct page_info){total, free_pages, cached_pages, plat_stats()->pages_peak};
}

void page_account_cached(int64_t delta)
{
	cached_pages += (uint64_t)delta;
}
