// SPDX-License-Identifier: MIT
//
// whelk: finds the command. Each is a cmd_<name>.c.
#include <stdio.h>
#include <string.h>

#include "monitor/cmd.h"
#include "monitor/help.h"
#include "monitor/message.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} command[] = {
	{"run", cmd_run},
	{"doctor", cmd_doctor},
};

int main(int argc, char **argv)
{
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
