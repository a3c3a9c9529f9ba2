// SPDX-License-Identifier: MIT
//
// The string functions a freestanding compiler may call, and string_copy. Those that copy, fill and compare: copy.c.
#include "base/string.h"

#include <stdint.h>

// The compiler turns loops that look like memcpy into calls of memcpy; here that would recurse.
#define NO_IDIOM __attribute__((optimize("no-tree-loop-distribute-patterns")))

#if defined(__clang__)
#undef NO_IDIOM
#define NO_IDIOM __attribute__((no_builtin))
#endif

NO_IDIOM void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;
	if (d == s)
		return dst;
	if ((uintptr_t)d - (uintptr_t)s >= n && (uintptr_t)s - (uintptr_t)d >= n)
		return memcpy(dst, src, n);
	if (d < s) {
		for (; n >= 8; n -= 8, d += 8, s += 8) {
			uint64_t word;
			__builtin_memcpy(&word, s, 8);
			__builtin_memcpy(d, &word, 8);
		}
		while (n--)
			*d++ = *s++;
		return dst;
	}
	for (; n >= 8; n -= 8) {
		uint64_t word;
		__builtin_memcpy(&word, s + n - 8, 8);
		__builtin_memcpy(d + n - 8, &word, 8);
	}
	while (n--)
		d[n] = s[n];
	return dst;
}

NO_IDIOM void *memchr(const void *s, int c, size_t n)
{
	const uint8_t *p = s;
	for (; n; n--, p++)
		if (*p == (uint8_t)c)
			return (void *)(uintptr_t)p;
	return NULL;
}

NO_IDIOM size_t strlen(const char *s)
{
	const char *p = s;
	while (*p)
		p++;
	return (size_t)(p - s);
}

NO_IDIOM size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;
	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; a++, b++, n--)
		;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;
	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)(uintptr_t)last;
	}
}

size_t string_copy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);
	if (size) {
		size_t n = len < size - 1 ? len : size - 1;
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}
