// SPDX-License-Identifier: MIT
//
// The program break, by the raw call: growing, shrinking, zeroes, and what it refuses.
#include "test.h"

#include <sys/resource.h>

static char *brk_raw(void *p)
{
	return (char *)syscall(SYS_brk, p);
}

int main(void)
{
	char *start = brk_raw(NULL);
	NEED(start);
	CHECK(brk_raw(start + 10 * PAGE + 100) == start + 10 * PAGE + 100);
	char *end = brk_raw(NULL);
	CHECK(end == start + 10 * PAGE + 100);
	for (size_t i = 0; i < 10 * PAGE; i++)
		NEED(start[i] == 0);
	memset(start, 7, 10 * PAGE + 100);

	// The page of the break is whole; the next is not there.
	char *last = (char *)(((uintptr_t)end - 1) & -PAGE);
	CHECK_EQ(probe_write(last + PAGE - 1), 0);
	CHECK_EQ(probe_read(last + PAGE), SIGSEGV);

	// Shrunk and grown again, memory is zero again.
	CHECK(brk_raw(start + 2 * PAGE) == start + 2 * PAGE);
	CHECK_EQ(probe_read((char *)(((uintptr_t)start + 3 * PAGE - 1) & -PAGE)), SIGSEGV);
	CHECK_EQ(start[PAGE], 7);
	CHECK(brk_raw(start + 10 * PAGE) == start + 10 * PAGE);
	CHECK_EQ(start[5 * PAGE], 0);

	// Refused: below the start, into another mapping, absurd. The break stays.
	CHECK(brk_raw((void *)PAGE) == start + 10 * PAGE);
	CHECK(brk_raw((void *)(1ul << 60)) == start + 10 * PAGE);
	char *block = (char *)(((uintptr_t)start + 64 * PAGE) & -PAGE);
	CHECK(mmap(block, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == block);
	CHECK(brk_raw(start + 128 * PAGE) == start + 10 * PAGE);
	CHECK(brk_raw(block) != block || probe_write(block - 1) == 0);
	munmap(block, PAGE);

	// RLIMIT_DATA bounds it.
	struct rlimit old, small = {64 << 10, RLIM_INFINITY};
	CHECK_EQ(getrlimit(RLIMIT_DATA, &old), 0);
	small.rlim_max = old.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_DATA, &small), 0);
	char *now = brk_raw(NULL);
	CHECK(brk_raw(now + (64 << 20)) == now);
	CHECK_EQ(setrlimit(RLIMIT_DATA, &old), 0);
	CHECK(brk_raw(now + (16 << 20)) == now + (16 << 20));
	CHECK_EQ(probe_write(now + (16 << 20) - 1), 0);

	// malloc lives with it.
	char *m = malloc(1000);
	CHECK(m != NULL);
	free(m);
	return test_end();
}
