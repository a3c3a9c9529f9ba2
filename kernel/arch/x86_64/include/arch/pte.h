// SPDX-License-Identifier: MIT
//
// Page-table entries: four levels of 512 entries, 4 KiB pages and 2 MiB blocks. Every mapping is
// user-accessible (kernel and program share a privilege level); what differs is write and execute.
// The tables themselves are written through the direct map. Costs: a write is free, taking rights
// away needs plat_flush(); giving rights (absent -> present, read -> write) needs none, the
// processor looks again before it faults.
#ifndef WHELK_ARCH_PTE_H
#define WHELK_ARCH_PTE_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t pte_t;

#define PTE_LEVELS  4	// level 3 is the root, level 0 holds 4 KiB pages
#define PTE_ENTRIES 512

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY    (1ull << 6)
#define PTE_BLOCK    (1ull << 7)  // level 1: a 2 MiB block
#define PTE_SOFT0    (1ull << 9)  // bits the hardware ignores: two are mm's own,
#define PTE_SOFT1    (1ull << 10)
#define PTE_PLATFORM (1ull << 11) // one the platform's: it has taken the entry over (plat_translate)
#define PTE_NX	     (1ull << 63)
#define PTE_ADDR     0x000ffffffffff000ull

static inline unsigned pte_index(uint64_t va, unsigned level) { return va >> (12 + 9 * level) & (PTE_ENTRIES - 1); }
static inline uint64_t pte_span(unsigned level) { return 1ull << (12 + 9 * level); } // bytes one entry covers

static inline bool pte_present(pte_t e) { return e & PTE_PRESENT; }
static inline bool pte_writable(pte_t e) { return e & PTE_WRITE; }
static inline bool pte_executable(pte_t e) { return !(e & PTE_NX); }
static inline bool pte_dirty(pte_t e) { return e & PTE_DIRTY; }
static inline bool pte_accessed(pte_t e) { return e & PTE_ACCESSED; }
static inline uint64_t pte_phys(pte_t e) { return e & PTE_ADDR; }
// At level > 0: a block, not a table.
static inline bool pte_block(pte_t e) { return e & PTE_BLOCK; }

// A 4 KiB page. Accessed and dirty are set beforehand: the processor need not write the entry.
static inline pte_t pte_page(uint64_t phys, bool write, bool exec)
{
	return phys | PTE_PRESENT | PTE_USER | PTE_ACCESSED | (write ? PTE_WRITE | PTE_DIRTY : 0) | (exec ? 0 : PTE_NX);
}

static inline pte_t pte_make_block(uint64_t phys, bool write, bool exec)
{
	return pte_page(phys, write, exec) | PTE_BLOCK;
}
static inline pte_t pte_table(uint64_t phys) { return phys | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED; }

#endif
