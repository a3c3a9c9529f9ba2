// SPDX-License-Identifier: MIT
//
// monitor/jail.c: a thread of the file server reaches what is served and nothing else, threads lose
// their privileges, and a refused system call ends the monitor with one sentence. Without Landlock on this
// host the parts about paths are left out, and it says so.
#include "monitor/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/background.h"
#include "monitor/console.h"
#include "monitor/message.h"
#include "check.h"

#define STRING(x) #x
#define CALL(nr) "system call " STRING(nr) ";"
// In the jailed child: nothing but system calls it may make.
#define INSIDE(c)                                                    \
	do {                                                         \
		if (!(c))                                            \
			syscall(SYS_exit_group, __LINE__ % 100 + 1); \
	} while (0)

int message_verbose;
static char said[512];

void message(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	syscall(SYS_write, STDERR_FILENO, said, n);
}

void console_restore(void)
{
}

void background_end(int status)
{
	(void)status;
}

static char dir[] = "/tmp/jail.XXXXXX";

static int open_at(int dirfd, const char *path, int flags)
{
	return (int)syscall(SYS_openat, dirfd, path, flags, 0600);
}

static void inside(bool landlock, int served, int readonly)
{
	struct machine_mount mount[] = {{.fd = readonly, .path = "/", .readonly = true},
					{.fd = served, .path = "/data"}};
	INSIDE(jail_prepare(mount, 2) == 0);
	INSIDE(jail_thread(MACHINE_THREAD_FS) == 0);
	int fd = open_at(served, "file", O_CREAT | O_RDWR | O_TRUNC);
	INSIDE(fd >= 0 && syscall(SYS_write, fd, "x", 1) == 1 && syscall(SYS_ftruncate, fd, 0) == 0);
	INSIDE(syscall(SYS_mkdirat, served, "sub", 0700) == 0);
	INSIDE(syscall(SYS_renameat2, served, "file", served, "sub/file", 0) == 0); // needs LANDLOCK_ACCESS_FS_REFER
	INSIDE(syscall(SYS_unlinkat, served, "sub/file", 0) == 0 &&
	       syscall(SYS_unlinkat, served, "sub", AT_REMOVEDIR) == 0);
	INSIDE(open_at(readonly, "seen", O_RDONLY) >= 0);
	if (landlock) {
		INSIDE(open_at(readonly, "seen", O_RDWR) == -1 && errno == EACCES);
		INSIDE(open_at(readonly, "new", O_RDWR | O_CREAT) == -1 && errno == EACCES);
		INSIDE(open_at(AT_FDCWD, "/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
		INSIDE(syscall(SYS_mkdirat, AT_FDCWD, "/tmp/jail.outside", 0700) == -1 && errno == EACCES);
	}
	syscall(SYS_exit_group, 0);
}

static int status_of(pid_t pid)
{
	int status;
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status)) {
		printf("jail: the child was stopped by signal %d: %s\n", WTERMSIG(status), said);
		exit(1);
	}
	return WEXITSTATUS(status);
}

static void test_paths(bool landlock)
{
	char path[64];
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ro", dir);
	CHECK(mkdir(path, 0700) == 0);
	int readonly = open(path, O_PATH | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/rw", dir);
	CHECK(mkdir(path, 0700) == 0);
	int served = open(path, O_PATH | O_DIRECTORY);
	close(openat(readonly, "seen", O_CREAT | O_WRONLY, 0600));
	pid_t pid = fork();
	if (!pid)
		inside(landlock, served, readonly);
	int status = status_of(pid);
	unlinkat(readonly, "seen", 0);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/ro", dir);
	rmdir(path);
	CHECK(rmdir(dir) == 0); // nothing is left
	if (status) {
		printf("jail: the check in a line that ends with %02d failed inside\n", status - 1);
		exit(1);
	}
	close(served);
	close(readonly);
}

// What /proc says of a thread in the jail.
static void test_state(void)
{
	int ready[2], go[2];
	char line[256], path[64], byte = 0;
	unsigned long long caps = ~0ull;
	int privileges = -1, seccomp = -1;
	CHECK(pipe(ready) == 0 && pipe(go) == 0);
	pid_t pid = fork();
	if (!pid) {
		INSIDE(jail_prepare(NULL, 0) == 0 && jail_console() == 0);
		syscall(SYS_write, ready[1], &byte, 1);
		syscall(SYS_read, go[0], &byte, 1);
		syscall(SYS_exit_group, 0);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "CapPrm: %llx", &caps);
		sscanf(line, "NoNewPrivs: %d", &privileges);
		sscanf(line, "Seccomp: %d", &seccomp);
	}
	fclose(f);
	CHECK(write(go[1], &byte, 1) == 1 && status_of(pid) == 0);
	CHECK(caps == 0 && privileges == 1 && seccomp == 2);
}

static void test_refusal(void)
{
	int out[2];
	char text[256];
	CHECK(pipe(out) == 0);
	pid_t pid = fork();
	if (!pid) {
		dup2(out[1], STDERR_FILENO);
		INSIDE(jail_prepare(NULL, 0) == 0 && jail_thread(MACHINE_THREAD_MAIN_CPU) == 0);
		syscall(SYS_execve, "/bin/true", NULL, NULL);
		syscall(SYS_exit_group, 0);
	}
	close(out[1]);
	ssize_t n = read(out[0], text, sizeof(text) - 1);
	CHECK(n > 0 && status_of(pid) == 125);
	text[n] = '\0';
	CHECK(strstr(text, "first vCPU's thread") && strstr(text, CALL(__NR_execve)));
	close(out[0]);
}

int main(void)
{
	bool landlock = jail_landlock_abi() >= 2;
	test_paths(landlock);
	test_state();
	test_refusal();
	puts(landlock ? "ok jail" : "ok jail (no Landlock here: paths not tested)");
	return 0;
}
