// SPDX-License-Identifier: MIT
//
// MAP_FIXED replaces what is there, MAP_FIXED_NOREPLACE refuses.
#include "test.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

int main(void)
{
	char *p = map_anon(8 * PAGE, RW);
	memset(p, 1, 8 * PAGE);
	CHECK(mmap(p + 2 * PAGE, 3 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + 2 * PAGE);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(p[i * PAGE], i < 2 || i > 4);

	// Fixed over a hole and its two neighbours.
	CHECK_EQ(munmap(p + 3 * PAGE, PAGE), 0);
	memset(p + 4 * PAGE, 2, PAGE);
	CHECK(mmap(p + 2 * PAGE, 3 * PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0) == p + 2 * PAGE);
	CHECK_EQ(p[4 * PAGE], 0);
	CHECK_EQ(probe_write(p + 4 * PAGE), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK_EQ(probe_write(p + 5 * PAGE), 0);

	CHECK_ERR(mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? -1 : (munmap(NULL, PAGE),
		errno = EPERM, -1), EPERM);
	CHECK_ERR(mmap((void *)(1ul << 62), PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);

	CHECK_ERR(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_EQ(p[PAGE], 1);
	CHECK_ERR(mmap(p - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_EQ(munmap(p + 6 * PAGE, PAGE), 0);
	CHECK_ERR(mmap(p + 6 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK(mmap(p + 6 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p + 6 * PAGE);
	CHECK_EQ(p[6 * PAGE], 0);

	// A file over a part of an anonymous mapping.
	int fd = make_file("f", "hello from a file");
	CHECK(mmap(p + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == p + 3 * PAGE);
	CHECK(!strcmp(p + 3 * PAGE, "hello from a file"));
	CHECK_EQ(p[4 * PAGE], 0);
	CHECK_EQ(munmap(p, 8 * PAGE), 0);
	CHECK_EQ(probe_read(p + 3 * PAGE), SIGSEGV);

	// Nothing is mapped at 0.
	CHECK_EQ(probe_read(NULL), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_MAPERR);
	CHECK(fault_addr == NULL);
	return test_end();
}
