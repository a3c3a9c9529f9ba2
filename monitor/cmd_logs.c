// SPDX-License-Identifier: MIT
//
// whelk logs. A long log begins with a hole (console_limit_log()): reading starts at the first line behind it. A
// follower sleeps until the file changes (inotify) or its writer has ended (pidfd).
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/cmd.h"
#include "monitor/help.h"
#include "monitor/message.h"
#include "monitor/registry.h"

#define CHUNK	   65536
#define LOOK_MS	   200 // where inotify is not to be had
#define EVERYTHING UINT64_MAX

static bool out(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

// Where data begins at or after `at`: in a hole, behind the first newline after it.
static off_t skip_hole(int fd, off_t at)
{
	char c;
	off_t data = lseek(fd, at, SEEK_DATA);
	if (data <= at) // none (ENXIO), or no hole
		return at;
	while (pread(fd, &c, 1, data) == 1 && data++ >= 0 && c != '\n')
		;
	return data;
}

// The beginning of the last `lines` lines. One that has no end yet counts.
static off_t find_tail(int fd, off_t first, uint64_t lines)
{
	static char buf[CHUNK];
	off_t end = lseek(fd, 0, SEEK_END), at = end;
	while (at > first) {
		size_t n = (size_t)MIN(at - first, (off_t)CHUNK);
		ssize_t got = pread(fd, buf, n, at - (off_t)n);
		if (got != (ssize_t)n)
			return first;
		for (size_t i = n; i-- > 0;) {
			off_t here = at - (off_t)n + (off_t)i;
			if (buf[i] == '\n' && here != end - 1 && !--lines)
				return here + 1;
		}
		at -= (off_t)n;
	}
	return first;
}

// All there is from *at. False: nobody reads any more, or the file cannot be read.
static bool copy(int fd, off_t *at)
{
	static char buf[CHUNK];
	for (;;) {
		*at = skip_hole(fd, *at);
		ssize_t n = pread(fd, buf, sizeof(buf), *at);
		if (n <= 0)
			return n == 0;
		if (!out(buf, (size_t)n))
			return false;
		*at += n;
	}
}

static bool follow(const struct registry_watch *w, off_t *at)
{
	char path[64], events[4096];
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", w->log_fd);
	bool told = notify >= 0 && inotify_add_watch(notify, path, IN_MODIFY) >= 0, alive = w->pidfd >= 0, ok;
	while ((ok = copy(w->log_fd, at)) && alive) {
		struct pollfd p[] = {{.fd = w->pidfd, .events = POLLIN},
				     {.fd = told ? notify : -1, .events = POLLIN},
				     {.fd = STDOUT_FILENO}}; // POLLERR: its reader has gone
		poll(p, 3, told ? -1 : LOOK_MS);
		alive = !p[0].revents; // then once more, for what came last
		if (p[2].revents & POLLERR) {
			ok = false;
			break;
		}
		while (told && read(notify, events, sizeof(events)) > 0)
			;
	}
	if (notify >= 0)
		close(notify);
	return ok;
}

static bool parse_count(const char *s, uint64_t *lines)
{
	char *end;
	errno = 0;
	if (strcmp(s, "all") == 0)
		return true;
	*lines = strtoull(s, &end, 10);
	return isdigit((unsigned char)*s) && !*end && !errno;
}

int cmd_logs(int argc, char **argv)
{
	static const struct option option[] = {{"follow", no_argument, NULL, 'f'},
					       {"tail", required_argument, NULL, 'n'},
					       {"help", no_argument, NULL, 'h'},
					       {NULL, 0, NULL, 0}};
	struct registry_watch w;
	bool following = false;
	uint64_t lines = EVERYTHING;
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":fn:h", option, NULL)) != -1) {
		if (c == 'h')
			return fputs(help_logs, stdout) < 0 || fflush(stdout) ? CMD_FAILED : 0;
		if (c == 'n' && !parse_count(optarg, &lines)) {
			message("option -n: '%s' is not a number of lines", optarg);
			return CMD_FAILED;
		}
		if (c == ':' || c == '?') {
			message(c == ':' ? "option %s needs a value; see whelk logs --help"
					 : "unknown option %s; see whelk logs --help",
				argv[optind - 1]);
			return CMD_FAILED;
		}
		following |= c == 'f';
	}
	if (argc - optind != 1) {
		message("one machine is to be named; see whelk logs --help");
		return CMD_FAILED;
	}
	int dir = registry_open(false);
	if (dir < 0 && dir != -ENOENT)
		return CMD_FAILED;
	if (dir < 0 || registry_watch(dir, argv[optind], &w)) {
		message("there is no machine '%s'", argv[optind]);
		return 1;
	}
	if (w.log_fd < 0) {
		message("machine '%s' has no log: it was run in the foreground", argv[optind]);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	off_t at = skip_hole(w.log_fd, 0);
	if (lines == 0)
		at = lseek(w.log_fd, 0, SEEK_END);
	else if (lines != EVERYTHING)
		at = find_tail(w.log_fd, at, lines);
	bool ok = following ? follow(&w, &at) : copy(w.log_fd, &at);
	registry_watch_close(&w);
	return ok ? 0 : 1;
}
