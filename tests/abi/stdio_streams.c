// SPDX-License-Identifier: MIT
//
// The three standard streams: input that is given, its end, and output that is not held back.
// stdin: first line\nsecond line\nno newline
#include "test.h"

int main(void)
{
	char line[100];
	while (fgets(line, sizeof line, stdin))
		printf("<%s>\n", line);
	CHECK(feof(stdin));
	char c;
	CHECK_EQ(read(0, &c, 1), 0);
	CHECK_EQ(isatty(0) + isatty(1) + isatty(2), 0);
	CHECK_EQ(write(2, "to standard error\n", 18), 18);
	CHECK_EQ(fcntl(1, F_GETFD), 0);
	for (int i = 0; i < 20000; i++)
		printf("%d\n", i);
	return test_end();
}
