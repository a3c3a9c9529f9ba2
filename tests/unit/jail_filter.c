// SPDX-License-Identifier: MIT
//
// monitor/jail_filter.c: each kind of thread can do what it must, and SIGSYS ends it when it tries what it must
// not. Every try is a process of its own.
#include "monitor/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum outcome { DONE, REFUSED, NO_CALL };

struct try {
	const char *name;
	long nr;
	long arg[6];
	enum outcome outcome[3]; // by enum jail_kind
};

#define ALL(x)	{x, x, x}
#define FILES	{DONE, DONE, REFUSED}
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static const struct try try[] = {
	{"write", SYS_write, {2, 0, 0}, ALL(DONE)},
	{"getpid", SYS_getpid, {0}, ALL(DONE)},
	{"futex", SYS_futex, {0, 1, 1}, ALL(DONE)},
	{"mmap", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, ANON, -1, 0}, ALL(DONE)},
	{"mmap, executable", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, ANON, -1, 0}, ALL(REFUSED)},
	{"mprotect, executable", SYS_mprotect, {0, 0, PROT_EXEC}, ALL(REFUSED)},
	{"mprotect", SYS_mprotect, {0, 0, PROT_READ}, ALL(DONE)},
	{"tgkill init", SYS_tgkill, {1, 1, 0}, ALL(REFUSED)},
	{"kill", SYS_kill, {1, 0}, ALL(REFUSED)},
	{"execve", SYS_execve, {0}, ALL(REFUSED)},
	{"execveat", SYS_execveat, {-1}, ALL(REFUSED)},
	{"socket", SYS_socket, {1, 1, 0}, ALL(REFUSED)},
	{"ptrace", SYS_ptrace, {0}, ALL(REFUSED)},
	{"process_vm_readv", SYS_process_vm_readv, {0}, ALL(REFUSED)},
	{"bpf", SYS_bpf, {0}, ALL(REFUSED)},
	{"io_uring_setup", SYS_io_uring_setup, {1}, ALL(REFUSED)},
	{"setuid", SYS_setuid, {0}, ALL(REFUSED)},
	{"mount", SYS_mount, {0}, ALL(REFUSED)},
	{"rt_sigaction", SYS_rt_sigaction, {1, 0, 0, 8}, ALL(REFUSED)},
	{"seccomp", SYS_seccomp, {0}, ALL(REFUSED)},
	{"a number there is not", 9999, {0}, ALL(REFUSED)},
	{"openat", SYS_openat, {AT_FDCWD, (long)"/", O_RDONLY}, FILES},
	{"openat2", SYS_openat2, {-1, 0, 0, 0}, FILES},
	{"statx", SYS_statx, {-1}, FILES},
	{"unlinkat", SYS_unlinkat, {-1}, FILES},
	{"renameat", SYS_renameat, {-1}, FILES},
	{"renameat2", SYS_renameat2, {-1}, FILES},
	{"fsetxattr", SYS_fsetxattr, {-1}, FILES},
	{"fcntl F_GETFL", SYS_fcntl, {0, F_GETFL}, FILES},
	{"fcntl F_SETOWN", SYS_fcntl, {0, F_SETOWN, 1}, ALL(REFUSED)},
	{"ioctl KVM_RUN", SYS_ioctl, {-1, KVM_RUN}, {DONE, REFUSED, REFUSED}},
	{"ioctl KVM_SET_USER_MEMORY_REGION", SYS_ioctl, {-1, KVM_SET_USER_MEMORY_REGION}, FILES},
	{"ioctl KVM_CREATE_VM", SYS_ioctl, {-1, KVM_CREATE_VM}, ALL(REFUSED)},
	{"ioctl TCSETS", SYS_ioctl, {-1, 0x5402}, ALL(DONE)},
	{"ioctl TIOCSTI", SYS_ioctl, {-1, 0x5412}, ALL(REFUSED)},
	{"clone3", SYS_clone3, {0}, {NO_CALL, REFUSED, REFUSED}},
	{"clone, a thread", SYS_clone, {CLONE_THREAD}, {DONE, REFUSED, REFUSED}}, // EINVAL without CLONE_VM
	{"clone, a process", SYS_clone, {SIGCHLD}, ALL(REFUSED)},
	{"timer_settime", SYS_timer_settime, {-1}, {DONE, REFUSED, REFUSED}},
};

// Raw calls only: the sanitizers' runtime has ideas of its own.
static _Noreturn void child(enum jail_kind kind, const struct try *t)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || jail_filter_install(kind))
		syscall(SYS_exit_group, 2);
	long r = syscall(t->nr, t->arg[0], t->arg[1], t->arg[2], t->arg[3], t->arg[4], t->arg[5]);
	syscall(SYS_exit_group, r < 0 && errno == ENOSYS ? 1 : 0);
	for (;;)
		;
}

static void test(enum jail_kind kind, const struct try *t)
{
	int status;
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		child(kind, t);
	CHECK(waitpid(pid, &status, 0) == pid);
	enum outcome got = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? REFUSED
			   : WEXITSTATUS(status) == 1			     ? NO_CALL
									     : DONE;
	if (got != t->outcome[kind] || (!WIFSIGNALED(status) && WEXITSTATUS(status) > 1)) {
		printf("jail_filter: %s, kind %u: outcome %u, wait status 0x%x\n", t->name, kind, got,
		       (unsigned)status);
		exit(1);
	}
}

int main(void)
{
	for (enum jail_kind kind = JAIL_CPU; kind <= JAIL_CONSOLE; kind++)
		for (size_t i = 0; i < sizeof(try) / sizeof(try[0]); i++)
			test(kind, &try[i]);
	puts("ok jail_filter");
	return 0;
}
