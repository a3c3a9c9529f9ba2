// SPDX-License-Identifier: MIT
//
// kernel/sys/errno_name.c: every number has the C library's name, and only those; signals likewise, but 29, which has two.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "sys/errno_name.h"

size_t string_copy(char *dst, const char *src, size_t size)
{
	return (size_t)snprintf(dst, size, "%s", src);
}

static void same(const char *what, int n, const char *got, const char *want)
{
	if (!got != !want || (got && strcmp(got, want))) {
		printf("%s %d is %s, not %s\n", what, n, got ? got : "nothing", want ? want : "nothing");
		exit(1);
	}
}

int main(void)
{
	for (int err = -1; err < 200; err++)
		same("error", err, errno_name(err), err > 0 ? strerrorname_np(err) : NULL);
	for (int sig = 1; sig < 32; sig++)
		same("signal", sig, signal_name(sig), sig == SIGIO ? "IO" : sigabbrev_np(sig));
	same("signal", 40, signal_name(40), "RT");
	return 0;
}
