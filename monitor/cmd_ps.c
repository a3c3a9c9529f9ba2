// SPDX-License-Identifier: MIT
//
// whelk ps, whelk stats: tables of machines, or JSON. What the registry says was partly written by monitors of
// machines: numbers are printed as numbers, text escaped.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/cmd.h"
#include "monitor/help.h"
#include "monitor/json.h"
#include "monitor/message.h"
#include "monitor/registry.h"

enum { OPT_JSON = 256, OPT_NO_STREAM };

struct asked {
	bool all, quiet, json;
	int first; // index of the first word after the options
};

// True: the command ends with *status.
static bool parse(int argc, char **argv, const char *letters, const char *help, struct asked *a, int *status)
{
	static const struct option option[] = {
		{"all", no_argument, NULL, 'a'},       {"quiet", no_argument, NULL, 'q'},
		{"json", no_argument, NULL, OPT_JSON}, {"no-stream", no_argument, NULL, OPT_NO_STREAM},
		{"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0},
	};
	int c;
	*a = (struct asked){.json = false};
	opterr = 0;
	while ((c = getopt_long(argc, argv, "aqh", option, NULL)) != -1) {
		if (c == 'h') {
			*status = fputs(help, stdout) < 0 || fflush(stdout) ? CMD_FAILED : 0;
			return true;
		}
		if (c == '?' || (c < 256 && !strchr(letters, c))) {
			message("unknown option %s; see whelk %s --help", argv[optind - 1], argv[0]);
			*status = CMD_FAILED;
			return true;
		}
		a->all |= c == 'a';
		a->quiet |= c == 'q';
		a->json |= c == OPT_JSON;
	}
	a->first = optind;
	return false;
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return ts.tv_sec;
}

static const char *span(char *out, size_t size, int64_t seconds)
{
	static const struct { const char *name; int64_t seconds; } unit[] = {
		{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
	unsigned i = 0;
	seconds = MAX(seconds, (int64_t)0);
	while (i < ARRAY_SIZE(unit) - 1 && seconds < 2 * unit[i].seconds)
		i++;
	int64_t n = seconds / unit[i].seconds;
	snprintf(out, size, "%ld %s%s", n, unit[i].name, n == 1 ? "" : "s");
	return out;
}

static bool ended(const struct registry_entry *e) { return !e->alive || e->page.ended; }

static int64_t uptime(const struct registry_entry *e)
{
	return e->page.started_ns ? now(CLOCK_MONOTONIC) - (int64_t)(e->page.started_ns / NSEC_PER_SEC) : 0;
}

static const char *state(const struct registry_entry *e)
{
	return e->killed ? "killed" : ended(e) ? "exited" : e->page.started_ns ? "running" : "starting";
}

static const char *describe(const struct registry_entry *e, char *out, size_t size)
{
	char time[32];
	if (e->killed)
		snprintf(out, size, "Killed (%d)", e->status);
	else if (ended(e))
		snprintf(out, size, "Exited (%d) %s ago", e->status,
			 span(time, sizeof(time), now(CLOCK_REALTIME) - e->page.ended));
	else if (e->page.started_ns)
		snprintf(out, size, "Up %s", span(time, sizeof(time), uptime(e)));
	else
		snprintf(out, size, "Starting");
	return out;
}

// --- ps -----------------------------------------------------------------------------------------------------

static void ps_json(const struct registry_entry *e, bool first)
{
	printf("%s\n{\"name\":\"%s\",\"state\":\"%s\",\"pid\":", first ? "" : ",", e->name, state(e));
	if (ended(e))
		fputs("null", stdout);
	else
		printf("%d", e->pid);
	fputs(",\"platform\":", stdout);
	json_string(stdout, e->platform);
	printf(",\"memory\":%lu,\"cpus\":%u,\"created\":%ld,\"started\":", e->memory, e->cpus, e->created);
	if (e->page.started)
		printf("%ld,\"ended\":", e->page.started);
	else
		fputs("null,\"ended\":", stdout);
	if (e->page.ended)
		printf("%ld,\"exit_status\":", e->page.ended);
	else
		fputs("null,\"exit_status\":", stdout);
	if (ended(e))
		printf("%d,", e->status);
	else
		fputs("null,", stdout);
	printf("\"command\":%s}", e->json);
}

int cmd_ps(int argc, char **argv)
{
	struct registry_entry *list = NULL;
	struct asked a;
	int count = 0, width = 4, status;
	if (parse(argc, argv, "aqh", help_ps, &a, &status))
		return status;
	if (argv[a.first]) {
		message("unknown argument '%s'; see whelk ps --help", argv[a.first]);
		return CMD_FAILED;
	}
	int dir = registry_open(false);
	if (dir >= 0)
		count = registry_list(dir, &list);
	else if (dir != -ENOENT)
		return CMD_FAILED;
	if (count < 0)
		return CMD_FAILED;
	for (int i = 0; i < count; i++)
		width = MAX(width, (int)strlen(list[i].name));
	if (a.json)
		putchar('[');
	else if (!a.quiet)
		printf("%-*s  %-26s %-8s %8s  %s\n", width, "NAME", "STATUS", "PLATFORM", "PID", "COMMAND");
	bool first = true;
	for (int i = 0; i < count; i++) {
		const struct registry_entry *e = &list[i];
		char text[64], pid[16] = "-";
		if (ended(e) && !a.all)
			continue;
		if (!ended(e) && e->pid)
			snprintf(pid, sizeof(pid), "%d", e->pid);
		if (a.json)
			ps_json(e, first);
		else if (a.quiet)
			puts(e->name);
		else
			printf("%-*s  %-26s %-8s %8s  %.60s\n", width, e->name, describe(e, text, sizeof(text)),
			       *e->platform ? e->platform : "-", pid, e->command);
		first = false;
	}
	if (a.json)
		puts(first ? "]" : "\n]");
	registry_list_free(list, count);
	return fflush(stdout) ? CMD_FAILED : 0;
}

// --- stats ---------------------------------------------------------------------------------------------------

struct usage {
	uint64_t cpu_ns, pss, exits, by_kind[MACHINE_EXITS];
	bool pss_known;
};

static void add_process(struct usage *u, pid_t pid)
{
	char path[64], line[256];
	struct timespec ts;
	clockid_t clock;
	unsigned long kib;
	if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &ts) == 0)
		u->cpu_ns += (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %lu", &kib) == 1) {
			u->pss += (uint64_t)kib << 10;
			u->pss_known = true;
		}
	if (f)
		fclose(f);
}

static void measure(const struct registry_entry *e, struct usage *u)
{
	*u = (struct usage){.cpu_ns = 0};
	add_process(u, e->pid);
	if (e->guest)
		add_process(u, e->guest);
	for (unsigned i = 0; i < ABI_MAX_CPUS; i++)
		for (unsigned k = 0; machine_exit_name(k); k++) {
			u->by_kind[k] += e->page.exits[i][k];
			u->exits += e->page.exits[i][k];
		}
}

static void stats_json(const struct registry_entry *e, const struct usage *u, bool first)
{
	printf("%s\n{\"name\":\"%s\",\"pid\":%d,\"platform\":", first ? "" : ",", e->name, e->pid);
	json_string(stdout, e->platform);
	printf(",\"uptime_s\":%ld,\"cpu_ns\":%lu,\"memory\":%lu,\"pss\":", uptime(e), u->cpu_ns, e->memory);
	if (u->pss_known)
		printf("%lu", u->pss);
	else
		fputs("null", stdout);
	printf(",\"exits\":%lu,\"exits_by_kind\":{", u->exits);
	for (unsigned k = 0; machine_exit_name(k); k++)
		printf("%s\"%s\":%lu", k ? "," : "", machine_exit_name(k), u->by_kind[k]);
	fputs("}}", stdout);
}

static void stats_row(const struct registry_entry *e, const struct usage *u, int width)
{
	char up[32], pss[32] = "-";
	if (u->pss_known)
		snprintf(pss, sizeof(pss), "%.1f MiB", (double)u->pss / (1 << 20));
	printf("%-*s  %11.2f s %12s %8lu MiB %12lu  %s\n", width, e->name, (double)u->cpu_ns / 1e9, pss,
	       e->memory >> 20, u->exits, span(up, sizeof(up), uptime(e)));
}

static bool wanted(const struct registry_entry *e, char **name)
{
	if (!*name)
		return true;
	for (; *name; name++)
		if (strcmp(*name, e->name) == 0)
			return true;
	return false;
}

// Every name that was given must be that of a machine that runs.
static int check_names(const struct registry_entry *list, int count, char **name)
{
	int status = 0;
	for (; *name; name++) {
		int i = 0;
		while (i < count && strcmp(list[i].name, *name))
			i++;
		if (i == count)
			message("there is no machine '%s'", *name);
		else if (ended(&list[i]))
			message("machine '%s' does not run", *name);
		else
			continue;
		status = 1;
	}
	return status;
}

int cmd_stats(int argc, char **argv)
{
	struct registry_entry *list = NULL;
	struct asked a;
	int count = 0, width = 4, status;
	if (parse(argc, argv, "h", help_stats, &a, &status))
		return status;
	int dir = registry_open(false);
	if (dir >= 0)
		count = registry_list(dir, &list);
	else if (dir != -ENOENT)
		return CMD_FAILED;
	if (count < 0)
		return CMD_FAILED;
	status = check_names(list, count, argv + a.first);
	for (int i = 0; i < count; i++)
		width = MAX(width, (int)strlen(list[i].name));
	if (a.json)
		putchar('[');
	else
		printf("%-*s  %13s %12s %12s %12s  %s\n", width, "NAME", "CPU TIME", "PSS", "OF", "EXITS", "UP");
	bool first = true;
	for (int i = 0; i < count; i++) {
		struct usage u;
		if (ended(&list[i]) || !list[i].pid || !wanted(&list[i], argv + a.first))
			continue;
		measure(&list[i], &u);
		if (a.json)
			stats_json(&list[i], &u, first);
		else
			stats_row(&list[i], &u, width);
		first = false;
	}
	if (a.json)
		puts(first ? "]" : "\n]");
	registry_list_free(list, count);
	return fflush(stdout) ? CMD_FAILED : status;
}
