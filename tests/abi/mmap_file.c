// SPDX-License-Identifier: MIT
//
// Private and shared mappings of files, and how they and read/write see one another.
#include "test.h"

#include <sys/uio.h>

#define RW (PROT_READ | PROT_WRITE)

static char byte_at(int fd, off_t at)
{
	char c = '?';
	NEED(pread(fd, &c, 1, at) == 1);
	return c;
}

int main(void)
{
	int fd = make_file("f", "");
	char page[PAGE];
	for (int i = 0; i < 5; i++) {
		memset(page, 'a' + i, PAGE);
		NEED(write(fd, page, i < 4 ? PAGE : 100) == (i < 4 ? (ssize_t)PAGE : 100));
	}
	size_t size = 5 * PAGE;
	char *shared = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	char *again = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, PAGE);
	char *private = mmap(NULL, size, RW, MAP_PRIVATE, fd, 0);
	NEED(shared != MAP_FAILED && again != MAP_FAILED && private != MAP_FAILED);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(shared[i * PAGE + 50], 'a' + i);
		CHECK_EQ(private[i * PAGE + 50], 'a' + i);
	}
	CHECK_EQ(shared[4 * PAGE + 100], 0); // behind the end, zero
	CHECK_EQ(shared[5 * PAGE - 1], 0);

	// Shared: both mappings, read and write are one.
	shared[PAGE + 7] = 'X';
	CHECK_EQ(again[7], 'X');
	CHECK_EQ(byte_at(fd, PAGE + 7), 'X');
	CHECK_EQ(pwrite(fd, "Y", 1, 2 * PAGE + 9), 1);
	CHECK_EQ(again[PAGE + 9], 'Y');
	CHECK_EQ(shared[2 * PAGE + 9], 'Y');

	// Private: a page that was written is a copy from then on.
	private[3 * PAGE] = 'P';
	CHECK_EQ(shared[3 * PAGE], 'd');
	CHECK_EQ(byte_at(fd, 3 * PAGE), 'd');
	shared[3 * PAGE + 1] = 'S';
	CHECK_EQ(private[3 * PAGE + 1], 'd');
	CHECK_EQ(private[3 * PAGE], 'P');
	// The kernel copies on write as well.
	CHECK_EQ(pread(fd, private + 2 * PAGE, 1, 0), 1);
	CHECK_EQ(private[2 * PAGE], 'a');
	CHECK_EQ(byte_at(fd, 2 * PAGE), 'c');

	// Behind the end in the last page: writes there never reach the file.
	shared[4 * PAGE + 200] = 'Z';
	struct stat st;
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 4 * PAGE + 100);

	// The mapping keeps the file when its descriptor and name are gone.
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(shared[0], 'a');
	shared[1] = 'k';
	CHECK_EQ(msync(shared, size, MS_SYNC), 0);
	CHECK_EQ(munmap(shared, size), 0);
	char *still = mremap(again, 2 * PAGE, PAGE, 0);
	CHECK(still == again && again[7] == 'X');

	// Offsets must be multiples of a page; mapping behind the end is allowed, touching is not.
	fd = make_file("g", "short");
	CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 5), EINVAL);
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	CHECK_EQ(probe_read(p + PAGE), SIGBUS);
	CHECK_EQ(fault_code, BUS_ADRERR);
	CHECK(fault_addr == p + PAGE);
	CHECK_EQ(pwrite(fd, "x", 1, PAGE), 1); // now it is inside
	CHECK_EQ(probe_read(p + PAGE), 0);
	CHECK_EQ(p[PAGE], 'x');
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 16 * PAGE) != MAP_FAILED);

	// write() from the file's own mapping, and read() into it.
	CHECK_EQ(pwrite(fd, p, 5, PAGE + 10), 5);
	CHECK(!memcmp(p + PAGE + 10, "short", 5));
	CHECK_EQ(pread(fd, p + 100, 5, PAGE + 10), 5);
	CHECK(!memcmp(p + 100, "short", 5));

	// Directories and pipes cannot be mapped.
	int dir = open(".", O_RDONLY), ends[2];
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
	NEED(pipe(ends) == 0);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, ends[0], 0), ENODEV);
	int zero = open("/dev/zero", O_RDWR);
	char *z = mmap(NULL, PAGE, RW, MAP_PRIVATE, zero, 0);
	CHECK(z != MAP_FAILED && z[5] == 0 && (z[5] = 1));
	return test_end();
}
