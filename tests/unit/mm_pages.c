// SPDX-License-Identifier: MIT
//
// The page allocator and the heap above it, in a machine of 24 MiB: blocks never overlap, zero means zero, what
// is given back can all be had again, exhaustion is NULL, and reclaimers are asked first.
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/heap.h"
#include "mm/page.h"
#include "plat/plat.h"
#include "check.h"

#define RAM (24u << 20)
#define BLOCKS 400

static struct abi_boot boot = {.ram_size = RAM, .free_gpa = 0x3000};
static struct abi_stats stats;
uint64_t plat_direct_va;
const struct abi_boot *plat_boot(void) { return &boot; }
struct abi_stats *plat_stats(void) { return &stats; }
void plat_touch_soon(uint64_t gpa, uint64_t len) { CHECK(gpa + len <= RAM); }

void debug_panic(const char *component, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("panic: %s: ", component);
	vprintf(fmt, ap);
	puts("");
	exit(1);
}

static struct block {
	struct page *page;
	unsigned order;
	uint64_t mark;
} block[BLOCKS];

static uint64_t *words(const struct block *b) { return page_virt(b->page); }

static void fill(struct block *b)
{
	for (uint64_t i = 0; i < (PAGE_SIZE << b->order) / 8; i += 64)
		words(b)[i] = b->mark;
}

static void check_and_free(struct block *b)
{
	for (uint64_t i = 0; i < (PAGE_SIZE << b->order) / 8; i += 64)
		CHECK(words(b)[i] == b->mark);
	page_put(b->page);
	b->page = NULL;
}

static void random_blocks(void)
{
	for (uint64_t round = 1; round < 30000; round++) {
		struct block *b = &block[random() % BLOCKS];
		if (b->page) {
			check_and_free(b);
			continue;
		}
		bool zero = random() & 1;
		*b = (struct block){page_alloc((unsigned)(random() % 5), zero ? PAGE_ZERO : 0), 0, round};
		if (!b->page)
			continue;
		b->order = b->page->order;
		CHECK(IS_ALIGNED(page_phys(b->page), PAGE_SIZE << b->order));
		for (uint64_t i = 0; zero && i < (PAGE_SIZE << b->order) / 8; i++)
			CHECK(words(b)[i] == 0);
		fill(b);
	}
	for (int i = 0; i < BLOCKS; i++)
		if (block[i].page)
			check_and_free(&block[i]);
}

static uint64_t take_all(struct page **list)
{
	uint64_t n = 0;
	while ((list[n] = page_alloc(0, 0)) != NULL)
		n++;
	return n;
}

static struct page **held;
static uint64_t held_count;

static size_t reclaim(size_t want)
{
	size_t n = 0;
	while (n < want && held_count) {
		page_put(held[--held_count]);
		n++;
	}
	return n;
}

static void exhaustion(void)
{
	struct page_info before, after;
	struct page **list = calloc(RAM / PAGE_SIZE, sizeof(*list)); // the sanitizer's heap, not the one under test
	page_info(&before);
	held = list;
	held_count = take_all(list);
	CHECK(held_count == before.free);
	CHECK(!page_alloc(0, 0) && !heap_alloc(100000));
	static struct page_reclaimer r = {.reclaim = reclaim};
	page_reclaimer_register(&r);
	struct page *p = page_alloc(0, PAGE_ZERO);
	CHECK(p); // the reclaimer had some
	page_put(p);
	while (held_count)
		page_put(held[--held_count]);
	page_info(&after);
	CHECK(after.free == before.free);
	CHECK(page_alloc(10, 0)); // joined again: 4 MiB in one piece
	free(list);
}

static void heap(void)
{
	static struct {
		uint8_t *p;
		size_t size;
		uint8_t mark;
	} h[BLOCKS];
	for (int round = 1; round < 50000; round++) {
		int i = (int)(random() % BLOCKS);
		for (size_t k = 0; h[i].p && k < h[i].size; k += 13)
			CHECK(h[i].p[k] == h[i].mark);
		size_t size = (size_t)(random() % (round % 50 ? 600 : 20000)) + 1;
		if (h[i].p && random() & 1) {
			uint8_t *p = heap_realloc(h[i].p, size);
			CHECK(p);
			for (size_t k = 0; k < MIN(size, h[i].size); k += 13)
				CHECK(p[k] == h[i].mark);
			h[i].p = p;
		} else {
			heap_free(h[i].p);
			h[i].p = round & 1 ? heap_zalloc(size) : heap_alloc(size);
			CHECK(h[i].p);
			for (size_t k = 0; round & 1 && k < size; k++)
				CHECK(!h[i].p[k]);
		}
		CHECK(IS_ALIGNED((uint64_t)h[i].p, 16));
		h[i].size = size;
		h[i].mark = (uint8_t)round;
		memset(h[i].p, h[i].mark, size);
	}
}

int main(void)
{
	plat_direct_va = (uint64_t)aligned_alloc(4u << 20, RAM);
	memset((void *)plat_direct_va, 0, RAM);
	srandom(1);
	page_init();
	heap();
	random_blocks();
	exhaustion();
	free((void *)plat_direct_va);
	return 0;
}
