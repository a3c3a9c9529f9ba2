// SPDX-License-Identifier: MIT
//
// Small words every side may use. Needs nothing but the compiler.
#ifndef WHELK_BASE_UTIL_H
#define WHELK_BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	       (sizeof(a) / sizeof((a)[0]))
#define container_of(p, t, m)  ((t *)((char *)(p) - offsetof(t, m)))
#define likely(x)	       __builtin_expect(!!(x), 1)
#define unlikely(x)	       __builtin_expect(!!(x), 0)
// Each argument is evaluated once; the names are numbered so that one may stand inside another.
#define MIN(a, b)	       UTIL_PICK(a, b, <, UTIL_NAME(pick_a, __COUNTER__), UTIL_NAME(pick_b, __COUNTER__))
#define MAX(a, b)	       UTIL_PICK(a, b, >, UTIL_NAME(pick_a, __COUNTER__), UTIL_NAME(pick_b, __COUNTER__))
#define UTIL_PICK(a, b, op, x, y) ({ __typeof__(a) x = (a); __typeof__(b) y = (b); x op y ? x : y; })
#define UTIL_NAME(a, b)	       UTIL_NAME_(a, b)
#define UTIL_NAME_(a, b)       a##b
#define ALIGN_DOWN(x, a)       ((x) & ~((__typeof__(x))(a) - 1))
#define ALIGN_UP(x, a)	       ALIGN_DOWN((x) + ((__typeof__(x))(a) - 1), a)
#define IS_ALIGNED(x, a)       (((x) & ((__typeof__(x))(a) - 1)) == 0)

// The first of array[0..count) whose `field` (as `.at`; nothing, where the elements are the keys) is not below `key`, by which
// they are sorted; `count` when all are.
#define FIRST_FROM(array, count, field, key)                              \
	({                                                                \
		size_t low_ = 0, high_ = (count);                         \
		while (low_ < high_) {                                    \
			size_t middle_ = low_ + (high_ - low_) / 2;       \
			if ((array)[middle_] field < (key))               \
				low_ = middle_ + 1;                       \
			else                                              \
				high_ = middle_;                          \
		}                                                         \
		low_;                                                     \
	})

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ul << PAGE_SHIFT)
#define HUGE_SHIFT 21
#define HUGE_SIZE  (1ul << HUGE_SHIFT)

#define NSEC_PER_SEC 1000000000ull
#define TIME_NEVER   (~0ull) // a deadline that never comes

// true when a + b overflows; *out gets the wrapped sum.
#define add_overflow(a, b, out) __builtin_add_overflow(a, b, out)
#define mul_overflow(a, b, out) __builtin_mul_overflow(a, b, out)

// Internal pointers that carry -errno: the last page of the address space.
static inline void *err_ptr(long err) { return (void *)err; }
static inline long ptr_err(const void *p) { return (long)p; }
static inline bool is_err(const void *p) { return (unsigned long)p >= (unsigned long)-4095; }

#endif
