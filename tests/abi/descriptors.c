// SPDX-License-Identifier: MIT
//
// dup and its relatives, fcntl's flags, shared offsets, close_range, the limit on descriptors.
#include "test.h"

#include <linux/fs.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void owners_and_sizes(int file)
{
	int ends[2], s = socket(AF_INET, SOCK_STREAM, 0), v = -1;
	struct f_owner_ex owner = {.type = F_OWNER_PGRP, .pid = 9};
	NEED(pipe(ends) == 0 && s >= 0);
	CHECK_EQ(fcntl(s, F_GETOWN_EX, &owner), 0);
	CHECK(owner.type == F_OWNER_TID && owner.pid == 0);
	v = getpid();
	CHECK_EQ(ioctl(s, FIOSETOWN, &v), 0);
	CHECK_EQ(fcntl(s, F_GETOWN), getpid());
	CHECK_EQ(fcntl(s, F_GETOWN_EX, &owner), 0);
	CHECK(owner.type == F_OWNER_PID && owner.pid == getpid());
	CHECK_EQ(ioctl(s, SIOCGPGRP, &v), 0);
	CHECK_EQ(v, getpid());
	CHECK_ERR(ioctl(s, SIOCGSTAMP, &owner), ENOENT);
	CHECK_ERR(fcntl(file, F_GETPIPE_SZ), EBADF);
	CHECK_ERR(fcntl(s, F_SETPIPE_SZ, 4096), EBADF);
	CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 65536);
	CHECK_EQ(fcntl(file, F_NOTIFY, 0), 0);
	CHECK_ERR(fcntl(file, F_NOTIFY, DN_MODIFY), ENOTDIR);
	CHECK_EQ(ioctl(ends[0], FIGETBSZ, &v), 0);
	CHECK_EQ(v, 4096);
	close(ends[0]), close(ends[1]), close(s);
}

int main(void)
{
	int fd = make_file("f", "abcdef");
	int two = dup(fd);
	CHECK(two > fd);
	CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
	char c;
	CHECK_EQ(read(two, &c, 1), 1); // one offset for both
	CHECK_EQ(c, 'c');
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	int other = open("f", O_RDONLY);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 0);

	CHECK_EQ(dup2(fd, 50), 50);
	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_ERR(dup2(777, 777), EBADF);
	CHECK_ERR(dup2(fd, -1), EBADF);
	CHECK_ERR(dup(777), EBADF);
	CHECK_EQ(dup3(fd, 51, O_CLOEXEC), 51);
	CHECK_EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(dup3(fd, fd, 0), EINVAL);
	CHECK_ERR(dup3(fd, 52, O_APPEND), EINVAL);
	CHECK_EQ(fcntl(fd, F_DUPFD, 60), 60);
	CHECK_EQ(fcntl(fd, F_DUPFD, 60), 61);
	CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 60), 62);
	CHECK_EQ(fcntl(62, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(fcntl(fd, F_DUPFD, -1), EINVAL);
	CHECK_EQ(fcntl(60, F_SETFD, FD_CLOEXEC), 0);
	CHECK_EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(61, F_GETFD), 0); // the flag is the descriptor's
	CHECK_EQ(ioctl(61, FIOCLEX), 0);
	CHECK_EQ(fcntl(61, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ioctl(61, FIONCLEX), 0);

	// Status flags are the open file's; only some can be changed.
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_WRONLY | O_CREAT), 0);
	CHECK_EQ(fcntl(two, F_GETFL) & (O_NONBLOCK | O_APPEND | O_ACCMODE), O_NONBLOCK | O_APPEND | O_RDWR);
	CHECK_EQ(fcntl(other, F_GETFL) & (O_NONBLOCK | O_APPEND), 0);
	CHECK_EQ(write(two, "g", 1), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 7);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	int on = 1;
	CHECK_EQ(ioctl(fd, FIONBIO, &on), 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_ERR(fcntl(fd, 9999, 0), EINVAL);
	CHECK_ERR(fcntl(777, F_GETFD), EBADF);
	CHECK_ERR(ioctl(fd, 0x12345678, 0), ENOTTY);
	CHECK_ERR(ioctl(777, FIONREAD, &on), EBADF);
	CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
	CHECK_EQ(ioctl(fd, FIONREAD, &on), 0);
	CHECK_EQ(on, 5);

	// Closing one leaves the others; dup2 closes what was there.
	CHECK_EQ(close(fd), 0);
	CHECK_ERR(close(fd), EBADF);
	CHECK_EQ(read(two, &c, 1), 1);
	CHECK_EQ(dup2(other, 50), 50);
	CHECK_EQ(lseek(50, 0, SEEK_CUR), 0);

	CHECK_EQ(syscall(SYS_close_range, 60, 61, 0), 0);
	CHECK_ERR(fcntl(60, F_GETFD), EBADF);
	CHECK_ERR(fcntl(61, F_GETFD), EBADF);
	CHECK_EQ(fcntl(62, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(syscall(SYS_close_range, 50, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */), 0);
	CHECK_EQ(fcntl(50, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(syscall(SYS_close_range, 50, ~0u, 0), 0);
	CHECK_ERR(fcntl(50, F_GETFD), EBADF);
	CHECK_ERR(syscall(SYS_close_range, 10, 5, 0), EINVAL);

	owners_and_sizes(two);

	// The limit: EMFILE, and what dup2 may not reach.
	struct rlimit limit;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(limit.rlim_cur >= 1024);
	struct rlimit small = {20, limit.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &small), 0);
	int last = -1, n;
	while ((n = dup(two)) >= 0)
		last = n;
	CHECK_EQ(errno, EMFILE);
	CHECK_EQ(last, 19);
	CHECK_ERR(open("f", O_RDONLY), EMFILE);
	CHECK_ERR(dup2(two, 20), EBADF);
	CHECK_ERR(fcntl(two, F_DUPFD, 20), EINVAL);
	int ends[2];
	CHECK_ERR(pipe(ends), EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(dup2(two, 1000), 1000);
	return test_end();
}
