// SPDX-License-Identifier: MIT
//
// printf without a C library: %d %i %u %x %X %o %c %s %p %% with flags `-` `0` `+` ` ` `#`, width, precision
// (also `*`) and the lengths hh h l ll z j. No floating point.
#ifndef WHELK_BASE_FORMAT_H
#define WHELK_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

// As snprintf(3): the length the whole text has; the buffer is always terminated when size > 0.
int format_v(char *buf, size_t size, const char *fmt, va_list ap);
int format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

// A growing text in a fixed buffer: appends, keeps counting past the end.
struct text {
	char *buf;
	size_t size, len;
};
void text_append(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
