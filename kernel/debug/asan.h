// SPDX-License-Identifier: MIT
//
// What may be used of the heap's memory, in kernels made by `make SANITIZE=1`; nothing elsewhere.
#ifndef WHELK_DEBUG_ASAN_H
#define WHELK_DEBUG_ASAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef WHELK_ASAN
#define ASAN_REDZONE 16 // after each object
uint64_t asan_init(uint64_t gpa); // RAM for the shadow from here on, zero; returns where it ends
void asan_allow(const void *p, size_t size);
void asan_forbid(const void *p, size_t size);

// The compiler's calls.
#define ASAN_DECLARE(n) void __asan_load##n##_noabort(uint64_t addr); void __asan_store##n##_noabort(uint64_t addr);
ASAN_DECLARE(1)
ASAN_DECLARE(2)
ASAN_DECLARE(4)
ASAN_DECLARE(8)
ASAN_DECLARE(16)
void __asan_loadN_noabort(uint64_t addr, size_t size);
void __asan_storeN_noabort(uint64_t addr, size_t size);
void __asan_handle_no_return(void);
#else
#define ASAN_REDZONE 0
static inline uint64_t asan_init(uint64_t gpa) { return gpa; }
static inline void asan_allow(const void *p, size_t size) { (void)p, (void)size; }
static inline void asan_forbid(const void *p, size_t size) { (void)p, (void)size; }
#endif

#endif
