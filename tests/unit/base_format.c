// SPDX-License-Identifier: MIT
//
// base/format.c against the C library's snprintf: what it knows, at every buffer size.
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"

#define SAME(...)                                                                                    \
	do {                                                                                         \
		char want[200], got[200];                                                            \
		int n = snprintf(want, sizeof(want), __VA_ARGS__);                                   \
		for (size_t size = 0; size <= (size_t)n + 2; size++) {                               \
			memset(got, '?', sizeof(got));                                               \
			int m = format(got, size, __VA_ARGS__);                                      \
			size_t keep = size ? ((size_t)n < size ? (size_t)n : size - 1) : 0;          \
			if (m != n || memcmp(got, want, keep) || (size && got[keep]) || got[size] != '?') { \
				printf("%s:%d: size %zu: '%.*s' (%d), not '%s' (%d)\n", __FILE__, __LINE__, size, (int)keep, got, m, want, n); \
				exit(1);                                                             \
			}                                                                            \
		}                                                                                    \
	} while (0)

int main(void)
{
	SAME("plain %% text");
	SAME("%d %i %u", 0, -1, 4294967295u);
	SAME("%d %d", INT_MAX, INT_MIN);
	SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	SAME("%lld %llu %zu %jd", LLONG_MIN, ULLONG_MAX, (size_t)123, (intmax_t)-5);
	SAME("%hhu %hd", (unsigned char)200, (short)-3);
	SAME("%x %X %o %#x %#o", 0xbeefu, 0xBEEFu, 0777u, 255u, 8u);
	SAME("%08lx|%8x|%-8x|", 0x1234ul, 0x12u, 0x12u);
	SAME("%5d|%-5d|%05d|%+d|% d", 42, 42, -42, 42, 42);
	SAME("%.3d|%8.3d|%.0d", 7, 7, 7);
	SAME("%s|%10s|%-10s|%.2s|%.*s", "text", "text", "text", "text", 3, "abcdef");
	SAME("%*d|%-*d|", 6, 12, 6, 12);
	SAME("%c%c%c", 'a', 'b', '%');
	char buf[8];
	struct text t = {buf, sizeof(buf), 0};
	text_append(&t, "%d", 12345);
	text_append(&t, "%s", "67890");
	if (t.len != 10 || memcmp(buf, "1234567", 7)) {
		printf("text_append: %zu '%.8s'\n", t.len, buf);
		return 1;
	}
	return 0;
}
