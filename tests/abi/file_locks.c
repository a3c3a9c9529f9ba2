// SPDX-License-Identifier: MIT
//
// Locks within one process: fcntl's never conflict with their owner's, are lost when any descriptor is closed;
// those of open files (OFD) and flock conflict between two openings, block and are woken.
#include "test.h"

#include <sys/file.h>
#include <sys/sysmacros.h>

static struct flock range(int type, long from, long len)
{
	return (struct flock){.l_type = (short)type, .l_whence = SEEK_SET, .l_start = from, .l_len = len};
}
static long lock(int fd, int cmd, int type, long from, long len)
{
	struct flock l = range(type, from, len);
	return fcntl(fd, cmd, &l);
}

static atomic_int got;
static void *ofd_waiter(void *arg)
{
	CHECK_EQ(lock(*(int *)arg, F_OFD_SETLKW, F_WRLCK, 0, 10), 0);
	got = 1;
	return NULL;
}
static void *flock_waiter(void *arg)
{
	CHECK_EQ(flock(*(int *)arg, LOCK_EX), 0);
	got = 1;
	return NULL;
}

// Whether /proc/locks tells of a lock on the file: `how` as in "POSIX  ADVISORY  WRITE", `range` as in "0 EOF".
static bool told(int fd, const char *how, int pid, const char *range)
{
	struct stat st;
	char line[160];
	NEED(fstat(fd, &st) == 0);
	snprintf(line, sizeof line, ": %s %d %02x:%02x:%lu %s\n", how, pid, major(st.st_dev), minor(st.st_dev), st.st_ino, range);
	return strstr(read_text("/proc/locks"), line);
}

int main(void)
{
	int a = make_file("f", "0123456789abcdef"), b = open("f", O_RDWR), ro = open("f", O_RDONLY);
	// Traditional locks belong to the process.
	CHECK_EQ(lock(a, F_SETLK, F_WRLCK, 0, 10), 0);
	CHECK(told(a, "POSIX  ADVISORY  WRITE", getpid(), "0 9"));
	CHECK_EQ(lock(b, F_SETLK, F_WRLCK, 5, 10), 0);
	CHECK_EQ(lock(b, F_SETLK, F_RDLCK, 0, 3), 0);
	struct flock l = range(F_WRLCK, 0, 0);
	CHECK_EQ(fcntl(a, F_GETLK, &l), 0);
	CHECK_EQ(l.l_type, F_UNLCK);
	CHECK_EQ(lock(a, F_SETLK, F_UNLCK, 0, 0), 0);
	CHECK_ERR(lock(ro, F_SETLK, F_WRLCK, 0, 1), EBADF);
	CHECK_EQ(lock(ro, F_SETLK, F_RDLCK, 0, 1), 0);
	CHECK_ERR(lock(a, F_SETLK, 77, 0, 1), EINVAL);
	CHECK_ERR(lock(a, F_SETLK, F_WRLCK, -1, 1), EINVAL);
	CHECK_ERR(fcntl(a, F_SETLK, (void *)8), EFAULT);

	CHECK_EQ(lock(a, F_SETLK, F_UNLCK, 0, 0), 0);
	// A traditional lock is in the way of an OFD lock, with the process's id; closing any descriptor frees it.
	CHECK_EQ(lock(a, F_SETLK, F_WRLCK, 4, 4), 0);
	CHECK_ERR(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
	l = range(F_WRLCK, 0, 0);
	CHECK_EQ(fcntl(b, F_OFD_GETLK, &l), 0);
	CHECK_EQ(l.l_type, F_WRLCK);
	CHECK_EQ(l.l_start, 4);
	CHECK_EQ(l.l_len, 4);
	CHECK_EQ(l.l_pid, getpid());
	close(open("f", O_RDONLY));
	CHECK_EQ(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0), 0);
	CHECK_EQ(lock(b, F_OFD_SETLK, F_UNLCK, 0, 0), 0);

	// OFD: by open file. Splitting, joining, reading together.
	CHECK_EQ(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	CHECK_ERR(lock(b, F_OFD_SETLK, F_RDLCK, 9, 1), EAGAIN);
	CHECK_EQ(lock(b, F_OFD_SETLK, F_WRLCK, 10, 0), 0);
	CHECK_EQ(lock(a, F_OFD_SETLK, F_UNLCK, 3, 3), 0);
	CHECK_EQ(lock(b, F_OFD_SETLK, F_WRLCK, 3, 3), 0);
	CHECK_ERR(lock(b, F_OFD_SETLK, F_WRLCK, 2, 1), EAGAIN);
	CHECK_EQ(lock(a, F_OFD_SETLK, F_RDLCK, 0, 3), 0);
	CHECK_EQ(lock(b, F_OFD_SETLK, F_RDLCK, 0, 3), 0);
	CHECK_ERR(lock(a, F_OFD_SETLK, F_WRLCK, 0, 1), EAGAIN);
	l = range(F_WRLCK, 0, 0);
	CHECK_EQ(fcntl(a, F_OFD_GETLK, &l), 0);
	CHECK_EQ(l.l_pid, -1);
	CHECK_EQ(l.l_type, F_RDLCK);
	CHECK_EQ(lock(b, F_OFD_SETLK, F_UNLCK, 0, 0), 0);
	l = range(F_WRLCK, 0, 0);
	l.l_pid = 5;
	CHECK_ERR(fcntl(a, F_OFD_SETLK, &l), EINVAL);
	pthread_t t = start(ofd_waiter, &b);
	sleep_ms(20);
	CHECK_EQ(got, 0);
	CHECK_EQ(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0), 0);
	join(t);
	CHECK_EQ(got, 1);
	close(b); // frees them
	CHECK_EQ(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0), 0);

	// flock: by open file, apart from fcntl's.
	b = open("f", O_RDWR);
	CHECK_EQ(flock(a, LOCK_SH), 0);
	CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
	CHECK_ERR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(flock(a, LOCK_UN), 0);
	CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
	CHECK(told(b, "FLOCK  ADVISORY  WRITE", getpid(), "0 EOF"));
	CHECK(!told(b, "POSIX  ADVISORY  WRITE", getpid(), "0 9"));
	int copy = dup(b);
	CHECK_EQ(flock(copy, LOCK_EX | LOCK_NB), 0); // the same
	CHECK_ERR(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(close(b), 0);
	CHECK_ERR(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	got = 0;
	t = start(flock_waiter, &a);
	sleep_ms(20);
	CHECK_EQ(got, 0);
	CHECK_EQ(close(copy), 0);
	join(t);
	CHECK_ERR(flock(a, 77), EINVAL);
	CHECK_ERR(flock(777, LOCK_SH), EBADF);
	return test_end();
}
