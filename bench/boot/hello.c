// SPDX-License-Identifier: MIT
//
// The smallest program worth starting. With an argument it then waits until standard input ends.
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char c;

	(void)argv;
	puts("hello");
	fflush(stdout);
	while (argc > 1 && read(0, &c, 1) > 0)
		;
	return 0;
}
