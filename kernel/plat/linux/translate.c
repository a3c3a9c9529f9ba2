// SPDX-License-Identifier: MIT
//
// The host's mappings as a cache of the page tables the kernel keeps: the processor does not walk those here. What
// faults is mapped by mmap(MAP_FIXED) from guest RAM or from a file of the window, with its neighbours that continue
// it in memory and have not been taken over yet (PTE_PLATFORM). When the host has no room for more mappings,
// everything is dropped and comes back fault by fault.
//
// All CPUs are threads of one process and share these mappings: one address space is in use at a time.
#define COMPONENT "plat"
#include <linux/mman.h>
#include <asm/unistd.h>
#include <linux/errno.h>

#include "arch/arch.h"
#include "arch/pte.h"
#include "base/util.h"
#include "debug/debug.h"
#include "plat/linux/private.h"
#include "plat/plat.h"

#define FEW_PAGES    16 // of a file, which are mapped at once
#define RELOAD_PAGES 16 // neighbours of a page whose mapping has gone: perhaps theirs has too

const bool plat_flush_reaches_all = true;

static uint64_t mapped_root; // whose entries the host's mappings are

static void drop(uint64_t first, uint64_t end)
{
	long r = host_call(__NR_munmap, first, end - first, 0, 0, 0, 0);
	if (r < 0) // the host wants to split a mapping and has no room: all of them need no splitting
		r = host_call(__NR_munmap, ABI_VA_USER_MIN, ABI_VA_USER_END - ABI_VA_USER_MIN, 0, 0, 0, 0);
	if (r < 0)
		panic("the host does not take a mapping back: error %d", (int)-r);
}

void plat_flush(uint64_t first, uint64_t end)
{
	plat_stats()->flushes++;
	drop(MAX(first, ABI_VA_USER_MIN), MIN(end, ABI_VA_USER_END));
}

void plat_set_page_root(uint64_t root_gpa)
{
	arch_cpu()->root = root_gpa;
	if (mapped_root == root_gpa)
		return;
	mapped_root = root_gpa;
	drop(ABI_VA_USER_MIN, ABI_VA_USER_END);
}

// A host before Linux 5.14 says no, and takes the faults.
void plat_touch_soon(uint64_t gpa, uint64_t len)
{
	host_call(__NR_madvise, (uint64_t)plat_phys_to_virt(gpa), len, MADV_POPULATE_WRITE, 0, 0, 0);
}

static uint64_t host_prot(pte_t e)
{
	return PROT_READ | (pte_writable(e) ? PROT_WRITE : 0) | (pte_executable(e) ? PROT_EXEC : 0);
}

// Text is mapped privately: it stays what RAM or the file holds, and a debugger can set breakpoints there.
static long map_file(uint64_t va, uint64_t len, uint64_t prot, uint64_t flags, int fd, uint64_t off)
{
	bool text = (prot & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC;
	uint64_t how = MAP_FIXED | (text ? MAP_PRIVATE : MAP_SHARED);
	long r = host_call(__NR_mmap, va, len, prot, how | flags, (uint64_t)fd, off);
	if (r != -ENOMEM)
		return r;
	drop(ABI_VA_USER_MIN, ABI_VA_USER_END);
	return host_call(__NR_mmap, va, len, prot, how, (uint64_t)fd, off);
}

static int map(uint64_t va, uint64_t len, pte_t e)
{
	uint64_t phys = pte_phys(e);
	if (phys < plat_boot()->ram_size) {
		long r = map_file(va, len, host_prot(e), MAP_POPULATE, ABI_PROCESS_RAM, phys);
		return r < 0 ? (int)r : 0;
	}
	uint64_t at = phys - ABI_GPA_DAX;
	const struct window_part *w = window_find(at);
	if (!w)
		return -ENXIO;
	uint64_t skip = at - w->offset;
	// of more the host maps what is around the fault
	uint64_t flags = len <= FEW_PAGES * PAGE_SIZE ? MAP_POPULATE : 0;
	long r = map_file(va, MIN(len, w->len - skip), host_prot(e), flags, w->fd, w->file_off + skip);
	return r < 0 ? (int)r : 0;
}

// Does the entry continue another, `distance` pages away?
static bool continues(pte_t e, pte_t first, int64_t distance, bool reload)
{
	const pte_t rights = PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_NX | PTE_SOFT0;
	return (reload || !(e & PTE_PLATFORM)) && (e & rights) == (first & rights) &&
	       pte_phys(e) == pte_phys(first) + (uint64_t)distance * PAGE_SIZE;
}

static int take_run(pte_t *t, unsigned at, uint64_t va)
{
	pte_t e = t[at];
	bool reload = e & PTE_PLATFORM;
	unsigned first = at, end = at + 1, least = 0, most = PTE_ENTRIES;
	if (reload) {
		least = at > RELOAD_PAGES ? at - RELOAD_PAGES : 0;
		most = MIN(at + RELOAD_PAGES, (unsigned)PTE_ENTRIES);
	}
	while (first > least && continues(t[first - 1], e, (int64_t)first - 1 - at, reload))
		first--;
	while (end < most && continues(t[end], e, (int64_t)end - at, reload))
		end++;
	int err = map(va - (at - first) * PAGE_SIZE, (end - first) * PAGE_SIZE, t[first]);
	for (unsigned i = first; !err && i < end; i++)
		t[i] |= PTE_PLATFORM;
	return err;
}

int plat_translate(uint64_t va)
{
	va = ALIGN_DOWN(va, PAGE_SIZE);
	pte_t *t = plat_phys_to_virt(arch_cpu()->root);
	for (unsigned level = PTE_LEVELS - 1; level > 0; level--) {
		pte_t *e = &t[pte_index(va, level)];
		if (!pte_present(*e))
			return 0;
		if (level == 1 && pte_block(*e))
			return *e & PTE_USER ? map(ALIGN_DOWN(va, HUGE_SIZE), HUGE_SIZE, *e) : 0;
		t = plat_phys_to_virt(pte_phys(*e));
	}
	pte_t e = t[pte_index(va, 0)];
	return pte_present(e) && e & PTE_USER ? take_run(t, pte_index(va, 0), va) : 0;
}
