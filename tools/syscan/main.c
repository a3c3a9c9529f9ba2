// SPDX-License-Identifier: MIT
//
// whelk check: the command. It is a program of its own, whelk-check beside whelk, since its decoder is a shared
// library.
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/syscan/result.h"

#define FAILED 125

static const char help[] = "Usage: whelk check [OPTION]... PROGRAM\n"
			   "Says, without running it, which system calls a program can make, and what Whelk\n"
			   "does with each: docs/check.md.\n"
			   "      --json             the result for tools\n"
			   "      --dlopen LIBRARY   it loads this one at run time; may be given again\n"
			   "      --names FILE       functions that it looks up by names that stand in it\n"
			   "      --root DIR         the root file system its libraries are in (/)\n"
			   "      --record FILE      add the calls of an output of whelk run --trace\n"
			   "      --all              all code counts, not only what the entry reaches\n"
			   "      --why CALL         who leads to this call\n"
			   "  -h, --help             this text\n"
			   "A PROGRAM without a slash is looked up in PATH.\n"
			   "Exit status: 0 runs, 1 runs with limits, 2 will fail, 125 whelk check failed.\n";

static const char *in_path(const char *name, char *room, size_t size)
{
	const char *path = getenv("PATH");
	if (strchr(name, '/'))
		return name;
	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t len = strcspn(p, ":");
		if (snprintf(room, size, "%.*s/%s", (int)len, p, name) < (int)size && len && !access(room, X_OK))
			return room;
		p += len;
		p += *p != 0;
	}
	return name;
}

// A script's interpreter is what would run.
static bool is_script(const char *path, char *line, int size)
{
	FILE *f = fopen(path, "re");
	bool script = f && fgets(line, size, f) && line[0] == '#' && line[1] == '!';
	if (f)
		fclose(f);
	line[script ? strcspn(line, "\n") : 0] = 0;
	return script;
}

static int finish(FILE *f, int status)
{
	if (fflush(f) || ferror(f)) {
		fprintf(stderr, "whelk: the result cannot be written\n");
		return FAILED;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", 0, NULL, 'j'}, {"dlopen", 1, NULL, 'd'}, {"root", 1, NULL, 'r'}, {"record", 1, NULL, 'R'},
		{"all", 0, NULL, 'a'},	{"why", 1, NULL, 'w'},	  {"help", 0, NULL, 'h'},
		{"names", 1, NULL, 'n'}, {0}};
	static struct scope scope = {.root = ""};
	static struct result result;
	const char *record = NULL, *why_call = NULL, *why;
	char room[PATH_MAX], line[256];
	bool json = false;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "+h", options, NULL)) != -1;) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'a':
			scope.all = true;
			break;
		case 'r':
			scope.root = strcmp(optarg, "/") ? optarg : "";
			break;
		case 'R':
			record = optarg;
			break;
		case 'w':
			why_call = optarg;
			break;
		case 'd':
			GROW(scope.named, scope.nameds);
			scope.named[scope.nameds++] = optarg;
			break;
		case 'n':
			if (scope_add_names(&scope, optarg)) {
				fprintf(stderr, "whelk: check: option --names: %s: %s\n", optarg, strerror(errno));
				return FAILED;
			}
			break;
		case 'h':
			return finish(stdout, fputs(help, stdout) < 0 ? FAILED : 0);
		default:
			fprintf(stderr,
				"whelk: check: option %s is not known or lacks its value; see whelk check --help\n",
				argv[optind - 1]);
			return FAILED;
		}
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "whelk: check: give one program; see whelk check --help\n");
		return FAILED;
	}
	result.program = in_path(argv[optind], room, sizeof(room));
	if (scope_load(&scope, result.program, &why)) {
		if (is_script(result.program, line, sizeof(line)))
			fprintf(stderr, "whelk: check: %s is a script of %s: check that program\n", result.program,
				line + 2);
		else
			fprintf(stderr, "whelk: check: %s %s\n", result.program, why);
		return 2;
	}
	for (size_t i = 0; i < scope.modules; i++)
		module_sweep(scope.module[i]);
	scope_reach(&scope);
	result_make(&result, &scope);
	if (record && result_record(&result, record)) {
		fprintf(stderr, "whelk: check: the record %s cannot be read\n", record);
		return FAILED;
	}
	if (why_call)
		report_why(&result, &scope, why_call, stdout);
	else if (json)
		report_json(&result, &scope, stdout);
	else
		report_table(&result, &scope, stdout);
	int status = finish(stdout, result_status(&result, &scope));
	result_free(&result);
	scope_free(&scope);
	return status;
}
