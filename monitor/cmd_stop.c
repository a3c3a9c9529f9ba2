// SPDX-License-Identifier: MIT
//
// whelk stop, kill, wait, rm: what is done to machines that have a name. Signals go to the monitor, by a descriptor
// that cannot name another process; the monitor gives them to the program, but for SIGKILL, which ends both.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/cmd.h"
#include "monitor/help.h"
#include "monitor/message.h"
#include "monitor/registry.h"

#define STOP_DEFAULT_S 10
#define KILL_WAIT_MS   10000
#define FOR_EVER       UINT64_MAX

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int unknown(const char *name)
{
	message("there is no machine '%s'", name);
	return 1;
}

static int send_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) ? -errno : 0;
}

// True: its monitor has ended; then its lock is free too.
static bool wait_until(int pidfd, uint64_t deadline_ms)
{
	for (;;) {
		uint64_t now = now_ms();
		int ms = deadline_ms == FOR_EVER ? -1
			 : deadline_ms <= now	 ? 0
						 : (int)MIN(deadline_ms - now, (uint64_t)1000000000);
		struct pollfd p = {.fd = pidfd, .events = POLLIN};
		int n = poll(&p, 1, ms);
		if (n > 0)
			return true;
		if (n == 0 && now_ms() >= deadline_ms)
			return false;
	}
}

// The pidfd of a machine that runs, -ESRCH: it has ended, -ENOENT: there is none.
static int find(int dir, const char *name, struct registry_entry *e)
{
	int err = dir < 0 ? -ENOENT : registry_read(dir, name, e);
	if (err)
		return -ENOENT;
	int pidfd = registry_pidfd(dir, e);
	return pidfd < 0 ? -ESRCH : pidfd;
}

static int kill_one(int pidfd, const char *name)
{
	int err = send_signal(pidfd, SIGKILL);
	if (err == -ESRCH || (!err && wait_until(pidfd, now_ms() + KILL_WAIT_MS)))
		return 0;
	message("machine '%s' cannot be killed: %s", name, err ? strerror(-err) : "it does not end");
	return 1;
}

// --- arguments --------------------------------------------------------------------------------------------

struct asked {
	uint64_t seconds; // FOR_EVER: no end
	int signal;
	bool force;
};

static bool parse_seconds(const char *s, uint64_t *out)
{
	char *end;
	errno = 0;
	if (strcmp(s, "-1") == 0) {
		*out = FOR_EVER;
		return true;
	}
	*out = strtoul(s, &end, 10);
	return isdigit((unsigned char)*s) && !*end && !errno && *out < 1000000000;
}

// Those the monitor passes on, and the one that needs no passing.
static bool parse_signal(const char *s, int *out)
{
	static const int known[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGKILL};
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(s, sigabbrev_np(known[i])) == 0 || (isdigit((unsigned char)*s) && atoi(s) == known[i])) {
			*out = known[i];
			return true;
		}
	return false;
}

// Options, then names. True: the command ends with *status.
static bool parse(int argc, char **argv, const char *letters, const char *help, struct asked *a, int *status)
{
	static const struct option option[] = {
		{"time", required_argument, NULL, 't'}, {"signal", required_argument, NULL, 's'},
		{"force", no_argument, NULL, 'f'},	{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;
	*a = (struct asked){.seconds = STOP_DEFAULT_S, .signal = SIGKILL};
	*status = CMD_FAILED;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":t:s:fh", option, NULL)) != -1) {
		if (c == ':') {
			message("option %s needs a value; see whelk %s --help", argv[optind - 1], argv[0]);
			return true;
		}
		if (c == '?' || (c != 'h' && !strchr(letters, c))) {
			message("unknown option %s; see whelk %s --help", argv[optind - 1], argv[0]);
			return true;
		}
		if (c == 'h') {
			*status = fputs(help, stdout) < 0 || fflush(stdout) ? CMD_FAILED : 0;
			return true;
		}
		if (c == 't' && !parse_seconds(optarg, &a->seconds)) {
			message("option -t: '%s' is not a number of seconds, or -1 for no end", optarg);
			return true;
		}
		if (c == 's' && !parse_signal(optarg, &a->signal)) {
			message("option -s: '%s' is none of KILL TERM INT HUP QUIT USR1 USR2 WINCH", optarg);
			return true;
		}
		a->force |= c == 'f';
	}
	if (argv[optind])
		return false;
	message("no machine is named; see whelk %s --help", argv[0]);
	return true;
}

static bool open_registry(int *dir, int *status)
{
	*dir = registry_open(false);
	*status = CMD_FAILED;
	return *dir >= 0 || *dir == -ENOENT;
}

static void done(const char *name)
{
	puts(name);
	fflush(stdout);
}

// --- commands ---------------------------------------------------------------------------------------------

// All get the signal first, so that they end at the same time.
int cmd_stop(int argc, char **argv)
{
	struct asked a;
	int dir, status;
	if (parse(argc, argv, "t", help_stop, &a, &status) || !open_registry(&dir, &status))
		return status;
	int count = argc - optind, *pidfd = calloc((size_t)count, sizeof(*pidfd));
	if (!pidfd)
		abort();
	status = 0;
	for (int i = 0; i < count; i++) {
		struct registry_entry e = {.text = NULL};
		pidfd[i] = find(dir, argv[optind + i], &e);
		if (pidfd[i] >= 0)
			send_signal(pidfd[i], SIGTERM); // -ESRCH: it has just ended
		registry_free(&e);
	}
	uint64_t deadline = a.seconds == FOR_EVER ? FOR_EVER : now_ms() + a.seconds * 1000;
	for (int i = 0; i < count; i++) {
		const char *name = argv[optind + i];
		int failed = pidfd[i] == -ENOENT ? unknown(name) : 0;
		if (pidfd[i] >= 0) {
			if (!wait_until(pidfd[i], deadline))
				failed = kill_one(pidfd[i], name);
			close(pidfd[i]);
		}
		if (!failed)
			done(name);
		status |= failed;
	}
	free(pidfd);
	return status;
}

int cmd_kill(int argc, char **argv)
{
	struct asked a;
	int dir, status;
	if (parse(argc, argv, "s", help_kill, &a, &status) || !open_registry(&dir, &status))
		return status;
	status = 0;
	for (char **name = argv + optind; *name; name++) {
		struct registry_entry e = {.text = NULL};
		int pidfd = find(dir, *name, &e), failed = 0, err;
		registry_free(&e);
		if (pidfd == -ENOENT) {
			failed = unknown(*name);
		} else if (pidfd < 0) {
			message("machine '%s' does not run", *name);
			failed = 1;
		} else if (a.signal == SIGKILL) {
			failed = kill_one(pidfd, *name);
		} else if ((err = send_signal(pidfd, a.signal)) != 0) {
			message("machine '%s' cannot be sent a signal: %s", *name, strerror(-err));
			failed = 1;
		}
		if (pidfd >= 0)
			close(pidfd);
		if (!failed)
			done(*name);
		status |= failed;
	}
	return status;
}

int cmd_wait(int argc, char **argv)
{
	struct asked a;
	int dir, status;
	if (parse(argc, argv, "", help_wait, &a, &status) || !open_registry(&dir, &status))
		return status;
	status = 0;
	for (char **name = argv + optind; *name; name++) {
		struct registry_watch w;
		if (dir < 0 || registry_watch(dir, *name, &w)) {
			status = unknown(*name);
			continue;
		}
		if (w.pidfd >= 0)
			wait_until(w.pidfd, FOR_EVER);
		printf("%d\n", registry_watch_status(&w));
		fflush(stdout);
		registry_watch_close(&w);
	}
	return status;
}

int cmd_rm(int argc, char **argv)
{
	struct asked a;
	int dir, status;
	if (parse(argc, argv, "f", help_rm, &a, &status) || !open_registry(&dir, &status))
		return status;
	status = 0;
	for (char **name = argv + optind; *name; name++) {
		struct registry_entry e = {.text = NULL};
		int pidfd = find(dir, *name, &e), failed = 0, err = 0;
		if (pidfd == -ENOENT) {
			failed = unknown(*name);
		} else if (pidfd >= 0 && !a.force && !e.page.ended) {
			message("machine '%s' runs: stop it first, or see whelk rm --help", *name);
			failed = 1;
		} else if (pidfd >= 0) {
			failed = kill_one(pidfd, *name);
		}
		if (!failed && (err = registry_remove(dir, *name)) != 0 && err != -ENOENT) {
			message("machine '%s' cannot be removed: %s", *name, strerror(-err));
			failed = 1;
		}
		if (pidfd >= 0)
			close(pidfd);
		registry_free(&e);
		if (!failed)
			done(*name);
		status |= failed;
	}
	return status;
}
