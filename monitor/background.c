// SPDX-License-Identifier: MIT
#include "monitor/background.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/cmd.h"
#include "monitor/console.h"
#include "monitor/json.h"
#include "monitor/message.h"
#include "monitor/registry.h"

#define LOG_KEPT (16u << 20) // bytes: the state's directory may be kept in memory

static struct {
	bool active;
	int dir, state_fd, lock_fd;
	int log_fd;   // -1: in the foreground
	int ready_fd; // -1: nobody waits
	struct machine *machine;
	struct registry_page *page;
	char name[OPTIONS_NAME_MAX + 1];
} bg = {.dir = -1, .state_fd = -1, .lock_fd = -1, .log_fd = -1, .ready_fd = -1};

static int failed(const char *what, int err)
{
	message("machine '%s': %s: %s", bg.name, what, strerror(-err));
	return err;
}

static void give_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

// --- what is written before the start ---------------------------------------------------------------------

static int write_fact(const char *text, size_t len)
{
	ssize_t n = write(bg.state_fd, text, len);
	return n == (ssize_t)len ? 0 : failed("its state cannot be written", n < 0 ? -errno : -ENOSPC);
}

static int write_number(const char *key, int64_t value)
{
	char line[64];
	return write_fact(line, (size_t)snprintf(line, sizeof(line), "%s %ld\n", key, value));
}

static int write_facts(const struct options *o)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return -ENOMEM;
	fprintf(f, "created %ld\nmemory %lu\ncpus %u\n", (long)time(NULL), o->memory_size, o->cpus);
	if (o->remove)
		fputs("remove 1\n", f);
	if (o->detach)
		fputs("log 1\n", f);
	fputs("json [", f);
	for (char **a = o->argv; *a; a++) {
		fputs(a == o->argv ? "" : ",", f);
		json_string(f, *a);
	}
	fputs("]\ncommand", f);
	for (char **a = o->argv; *a; a++) {
		char word[512];
		fprintf(f, " %s", message_escape(word, sizeof(word), *a, strlen(*a)));
	}
	putc('\n', f);
	int err = fclose(f) ? -ENOMEM : write_fact(text, size);
	free(text);
	return err;
}

static int make_page(void)
{
	static const struct registry_page empty = {.magic = REGISTRY_MAGIC};
	int err = 0, fd = registry_create(bg.dir, bg.name, "page", O_RDWR);
	if (fd < 0)
		return failed("its state cannot be written", fd);
	// Written, not only made long: a file system that is full must say so here.
	if (write(fd, &empty, sizeof(empty)) != sizeof(empty))
		err = -ENOSPC;
	void *p = err ? MAP_FAILED : mmap(NULL, sizeof(empty), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!err && p == MAP_FAILED)
		err = -errno;
	close(fd);
	if (err)
		return failed("its state cannot be written", err);
	bg.page = p;
	return 0;
}

static int register_machine(const struct options *o)
{
	bg.dir = registry_open(true);
	if (bg.dir < 0)
		return bg.dir;
	bg.state_fd = registry_claim(bg.dir, o->name, o->argv[0], bg.name);
	if (bg.state_fd < 0)
		return bg.state_fd;
	bg.active = true;
	int err = write_facts(o);
	if (!err)
		err = make_page();
	if (!err && o->detach) {
		bg.log_fd = registry_create(bg.dir, bg.name, "log", O_WRONLY | O_APPEND);
		if (bg.log_fd < 0)
			err = failed("its log cannot be made", bg.log_fd);
	}
	return err;
}

// --- the two processes of -d ------------------------------------------------------------------------------

static int become_background(int ready_fd)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	setsid();
	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL); // nohup(1) and shells leave some ignored: here they are the program's
	bg.ready_fd = ready_fd;
	if (stderr_fd >= 0)
		message_fd = stderr_fd; // the caller's, until the program runs
	if (null < 0 || stderr_fd < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(bg.log_fd, STDOUT_FILENO) < 0 ||
	    dup2(bg.log_fd, STDERR_FILENO) < 0)
		return failed("its streams cannot be made", -errno);
	close(null);
	give_up(&bg.log_fd);
	console_limit_log(LOG_KEPT);
	return 0;
}

static int wait_for_start(pid_t child, int ready_fd)
{
	char byte;
	ssize_t n;
	int status;
	do {
		n = read(ready_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return puts(bg.name) < 0 || fflush(stdout) ? CMD_FAILED : 0;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return CMD_FAILED;
	give_up(&bg.state_fd);
	registry_remove(bg.dir, bg.name);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	message("machine '%s': its monitor was killed by SIG%s", bg.name, sigabbrev_np(WTERMSIG(status)));
	return CMD_FAILED;
}

bool background_begin(const struct options *o, int *status)
{
	int ready[2];
	if (!o->detach && !o->name)
		return false;
	*status = CMD_FAILED;
	if (register_machine(o))
		return true; // who comes by takes what is there away
	if (!o->detach)
		return write_number("pid", getpid()) != 0;
	if (pipe2(ready, O_CLOEXEC)) {
		failed("it cannot be started", -errno);
		return true;
	}
	pid_t child = fork();
	if (child < 0) {
		failed("it cannot be started", -errno);
		return true;
	}
	if (child) {
		close(ready[1]);
		*status = wait_for_start(child, ready[0]);
		return true;
	}
	close(ready[0]);
	return write_number("pid", getpid()) || become_background(ready[1]);
}

// --- the machine ------------------------------------------------------------------------------------------

uint64_t (*background_exits(void))[MACHINE_EXITS]
{
	return bg.page ? bg.page->exits : NULL;
}

void background_guest(pid_t pid)
{
	if (bg.active)
		write_number("guest", pid);
}

// What only names what is there already is closed: a monitor that was taken over can change its own status and log.
int background_ready(struct machine *m, const char *platform)
{
	char line[64];
	if (!bg.active)
		return 0;
	bg.machine = m;
	int err = write_fact(line, (size_t)snprintf(line, sizeof(line), "platform %s\n", platform));
	if (err)
		return err;
	bg.lock_fd = registry_hold(bg.dir, bg.name, bg.state_fd);
	if (bg.lock_fd < 0)
		return failed("its state cannot be locked", bg.lock_fd);
	give_up(&bg.state_fd);
	give_up(&bg.dir);
	if (bg.ready_fd >= 0 && chdir("/"))
		return -errno;
	return 0;
}

static int64_t seconds(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return ts.tv_sec;
}

void background_started(void)
{
	struct timespec ts;
	if (!bg.active)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	bg.page->started = seconds(CLOCK_REALTIME);
	__atomic_store_n(&bg.page->started_ns, (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec,
			 __ATOMIC_RELEASE);
	if (bg.ready_fd < 0)
		return;
	int fd = __atomic_exchange_n(&message_fd, STDERR_FILENO, __ATOMIC_SEQ_CST); // from here on the log
	close(fd);
	if (write(bg.ready_fd, "", 1) != 1) { // who asked for it has gone
		machine_stop(bg.machine);
		machine_stop(bg.machine);
	}
	give_up(&bg.ready_fd);
}

void background_end(int status)
{
	if (!bg.page || bg.page->ended)
		return;
	bg.page->status = status;
	__atomic_store_n(&bg.page->ended, seconds(CLOCK_REALTIME), __ATOMIC_RELEASE);
}
