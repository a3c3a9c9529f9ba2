// SPDX-License-Identifier: MIT
//
// Parsing the command line of `whelk run`. Options end at the first word that is none, or at "--".
#include "monitor/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/message.h"

#define CPUS_DEFAULT_MAX 8
#define MEMORY_DEFAULT	 (512ull << 20)
#define MEMORY_LEAST	 (16ull << 20)

enum { OPT_ROOT = 256, OPT_HOSTNAME, OPT_USER, OPT_TRACE, OPT_STATS, OPT_VERBOSE, OPT_PLATFORM, OPT_SYSCALLS, OPT_KERNEL,
       OPT_ENV_FILE, OPT_NO_JAIL, OPT_LIBC, OPT_NAME, OPT_RM, OPT_NET, OPT_IP };

static const struct option long_option[] = {
	{"memory", required_argument, NULL, 'm'},	 {"cpus", required_argument, NULL, 'c'},
	{"volume", required_argument, NULL, 'v'},	 {"env", required_argument, NULL, 'e'},
	{"workdir", required_argument, NULL, 'w'},	 {"help", optional_argument, NULL, 'h'},
	{"root", required_argument, NULL, OPT_ROOT},	 {"hostname", required_argument, NULL, OPT_HOSTNAME},
	{"user", required_argument, NULL, OPT_USER},	 {"trace", optional_argument, NULL, OPT_TRACE},
	{"stats", no_argument, NULL, OPT_STATS},	 {"verbose", no_argument, NULL, OPT_VERBOSE},
	{"platform", required_argument, NULL, OPT_PLATFORM}, {"syscalls", required_argument, NULL, OPT_SYSCALLS},
	{"kernel", required_argument, NULL, OPT_KERNEL}, {"env-file", required_argument, NULL, OPT_ENV_FILE},
	{"no-jail", no_argument, NULL, OPT_NO_JAIL},	 {"libc", required_argument, NULL, OPT_LIBC},
	{"detach", no_argument, NULL, 'd'},		 {"name", required_argument, NULL, OPT_NAME},
	{"rm", no_argument, NULL, OPT_RM},		 {"publish", required_argument, NULL, 'p'},
	{"net", required_argument, NULL, OPT_NET},
	{"ip", required_argument, NULL, OPT_IP},
	{NULL, 0, NULL, 0},
};

static int bad(const char *option, const char *value, const char *want)
{
	message("option %s: '%s' is not %s", option, value, want);
	return -EINVAL;
}

static int parse_memory(struct options *o, const char *s)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(s, &end, 10);
	unsigned shift = 0;
	switch (tolower((unsigned char)*end)) {
	case 'k': shift = 10; end++; break;
	case 'm': shift = 20; end++; break;
	case 'g': shift = 30; end++; break;
	}
	if (!isdigit((unsigned char)*s) || errno || *end || n > (UINT64_MAX >> 1) >> shift)
		return bad("-m", s, "a size such as 256M or 2G");
	o->memory_size = n << shift;
	if (o->memory_size >= MEMORY_LEAST)
		return 0;
	message("option -m: %s is too small, a machine needs 16M at least", s);
	return -EINVAL;
}

static int parse_number(const char *option, const char *s, unsigned long max, const char *want, char **end,
			uint32_t *out)
{
	errno = 0;
	unsigned long n = strtoul(s, end, 10);
	if (!isdigit((unsigned char)*s) || errno || n > max)
		return bad(option, s, want);
	*out = (uint32_t)n;
	return 0;
}

static int parse_cpus(struct options *o, const char *s)
{
	char *end;
	const char *want = "a number from 1 to 64";
	if (parse_number("-c", s, ABI_MAX_CPUS, want, &end, &o->cpus))
		return -EINVAL;
	return *end || !o->cpus ? bad("-c", s, want) : 0;
}

static int parse_user(struct options *o, const char *s)
{
	char *end;
	const char *want = "UID or UID:GID in numbers";
	if (parse_number("--user", s, UINT32_MAX - 1, want, &end, &o->uid))
		return -EINVAL;
	o->gid = o->uid;
	if (*end == ':' && parse_number("--user", end + 1, UINT32_MAX - 1, want, &end, &o->gid))
		return -EINVAL;
	return *end ? bad("--user", s, want) : 0;
}

// HOST:GUEST[:ro|:rw]
static int parse_volume(struct options *o, const char *s)
{
	const char *want = "HOST_DIR:GUEST_DIR[:ro], GUEST_DIR absolute and without '..'";
	const char *colon = strchr(s, ':');
	struct options_volume v = {0};

	if (o->volume_count == ARRAY_SIZE(o->volume)) {
		message("option -v: at most %zu directories", ARRAY_SIZE(o->volume));
		return -EINVAL;
	}
	if (!colon || colon == s || colon[1] != '/')
		return bad("-v", s, want);
	v.host = strndup(s, (size_t)(colon - s));
	v.guest = strdup(colon + 1);
	if (!v.host || !v.guest)
		abort();
	char *mode = strchr(v.guest, ':');
	bool ok = true;
	if (mode) {
		*mode++ = '\0';
		v.readonly = strcmp(mode, "ro") == 0;
		ok = v.readonly || strcmp(mode, "rw") == 0;
	}
	for (size_t n = strlen(v.guest); n && v.guest[n - 1] == '/'; n--)
		v.guest[n - 1] = '\0';
	size_t n = strlen(v.guest);
	if (!ok || !n || strstr(v.guest, "/../") || (n >= 3 && strcmp(v.guest + n - 3, "/..") == 0)) {
		free(v.host);
		free(v.guest);
		return bad("-v", s, want);
	}
	o->volume[o->volume_count++] = v;
	return 0;
}

const char *options_getenv(const struct options *o, const char *name)
{
	size_t n = strlen(name);
	for (unsigned i = 0; i < o->env_count; i++)
		if (strncmp(o->env[i], name, n) == 0 && o->env[i][n] == '=')
			return o->env[i] + n + 1;
	return NULL;
}

int options_setenv(struct options *o, const char *assignment, bool keep)
{
	size_t n = strcspn(assignment, "=") + 1;
	char *copy = strdup(assignment);
	if (!copy)
		return -ENOMEM;
	for (unsigned i = 0; i < o->env_count; i++)
		if (strncmp(o->env[i], assignment, n) == 0) {
			char *drop = keep ? copy : o->env[i];
			o->env[i] = keep ? o->env[i] : copy;
			free(drop);
			return 0;
		}
	char **list = realloc(o->env, (o->env_count + 2) * sizeof(*list));
	if (!list) {
		free(copy);
		return -ENOMEM;
	}
	o->env = list;
	o->env[o->env_count++] = copy;
	o->env[o->env_count] = NULL;
	return 0;
}

int options_pass_env(struct options *o)
{
	static const char *const name[] = {"PATH=", "HOME=", "TERM=", "LANG=", "LC_*", "TZ=", "USER="};
	for (char **e = environ; e && *e; e++)
		for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
			size_t n = strcspn(name[i], "*");
			if (strncmp(*e, name[i], n) == 0 && strchr(*e, '=') && options_setenv(o, *e, true))
				return -ENOMEM;
		}
	return 0;
}

// NAME=value, or NAME for the value it has here.
static int parse_env(struct options *o, const char *option, const char *s)
{
	if (!*s || *s == '=')
		return bad(option, s, "NAME=VALUE or NAME");
	if (strchr(s, '='))
		return options_setenv(o, s, false);
	const char *value = getenv(s);
	char *both;
	if (!value)
		return 0;
	if (asprintf(&both, "%s=%s", s, value) < 0)
		return -ENOMEM;
	int err = options_setenv(o, both, false);
	free(both);
	return err;
}

static int parse_env_file(struct options *o, const char *path)
{
	char *line = NULL;
	size_t size = 0;
	int err = 0;
	FILE *f = fopen(path, "re");
	if (!f) {
		message("option --env-file: cannot open %s: %s", path, strerror(errno));
		return -EINVAL;
	}
	while (!err && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line && *line != '#')
			err = parse_env(o, "--env-file", line);
	}
	free(line);
	fclose(f);
	return err;
}

static int parse_syscalls(struct options *o, const char *s)
{
	if (strcmp(s, "trap") == 0)
		o->syscalls = ABI_SYSCALLS_TRAP;
	else if (strcmp(s, "patch") == 0)
		o->syscalls = ABI_SYSCALLS_PATCH;
	else
		return bad("--syscalls", s, "'trap' or 'patch'");
	return 0;
}

static int parse_libc(struct options *o, const char *s)
{
	o->libc_fast = strcmp(s, "fast") == 0;
	return o->libc_fast || strcmp(s, "own") == 0 ? 0 : bad("--libc", s, "'fast' or 'own'");
}

static int parse_platform(struct options *o, const char *s)
{
	static const char *const name[] = {
		[MACHINE_PLATFORM_AUTO] = "auto", [MACHINE_PLATFORM_KVM] = "kvm", [MACHINE_PLATFORM_LINUX] = "linux"};
	for (unsigned i = 0; i < ARRAY_SIZE(name); i++)
		if (strcmp(s, name[i]) == 0) {
			o->platform = (enum machine_platform)i;
			return 0;
		}
	return bad("--platform", s, "'kvm', 'linux' or 'auto'");
}

static int parse_absolute(const char *option, const char *s, const char **out)
{
	*out = s;
	return *s == '/' ? 0 : bad(option, s, "an absolute path");
}

bool options_name_valid(const char *name)
{
	size_t n = strlen(name);
	if (!n || n > OPTIONS_NAME_MAX || !isalnum((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

static int parse_one(struct options *o, int c, char *arg)
{
	switch (c) {
	case 'm': o->memory_given = true; return parse_memory(o, arg);
	case 'c': o->cpus_given = true; return parse_cpus(o, arg);
	case 'v': return parse_volume(o, arg);
	case 'e': return parse_env(o, "-e", arg);
	case 'w': return parse_absolute("-w", arg, &o->cwd);
	case 'h':
		o->help = true;
		o->help_all = arg;
		return !arg || !strcmp(arg, "all") ? 0 : bad("--help", arg, "'all' or nothing");
	case 'p': return options_parse_port(o, arg);
	case OPT_NET: return options_parse_net(o, arg);
	case OPT_IP: return options_parse_ip(o, arg);
	case 'd': o->detach = true; return 0;
	case OPT_RM: o->remove = true; return 0;
	case OPT_NAME:
		o->name = arg;
		return options_name_valid(arg) ? 0 : bad("--name", arg, "1 to 63 letters, digits, '_', '.' and '-', a letter or digit first");
	case OPT_ROOT: o->root_given = true; o->root = arg; return 0;
	case OPT_HOSTNAME:
		o->hostname = arg;
		return *arg && strlen(arg) <= 64 ? 0 : bad("--hostname", arg, "a name of 1 to 64 bytes");
	case OPT_USER: return parse_user(o, arg);
	case OPT_TRACE: o->trace = arg ? arg : ""; return 0;
	case OPT_STATS: o->stats = true; return 0;
	case OPT_VERBOSE: message_verbose = 1; return 0;
	case OPT_PLATFORM: return parse_platform(o, arg);
	case OPT_SYSCALLS: return parse_syscalls(o, arg);
	case OPT_LIBC: return parse_libc(o, arg);
	case OPT_KERNEL: o->kernel = arg; return 0;
	case OPT_ENV_FILE: return parse_env_file(o, arg);
	case OPT_NO_JAIL: o->no_jail = true; return 0;
	}
	return -EINVAL;
}

static unsigned default_cpus(void)
{
	cpu_set_t set;
	unsigned n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
	return MIN(MAX(n, 1u), (unsigned)CPUS_DEFAULT_MAX);
}

int options_parse(struct options *o, int argc, char **argv)
{
	int c;
	*o = (struct options){
		.memory_size = MEMORY_DEFAULT, .cpus = default_cpus(), .root = "/", .uid = getuid(), .gid = getgid(),
		.syscalls = ABI_SYSCALLS_PATCH, .net = true};
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "+:dm:c:v:e:w:p:h", long_option, NULL)) != -1) {
		if (c == ':') {
			message("option %s needs a value; see whelk run --help", argv[optind - 1]);
			return -EINVAL;
		}
		if (c == '?') {
			if (optopt && optopt < 256)
				message("unknown option -%c; see whelk run --help", optopt);
			else
				message("unknown option %s; see whelk run --help", argv[optind - 1]);
			return -EINVAL;
		}
		int err = parse_one(o, c, optarg);
		if (err)
			return err;
	}
	if (options_check_net(o))
		return -EINVAL;
	o->argv = argv + optind;
	if (!o->help && !*o->argv) {
		message("no program is named; see whelk run --help");
		return -EINVAL;
	}
	return 0;
}

void options_free(struct options *o)
{
	for (unsigned i = 0; i < o->volume_count; i++) {
		free(o->volume[i].host);
		free(o->volume[i].guest);
	}
	for (unsigned i = 0; i < o->env_count; i++)
		free(o->env[i]);
	free(o->env);
}
