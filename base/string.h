// SPDX-License-Identifier: MIT
//
// The C library's words for bytes and strings, for code that has no C library.
#ifndef WHELK_BASE_STRING_H
#define WHELK_BASE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

// Copies at most size-1 bytes and always terminates; the length of src (so >= size: cut).
size_t string_copy(char *dst, const char *src, size_t size);

#endif
