// SPDX-License-Identifier: MIT
//
// madvise: DONTNEED, FREE, REMOVE, POPULATE, hints and errors.
#include "test.h"

#include <sys/uio.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#define RW (PROT_READ | PROT_WRITE)

static int resident(void *p, int pages)
{
	unsigned char in[64];
	int n = 0;
	CHECK_EQ(mincore(p, pages * PAGE, in), 0);
	for (int i = 0; i < pages; i++)
		n += in[i] & 1;
	return n;
}

int main(void)
{
	char *p = map_anon(8 * PAGE, RW);
	memset(p, 1, 8 * PAGE);
	CHECK_EQ(madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTNEED), 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(p[i * PAGE + 77], i < 2 || i >= 4);
	// Whoever frees a page and writes it finds what it wrote.
	CHECK_EQ(madvise(p, 8 * PAGE, MADV_FREE), 0);
	for (int i = 0; i < 8; i++)
		p[i * PAGE + 1] = 5;
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(p[i * PAGE + 1], 5);
		CHECK(p[i * PAGE] == 0 || p[i * PAGE] == 1);
	}

	// DONTNEED of a private file mapping forgets the copy, of a shared one nothing.
	int fd = make_file("f", "original");
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	char *priv = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0), *shared = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	NEED(priv != MAP_FAILED && shared != MAP_FAILED);
	memcpy(priv, "changed!", 8);
	CHECK_EQ(madvise(priv, PAGE, MADV_DONTNEED), 0);
	CHECK(!memcmp(priv, "original", 8));
	memcpy(shared, "shared!!", 8);
	CHECK_EQ(madvise(shared, PAGE, MADV_DONTNEED), 0);
	CHECK(!memcmp(shared, "shared!!", 8));
	CHECK(!memcmp(priv, "shared!!", 8));
	CHECK_ERR(madvise(shared, PAGE, MADV_FREE), EINVAL);

	// REMOVE makes a hole in the file itself.
	int m = memfd_create("m", 0);
	CHECK_EQ(ftruncate(m, 4 * PAGE), 0);
	char *s = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, m, 0);
	NEED(s != MAP_FAILED);
	memset(s, 'r', 4 * PAGE);
	CHECK_EQ(madvise(s + PAGE, PAGE, MADV_REMOVE), 0);
	CHECK_EQ(s[PAGE], 0);
	char c = 1;
	CHECK_EQ(pread(m, &c, 1, PAGE + 3), 1);
	CHECK_EQ(c, 0);
	CHECK_EQ(s[2 * PAGE], 'r');

	char *q = map_anon(8 * PAGE, RW);
	CHECK_EQ(madvise(q, 4 * PAGE, MADV_POPULATE_WRITE), 0);
	CHECK(resident(q, 8) >= 4); // a kernel may give memory in larger pieces
	CHECK_EQ(madvise(q, 8 * PAGE, MADV_POPULATE_READ), 0);
	CHECK_EQ(resident(q, 8), 8);
	CHECK_EQ(madvise(q, 8 * PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(resident(q, 8), 0);
	CHECK_EQ(mprotect(q, PAGE, PROT_READ), 0);
	CHECK_ERR(madvise(q, PAGE, MADV_POPULATE_WRITE), EINVAL);

	static const int hints[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTFORK,
		MADV_DOFORK,
				    MADV_DONTDUMP, MADV_DODUMP, MADV_COLD, MADV_PAGEOUT};
	memset(p, 9, 8 * PAGE);
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		CHECK_EQ(madvise(p, 8 * PAGE, hints[i]), 0);
	CHECK_EQ(p[3 * PAGE], 9);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct iovec two[2] = {{p, PAGE}, {p + 4 * PAGE, 2 * PAGE}};
	NEED(self >= 0);
	CHECK_EQ(syscall(SYS_process_madvise, self, two, 2, MADV_COLD, 0), 3 * PAGE);
	CHECK_EQ(p[4 * PAGE], 9);
	CHECK_ERR(syscall(SYS_process_madvise, self, two, 2, MADV_COLD, 1), EINVAL);
	CHECK_ERR(syscall(SYS_process_madvise, self, two, 2, 12345, 0), EINVAL);
	CHECK_ERR(syscall(SYS_process_madvise, 0, two, 2, MADV_COLD, 0), EBADF);
	two[0].iov_base = NULL;
	CHECK_ERR(syscall(SYS_process_madvise, self, two, 1, MADV_COLD, 0), ENOMEM);
	CHECK_EQ(madvise(p, 8 * PAGE, MADV_WIPEONFORK), 0);
	CHECK_EQ(madvise(p, 8 * PAGE, MADV_KEEPONFORK), 0);

	CHECK_ERR(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL);
	CHECK_ERR(madvise(p, PAGE, 12345), EINVAL);
	CHECK_EQ(madvise(p, 0, MADV_DONTNEED), 0);
	CHECK_EQ(munmap(p + 4 * PAGE, PAGE), 0);
	// A hole is reported, and the rest done.
	CHECK_ERR(madvise(p, 8 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK_EQ(p[0], 0);
	CHECK_EQ(p[7 * PAGE], 0);
	return test_end();
}
