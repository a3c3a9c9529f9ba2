// SPDX-License-Identifier: MIT
//
// whelk run: from options to a machine and its program's exit status.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/cmd.h"
#include "monitor/console.h"
#include "monitor/elfcheck.h"
#include "monitor/help.h"
#include "monitor/jail.h"
#include "monitor/machine.h"
#include "monitor/message.h"
#include "monitor/options.h"
#include "monitor/report.h"
#include "monitor/stats.h"

#define DAX_SIZE     (64ull << 30) // addresses only
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct run {
	struct options o;
	struct machine_mount mount[ABI_MAX_MOUNTS];
	unsigned mount_count;
	char cwd[PATH_MAX], program[PATH_MAX];
	bool stopped; // the user insisted
};

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

// --- what the machine shows of the host ---------------------------------------------------------------

static int open_mount(struct run *r, const char *host, const char *guest, bool readonly, bool overlay, const char *option)
{
	int fd = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		message("option %s: %s: %s", option, host, strerror(errno));
		return -EINVAL;
	}
	r->mount[r->mount_count++] = (struct machine_mount){fd, guest, readonly, overlay};
	return 0;
}

static int open_mounts(struct run *r)
{
	int err = open_mount(r, r->o.root ? r->o.root : "/", "/", true, true, "--root");
	for (unsigned i = 0; !err && i < r->o.volume_count; i++) {
		const struct options_volume *v = &r->o.volume[i];
		err = open_mount(r, v->host, v->guest, v->readonly, false, "-v");
	}
	return err;
}

// The mount that shows guest path `path`, and the rest of the path beneath it.
static const struct machine_mount *mount_of(const struct run *r, const char *path, const char **rest)
{
	const struct machine_mount *best = &r->mount[0];
	size_t longest = 0;
	for (unsigned i = 1; i < r->mount_count; i++) {
		size_t n = strlen(r->mount[i].path);
		if (n > longest && !strncmp(path, r->mount[i].path, n) && (path[n] == '/' || !path[n])) {
			best = &r->mount[i];
			longest = n;
		}
	}
	*rest = path + longest;
	while (**rest == '/')
		(*rest)++;
	return best;
}

// Opens a guest path the way the guest will see it: links stay inside the mount.
static int open_guest(const struct run *r, const char *path, uint64_t flags)
{
	const char *rest;
	const struct machine_mount *m = mount_of(r, path, &rest);
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, m->fd, *rest ? rest : ".", &how, sizeof(how));
}

static void choose_cwd(struct run *r)
{
	if (r->o.cwd) {
		snprintf(r->cwd, sizeof(r->cwd), "%s", r->o.cwd);
		return;
	}
	if (r->o.root || !getcwd(r->cwd, sizeof(r->cwd)))
		strcpy(r->cwd, "/");
}

// --- the program ------------------------------------------------------------------------------------------

// 0: it can be executed; the status to exit with otherwise, `why` filled.
static int try_program(const struct run *r, const char *path, char *why, size_t size)
{
	struct stat st;
	int fd = open_guest(r, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		// Inside tmpfs of the machine nothing can be looked up from here: let the kernel decide.
		int status = errno == ENOENT || errno == ENOTDIR ? CMD_NOT_FOUND : CMD_NOT_EXECUTABLE;
		snprintf(why, size, "%s", errno == ENOENT ? "no such file" : strerror(errno));
		return status;
	}
	int status = 0;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, size, S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file");
		status = CMD_NOT_EXECUTABLE;
	} else if (!(st.st_mode & 0111)) {
		snprintf(why, size, "is not executable (no x permission)");
		status = CMD_NOT_EXECUTABLE;
	} else {
		struct elfcheck c;
		status = elfcheck_file(fd, &c) ? CMD_NOT_EXECUTABLE : 0;
		snprintf(why, size, "%s", c.why);
		int interp = status || !c.interpreter[0] ? -2 : open_guest(r, c.interpreter, O_PATH);
		if (interp == -1) {
			snprintf(why, size, "needs the interpreter %.200s: %s", c.interpreter, errno == ENOENT ? "no such file" : strerror(errno));
			status = CMD_NOT_FOUND;
		} else if (interp >= 0) {
			close(interp);
		}
	}
	close(fd);
	return status;
}

static int find_program(struct run *r)
{
	const char *name = r->o.argv[0], *path = options_getenv(&r->o, "PATH");
	char why[300] = "no such file";
	if (strchr(name, '/')) {
		int n = snprintf(r->program, sizeof(r->program), "%s%s%s", *name == '/' ? "" : r->cwd, *name == '/' ? "" : "/", name);
		int status = (size_t)n >= sizeof(r->program) ? CMD_NOT_FOUND : try_program(r, r->program, why, sizeof(why));
		if (status)
			message("%s: %s", name, why);
		return status;
	}
	int worst = CMD_NOT_FOUND;
	for (const char *p = path ? path : PATH_DEFAULT; *name;) {
		int len = (int)strcspn(p, ":");
		int n = snprintf(r->program, sizeof(r->program), "%.*s/%s", len, p, name);
		char this[300];
		int status = len && *p == '/' && (size_t)n < sizeof(r->program) ? try_program(r, r->program, this, sizeof(this)) : CMD_NOT_FOUND;
		if (!status)
			return 0;
		if (status == CMD_NOT_EXECUTABLE) {
			worst = status;
			memcpy(why, this, sizeof(why));
		}
		if (!p[len])
			break;
		p += len + 1;
	}
	message("%s: %s", name, worst == CMD_NOT_FOUND ? "not found in PATH" : why);
	return worst;
}

// --- hooks of the machine ---------------------------------------------------------------------------------

static int hook_ready(void *arg, struct machine *m)
{
	struct run *r = arg;
	int err = r->o.no_jail ? 0 : jail_process();
	return err ? err : console_start(m, r->o.no_jail ? NULL : jail_console);
}

static int hook_enter(void *arg, enum machine_thread which)
{
	struct run *r = arg;
	return r->o.no_jail ? 0 : jail_thread(which);
}

static void hook_console(void *arg, struct abi_console *c)
{
	(void)arg;
	console_serve(c);
}

static void hook_report(void *arg, const struct abi_report *report)
{
	(void)arg;
	report_print(report);
}

static void hook_panic(void *arg, const struct abi_panic *p, uint64_t kernel_va, uint64_t kernel_size)
{
	(void)arg;
	report_panic(p, kernel_va, kernel_size);
}

// --- the run ------------------------------------------------------------------------------------------------

static void *read_kernel(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = NULL;
	if (fd < 0 || fstat(fd, &st)) {
		message("option --kernel: %s: %s", path, strerror(errno));
	} else if ((data = malloc((size_t)st.st_size + 1)) == NULL || read(fd, data, (size_t)st.st_size) != st.st_size) {
		message("option --kernel: %s: cannot be read", path);
		free(data);
		data = NULL;
	} else {
		*size = (size_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return data;
}

static uint64_t limit(int resource)
{
	struct rlimit l;
	return getrlimit(resource, &l) == 0 ? l.rlim_cur : RLIM_INFINITY;
}

static int status_of(const struct run *r, const struct machine_result *result)
{
	if (console_interrupted())
		return 128 + SIGINT;
	switch (result->end) {
	case MACHINE_EXITED:
		return WIFSIGNALED(result->wait_status) ? 128 + WTERMSIG(result->wait_status) : WEXITSTATUS(result->wait_status);
	case MACHINE_PANIC:
		return CMD_FAILED;
	default:
		message("%s: %s", r->program, result->what[0] ? result->what : strerror(-result->error));
		return CMD_FAILED;
	}
}

static int run(struct run *r, uint64_t start_ns)
{
	static const struct machine_hooks hooks = {
		.ready = hook_ready, .thread_enter = hook_enter, .console = hook_console, .report = hook_report, .panic = hook_panic};
	struct machine_result result = {0};
	struct machine_config c = {
		.memory_size = r->o.memory_size, .dax_size = DAX_SIZE, .cpus = r->o.cpus,
		.exec_path = r->program, .argv = r->o.argv, .envp = r->o.env, .cwd = r->cwd, .hostname = r->o.hostname,
		.trace = r->o.trace,
		.flags = (r->o.trace ? ABI_FLAG_TRACE : 0) | (r->o.stats ? ABI_FLAG_STATS : 0) | (message_verbose ? ABI_FLAG_VERBOSE : 0),
		.uid = r->o.uid, .gid = r->o.gid, .syscalls = r->o.syscalls, .umask = umask(0), .start_ns = start_ns,
		.stack_limit = limit(RLIMIT_STACK), .nofile_limit = limit(RLIMIT_NOFILE),
		.mount = r->mount, .mount_count = r->mount_count, .hooks = &hooks, .hooks_arg = r,
	};
	umask(c.umask);
	void *kernel = NULL;
	if (r->o.kernel) {
		kernel = read_kernel(r->o.kernel, &c.kernel_size);
		if (!kernel)
			return CMD_FAILED;
		c.kernel = kernel;
	}
	console_init();
	machine_run(&c, &result);
	console_finish();
	free(kernel);
	int status = status_of(r, &result);
	if (r->o.stats)
		stats_print(&result, start_ns, now_ns());
	return status;
}

int cmd_run(int argc, char **argv)
{
	static struct run r;
	uint64_t start_ns = now_ns();
	int status = CMD_FAILED;
	if (options_parse(&r.o, argc, argv) == 0) {
		if (r.o.help) {
			status = fputs(help_run, stdout) < 0 || fflush(stdout) ? CMD_FAILED : 0;
		} else if (open_mounts(&r) == 0) {
			choose_cwd(&r);
			status = find_program(&r);
			if (!status)
				status = run(&r, start_ns);
		}
	}
	for (unsigned i = 0; i < r.mount_count; i++)
		close(r.mount[i].fd);
	options_free(&r.o);
	return status;
}
