// SPDX-License-Identifier: MIT
//
// Mappings large enough for 2 MiB pages: filling, cutting them up, protecting parts, moving, advice.
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)
#define MIB2 (2ul << 20)

static unsigned long sum(unsigned long *p, size_t size)
{
	unsigned long s = 0;
	for (size_t i = 0; i < size / sizeof *p; i += 512)
		s = s * 31 + p[i];
	return s;
}

int main(void)
{
	size_t size = 24 * MIB2 / 2;
	char *raw = map_anon(size + MIB2, RW);
	char *p = (char *)(((uintptr_t)raw + MIB2 - 1) & -MIB2);
	madvise(p, size, MADV_HUGEPAGE); // EINVAL where the kernel has none: only a hint
	for (size_t i = 0; i < size; i += PAGE)
		*(unsigned long *)(p + i) = i * 2654435761u;
	unsigned long before = sum((unsigned long *)p, size);
	for (size_t i = 0; i < size; i += PAGE) {
		NEED(*(unsigned long *)(p + i) == i * 2654435761u);
		NEED(*(unsigned long *)(p + i + 8) == 0);
	}

	// One page in the middle of a large one: protected, dropped, unmapped.
	CHECK_EQ(mprotect(p + MIB2 + 7 * PAGE, PAGE, PROT_READ), 0);
	CHECK_EQ(probe_write(p + MIB2 + 7 * PAGE), SIGSEGV);
	CHECK_EQ(probe_write(p + MIB2 + 6 * PAGE), 0);
	CHECK_EQ(probe_write(p + MIB2 + 8 * PAGE), 0);
	CHECK_EQ(sum((unsigned long *)p, size), before);
	CHECK_EQ(mprotect(p, size, RW), 0);
	CHECK_EQ(probe_write(p + MIB2 + 7 * PAGE), 0);

	CHECK_EQ(madvise(p + 2 * MIB2 + PAGE, PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(*(unsigned long *)(p + 2 * MIB2 + PAGE), 0);
	CHECK_EQ(*(unsigned long *)(p + 2 * MIB2 + 2 * PAGE), (2 * MIB2 + 2 * PAGE) * 2654435761u);
	CHECK_EQ(munmap(p + 3 * MIB2 + 100 * PAGE, 300 * PAGE), 0);
	CHECK_EQ(probe_read(p + 3 * MIB2 + 100 * PAGE), SIGSEGV);
	CHECK_EQ(probe_read(p + 3 * MIB2 + 400 * PAGE - 1), SIGSEGV);
	CHECK_EQ(*(unsigned long *)(p + 3 * MIB2 + 400 * PAGE), (3 * MIB2 + 400 * PAGE) * 2654435761u);
	CHECK_EQ(*(unsigned long *)(p + 3 * MIB2 + 99 * PAGE), (3 * MIB2 + 99 * PAGE) * 2654435761u);

	// Moved by an odd number of pages, nothing is lost.
	char *to = map_anon(2 * MIB2 + 16 * PAGE, PROT_NONE) + 3 * PAGE;
	CHECK(mremap(p + 4 * MIB2, 2 * MIB2, 2 * MIB2, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	for (size_t i = 0; i < 2 * MIB2; i += PAGE)
		NEED(*(unsigned long *)(to + i) == (4 * MIB2 + i) * 2654435761u);
	CHECK_EQ(probe_read(p + 4 * MIB2), SIGSEGV);
	CHECK_EQ(probe_read(p + 6 * MIB2), 0);

	// A large file mapping, shared: written through memory, read through read.
	int fd = memfd_create("large", 0);
	CHECK_EQ(ftruncate(fd, 8 * MIB2), 0);
	char *s = mmap(NULL, 8 * MIB2, RW, MAP_SHARED, fd, 0);
	NEED(s != MAP_FAILED);
	for (size_t i = 0; i < 8 * MIB2; i += PAGE)
		*(unsigned long *)(s + i) = ~i;
	for (size_t i = 0; i < 8 * MIB2; i += 37 * PAGE) {
		unsigned long v = 0;
		NEED(pread(fd, &v, 8, i) == 8);
		NEED(v == ~i);
	}
	CHECK_EQ(munmap(s, 8 * MIB2), 0);

	// Much memory in turn: freed memory must come back.
	for (int round = 0; round < 12; round++) {
		char *m = map_anon(64ul << 20, RW);
		for (size_t i = 0; i < 64ul << 20; i += PAGE)
			m[i] = (char)round;
		NEED(m[(64ul << 20) - PAGE] == round);
		NEED(munmap(m, 64ul << 20) == 0);
	}
	return test_end();
}
