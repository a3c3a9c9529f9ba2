// SPDX-License-Identifier: MIT
#include "monitor/run_app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/cmd.h"
#include "monitor/message.h"

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// The image's arguments, then those of the command line.
static int join_arguments(const struct app *app, struct options *o)
{
	uint32_t own = app->head.argv.count;
	size_t more = 0;
	char **head = app_list(app, app->head.argv), **argv;
	while (o->argv[more + 1])
		more++;
	argv = head ? realloc(head, (own + more + 1) * sizeof(*argv)) : NULL;
	if (!argv) {
		free(head);
		return -ENOMEM;
	}
	memcpy(argv + own, o->argv + 1, (more + 1) * sizeof(*argv));
	o->argv = argv;
	return 0;
}

static int join_environment(const struct app *app, struct options *o)
{
	char **env = app_list(app, app->head.env);
	int err = env ? 0 : -ENOMEM;
	for (char **e = env; !err && *e; e++)
		if (strchr(*e, '='))
			err = options_setenv(o, *e, true);
	free(env);
	return err ? err : options_setenv(o, PATH_DEFAULT, true);
}

static bool refused(const struct options *o)
{
	const char *option = o->root_given  ? "--root"
			     : o->kernel    ? "--kernel"
			     : o->tap	    ? "--net tap"
			     : o->libc_fast ? "--libc"
					    : NULL;
	if (option)
		message("option %s: %s is an image, which has its own", option, o->argv[0]);
	return option;
}

int run_app_open(struct app *app, struct options *o)
{
	char why[200];
	int fd = strchr(o->argv[0], '/') || access(o->argv[0], F_OK) == 0
			 ? open(o->argv[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK)
			 : -1;
	if (fd < 0 || !app_is(fd)) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	if (app_open(app, fd, why, sizeof(why))) {
		message("%s: %s", o->argv[0], why);
		close(fd);
		return -1;
	}
	if (refused(o))
		return -1;
	if (app->head.memory && !o->memory_given)
		o->memory_size = app->head.memory;
	if (app->head.cpus && !o->cpus_given)
		o->cpus = app->head.cpus;
	if (join_arguments(app, o) || join_environment(app, o)) {
		message("%s: %s", o->argv[0], strerror(ENOMEM));
		return -1;
	}
	return 1;
}

int run_app_choose(const struct app *app, struct view *v, const struct options *o)
{
	const char *exec = app->text + app->head.exec;
	int64_t n = app_find(app, exec);
	snprintf(v->program, sizeof(v->program), "%s", exec);
	snprintf(v->cwd, sizeof(v->cwd), "%s", o->cwd ? o->cwd : app->text + app->head.cwd);
	if (n >= 0 && S_ISREG(app->node[n].mode) && app->node[n].mode & 0111)
		return 0;
	message("%s: the image has no such program", exec);
	return CMD_NOT_FOUND;
}
