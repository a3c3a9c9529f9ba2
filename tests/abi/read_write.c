// SPDX-License-Identifier: MIT
//
// read, write and their relatives: offsets, vectors, ends of files, holes, bad arguments.
#include "test.h"

#include <sys/uio.h>

int main(void)
{
	int fd = make_file("f", "abcdefghij");
	char b[64] = "", c[64] = "";
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(read(fd, b, 5), 0);
	CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	CHECK_EQ(read(fd, b, 60), 7);
	CHECK(!memcmp(b, "defghij", 7));
	CHECK_EQ(pread(fd, b, 4, 8), 2);
	CHECK_EQ(pread(fd, b, 4, 10), 0);
	CHECK_EQ(pread(fd, b, 4, 1000), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(pwrite(fd, "XY", 2, 1), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(lseek(fd, -3, SEEK_END), 7);
	CHECK_EQ(lseek(fd, -2, SEEK_CUR), 5);
	CHECK_ERR(lseek(fd, -6, SEEK_CUR), EINVAL);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, 0, 99), EINVAL);
	CHECK_ERR(pread(fd, b, 1, -1), EINVAL);
	CHECK_EQ(read(fd, b, 0), 0);
	CHECK_EQ(write(fd, b, 0), 0);

	// Vectors.
	struct iovec v[3] = {{b, 2}, {NULL, 0}, {c, 30}};
	memset(b, '.', 4);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(readv(fd, v, 3), 10);
	CHECK(!memcmp(b, "aX..", 4) && !memcmp(c, "Ydefghij", 8));
	v[0] = (struct iovec){"one", 3};
	v[2] = (struct iovec){"two", 3};
	CHECK_EQ(pwritev(fd, v, 3, 20), 6);
	v[0] = (struct iovec){b, 6};
	v[2] = (struct iovec){c, 20};
	CHECK_EQ(preadv(fd, v, 3, 18), 8);
	CHECK(!memcmp(b, "\0\0onet", 6) && !memcmp(c, "wo", 2));
	CHECK_EQ(preadv2(fd, v, 1, -1, 0), 6); // -1: the file's own offset
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 16);
	CHECK_EQ(pwritev2(fd, v, 1, 0, RWF_APPEND), 6);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 32);
	CHECK_ERR(preadv2(fd, v, 1, 0, 0x4000), EOPNOTSUPP);
	CHECK_EQ(readv(fd, v, 0), 0);
	CHECK_ERR(readv(fd, v, -1), EINVAL);
	CHECK_ERR(readv(fd, v, 1025), EINVAL);
	v[0].iov_len = -1;
	CHECK_ERR(writev(fd, v, 1), EINVAL);

	// Behind the end: a hole of zeroes, that costs no blocks.
	int hole = make_file("h", "x");
	CHECK_EQ(lseek(hole, 1 << 20, SEEK_SET), 1 << 20);
	struct stat st;
	CHECK_EQ(fstat(hole, &st), 0);
	CHECK_EQ(st.st_size, 1);
	CHECK_EQ(write(hole, "y", 1), 1);
	CHECK_EQ(fstat(hole, &st), 0);
	CHECK_EQ(st.st_size, (1 << 20) + 1);
	CHECK(st.st_blocks * 512 < 100000);
	CHECK_EQ(pread(hole, b, 10, 5000), 10);
	CHECK(!memcmp(b, "\0\0\0\0\0\0\0\0\0\0", 10));
	CHECK_EQ(lseek(hole, 0, SEEK_DATA), 0);
	CHECK_EQ(lseek(hole, 0, SEEK_HOLE), (long)PAGE);
	CHECK_EQ(lseek(hole, PAGE, SEEK_DATA), 1 << 20);
	CHECK_EQ(lseek(hole, 1 << 20, SEEK_HOLE), (1 << 20) + 1);
	CHECK_ERR(lseek(hole, 1 << 21, SEEK_DATA), ENXIO);
	CHECK_ERR(lseek(hole, 1 << 21, SEEK_HOLE), ENXIO);

	// Bad buffers: what could be moved before them counts.
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_ERR(read(fd, (void *)16, 5), EFAULT);
	CHECK_ERR(write(fd, (void *)16, 5), EFAULT);
	CHECK_ERR(readv(fd, (void *)16, 1), EFAULT);
	char *edge = (char *)map_anon(2 * PAGE, PROT_READ | PROT_WRITE) + PAGE;
	CHECK_EQ(munmap(edge, PAGE), 0);
	int zero = open("/dev/zero", O_RDONLY);
	CHECK_ERR(read(zero, edge, 10), EFAULT);
	long r = read(zero, edge - 4, 10);
	CHECK_EQ(r, 4);
	CHECK_ERR(read(999, b, 1), EBADF);
	CHECK_ERR(write(-1, b, 1), EBADF);

	// More than a page at odd offsets, back and forth.
	static char big[100000], back[100000];
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7 + i / 251);
	int f = make_file("big", "");
	for (size_t at = 0, n = 1; at < sizeof big; at += n, n = n * 3 % 9973 + 1)
		NEED(pwrite(f, big + at, at + n > sizeof big ? sizeof big - at : n, at) > 0);
	for (size_t at = sizeof back, n = 17; at > 0; n = n * 5 % 7919 + 1) {
		size_t k = n < at ? n : at;
		at -= k;
		NEED(pread(f, back + at, k, at) == (ssize_t)k);
	}
	CHECK(!memcmp(big, back, sizeof big));
	CHECK_EQ(fsync(f), 0);
	CHECK_EQ(fdatasync(f), 0);
	CHECK_EQ(syncfs(f), 0);
	CHECK_EQ(sync_file_range(f, 0, 0, SYNC_FILE_RANGE_WRITE), 0);
	CHECK_EQ(posix_fadvise(f, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	CHECK_EQ(posix_fadvise(f, 0, 0, 77), EINVAL);
	CHECK_EQ(readahead(f, 0, 4096), 0);
	sync();
	return test_end();
}
