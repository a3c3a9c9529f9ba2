// SPDX-License-Identifier: MIT
//
// Pointers to nothing, to memory without the right, to the kernel's half: EFAULT, never a crash, for many calls.
#include "test.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>

static int fd;

// Calls `nr` with a bad pointer as its argument number `at`; the others are good enough.
static void bad(const char *name, int at, long nr, long a, long b, long c, long d)
{
	static char *none;
	if (!none)
		none = map_anon(PAGE, PROT_NONE);
	long pointers[] = {8, (long)none, (long)0x7ffffffff000, (long)0xffff800000000000ul, -4096, 0x4000000000000000};
	for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
		long args[5] = {a, b, c, d, 8};
		args[at] = pointers[i];
		errno = 0;
		long r = syscall(nr, args[0], args[1], args[2], args[3], args[4], 0);
		if (r != -1 || errno != EFAULT) {
			printf("%s with pointer number %zu: %ld %s\n", name, i, r, strerrorname_np(errno));
			CHECK(!"EFAULT");
		}
	}
}
#define BAD(at, call, ...) bad(#call, at, SYS_##call, __VA_ARGS__)

int main(void)
{
	static char buf[PAGE];
	fd = make_file("f", "0123456789");
	lseek(fd, 0, SEEK_SET);
	long p = (long)"f", b = (long)buf;
	BAD(1, read, fd, 0, 5, 0);
	BAD(1, write, fd, 0, 5, 0);
	BAD(1, pread64, fd, 0, 5, 0);
	BAD(1, pwrite64, fd, 0, 5, 0);
	BAD(1, readv, fd, 0, 1, 0);
	BAD(1, writev, fd, 0, 1, 0);
	BAD(0, open, 0, O_RDONLY, 0, 0);
	BAD(1, openat, AT_FDCWD, 0, O_RDONLY, 0);
	BAD(0, stat, 0, b, 0, 0);
	BAD(1, stat, p, 0, 0, 0);
	BAD(1, fstat, fd, 0, 0, 0);
	BAD(1, newfstatat, AT_FDCWD, 0, b, 0);
	BAD(2, newfstatat, AT_FDCWD, p, 0, 0);
	BAD(0, access, 0, 0, 0, 0);
	BAD(0, unlink, 0, 0, 0, 0);
	BAD(0, mkdir, 0, 0700, 0, 0);
	BAD(0, rename, 0, p, 0, 0);
	BAD(1, rename, p, 0, 0, 0);
	BAD(0, chdir, 0, 0, 0, 0);
	BAD(0, getcwd, 0, 1000, 0, 0);
	BAD(0, readlink, 0, b, 10, 0);
	BAD(1, readlink, (long)"/proc/self", 0, 10, 0);
	BAD(1, getdents64, open(".", O_RDONLY), 0, 1000, 0);
	BAD(0, pipe2, 0, 0, 0, 0);
	BAD(0, poll, 0, 1, 0, 0);
	BAD(1, select, 1, 0, 0, 0);
	BAD(1, clock_gettime, CLOCK_BOOTTIME, 0, 0, 0);
	BAD(0, nanosleep, 0, 0, 0, 0);
	BAD(0, uname, 0, 0, 0, 0);
	BAD(0, sysinfo, 0, 0, 0, 0);
	BAD(1, getrusage, 0, 0, 0, 0);
	BAD(1, getrlimit, 0, 0, 0, 0);
	BAD(2, prlimit64, 0, 0, 0, 0);
	BAD(1, rt_sigaction, SIGUSR1, 0, 0, 8);
	BAD(2, rt_sigaction, SIGUSR1, 0, 0, 8);
	BAD(0, rt_sigpending, 0, 8, 0, 0);
	BAD(0, sigaltstack, 0, 0, 0, 0);
	BAD(0, getrandom, 0, 10, 0, 0);
	BAD(1, setitimer, 0, 0, 0, 0);
	BAD(1, getitimer, 0, 0, 0, 0);
	BAD(2, sched_getaffinity, 0, 128, 0, 0);
	BAD(2, sched_setaffinity, 0, 128, 0, 0);
	BAD(0, memfd_create, 0, 0, 0, 0);
	BAD(0, execve, 0, 0, 0, 0);
	BAD(1, statfs, p, 0, 0, 0);
	BAD(0, getresuid, 0, b, b, 0);
	int ep = epoll_create1(0), ends[2];
	NEED(pipe(ends) == 0);
	BAD(3, epoll_ctl, ep, EPOLL_CTL_ADD, ends[0], 0);
	struct epoll_event e = {.events = EPOLLOUT};
	epoll_ctl(ep, EPOLL_CTL_ADD, ends[1], &e);
	BAD(1, epoll_wait, ep, 0, 1, 0);
	BAD(1, write, ends[1], 0, 5, 0);
	CHECK_EQ(write(ends[1], "12345", 5), 5);
	BAD(1, read, ends[0], 0, 5, 0);

	// Memory that may be read only.
	char *readonly = map_anon(PAGE, PROT_READ);
	CHECK_ERR(pread(fd, readonly, 5, 0), EFAULT);
	CHECK_ERR(fstat(fd, (void *)readonly), EFAULT);
	CHECK_EQ(pwrite(fd, readonly, 5, 0), 5);
	// A string that ends exactly at the end of what is mapped, and one that does not end.
	char *edge = (char *)map_anon(2 * PAGE, PROT_READ | PROT_WRITE);
	munmap(edge + PAGE, PAGE);
	memcpy(edge + PAGE - 2, "f", 2);
	CHECK(open(edge + PAGE - 2, O_RDONLY) >= 0);
	edge[PAGE - 1] = 'f';
	CHECK_ERR(open(edge + PAGE - 2, O_RDONLY), EFAULT);
	return test_end();
}
