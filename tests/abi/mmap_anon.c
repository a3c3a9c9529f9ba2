// SPDX-License-Identifier: MIT
//
// Anonymous mappings: zeroes, alignment, splitting by munmap, merging in /proc/self/maps, bad arguments.
#include "test.h"

// Lines of /proc/self/maps that lie wholly or partly in [p, p + size).
static int vmas_in(char *p, size_t size)
{
	FILE *f = fopen("/proc/self/maps", "r");
	NEED(f);
	char line[600];
	int n = 0;
	while (fgets(line, sizeof line, f)) {
		unsigned long a, b;
		NEED(sscanf(line, "%lx-%lx", &a, &b) == 2);
		n += a < (unsigned long)p + size && b > (unsigned long)p;
	}
	fclose(f);
	return n;
}

int main(void)
{
	size_t size = 16 * PAGE;
	char *p = map_anon(size, PROT_READ | PROT_WRITE);
	CHECK_EQ((uintptr_t)p % PAGE, 0);
	for (size_t i = 0; i < size; i++)
		NEED(p[i] == 0);
	memset(p, 0x5a, size);

	CHECK_EQ(munmap(p + 4 * PAGE, 2 * PAGE), 0);
	CHECK_EQ(probe_read(p + 4 * PAGE), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_MAPERR);
	CHECK(fault_addr == p + 4 * PAGE);
	CHECK_EQ(probe_read(p + 6 * PAGE - 1), SIGSEGV);
	CHECK(fault_addr == p + 6 * PAGE - 1);
	CHECK_EQ(p[4 * PAGE - 1], 0x5a);
	CHECK_EQ(p[6 * PAGE], 0x5a);
	// Unmapping a hole is no error, and neither is a range with holes in it.
	CHECK_EQ(munmap(p + 4 * PAGE, 2 * PAGE), 0);
	CHECK_EQ(munmap(p, size), 0);
	CHECK_EQ(vmas_in(p, size), 0);

	// A length that is no multiple of the page size maps and unmaps whole pages.
	p = map_anon(PAGE + 1, PROT_READ | PROT_WRITE);
	p[2 * PAGE - 1] = 7;
	CHECK_EQ(munmap(p, 1), 0);
	CHECK_EQ(probe_read(p + PAGE - 1), SIGSEGV);
	CHECK_EQ(p[2 * PAGE - 1], 7);
	CHECK_EQ(munmap(p + PAGE, 1), 0);

	CHECK_ERR(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 777, 0), EBADF);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1), EINVAL);
	CHECK_ERR(mmap(NULL, -PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK_ERR(mmap(NULL, 1ul << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), ENOMEM);
	CHECK_ERR(munmap(p + 1, PAGE), EINVAL);
	CHECK_ERR(munmap(p, 0), EINVAL);
	CHECK_ERR(munmap((void *)-PAGE, PAGE), EINVAL);

	// A hint that is free is taken; MAP_32BIT stays below 2 GiB.
	p = map_anon(4 * PAGE, PROT_READ);
	munmap(p, 4 * PAGE);
	CHECK(mmap(p, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == p);
	char *q = mmap(p, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(q != MAP_FAILED && q != p);
	CHECK_EQ(munmap(p, 2 * PAGE), 0);
	CHECK_EQ(munmap(q, 2 * PAGE), 0);
	q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	CHECK(q != MAP_FAILED && (uintptr_t)q < 1ul << 31);
	CHECK_EQ(munmap(q, PAGE), 0);

	// Address space costs nothing until it is touched: 64 GiB, with a page here and there.
	size_t huge = 64ul << 30;
	p = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	NEED(p != MAP_FAILED);
	for (size_t i = 0; i < huge; i += huge / 8)
		p[i] = (char)(i / (huge / 8) + 1);
	for (size_t i = 0; i < huge; i += huge / 8)
		CHECK_EQ(p[i], (char)(i / (huge / 8) + 1));
	CHECK_EQ(p[huge - 1], 0);
	CHECK_EQ(munmap(p, huge), 0);

	// MAP_POPULATE fills it at once.
	p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	NEED(p != MAP_FAILED);
	unsigned char in[8];
	CHECK_EQ(mincore(p, 8 * PAGE, in), 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(in[i] & 1, 1);
	return test_end();
}
