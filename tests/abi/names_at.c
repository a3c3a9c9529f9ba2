// SPDX-License-Identifier: MIT
//
// The *at forms relative to a directory, chroot, and calls that only old programs make.
#include "test.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/time.h>

static void *in_chroot(void *arg)
{
	CHECK_EQ(syscall(SYS_unshare, 0x200 /* CLONE_FS */), 0);
	CHECK_EQ(chroot("d"), 0);
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(access("/moved", F_OK), 0);
	CHECK_EQ(access("/../../moved", F_OK), 0);
	CHECK_ERR(access("/proc", F_OK), ENOENT);
	return NULL;
}

int main(void)
{
	NEED(mkdir("d", 0755) == 0);
	int d = open("d", O_RDONLY | O_DIRECTORY), here = open(".", O_RDONLY | O_DIRECTORY);
	struct stat st;
	close(openat(d, "file", O_CREAT | O_WRONLY, 0640));
	CHECK_EQ(symlinkat("file", d, "link"), 0);
	char b[16];
	CHECK_EQ(readlinkat(d, "link", b, sizeof b), 4);
	CHECK_EQ(mknodat(d, "fifo", S_IFIFO | 0600, 0), 0);
	CHECK_EQ(fstatat(d, "fifo", &st, 0), 0);
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(renameat(d, "file", d, "moved"), 0);
	CHECK_ERR(fstatat(d, "link", &st, 0), ENOENT);
	CHECK_EQ(fstatat(d, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_EQ(linkat(d, "moved", here, "other", 0), 0);
	CHECK_EQ(stat("other", &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(syscall(SYS_faccessat2, d, "moved", R_OK, AT_EACCESS), 0);
	CHECK_ERR(syscall(SYS_faccessat2, d, "none", R_OK, 0), ENOENT);
	CHECK_ERR(syscall(SYS_faccessat2, d, "moved", R_OK, 0x40000), EINVAL);
	struct timeval tv[2] = {{5, 0}, {6, 7}};
	CHECK_EQ(syscall(SYS_futimesat, d, "moved", tv), 0);
	CHECK_EQ(stat("other", &st), 0);
	CHECK(st.st_mtim.tv_sec == 6 && st.st_mtim.tv_nsec == 7000);
	int in = (int)syscall(SYS_inotify_init);
	CHECK(in >= 0 && inotify_add_watch(in, "d", IN_DELETE) == 1);
	CHECK_EQ(unlinkat(d, "fifo", 0), 0);
	struct pollfd p = {in, POLLIN, 0};
	CHECK_EQ(poll(&p, 1, 1000), 1);
	CHECK_EQ(syscall(SYS_fadvise64, here, 0, 0, 3), 0);
	if (geteuid() == 0)
		join(start(in_chroot, NULL));
	CHECK_EQ(access("other", F_OK), 0); // another thread's root is as before
	CHECK_EQ(chdir("/proc"), 0);
	return test_end();
}
