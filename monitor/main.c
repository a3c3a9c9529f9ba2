// SPDX-License-Identifier: MIT
//
// whelk: finds the command. Each is a cmd_<name>.c.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "monitor/cmd.h"
#include "monitor/help.h"
#include "monitor/message.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} command[] = {
	{"run", cmd_run},
	{"check", cmd_check},
	{"build", cmd_build},
	{"inspect", cmd_inspect},
	{"ps", cmd_ps},
	{"logs", cmd_logs},
	{"stop", cmd_stop},
	{"kill", cmd_kill},
	{"wait", cmd_wait},
	{"stats", cmd_stats},
	{"rm", cmd_rm},
	{"doctor", cmd_doctor},
};

// Descriptors 0 to 2 are the program's streams: a closed one must not become a descriptor of the monitor's own.
static int fill_streams(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? fd : close(fd);
}

int main(int argc, char **argv)
{
	if (fill_streams())
		return CMD_FAILED;
	if (argc < 2) {
		message("no command is given; see whelk --help");
		return CMD_FAILED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return fputs(help_main, stdout) < 0 || fflush(stdout) ? CMD_FAILED : 0;
	if (!strcmp(argv[1], "--version"))
		return puts("whelk " WHELK_VERSION) < 0 ? CMD_FAILED : 0;
	for (size_t i = 0; i < sizeof(command) / sizeof(command[0]); i++)
		if (!strcmp(argv[1], command[i].name))
			return command[i].run(argc - 1, argv + 1);
	message("unknown command '%s'; see whelk --help", argv[1]);
	return CMD_FAILED;
}
