// SPDX-License-Identifier: MIT
//
// What libc-fast.c opens: a call into it, and calls from it.
#include <unistd.h>

int twice(int n);
int twice(int n)
{
	return n < 0 ? getpid() > 0 && close(n) == -1 : 2 * n;
}
