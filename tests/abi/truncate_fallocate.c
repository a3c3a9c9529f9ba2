// SPDX-License-Identifier: MIT
//
// truncate, ftruncate, fallocate with its modes.
// covers: truncate ftruncate fallocate
#include "test.h"

#include <linux/falloc.h>
#include <sys/resource.h>

static char at(int fd, long where)
{
	char c = '?';
	CHECK_EQ(pread(fd, &c, 1, where), 1);
	return c;
}
static long size(int fd)
{
	struct stat st;
	CHECK_EQ(fstat(fd, &st), 0);
	return st.st_size;
}

int main(void)
{
	int fd = make_file("f", "0123456789");
	CHECK_EQ(ftruncate(fd, 4), 0);
	CHECK_EQ(ftruncate(fd, 8), 0);
	CHECK_EQ(at(fd, 3), '3');
	CHECK_EQ(at(fd, 4), 0); // not the old contents
	CHECK_EQ(truncate("f", 100000), 0);
	CHECK_EQ(size(fd), 100000);
	CHECK_EQ(at(fd, 99999), 0);
	CHECK_ERR(truncate("f", -1), EINVAL);
	CHECK_ERR(ftruncate(fd, -1), EINVAL);
	CHECK_ERR(truncate(".", 0), EISDIR);
	CHECK_ERR(truncate("none", 0), ENOENT);
	CHECK_ERR(truncate("f/x", 0), ENOTDIR);
	int ends[2];
	NEED(pipe(ends) == 0);
	CHECK_ERR(ftruncate(ends[1], 0), EINVAL);
	CHECK_ERR(ftruncate(777, 0), EBADF);

	fd = make_file("g", "head");
	CHECK_EQ(fallocate(fd, 0, 0, 3 * PAGE), 0);
	CHECK_EQ(size(fd), 3 * PAGE);
	CHECK_EQ(at(fd, 0), 'h');
	CHECK_EQ(at(fd, 3 * PAGE - 1), 0);
	CHECK_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 9 * PAGE), 0);
	CHECK_EQ(size(fd), 3 * PAGE);
	static char page[PAGE];
	memset(page, 'z', PAGE);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pwrite(fd, page, PAGE, i * PAGE), (long)PAGE);
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, PAGE + 100), 0);
	CHECK_EQ(at(fd, 99), 'z');
	CHECK_EQ(at(fd, 100), 0);
	CHECK_EQ(at(fd, PAGE + 199), 0);
	CHECK_EQ(at(fd, PAGE + 200), 'z');
	CHECK_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE), 0);
	CHECK_EQ(lseek(fd, PAGE, SEEK_HOLE), (long)PAGE);
	CHECK_EQ(lseek(fd, PAGE, SEEK_DATA), 2 * (long)PAGE);
	CHECK_EQ(size(fd), 3 * PAGE);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERR(fallocate(fd, 0, -1, 10), EINVAL);
	CHECK_ERR(fallocate(ends[1], 0, 0, 10), ESPIPE);
	CHECK_ERR(fallocate(open("g", O_RDONLY), 0, 0, 10), EBADF);
	CHECK_EQ(posix_fallocate(fd, 0, 5 * PAGE), 0);
	CHECK_EQ(size(fd), 5 * PAGE);

	// RLIMIT_FSIZE: a partial write, then SIGXFSZ and EFBIG.
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit old, small = {10, RLIM_INFINITY};
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	int lim = open("lim", O_RDWR | O_CREAT, 0600);
	CHECK_EQ(write(lim, "0123456789abc", 13), 10);
	CHECK_ERR(write(lim, "d", 1), EFBIG);
	CHECK_ERR(ftruncate(lim, 11), EFBIG);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
	return test_end();
}
