// SPDX-License-Identifier: MIT
//
// The nodes of /dev that programs use.
#include "test.h"

#include <sys/sysmacros.h>

int main(void)
{
	static const struct {
		const char *name;
		int major, minor;
	} node[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5,
		0}, {"ptmx", 5, 2}};
	struct stat st;
	for (size_t i = 0; i < sizeof node / sizeof *node; i++) {
		char path[64];
		snprintf(path, sizeof path, "/dev/%s", node[i].name);
		if (i == 6 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
			continue;
		CHECK_EQ(stat(path, &st), 0);
		CHECK_EQ(st.st_rdev, makedev(node[i].major, node[i].minor));
		CHECK(S_ISCHR(st.st_mode));
	}
	char b[4096], zero[4096] = {0};
	int fd = open("/dev/null", O_RDWR);
	CHECK_EQ(read(fd, b, sizeof b), 0);
	CHECK_EQ(write(fd, b, sizeof b), (long)sizeof b);
	CHECK_EQ(lseek(fd, 100, SEEK_SET), 0);
	fd = open("/dev/zero", O_RDWR);
	memset(b, 1, sizeof b);
	CHECK_EQ(read(fd, b, sizeof b), (long)sizeof b);
	CHECK(!memcmp(b, zero, sizeof b));
	CHECK_EQ(write(fd, "x", 1), 1);
	fd = open("/dev/full", O_RDWR);
	CHECK_EQ(read(fd, b, 10), 10);
	CHECK_ERR(write(fd, "x", 1), ENOSPC);
	for (int i = 0; i < 2; i++) {
		fd = open(i ? "/dev/random" : "/dev/urandom", O_RDWR);
		CHECK_EQ(read(fd, b, 256), 256);
		CHECK_EQ(read(fd, b + 256, 256), 256);
		CHECK(memcmp(b, b + 256, 256));
		int ones = 0;
		for (int k = 0; k < 512; k++)
			ones += __builtin_popcount((unsigned char)b[k]);
		CHECK(ones > 1800 && ones < 2300);
		CHECK_EQ(write(fd, "seed", 4), 4);
	}
	char target[64] = "";
	CHECK_EQ(readlink("/dev/fd", target, sizeof target), 13);
	CHECK(!strcmp(target, "/proc/self/fd"));
	CHECK_EQ(stat("/dev/stdin", &st), 0);
	int file = make_file("f", "by number");
	snprintf(target, sizeof target, "/dev/fd/%d", file);
	fd = open(target, O_RDONLY);
	CHECK_EQ(read(fd, b, 20), 9);
	CHECK_EQ(stat("/dev/pts", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(stat("/dev/shm", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 01777);
	CHECK_ERR(open("/dev/none", O_RDONLY), ENOENT);

	// shm_open's files.
	char name[64];
	snprintf(name, sizeof name, "/abi-test-%d", getpid());
	int shm = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	NEED(shm >= 0);
	CHECK_EQ(ftruncate(shm, PAGE), 0);
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
	NEED(p != MAP_FAILED);
	strcpy(p, "shared");
	int again = shm_open(name, O_RDONLY, 0);
	CHECK_EQ(read(again, b, 6), 6);
	CHECK(!memcmp(b, "shared", 6));
	CHECK_EQ(shm_unlink(name), 0);
	CHECK_ERR(shm_open(name, O_RDONLY, 0), ENOENT);

	CHECK_EQ(getentropy(b, 256), 0);
	CHECK_EQ(syscall(SYS_getrandom, b, 4096, 0), 4096);
	CHECK_EQ(syscall(SYS_getrandom, b, 10, 1), 10);
	CHECK_ERR(syscall(SYS_getrandom, b, 10, 0x100), EINVAL);
	CHECK_ERR(syscall(SYS_getrandom, (void *)8, 10, 0), EFAULT);
	return test_end();
}
