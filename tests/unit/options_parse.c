// SPDX-License-Identifier: MIT
//
// monitor/options.c: what the command line means, and that each bad one gets exactly one message that names
// the option or the value.
#include "monitor/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/message.h"

#define CHECK_NOTE said
#include "check.h"

int message_verbose;
static char said[1024];
static unsigned messages;

void message(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	messages++;
}

static struct options o;

// Parses "whelk run" words up to NULL.
static int parse(const char *first, ...)
{
	static char *argv[32];
	int argc = 0;
	va_list ap;
	va_start(ap, first);
	argv[argc++] = (char *)(uintptr_t) "run";
	for (const char *s = first; s; s = va_arg(ap, const char *))
		argv[argc++] = (char *)(uintptr_t)s;
	va_end(ap);
	argv[argc] = NULL;
	messages = 0;
	said[0] = '\0';
	message_verbose = 0;
	int err = options_parse(&o, argc, argv);
	return err ? err : options_pass_env(&o);
}

#define GOOD(...)                                     \
	do {                                          \
		CHECK(parse(__VA_ARGS__, NULL) == 0); \
		CHECK(messages == 0);                 \
	} while (0)
#define BAD(names, ...)                                      \
	do {                                                 \
		CHECK(parse(__VA_ARGS__, NULL) == -EINVAL);  \
		CHECK(messages == 1 && strstr(said, names)); \
		options_free(&o);                            \
	} while (0)

static void test_defaults(void)
{
	GOOD("prog", "-m", "x");
	CHECK(o.memory_size == 512u << 20 && o.cpus >= 1 && o.cpus <= 8 && strcmp(o.root, "/") == 0);
	CHECK(!strcmp(o.argv[0], "prog") && !strcmp(o.argv[1], "-m") && !strcmp(o.argv[2], "x") && !o.argv[3]);
	CHECK(!o.trace && !o.stats && !o.no_jail && !o.help && !o.cwd && o.uid == getuid() && o.gid == getgid());
	options_free(&o);
	GOOD("--", "-odd", "a");
	CHECK(!strcmp(o.argv[0], "-odd") && !strcmp(o.argv[1], "a"));
	options_free(&o);
	GOOD("--help");
	CHECK(o.help && !o.help_all);
	options_free(&o);
	GOOD("--help=all");
	CHECK(o.help && o.help_all);
	options_free(&o);
	BAD("--help", "--help=most");
}

static void test_numbers(void)
{
	GOOD("-m", "256M", "-c3", "--user", "5:6", "p");
	CHECK(o.memory_size == 256u << 20 && o.cpus == 3 && o.uid == 5 && o.gid == 6);
	options_free(&o);
	GOOD("--memory=2g", "--cpus", "64", "--user=7", "p");
	CHECK(o.memory_size == 2ull << 30 && o.cpus == 64 && o.uid == 7 && o.gid == 7);
	options_free(&o);
	GOOD("-m", "16777216", "p");
	options_free(&o);
	static const char *const memory[] = {"0",	    "",	   "M",	   "-1M",  "+5M",	 " 64M",
					     "1k",	    "15M", "1.5G", "64MB", "0x40000000", "9999999999999999999G",
					     "17179869184G"};
	for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		BAD("-m", "-m", memory[i], "p");
	CHECK(parse("-m", "1M", "p", NULL) && strstr(said, "too small"));
	options_free(&o);
	static const char *const cpus[] = {"0", "", "65", "-1", "2x", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++)
		BAD("-c", "-c", cpus[i], "p");
	static const char *const user[] = {"", "root", "1:", ":1", "1:2:3", "4294967295", "-1"};
	for (size_t i = 0; i < sizeof(user) / sizeof(user[0]); i++)
		BAD("--user", "--user", user[i], "p");
}

static void test_volumes(void)
{
	GOOD("-v", "./a:/b", "-v", "/c:/d/e/:ro", "--volume=x:/y:rw", "p");
	CHECK(o.volume_count == 3 && !strcmp(o.volume[0].host, "./a") && !strcmp(o.volume[0].guest, "/b") &&
	      !o.volume[0].readonly);
	CHECK(!strcmp(o.volume[1].guest, "/d/e") && o.volume[1].readonly && !o.volume[2].readonly);
	options_free(&o);
	static const char *const bad[] = {"",	   "a",	      ":/b",	    "a:",    "a:b",	  "a:/",    "a:///",
					  "a:/b:", "a:/b:xx", "a:/b:ro:ro", "a:/..", "a:/b/../c", "a:/b/.."};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		BAD("-v", "-v", "ok:/ok", "-v", bad[i], "p");
	GOOD("-v", "a:/b..c", "p"); // only whole components are special
	options_free(&o);
	char *argv[2 * ABI_MAX_MOUNTS + 3];
	int argc = 0;
	argv[argc++] = (char *)(uintptr_t) "run";
	for (int i = 0; i < ABI_MAX_MOUNTS; i++) {
		argv[argc++] = (char *)(uintptr_t) "-v";
		argv[argc++] = (char *)(uintptr_t) "a:/b";
	}
	argv[argc] = NULL;
	messages = 0;
	CHECK(options_parse(&o, argc, argv) == -EINVAL && messages == 1 && strstr(said, "-v"));
	options_free(&o);
}

static void test_environment(void)
{
	clearenv();
	setenv("PATH", "/here", 1);
	setenv("LC_TIME", "C", 1);
	setenv("SECRET", "1", 1);
	setenv("OTHER", "2", 1);
	GOOD("-e", "A=1", "-e", "A=2=3", "-e", "OTHER", "-e", "UNSET", "-e", "HOME=", "p");
	CHECK(!strcmp(options_getenv(&o, "A"), "2=3") && !strcmp(options_getenv(&o, "OTHER"), "2"));
	CHECK(!strcmp(options_getenv(&o, "PATH"), "/here") && !strcmp(options_getenv(&o, "LC_TIME"), "C"));
	CHECK(!options_getenv(&o, "SECRET") && !options_getenv(&o, "UNSET") && !strcmp(options_getenv(&o, "HOME"), ""));
	CHECK(o.env_count == 5 && !o.env[5]);
	options_free(&o);
	GOOD("-e", "PATH=/there", "p");
	CHECK(!strcmp(options_getenv(&o, "PATH"), "/there"));
	options_free(&o);
	BAD("-e", "-e", "", "p");
	BAD("-e", "-e", "=x", "p");

	char path[] = "/tmp/options.XXXXXX";
	int fd = mkstemp(path);
	static const char text[] = "# comment\nX=1\r\n\nOTHER\nY=a b";
	CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	close(fd);
	GOOD("--env-file", path, "p");
	unlink(path);
	CHECK(!strcmp(options_getenv(&o, "X"), "1") && !strcmp(options_getenv(&o, "Y"), "a b") &&
	      !strcmp(options_getenv(&o, "OTHER"), "2"));
	options_free(&o);
	BAD("/no/such/file", "--env-file", "/no/such/file", "p");
}

static void test_words(void)
{
	GOOD("--trace", "--stats", "--verbose", "--no-jail", "--hostname", "h", "-w", "/w", "--root", "/r",
	     "--syscalls", "patch", "--platform=kvm", "p");
	CHECK(o.trace && !*o.trace && o.stats && message_verbose && o.no_jail && !strcmp(o.cwd, "/w") &&
	      o.syscalls == ABI_SYSCALLS_PATCH);
	options_free(&o);
	GOOD("--trace=file,=openat", "p");
	CHECK(!strcmp(o.trace, "file,=openat"));
	options_free(&o);
	GOOD("-d", "--name", "web-1", "--rm", "p", "-d");
	CHECK(o.detach && o.remove && !strcmp(o.name, "web-1"));
	options_free(&o);
	GOOD("p", "-d", "--name", "x");
	CHECK(!o.detach && !o.remove && !o.name);
	options_free(&o);
	BAD("--name", "--name", "a/b", "p");
	BAD("--name", "--name", "", "p");
	BAD("--frob", "--frob", "p");
	BAD("-x", "-x", "p");
	BAD("-m", "-m");
	BAD("--memory", "--memory");
	BAD("--stats", "--stats=1", "p");
	BAD("-w", "-w", "relative", "p");
	BAD("--hostname", "--hostname", "", "p");
	BAD("--platform", "--platform", "xen", "p");
	CHECK(parse("--platform", "linux", "p", NULL) == 0 && o.platform == MACHINE_PLATFORM_LINUX);
	options_free(&o);
	CHECK(parse("p", NULL) == 0 && o.platform == MACHINE_PLATFORM_AUTO);
	options_free(&o);
	BAD("--syscalls", "--syscalls", "magic", "p");
	GOOD("--libc=fast", "p");
	CHECK(o.libc_fast);
	options_free(&o);
	GOOD("--libc", "own", "p");
	CHECK(!o.libc_fast);
	options_free(&o);
	BAD("--libc", "--libc", "quick", "p");
	CHECK(parse(NULL) == -EINVAL && messages == 1 && strstr(said, "program"));
	options_free(&o);
	BAD("program", "--");
}

int main(void)
{
	test_defaults();
	test_numbers();
	test_volumes();
	test_environment();
	test_words();
	puts("ok options_parse");
	return 0;
}
