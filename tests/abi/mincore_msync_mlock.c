// SPDX-License-Identifier: MIT
//
// mincore, msync, mlock and munlock: what they report and what they refuse.
#include "test.h"

#include <sys/resource.h>

#define RW (PROT_READ | PROT_WRITE)
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

static int resident(void *p, int pages)
{
	unsigned char in[64];
	int n = 0;
	memset(in, 0, sizeof in);
	CHECK_EQ(mincore(p, pages * PAGE, in), 0);
	for (int i = 0; i < pages; i++)
		n += in[i] & 1;
	return n;
}

int main(void)
{
	char *p = map_anon(16 * PAGE, RW);
	unsigned char vec[16];
	CHECK_EQ(madvise(p, 16 * PAGE, MADV_NOHUGEPAGE), 0);
	CHECK_EQ(resident(p, 16), 0);
	p[3 * PAGE] = 1;
	p[9 * PAGE] = 1;
	CHECK_EQ(mincore(p, 16 * PAGE, vec), 0);
	CHECK_EQ(vec[3] & 1, 1);
	CHECK_EQ(vec[9] & 1, 1);
	CHECK_ERR(mincore(p + 1, PAGE, vec), EINVAL);
	CHECK_ERR(mincore(p, 16 * PAGE, (unsigned char *)1), EFAULT);
	CHECK_EQ(munmap(p + 15 * PAGE, PAGE), 0);
	CHECK_ERR(mincore(p, 16 * PAGE, vec), ENOMEM);

	CHECK_EQ(mlock(p, 4 * PAGE), 0);
	CHECK_EQ(resident(p, 4), 4);
	CHECK_EQ(munlock(p, 4 * PAGE), 0);
	CHECK_ERR(mlock(p + 12 * PAGE, 4 * PAGE), ENOMEM);
	CHECK_ERR(munlock(p + 15 * PAGE, PAGE), ENOMEM);
	CHECK_EQ(mlock2(p + 4 * PAGE, PAGE, MLOCK_ONFAULT), 0);
	CHECK_ERR(mlock2(p, PAGE, 0x100), EINVAL);
	CHECK_ERR(mlockall(0), EINVAL);
	CHECK_ERR(mlockall(MCL_ONFAULT), EINVAL);
	CHECK_EQ(munlockall(), 0);
	char *locked = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	NEED(locked != MAP_FAILED);
	CHECK_EQ(resident(locked, 4), 4);
	CHECK_EQ(munlockall(), 0);

	int fd = make_file("f", "0123456789");
	// A file's page is in memory whether or not this mapping has touched it; a hole never read is not.
	CHECK_EQ(ftruncate(fd, 64 * PAGE), 0);
	char *f = mmap(NULL, 64 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(f != MAP_FAILED);
	CHECK_EQ(resident(f, 1), 1);
	CHECK_EQ(resident(f + 63 * PAGE, 1), 0);
	CHECK_EQ(munmap(f, 64 * PAGE), 0);
	CHECK_EQ(ftruncate(fd, 10), 0);
	char *s = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	NEED(s != MAP_FAILED);
	s[0] = 'A';
	CHECK_EQ(msync(s, PAGE, MS_SYNC), 0);
	CHECK_EQ(msync(s, PAGE, MS_ASYNC), 0);
	CHECK_EQ(msync(s, PAGE, MS_SYNC | MS_INVALIDATE), 0);
	CHECK_EQ(msync(s, 0, MS_SYNC), 0);
	CHECK_ERR(msync(s, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERR(msync(s, PAGE, 0x100), EINVAL);
	CHECK_ERR(msync(s + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_EQ(munmap(s, PAGE), 0);
	CHECK_ERR(msync(s, PAGE, MS_SYNC), ENOMEM);
	char b[16] = "";
	CHECK_EQ(pread(fd, b, 10, 0), 10);
	printf("%s\n", b);
	return test_end();
}
