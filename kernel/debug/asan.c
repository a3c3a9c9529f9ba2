// SPDX-License-Identifier: MIT
//
// Memory errors of the kernel itself: what `make SANITIZE=1` compiles in (gcc's -fsanitize=kernel-address: every load
// and store calls __asan_*). One shadow byte for 16 bytes of the direct map: 0 all may be used, 1 to 15 so many from
// the start, 0xff none. The heap marks objects (mm/heap.c), and nothing else does: stacks, globals and the
// program's memory are not looked at. An access that may not be is a panic with a backtrace.
#define COMPONENT "asan"
#include "debug/asan.h"

#ifdef WHELK_ASAN
#include "base/util.h"
#include "debug/debug.h"
#include "plat/plat.h"

#define GRANULE 16
#define NONE	0xff

static uint8_t *shadow; // NULL: not yet
static uint64_t covered; // bytes of RAM

uint64_t asan_init(uint64_t gpa)
{
	covered = plat_boot()->ram_size;
	shadow = plat_phys_to_virt(gpa);
	return ALIGN_UP(gpa + covered / GRANULE, PAGE_SIZE);
}

static uint8_t *shadow_of(uint64_t addr)
{
	uint64_t at = addr - plat_direct_va;
	return shadow && at < covered ? &shadow[at / GRANULE] : NULL;
}

// `p` begins a granule.
void asan_allow(const void *p, size_t size)
{
	uint8_t *s = shadow_of((uint64_t)p);
	for (; s && size >= GRANULE; size -= GRANULE)
		*s++ = 0;
	if (s && size)
		*s = (uint8_t)size;
}

void asan_forbid(const void *p, size_t size)
{
	uint8_t *s = shadow_of((uint64_t)p);
	for (size_t i = 0; s && i < size / GRANULE; i++)
		s[i] = NONE;
}

static void check(uint64_t addr, size_t size, const char *what)
{
	for (uint64_t at = addr; at < addr + size; at = ALIGN_DOWN(at, GRANULE) + GRANULE) {
		const uint8_t *s = shadow_of(at);
		uint64_t last = MIN(addr + size - 1, ALIGN_DOWN(at, GRANULE) + GRANULE - 1);
		if (!s || !*s || (*s != NONE && last % GRANULE < *s))
			continue;
		shadow = NULL; // the panic's own accesses are not the question
		panic("%s of %lu bytes at %#lx: outside of what the heap gave out", what, size, addr);
	}
}

#define ACCESS(n)                                                                                            \
	void __asan_load##n##_noabort(uint64_t addr) { check(addr, n, "load"); }                             \
	void __asan_store##n##_noabort(uint64_t addr) { check(addr, n, "store"); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
void __asan_loadN_noabort(uint64_t addr, size_t size) { check(addr, size, "load"); }
void __asan_storeN_noabort(uint64_t addr, size_t size) { check(addr, size, "store"); }
void __asan_handle_no_return(void) {}
#endif
