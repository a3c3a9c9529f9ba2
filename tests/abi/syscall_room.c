// SPDX-License-Identifier: MIT
//
// What a program unmaps is free for it to map again, however long it has run and whatever it called meanwhile: pages of
// stubs for patched calls lie elsewhere.
#include "test.h"

#define SIZE (1ul << 20) // too much for the gaps above the C library, so it lies right below

int main(void)
{
	char *p = map_anon(SIZE, PROT_READ | PROT_WRITE);
	CHECK_EQ(munmap(p + PAGE, SIZE - 2 * PAGE), 0);
	for (int64_t end = clock_ns(CLOCK_MONOTONIC) + 300000000; clock_ns(CLOCK_MONOTONIC) < end;) {
		struct stat st;
		CHECK_EQ(close(dup(1)), 0);
		CHECK_EQ(stat("/", &st), 0);
		sched_yield();
	}
	CHECK(mmap(p + PAGE, SIZE - 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == p + PAGE);
	return test_end();
}
