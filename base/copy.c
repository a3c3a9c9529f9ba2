// SPDX-License-Identifier: MIT
//
// memcpy, memset and memcmp for kernels whose architecture has none of its own (kernel/arch/*/string.S), and for those
// that check their heap: the compiler instruments these.
#include "base/string.h"

#include <stdint.h>

// The compiler turns loops that look like memcpy into calls of memcpy; here that would recurse.
#define NO_IDIOM __attribute__((optimize("no-tree-loop-distribute-patterns")))

#if defined(__clang__)
#undef NO_IDIOM
#define NO_IDIOM __attribute__((no_builtin))
#endif

NO_IDIOM void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;
	while (n--)
		*d++ = *s++;
	return dst;
}

NO_IDIOM void *memset(void *dst, int c, size_t n)
{
	uint8_t *d = dst;
	while (n--)
		*d++ = (uint8_t)c;
	return dst;
}

NO_IDIOM int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
