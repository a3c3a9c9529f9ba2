// SPDX-License-Identifier: MIT
//
// whelk check: a program of its own, whelk-check, which lies beside this one (tools/syscan).
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "monitor/cmd.h"
#include "monitor/message.h"

int cmd_check(int argc, char **argv)
{
	char path[PATH_MAX];
	(void)argc;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-check"));
	if (n <= 0 || (size_t)n >= sizeof(path) - sizeof("-check")) {
		message("check: where this program lies cannot be found: is /proc mounted?");
		return CMD_FAILED;
	}
	path[n] = 0;
	char *slash = strrchr(path, '/');
	snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "whelk-check");
	execv(path, argv);
	if (errno == ENOENT)
		message("check: there is no %s: install libzydis-dev and run make", path);
	else
		message("check: %s cannot be run: %s", path, strerror(errno));
	return CMD_FAILED;
}
