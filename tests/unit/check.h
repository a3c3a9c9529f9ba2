// SPDX-License-Identifier: MIT
//
// CHECK(c) and CHECK_EQ(a, b): what does not hold is told with its line, and ends the test with status 1. A
// test that can say more defines CHECK_NOTE, a string, before it includes this. No header of the C library
// here: in some tests its types would meet the kernel's.
#ifndef WHELK_TEST_CHECK_H
#define WHELK_TEST_CHECK_H

int printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void exit(int status);

#ifndef CHECK_NOTE
#define CHECK_NOTE ""
#endif

#define CHECK(c)                                                                                            \
	do {                                                                                                \
		if (!(c)) {                                                                                 \
			const char *check_note = CHECK_NOTE;                                                \
			printf("%s:%d: failed: %s%s%s%s\n", __FILE__, __LINE__, #c, *check_note ? " (" : "", \
			       check_note, *check_note ? ")" : "");                                         \
			exit(1);                                                                            \
		}                                                                                           \
	} while (0)
#define CHECK_EQ(a, b)                                                                                   \
	do {                                                                                             \
		long check_a = (long)(a), check_b = (long)(b);                                           \
		if (check_a != check_b) {                                                                \
			printf("%s:%d: %s is %ld, not %ld\n", __FILE__, __LINE__, #a, check_a, check_b); \
			exit(1);                                                                         \
		}                                                                                        \
	} while (0)

#endif
