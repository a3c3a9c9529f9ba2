// SPDX-License-Identifier: MIT
//
// Pages of stubs, placed within reach of the code they serve. Stubs are handed out once; a page goes when all its stubs
// are dead, after every CPU has been seen outside it.
#define COMPONENT "patch"
#include <asm/mman.h>

#include "abi/boot.h"
#include "arch/arch.h"
#include "base/string.h"
#include "debug/debug.h"
#include "mm/heap.h"
#include "patch/private.h"
#include "proc/process.h"
#include "sched/sched.h"

#define REACH (1ull << 30) // of the 2 GiB a jump spans: the code may be large, and refer to what is far beyond it

static bool reaches(uint64_t a, uint64_t b) { return (a > b ? a - b : b - a) < REACH; }

static struct area *area_new(struct mm *mm, struct patch *p, uint64_t va)
{
	struct area *a = va && p->area_count < AREAS_MAX ? heap_new(struct area) : NULL;
	if (!a)
		return NULL;
	a->va = va;
	a->page = page_alloc(0, PAGE_ZERO);
	if (!a->page)
		goto no_page;
	code_make_area(page_virt(a->page));
	if (mm_map_phys(mm, va, page_phys(a->page), PAGE_SIZE, PROT_READ | PROT_EXEC, "[syscalls]"))
		goto no_map;
	list_push_back(&p->areas, &a->link);
	p->area_count++;
	return a;
no_map:
	page_put(a->page);
no_page:
	heap_free(a);
	return NULL;
}

struct area *area_near(struct mm *mm, struct patch *p, uint64_t near)
{
	struct area *a;
	list_for_each(a, &p->areas, link)
		if (a->used < AREA_STUBS && reaches(a->va, near))
			return a;
	return area_new(mm, p, mm_gap_near(mm, near, PAGE_SIZE, REACH));
}

// The first stub of the page at `va`, of those not given out, that begins in [lo, hi]; 0: none. The first place holds
// the entry.
static uint64_t stub_between(uint64_t va, uint32_t used, uint64_t lo, uint64_t hi)
{
	uint64_t at = MAX(va + (used + 1) * STUB_SIZE, ALIGN_UP(lo, (uint64_t)STUB_SIZE));
	return at <= hi && at - va < PAGE_SIZE ? at : 0;
}

struct area *area_between(struct mm *mm, struct patch *p, uint64_t lo, uint64_t hi)
{
	struct area *a, *found = NULL;
	list_for_each(a, &p->areas, link)
		if (stub_between(a->va, a->used, lo, hi))
			found = a;
	for (uint64_t top = ALIGN_DOWN(hi, PAGE_SIZE) + PAGE_SIZE; !found && top > lo;) {
		uint64_t va = mm_gap_between(mm, ALIGN_DOWN(lo, PAGE_SIZE), top, PAGE_SIZE);
		if (!va)
			return NULL;
		if (stub_between(va, 0, lo, hi))
			found = area_new(mm, p, va);
		top = va;
	}
	if (found) // the ones before it are lost
		found->used = (uint32_t)((stub_between(found->va, found->used, lo, hi) - found->va) / STUB_SIZE) - 1;
	return found;
}

struct area *area_of(struct patch *p, uint64_t va)
{
	struct area *a;
	list_for_each(a, &p->areas, link)
		if (va - a->va < PAGE_SIZE)
			return a;
	return NULL;
}

bool area_overlaps(const struct patch *p, uint64_t start, uint64_t end)
{
	const struct area *a;
	list_for_each(a, &p->areas, link)
		if (a->va < end && start < a->va + PAGE_SIZE)
			return true;
	return false;
}

void area_free(struct area *a)
{
	page_put(a->page);
	heap_free(a);
}

static void nothing(void *arg) { (void)arg; }

// Threads that were interrupted in a stub go on in the program's own code.
static void leave_area(struct mm *mm)
{
	struct thread *t;
	// after this nobody runs in a stub: all are in the kernel, with their frames made
	sched_call_others(nothing, NULL);
	list_for_each(t, &process_current()->threads, process_link)
		patch_settle(mm, arch_thread_frame(t));
}

void area_stub_dead(struct mm *mm, struct patch *p, uint64_t stub)
{
	struct area *a = area_of(p, stub);
	assert(a && a->live);
	if (--a->live)
		return;
	leave_area(mm);
	list_remove(&a->link); // first: unmapping asks whose it is
	p->area_count--;
	mm_unmap(mm, a->va, PAGE_SIZE);
	area_free(a);
}
