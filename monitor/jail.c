// SPDX-License-Identifier: MIT
//
// prctl(2) PR_SET_NO_NEW_PRIVS, capset(2), landlock(7). Landlock is left away below ABI 2 (Linux 5.19), which
// would break rename between directories; everything else is required.
#include "monitor/jail.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/background.h"
#include "monitor/cmd.h"
#include "monitor/console.h"
#include "monitor/message.h"

// Rights younger than the headers of Debian 12.
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ull << 15)
#endif

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES                                                                                                    \
	(READS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |               \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |                  \
	 LANDLOCK_ACCESS_FS_TRUNCATE)

static int ruleset = -1;
static bool writes; // some directory is served for writing
static __thread const char *thread_name = "first";

// --- Landlock -------------------------------------------------------------------------------------------

int jail_landlock_abi(void)
{
	long n = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return n < 0 ? 0 : (int)n;
}

// Everything this ABI can forbid, in files.
static uint64_t handled(int abi)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_REFER << 1) - 1;
	if (abi >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

static int prepare_landlock(const struct machine_mount *mount, unsigned count)
{
	int abi = jail_landlock_abi();
	struct landlock_ruleset_attr attr = {.handled_access_fs = handled(abi)};
	if (message_verbose)
		message(abi >= 2 ? "jail: seccomp, no new privileges, Landlock ABI %d"
				 : "jail: seccomp, no new privileges; no Landlock on this host (ABI %d)",
			abi);
	if (abi < 2)
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		if (mount[i].app) // its file is open, and nothing else of it is needed
			continue;
		struct landlock_path_beneath_attr path = {
			.allowed_access = (mount[i].readonly ? READS : WRITES) & attr.handled_access_fs,
			.parent_fd = mount[i].fd,
		};
		if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &path, 0))
			return -errno;
	}
	return 0;
}

// --- capabilities -------------------------------------------------------------------------------------

// A monitor run by root serves other users' files as root would; nothing else of root's is left.
static uint64_t keep_capabilities(enum jail_kind kind)
{
	if (kind == JAIL_CONSOLE || kind == JAIL_NET || kind == JAIL_TAP)
		return 0;
	uint64_t keep = 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH;
	return writes ? keep | 1ull << CAP_CHOWN | 1ull << CAP_FOWNER | 1ull << CAP_FSETID : keep;
}

static int drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &head, data))
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

// What execve() could give back to root, were it allowed. Who may not empty the set has nothing to get from it.
static int drop_bounding_set(void)
{
	static bool dropped; // by the first thread: the others, and the guest's process, inherit it
	int cap = 0;
	if (dropped)
		return 0;
	dropped = true;
	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	return errno == EINVAL || errno == EPERM ? 0 : -errno; // EINVAL: past the last one
}

// --- putting it on ----------------------------------------------------------------------------------------

// The filter refused something: a bug, or somebody has taken the monitor over.
static void on_refused(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	console_restore();
	message("jail: the %s thread tried system call %d; stopped (--no-jail would let it)", thread_name,
		info->si_syscall);
	background_end(CMD_FAILED);
	syscall(SYS_exit_group, CMD_FAILED); // at once: a sanitizer's _exit() makes calls of its own
}

int jail_prepare(const struct machine_mount *mount, unsigned count)
{
	struct sigaction sa = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};
	sigfillset(&sa.sa_mask);
	for (unsigned i = 0; i < count; i++)
		writes |= !mount[i].readonly;
	int err = drop_bounding_set();
	if (!err)
		err = prepare_landlock(mount, count);
	if (!err && sigaction(SIGSYS, &sa, NULL))
		err = -errno;
	if (err)
		message("cannot prepare the jail: %s (--no-jail runs without)", strerror(-err));
	return err;
}

// Threads start with their signals blocked, and a blocked SIGSYS ends the process without a word.
static void name_thread(const char *name)
{
	sigset_t sys;
	thread_name = name;
	sigemptyset(&sys);
	sigaddset(&sys, SIGSYS);
	pthread_sigmask(SIG_UNBLOCK, &sys, NULL);
}

// No file, no port, no process outside to signal: what this host's Landlock can forbid, with no exception.
static int forbid_everything(void)
{
	struct {
		uint64_t fs, net, scoped;
	} attr = {.fs = handled(jail_landlock_abi())};
	int abi = jail_landlock_abi();
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	if (abi < 1)
		return 0;
	if (abi < 2)
		attr.fs &= ~LANDLOCK_ACCESS_FS_REFER;
	attr.net = abi >= 4 ? 3 : 0;
	attr.scoped = abi >= 6 ? 3 : 0;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0)
		return -errno;
	int err = syscall(SYS_landlock_restrict_self, fd, 0) ? -errno : 0;
	close(fd);
	return err;
}

int jail_guest(void)
{
	int err = drop_bounding_set();
	if (!err)
		err = drop_capabilities(0);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err)
		err = forbid_everything();
	if (err)
		message("the guest's process cannot be confined: %s", strerror(-err));
	return err;
}

static int put_on(enum jail_kind kind, const char *name)
{
	name_thread(name);
	int err = drop_bounding_set();
	if (!err)
		err = drop_capabilities(keep_capabilities(kind));
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err && ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	if (!err)
		err = jail_filter_install(kind);
	if (err)
		message("the jail cannot be put on the %s thread: %s (--no-jail runs without)", name, strerror(-err));
	return err;
}

int jail_thread(enum machine_thread which)
{
	switch (which) {
	case MACHINE_THREAD_MAIN_CPU:
		return put_on(JAIL_CPU, "first vCPU's");
	case MACHINE_THREAD_FS:
		return put_on(JAIL_FILES, "file server's");
	case MACHINE_THREAD_NET:
		return put_on(JAIL_NET, "network's");
	case MACHINE_THREAD_TAP:
		return put_on(JAIL_TAP, "network card's");
	default: // made by a vCPU's thread that wears it
		name_thread("vCPU's");
		return 0;
	}
}

int jail_console(void)
{
	return put_on(JAIL_CONSOLE, "console's");
}
