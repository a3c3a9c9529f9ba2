// SPDX-License-Identifier: MIT
//
// whelk check, whelk build: programs of their own, which lie beside this one (tools/syscan, tools/build).
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "monitor/cmd.h"
#include "monitor/message.h"

static int run_beside(const char *command, char **argv)
{
	char path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	if (n <= 0 || n >= PATH_MAX) {
		message("%s: where this program lies cannot be found: is /proc mounted?", command);
		return CMD_FAILED;
	}
	path[n] = 0;
	char *slash = strrchr(path, '/');
	snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "whelk-%s", command);
	execv(path, argv);
	if (errno == ENOENT)
		message("%s: there is no %s: install libzydis-dev and run make", command, path);
	else
		message("%s: %s cannot be run: %s", command, path, strerror(errno));
	return CMD_FAILED;
}

int cmd_check(int argc, char **argv)
{
	(void)argc;
	return run_beside("check", argv);
}

int cmd_build(int argc, char **argv)
{
	(void)argc;
	return run_beside("build", argv);
}
