// SPDX-License-Identifier: MIT
//
// memfd_create: an anonymous file, its names, and its seals.
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)

int main(void)
{
	int fd = memfd_create("a name", MFD_CLOEXEC);
	NEED(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	char link[64], path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, link, sizeof link - 1);
	NEED(n > 0);
	link[n] = 0;
	puts(link);
	struct stat st;
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(write(fd, "hello", 5), 5);
	int again = open(path, O_RDWR); // another file description of the same file
	NEED(again >= 0);
	char b[8] = "";
	CHECK_EQ(read(again, b, 8), 5);
	CHECK(!strcmp(b, "hello"));
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	p[0] = 'J';
	CHECK_EQ(pread(again, b, 5, 0), 5);
	CHECK(!strcmp(b, "Jello"));

	fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	CHECK_ERR(ftruncate(fd, PAGE), EPERM);
	CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	CHECK_ERR(ftruncate(fd, 4 * PAGE), EPERM);
	CHECK_ERR(pwrite(fd, "x", 1, 3 * PAGE), EPERM);
	CHECK_ERR(fallocate(fd, 0, 0, 4 * PAGE), EPERM);
	CHECK_EQ(pwrite(fd, "x", 1, 0), 1);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);

	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_EQ(munmap(p, PAGE), 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	p[0] = 'y';
	CHECK_EQ(pread(fd, b, 1, 0), 1);
	CHECK_EQ(b[0], 'x');
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && p[0] == 'x');

	// Future writes only: the mapping that is there stays writable.
	fd = memfd_create("future", MFD_ALLOW_SEALING);
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	p[0] = 'z';
	CHECK_ERR(write(fd, "x", 1), EPERM);
	CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL);

	CHECK_ERR(memfd_create("x", 0x4000), EINVAL);
	char name[300];
	memset(name, 'n', sizeof name);
	name[250] = 0;
	CHECK_ERR(memfd_create(name, 0), EINVAL);
	name[249] = 0;
	CHECK(memfd_create(name, 0) >= 0);
	return test_end();
}
