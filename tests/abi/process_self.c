// SPDX-License-Identifier: MIT
//
// The calls that reach a process by number or descriptor, applied to the program itself: process_vm_readv and writev,
// pidfd; waiting without children; unshare of the file table.
#include "test.h"

#include <linux/kcmp.h>

#include <poll.h>
#include <sched.h>
#include <sys/uio.h>
#include <sys/wait.h>

static volatile int hits;
static void handler(int sig, siginfo_t *info, void *context)
{
	hits++;
}

static void *own_files(void *arg)
{
	CHECK_EQ(unshare(CLONE_FILES), 0);
	CHECK_EQ(close(*(int *)arg), 0);
	return NULL;
}
static void *own_fs(void *arg)
{
	CHECK_EQ(unshare(CLONE_FS), 0);
	CHECK_EQ(chdir("/"), 0);
	umask(077);
	return NULL;
}

int main(void)
{
	char from[] = "some memory of this process", to[64] = "", half[10] = "";
	struct iovec remote[2] = {{from, 10}, {from + 10, sizeof from - 10}}, local[2] = {{half, 5}, {to, sizeof to}};
	CHECK_EQ(process_vm_readv(getpid(), local, 2, remote, 2, 0), (long)sizeof from);
	CHECK(!memcmp(half, "some ", 5) && !strcmp(to, from + 5));
	local[0] = (struct iovec){"WRITTEN", 7};
	CHECK_EQ(process_vm_writev(getpid(), local, 1, remote, 1, 0), 7);
	CHECK(!memcmp(from, "WRITTEN", 7));
	remote[0].iov_base = (void *)8;
	CHECK_ERR(process_vm_readv(getpid(), local + 1, 1, remote, 1, 0), EFAULT);
	CHECK_ERR(process_vm_readv(999999, local, 1, remote, 1, 0), ESRCH);
	CHECK_ERR(process_vm_readv(getpid(), local, 1, remote, 1, 1), EINVAL);

	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	NEED(pidfd >= 0);
	CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	struct pollfd p = {pidfd, POLLIN, 0};
	int again = dup(pidfd), me = getpid();
	CHECK_EQ(syscall(SYS_kcmp, me, me, KCMP_FILE, pidfd, again), 0);
	CHECK(syscall(SYS_kcmp, me, me, KCMP_FILE, 0, again) + syscall(SYS_kcmp, me, me, KCMP_FILE, again, 0) == 3);
	for (int type = KCMP_VM; type <= KCMP_SYSVSEM; type++)
		CHECK_EQ(syscall(SYS_kcmp, me, me, type, 0, 0), 0);
	CHECK_ERR(syscall(SYS_kcmp, me, me, KCMP_FILE, 0, 999), EBADF);
	CHECK_ERR(syscall(SYS_kcmp, me, me, 99, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_kcmp, me, 1 << 29, KCMP_VM, 0, 0), ESRCH);
	close(again);
	CHECK_EQ(poll(&p, 1, 0), 0);
	set_handler(SIGUSR1, handler, 0);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0), 0);
	CHECK_EQ(hits, 1);
	CHECK_ERR(syscall(SYS_pidfd_open, 999999, 0), ESRCH);
	CHECK_ERR(syscall(SYS_pidfd_open, getpid(), 0x10000000), EINVAL);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, 0, SIGUSR1, NULL, 0), EBADF);

	CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
	CHECK_ERR(wait4(999999, NULL, WNOHANG, NULL), ECHILD);
	CHECK_ERR(waitpid(-1, NULL, 0x1000), EINVAL);

	int fd = make_file("f", "x");
	join(start(own_files, &fd));
	CHECK_EQ(fcntl(fd, F_GETFD), 0); // closed in the other table only
	join(start(own_fs, NULL));
	CHECK_EQ(access("f", F_OK), 0);
	CHECK_EQ(umask(022), 022);
	return test_end();
}
