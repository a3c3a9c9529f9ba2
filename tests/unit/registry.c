// SPDX-License-Identifier: MIT
//
// monitor/registry.c: who holds a name, who is alive, what is swept away; monitor/json.c.
#include "monitor/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/json.h"
#include "monitor/message.h"
#include "check.h"

int message_verbose;
static int messages;

void message(const char *fmt, ...)
{
	(void)fmt;
	messages++;
}

static char base[] = "/tmp/registry.XXXXXX";
static int dir;

static void put(int fd, const char *text) { CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text)); }

static void put_page(const char *name, int64_t started, int64_t ended, int status)
{
	struct registry_page page = {.magic = REGISTRY_MAGIC, .started = started, .ended = ended, .status = status};
	page.started_ns = started ? 1 : 0;
	int fd = registry_create(dir, name, "page", O_RDWR);
	CHECK(fd >= 0 && write(fd, &page, sizeof(page)) == sizeof(page));
	close(fd);
}

static int files(void)
{
	char command[128];
	int n = -1;
	snprintf(command, sizeof(command), "ls %s/whelk | wc -l", base);
	FILE *f = popen(command, "r");
	CHECK(f && fscanf(f, "%d", &n) == 1);
	pclose(f);
	return n;
}

static void test_directory(void)
{
	char path[64];
	struct stat st;
	CHECK_EQ(registry_open(false), -ENOENT);
	CHECK_EQ(messages, 0);
	dir = registry_open(true);
	CHECK(dir >= 0 && fstat(dir, &st) == 0);
	CHECK_EQ(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/whelk", base);
	CHECK(chmod(path, 0710) == 0);
	CHECK_EQ(registry_open(false), -EPERM);
	CHECK_EQ(messages, 1);
	CHECK(chmod(path, 0700) == 0 && rmdir(path) == 0 && symlink("/tmp", path) == 0);
	CHECK_EQ(registry_open(true), -EPERM);
	CHECK_EQ(messages, 2);
	CHECK(unlink(path) == 0);
	close(dir);
	dir = registry_open(true);
	CHECK(dir >= 0);
	messages = 0;
}

static void test_life(void)
{
	char name[OPTIONS_NAME_MAX + 1], other[OPTIONS_NAME_MAX + 1];
	struct registry_entry e, *list;
	int fd = registry_claim(dir, "a", "x", name);
	CHECK(fd >= 0 && !strcmp(name, "a"));
	put(fd, "created 12\npid 99\npid 98\nwrong\nmemory 4096\ncpus 3\njson [\"x\"]\ncommand x y\nplatf");
	CHECK_EQ(registry_claim(dir, "a", "x", other), -EBUSY);
	CHECK_EQ(messages, 1);
	CHECK_EQ(registry_remove(dir, "a"), -EBUSY);

	// Without the descriptor that writes, the one that reads keeps the lock.
	int kept = registry_hold(dir, "a", fd);
	CHECK(kept >= 0);
	put(fd, "orm kvm\n");
	close(fd);
	CHECK(write(kept, "x", 1) < 0);
	CHECK_EQ(registry_claim(dir, "a", "x", other), -EBUSY);
	CHECK_EQ(registry_read(dir, "a", &e), 0);
	CHECK(e.alive && !e.killed && e.status == -1 && e.created == 12 && e.memory == 4096 && e.cpus == 3 && !e.log &&
	      !e.remove);
	CHECK(!strcmp(e.platform, "kvm") && !strcmp(e.command, "x y") && !strcmp(e.json, "[\"x\"]"));
	registry_free(&e);

	// A process that has the lock and ends, without a word.
	put_page("a", 5, 0, 0);
	close(kept);
	CHECK_EQ(registry_read(dir, "a", &e), 0);
	CHECK(!e.alive && e.killed && e.status == 137);
	CHECK_EQ(registry_pidfd(dir, &e), -ESRCH);
	registry_free(&e);
	CHECK_EQ(registry_list(dir, &list), 1);
	registry_list_free(list, 1);

	// The name is free; what was there is gone.
	fd = registry_claim(dir, "a", "x", name);
	CHECK(fd >= 0);
	CHECK_EQ(files(), 1);
	put(fd, "created 20\nlog 1\n");
	put_page("a", 21, 22, 7);
	close(fd);
	CHECK_EQ(registry_read(dir, "a", &e), 0);
	CHECK(!e.alive && !e.killed && e.status == 7 && e.log && e.created == 20);
	registry_free(&e);
	CHECK_EQ(registry_remove(dir, "a"), 0);
	CHECK_EQ(files(), 0);
	CHECK_EQ(registry_remove(dir, "a"), -ENOENT);
}

static void test_swept(void)
{
	char name[OPTIONS_NAME_MAX + 1];
	struct registry_entry e, *list;
	int fd = registry_claim(dir, "never", "x", name);
	put_page("never", 0, 0, 0);
	CHECK_EQ(registry_read(dir, "never", &e), 0); // starting
	registry_free(&e);
	close(fd);
	CHECK_EQ(registry_read(dir, "never", &e), -ENOENT);
	fd = registry_claim(dir, "removed", "x", name);
	put(fd, "remove 1\n");
	put_page("removed", 1, 2, 0);
	close(fd);
	CHECK_EQ(registry_list(dir, &list), 0);
	registry_list_free(list, 0);
	CHECK_EQ(files(), 0);
	CHECK_EQ(registry_read(dir, "../x", &e), -ENOENT);
}

// The monitor's number counts only while the lock is held.
static void test_process(void)
{
	char name[OPTIONS_NAME_MAX + 1], line[32], byte;
	struct registry_entry e;
	int go[2], up[2];
	CHECK(pipe(go) == 0 && pipe(up) == 0);
	pid_t pid = fork();
	if (!pid) {
		int fd = registry_claim(dir, NULL, "/usr/bin/a b", name);
		snprintf(line, sizeof(line), "pid %d\n", getpid());
		put(fd, line);
		put_page(name, 1, 0, 0);
		CHECK(write(up[1], name, sizeof(name)) == sizeof(name));
		CHECK(read(go[0], &byte, 1) == 1);
		_exit(0);
	}
	CHECK(read(up[0], name, sizeof(name)) == sizeof(name));
	CHECK(!strncmp(name, "ab-", 3) && strlen(name) == 9 && options_name_valid(name));
	CHECK_EQ(registry_read(dir, name, &e), 0);
	CHECK_EQ(e.pid, pid);
	int pidfd = registry_pidfd(dir, &e);
	CHECK(pidfd >= 0);
	close(pidfd);
	CHECK(write(go[1], "", 1) == 1 && waitpid(pid, NULL, 0) == pid);
	e.pid = getpid(); // as if the number were somebody else's now
	CHECK_EQ(registry_pidfd(dir, &e), -ESRCH);
	registry_free(&e);
	CHECK_EQ(registry_remove(dir, name), 0);
}

static void test_names(void)
{
	char longest[OPTIONS_NAME_MAX + 2];
	memset(longest, 'a', sizeof(longest));
	longest[OPTIONS_NAME_MAX] = '\0';
	CHECK(options_name_valid("a") && options_name_valid("0.b_c-D") && options_name_valid(longest));
	longest[OPTIONS_NAME_MAX] = 'a';
	longest[OPTIONS_NAME_MAX + 1] = '\0';
	CHECK(!options_name_valid("") && !options_name_valid(".a") && !options_name_valid("-a") &&
	      !options_name_valid("a/b") && !options_name_valid("a b") && !options_name_valid("\xc3\xa4"));
}

static bool json_is(const char *text, const char *want)
{
	char *got = NULL;
	size_t size;
	FILE *f = open_memstream(&got, &size);
	json_string(f, text);
	fclose(f);
	bool same = !strcmp(got, want);
	if (!same)
		printf("json: %s\n", got);
	free(got);
	return same;
}

static void test_json(void)
{
	CHECK(json_is("", "\"\""));
	CHECK(json_is("a\"b\\c\n\x7f", "\"a\\\"b\\\\c\\u000a\\u007f\""));
	CHECK(json_is("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9a", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9a\""));
	CHECK(json_is("\xc3", "\"\\ufffd\"") && json_is("\xc0\x80", "\"\\ufffd\\ufffd\""));
	CHECK(json_is("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"") &&
	      json_is("\xf4\x90\x80\x80x", "\"\\ufffd\\ufffd\\ufffd\\ufffdx\""));
}

int main(void)
{
	CHECK(mkdtemp(base) != NULL && setenv("XDG_RUNTIME_DIR", base, 1) == 0);
	test_names();
	test_json();
	test_directory();
	test_life();
	test_swept();
	test_process();
	char path[64];
	snprintf(path, sizeof(path), "%s/whelk", base);
	CHECK(rmdir(path) == 0 && rmdir(base) == 0); // nothing is left
	printf("ok registry\n");
	return 0;
}
