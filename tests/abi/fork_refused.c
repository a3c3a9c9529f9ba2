// SPDX-License-Identifier: MIT
//
// A new process cannot be made yet: fork, vfork and clone without CLONE_THREAD fail with ENOSYS, and the program goes
// on; waiting for children says that there are none.
// whelk-only: Linux can fork
#include "test.h"

#include <sched.h>
#include <sys/wait.h>

static int nothing(void *arg)
{
	return 0;
}

int main(void)
{
	CHECK_ERR(syscall(SYS_fork), ENOSYS);
	CHECK_ERR(syscall(SYS_vfork), ENOSYS);
	CHECK_ERR(fork(), ENOSYS);
	char *stack = map_anon(65536, PROT_READ | PROT_WRITE);
	CHECK_ERR(clone(nothing, stack + 65536, SIGCHLD, NULL), ENOSYS);
	CHECK_ERR(clone(nothing, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL), ENOSYS);
	CHECK_ERR(waitpid(-1, NULL, WNOHANG), ECHILD);
	siginfo_t info;
	CHECK_ERR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	CHECK_EQ(system("true"), 127 << 8); // as if the shell could not be run
	return test_end();
}
