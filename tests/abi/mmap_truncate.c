// SPDX-License-Identifier: MIT
//
// Shrinking and growing a file below its mappings: SIGBUS behind the end, zeroes after growing again.
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)

static void test(int fd)
{
	char page[PAGE];
	memset(page, 'q', PAGE);
	for (int i = 0; i < 4; i++)
		NEED(pwrite(fd, page, PAGE, i * PAGE) == (ssize_t)PAGE);
	char *s = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0), *p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	NEED(s != MAP_FAILED && p != MAP_FAILED);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(s[i * PAGE], 'q');
		CHECK_EQ(p[i * PAGE], 'q');
	}
	p[PAGE] = 'w';

	CHECK_EQ(ftruncate(fd, PAGE + 10), 0);
	CHECK_EQ(s[PAGE + 9], 'q');
	CHECK_EQ(s[PAGE + 10], 0);
	CHECK_EQ(s[2 * PAGE - 1], 0);
	for (int i = 2; i < 4; i++) {
		CHECK_EQ(probe_read(s + i * PAGE + 1), SIGBUS);
		CHECK_EQ(fault_code, BUS_ADRERR);
		CHECK(fault_addr == s + i * PAGE + 1);
		CHECK_EQ(probe_write(s + i * PAGE), SIGBUS);
		CHECK_EQ(probe_read(p + i * PAGE), SIGBUS);
	}
	// A system call sees EFAULT instead.
	int zero = open("/dev/zero", O_RDONLY);
	CHECK_ERR(read(zero, s + 2 * PAGE, 1), EFAULT);
	close(zero);
	CHECK_EQ(p[PAGE], 'w'); // the private copy was inside

	CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
	CHECK_EQ(s[PAGE + 10], 0);
	CHECK_EQ(s[2 * PAGE], 0);
	CHECK_EQ(probe_write(s + 3 * PAGE - 1), 0);
	CHECK_EQ(probe_read(s + 3 * PAGE), SIGBUS);

	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(probe_read(s), SIGBUS);
	CHECK_EQ(ftruncate(fd, 4 * PAGE), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(s[i * PAGE + 5], 0);
	CHECK_EQ(munmap(s, 4 * PAGE), 0);
	CHECK_EQ(munmap(p, 4 * PAGE), 0);
	close(fd);
}

int main(void)
{
	test(make_file("f", ""));
	test(memfd_create("m", 0));
	return test_end();
}
