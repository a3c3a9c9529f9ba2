// SPDX-License-Identifier: MIT
//
// whelk inspect: what is in an image, as a table or as JSON; all its hashes are checked.
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/image.h"
#include "base/util.h"
#include "monitor/app.h"
#include "monitor/cmd.h"
#include "monitor/help.h"
#include "monitor/json.h"
#include "monitor/message.h"

static const char *const platform_name[APP_KERNELS] = {[ABI_PLATFORM_KVM - 1] = "kvm",
						       [ABI_PLATFORM_LINUX - 1] = "linux"};

static const char *call_name(unsigned nr)
{
	static const char *const name[APP_CALLS] = {
#define ROW(name, ...) [__NR_##name] = #name,
#include "sys/rows.inc"
#undef ROW
	};
	return name[nr];
}

static bool allowed(const struct app_head *h, unsigned nr)
{
	return h->calls[nr / 64] >> nr % 64 & 1;
}

static unsigned calls_of(const struct app_head *h)
{
	unsigned n = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(h->calls); i++)
		n += (unsigned)__builtin_popcountll(h->calls[i]);
	return n;
}

static const char *hex(const uint8_t hash[32], char room[65])
{
	for (unsigned i = 0; i < 32; i++)
		snprintf(room + 2 * i, 3, "%02x", hash[i]);
	return room;
}

static void path_of(const struct app *a, uint32_t n, FILE *to, void (*say)(FILE *, const char *))
{
	char path[8192] = "";
	size_t at = sizeof(path) - 1;
	for (; n; n = a->node[n].parent) {
		const char *name = a->text + a->node[n].name;
		size_t len = strlen(name);
		if (len + 1 > at)
			break; // deeper than any path that can be used
		at -= len;
		memcpy(path + at, name, len);
		path[--at] = '/';
	}
	say(to, path[at] ? path + at : "/");
}

static void say_escaped(FILE *f, const char *s)
{
	char room[4 * 8192];
	fputs(message_escape(room, sizeof(room), s, strlen(s)), f);
}

static void say_list(const struct app *a, struct app_list list, const char *title)
{
	const char *s = a->text + list.text;
	for (uint32_t i = 0; i < list.count; i++, s += strlen(s) + 1) {
		printf("%-12s ", i ? "" : title);
		say_escaped(stdout, s);
		putchar('\n');
	}
}

static const char *kind_of(const struct app_node *n)
{
	return S_ISDIR(n->mode) ? "directory" : S_ISLNK(n->mode) ? "link" : "file";
}

static void table(const struct app *a)
{
	const struct app_head *h = &a->head;
	char room[65];
	printf("hash         %s\n", hex(h->hash, room));
	printf("size         %lu\n", h->file_size);
	for (unsigned i = 0; i < APP_KERNELS; i++)
		if (h->kernel[i].size)
			printf("kernel       %s, %lu bytes%s\n", platform_name[i], h->kernel[i].size,
			       h->flags & APP_SPECIALISED ? ", specialised" : "");
	printf("program      ");
	say_escaped(stdout, a->text + h->exec);
	printf("\ndirectory    ");
	say_escaped(stdout, a->text + h->cwd);
	putchar('\n');
	say_list(a, h->argv, "arguments");
	say_list(a, h->env, "environment");
	say_list(a, h->compartments, "compartments");
	if (h->memory)
		printf("memory       %lu\n", h->memory);
	if (h->cpus)
		printf("cpus         %u\n", h->cpus);
	if (!(h->flags & APP_ENFORCE)) {
		printf("calls        all\n");
	} else {
		printf("calls        %u:", calls_of(h));
		for (unsigned nr = 0; nr < APP_CALLS; nr++)
			if (allowed(h, nr))
				printf(" %s", call_name(nr) ? call_name(nr) : "?");
		putchar('\n');
	}
	printf("files        %u\n", h->nodes);
	for (uint32_t n = 0; n < h->nodes; n++) {
		const struct app_node *x = &a->node[n];
		printf("  %c%04o %5u %5u %10lu  ",
		       *kind_of(x) == 'd'   ? 'd'
		       : *kind_of(x) == 'l' ? 'l'
					    : '-',
		       x->mode & 07777, x->uid, x->gid, x->size);
		path_of(a, n, stdout, say_escaped);
		if (S_ISLNK(x->mode)) {
			printf(" -> ");
			say_escaped(stdout, a->text + x->at);
		}
		putchar('\n');
	}
}

static void json_list(const struct app *a, struct app_list list, const char *name)
{
	const char *s = a->text + list.text;
	printf("  \"%s\": [", name);
	for (uint32_t i = 0; i < list.count; i++, s += strlen(s) + 1) {
		fputs(i ? ", " : "", stdout);
		json_string(stdout, s);
	}
	printf("],\n");
}

// "NAME GATE COMPONENT...", at least one of these
static void json_compartments(const struct app *a)
{
	static const char *const before[] = {"{\"name\": ", ", \"gate\": ", ", \"components\": [", ", "};
	const char *s = a->text + a->head.compartments.text;
	char word[256];
	printf("  \"compartments\": [");
	for (uint32_t i = 0; i < a->head.compartments.count; i++, s++) {
		for (unsigned n = 0; *s; n++, s += *s == ' ') {
			size_t len = strcspn(s, " ");
			snprintf(word, sizeof(word), "%.*s", (int)len, s);
			printf("%s%s", i && !n ? ", " : "", before[MIN(n, 3u)]);
			json_string(stdout, word);
			s += len;
		}
		printf("]}");
	}
	printf("],\n");
}

static void json(const struct app *a)
{
	const struct app_head *h = &a->head;
	char room[65];
	const char *comma = "";
	printf("{\n  \"hash\": \"%s\",\n  \"size\": %lu,\n  \"specialised\": %s,\n  \"kernels\": {", hex(h->hash, room),
	       h->file_size, h->flags & APP_SPECIALISED ? "true" : "false");
	for (unsigned i = 0; i < APP_KERNELS; i++)
		if (h->kernel[i].size) {
			printf("%s\"%s\": %lu", comma, platform_name[i], h->kernel[i].size);
			comma = ", ";
		}
	printf("},\n  \"program\": ");
	json_string(stdout, a->text + h->exec);
	printf(",\n  \"directory\": ");
	json_string(stdout, a->text + h->cwd);
	printf(",\n");
	json_list(a, h->argv, "arguments");
	json_list(a, h->env, "environment");
	json_compartments(a);
	printf("  \"memory\": %lu,\n  \"cpus\": %u,\n  \"enforced\": %s,\n  \"calls\": [", h->memory, h->cpus,
	       h->flags & APP_ENFORCE ? "true" : "false");
	comma = "";
	for (unsigned nr = 0; nr < APP_CALLS; nr++)
		if (allowed(h, nr) && call_name(nr)) {
			printf("%s\"%s\"", comma, call_name(nr));
			comma = ", ";
		}
	printf("],\n  \"files\": [");
	for (uint32_t n = 0; n < h->nodes; n++) {
		const struct app_node *x = &a->node[n];
		printf("%s\n    {\"path\": ", n ? "," : "");
		path_of(a, n, stdout, json_string);
		printf(", \"type\": \"%s\", \"mode\": %u, \"uid\": %u, \"gid\": %u, \"size\": %lu, \"mtime\": %ld",
		       kind_of(x), x->mode & 07777, x->uid, x->gid, x->size, x->mtime);
		if (S_ISLNK(x->mode)) {
			printf(", \"to\": ");
			json_string(stdout, a->text + x->at);
		}
		putchar('}');
	}
	printf("\n  ]\n}\n");
}

static bool check_kernels(const struct app *a, char *why, size_t size)
{
	size_t len;
	for (unsigned i = 0; i < APP_KERNELS; i++)
		if (a->head.kernel[i].size) {
			void *kernel = app_kernel(a, i + 1, &len, why, size);
			if (!kernel)
				return false;
			free(kernel);
		}
	return true;
}

int cmd_inspect(int argc, char **argv)
{
	static const struct option options[] = {{"json", 0, NULL, 'j'}, {"help", 0, NULL, 'h'}, {0}};
	bool as_json = false;
	char why[200];
	struct app a;
	opterr = 0;
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (c == 'h')
			return fputs(help_inspect, stdout) < 0 || fflush(stdout) ? CMD_FAILED : 0;
		if (c != 'j') {
			message("inspect: unknown option %s; see whelk inspect --help", argv[optind - 1]);
			return CMD_FAILED;
		}
		as_json = true;
	}
	if (optind + 1 != argc) {
		message("inspect: give one image; see whelk inspect --help");
		return CMD_FAILED;
	}
	int fd = open(argv[optind], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		message("%s: %s", argv[optind], strerror(errno));
		return CMD_FAILED;
	}
	if (app_open(&a, fd, why, sizeof(why))) {
		message("%s: %s", argv[optind], why);
		close(fd);
		return CMD_FAILED;
	}
	bool sound = check_kernels(&a, why, sizeof(why)) && !app_check_data(&a, why, sizeof(why));
	if (!sound)
		message("%s: %s", argv[optind], why);
	else if (as_json)
		json(&a);
	else
		table(&a);
	app_close(&a);
	return sound && !fflush(stdout) && !ferror(stdout) ? 0 : CMD_FAILED;
}
