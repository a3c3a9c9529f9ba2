// SPDX-License-Identifier: MIT
//
// Memory shared with the program: pages in one piece, so that the kernel reaches them by one pointer.
#include <linux/errno.h>

#include "aio/async.h"
#include "base/string.h"
#include "mm/page.h"
#include "vfs/vfs.h"

int ring_memory_alloc(struct ring_memory *m, size_t size)
{
	unsigned order = 0;
	uint64_t pages = ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE;
	while (1ul << order < pages)
		order++;
	*m = (struct ring_memory){0};
	struct page *p = page_alloc(order, PAGE_ZERO);
	if (!p)
		return -ENOMEM;
	page_split(p);
	m->base = page_virt(p);
	m->pages = pages;
	for (uint64_t i = pages; i < 1ul << order; i++)
		page_put(page_from_virt((char *)m->base + i * PAGE_SIZE));
	return 0;
}

void ring_memory_free(struct ring_memory *m)
{
	for (uint64_t i = 0; i < m->pages; i++)
		page_put(page_from_virt((char *)m->base + i * PAGE_SIZE));
	*m = (struct ring_memory){0};
}

int ring_memory_page(const struct ring_memory *m, uint64_t index, struct fault_page *out)
{
	if (index >= m->pages)
		return -EFAULT;
	struct page *p = page_from_virt((char *)m->base + index * PAGE_SIZE);
	page_get(p);
	*out = (struct fault_page){
		.phys = page_phys(p), .page = p, .before = index, .after = m->pages - 1 - index, .writable = true};
	return 0;
}
