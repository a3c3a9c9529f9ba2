// SPDX-License-Identifier: MIT
//
// whelk run: from options to a machine and its program's exit status.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/image.h"
#include "base/util.h"
#include "monitor/background.h"
#include "monitor/cmd.h"
#include "monitor/console.h"
#include "monitor/dev/tap.h"
#include "monitor/help.h"
#include "monitor/jail.h"
#include "monitor/machine.h"
#include "monitor/message.h"
#include "monitor/options.h"
#include "monitor/report.h"
#include "monitor/run_app.h"
#include "monitor/stats.h"
#include "monitor/view.h"

#define DAX_SIZE (64ull << 30) // addresses only

struct run {
	struct options o;
	struct app app;
	bool is_app;
	void *app_kernel;
	struct view view;
};

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

// --- hooks of the machine ---------------------------------------------------------------------------------

static int hook_ready(void *arg, struct machine *m)
{
	struct run *r = arg;
	const char *why, *name = machine_platform(m, &why);
	if (message_verbose)
		message("platform %s: %s", name, why);
	int err = background_ready(m, name);
	return err ? err : console_start(m, r->o.no_jail ? NULL : jail_console);
}

static int hook_enter(void *arg, enum machine_thread which)
{
	struct run *r = arg;
	if (which == MACHINE_THREAD_GUEST) // --no-jail is about the monitor
		return jail_guest();
	return r->o.no_jail ? 0 : jail_thread(which);
}

static void hook_guest(void *arg, pid_t pid)
{
	(void)arg;
	jail_filter_guest(pid);
	background_guest(pid);
}

static void hook_booted(void *arg)
{
	(void)arg;
	background_started();
}

static void hook_console(void *arg, struct abi_console *c)
{
	(void)arg;
	console_serve(c);
}

static void hook_over(void *arg)
{
	(void)arg;
	console_finish();
}

static void hook_report(void *arg, const struct abi_report *report)
{
	const struct run *r = arg;
	report_print(report, &r->view);
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
	} else if ((data = malloc((size_t)st.st_size + 1)) == NULL ||
		   read(fd, data, (size_t)st.st_size) != st.st_size) {
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

static int kernel_of_app(struct run *r, const char *platform, const void **file, size_t *size)
{
	char why[200];
	free(r->app_kernel);
	r->app_kernel = app_kernel(&r->app, strcmp(platform, "kvm") ? ABI_PLATFORM_LINUX : ABI_PLATFORM_KVM, size, why,
				   sizeof(why));
	if (!r->app_kernel)
		message("the image: %s", why);
	*file = r->app_kernel;
	return r->app_kernel ? 0 : -ENOEXEC;
}

// The image's, or one with lwIP inside: beside the monitor, where make tap puts it.
static int hook_kernel(void *arg, const char *platform, const void **file, size_t *size)
{
	struct run *r = arg;
	if (r->is_app)
		return kernel_of_app(r, platform, file, size);
	char path[PATH_MAX + 32];
	if (!r->o.tap)
		return 0;
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
	char *slash = strrchr(path, '/');
	snprintf(slash ? slash + 1 : path, 32, "kernel%s%s-tap.elf", strcmp(platform, "kvm") ? "-" : "", strcmp(platform, "kvm") ? platform : "");
	if (access(path, R_OK)) {
		message("option --net: %s: %s; make tap makes it", path, strerror(errno));
		return -ENOENT;
	}
	*file = read_kernel(path, size);
	return *file ? 0 : -EIO;
}

static uint64_t limit(int resource)
{
	struct rlimit l;
	return getrlimit(resource, &l) == 0 ? l.rlim_cur : RLIM_INFINITY;
}

// A bug of the monitor's: the terminal gets its settings back all the same.
static void on_crash(int sig)
{
	console_restore();
	message("internal error: the monitor was stopped by SIG%s", sigabbrev_np(sig));
	background_end(CMD_FAILED);
	_exit(CMD_FAILED);
}

static void catch_crashes(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction sa = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &sa, NULL);
}

static int status_of(const struct machine_result *result)
{
	if (console_interrupted()) {
		message("the machine was stopped: interrupted three times");
		return 128 + SIGINT;
	}
	switch (result->end) {
	case MACHINE_EXITED:
		return WIFSIGNALED(result->wait_status) ? 128 + WTERMSIG(result->wait_status)
							: WEXITSTATUS(result->wait_status);
	case MACHINE_PANIC:
		return CMD_FAILED;
	default:
		message("%s", result->what[0] ? result->what : strerror(-result->error));
		return CMD_FAILED;
	}
}

static void name_address(const struct sockaddr_storage *a, char *name, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in *in = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;
	bool six = a->ss_family == AF_INET6;
	inet_ntop(a->ss_family, six ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, ip, sizeof(ip));
	snprintf(name, size, six ? "[%s]:%u" : "%s:%u", ip, ntohs(in->sin_port));
}

static int open_ports(struct options *o)
{
	char name[80];
	for (unsigned i = 0; i < o->port_count; i++) {
		struct net_port *p = &o->port[i];
		bool any = !((struct sockaddr_in *)&p->host)->sin_port;
		int err = net_port_open(p);
		name_address(&p->host, name, sizeof(name));
		if (err == -EADDRINUSE)
			message("option -p: %s is in use by another program (0 as the host's port takes a free one)", name);
		else if (err)
			message("option -p: cannot listen on %s: %s", name, strerror(-err));
		else if (any || message_verbose)
			message("%s%s leads to port %u", name, p->datagram ? "/udp" : "", p->guest);
		if (err)
			return err;
	}
	return 0;
}

static int run(struct run *r, uint64_t start_ns)
{
	static const struct machine_hooks hooks = {.ready = hook_ready,
						   .thread_enter = hook_enter,
						   .kernel = hook_kernel,
						   .guest = hook_guest,
						   .booted = hook_booted,
						   .console = hook_console,
						   .report = hook_report,
						   .over = hook_over,
						   .panic = hook_panic};
	struct machine_result result = {0};
	struct machine_config c = {
		.platform = r->o.platform,
		.memory_size = r->o.memory_size,
		.dax_size = DAX_SIZE,
		.cpus = r->o.cpus,
		.exec_path = r->view.program,
		.argv = r->o.argv,
		.envp = r->o.env,
		.cwd = r->view.cwd,
		.hostname = r->o.hostname,
		.trace = r->o.trace,
		.interp = r->view.interp,
		.libc = r->view.libc,
		.flags = (r->o.trace ? ABI_FLAG_TRACE : 0) | (r->o.stats ? ABI_FLAG_STATS : 0) |
			 (message_verbose ? ABI_FLAG_VERBOSE : 0),
		.calls = r->is_app && r->app.head.flags & APP_ENFORCE ? r->app.head.calls : NULL,
		.uid = r->o.uid,
		.gid = r->o.gid,
		.syscalls = r->o.syscalls,
		.umask = umask(0),
		.start_ns = start_ns,
		.stack_limit = limit(RLIMIT_STACK),
		.nofile_limit = limit(RLIMIT_NOFILE),
		.mount = r->view.mount,
		.mount_count = r->view.mount_count,
		.net = r->o.net,
		.net_loopback = r->o.net_loopback,
		.port = r->o.port,
		.port_count = r->o.port_count,
		.tap = -1,
		.hooks = &hooks,
		.hooks_arg = r,
	};
	umask(c.umask);
	void *kernel = NULL;
	if (r->o.kernel) {
		kernel = read_kernel(r->o.kernel, &c.kernel_size);
		if (!kernel)
			return CMD_FAILED;
		c.kernel = kernel;
	}
	int status;
	if (background_begin(&r->o, &status)) {
		free(kernel);
		return status;
	}
	c.exits = background_exits();
	if (open_ports(&r->o))
		return CMD_FAILED;
	if (r->o.tap) {
		c.link = r->o.link;
		c.tap = tap_open(r->o.tap, &c.link);
		if (c.tap < 0)
			return CMD_FAILED;
	}
	if (!r->o.no_jail && jail_prepare(r->view.mount, r->view.mount_count))
		return CMD_FAILED;
	catch_crashes();
	console_init(!r->o.detach);
	machine_run(&c, &result);
	status = status_of(&result);
	if (r->o.stats)
		stats_print(&result, start_ns, now_ns());
	background_end(status);
	return status;
}

int cmd_run(int argc, char **argv)
{
	static struct run r;
	uint64_t start_ns = now_ns();
	int status = CMD_FAILED;
	if (options_parse(&r.o, argc, argv))
		goto out;
	if (r.o.help) {
		status = fputs(help_run, stdout) < 0 || (r.o.help_all && fputs(help_run_all, stdout) < 0) || fflush(stdout)
				 ? CMD_FAILED
				 : 0;
		goto out;
	}
	if (r.o.detach)
		close_range(STDERR_FILENO + 1, ~0u, 0); // of the caller's: it may wait for their end
	int app = run_app_open(&r.app, &r.o);
	r.is_app = app > 0;
	if (app < 0 || (!r.is_app && options_pass_env(&r.o)) || view_open(&r.view, &r.o, r.is_app ? &r.app : NULL))
		goto out;
	status = r.is_app ? run_app_choose(&r.app, &r.view, &r.o) : view_choose_cwd(&r.view, &r.o);
	if (!status && !r.is_app)
		status = view_find_program(&r.view, &r.o);
	if (!status)
		status = view_choose_libc(&r.view, &r.o);
	if (!status)
		return run(&r, start_ns); // the process ends, and with it what the machine's threads still use
out:
	view_close(&r.view);
	app_close(&r.app);
	free(r.app_kernel);
	options_free(&r.o);
	return status;
}
