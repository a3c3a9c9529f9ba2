// SPDX-License-Identifier: MIT
//
// What read(2) and write(2) copy, for every size from 0 to 300 and some larger ones, at odd addresses and offsets: the
// bytes, no more and no fewer; and up to the last byte before a page that is not there.
#include "test.h"

#define MOST 9000

static unsigned char from[MOST + 64], to[MOST + 64];

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}

// `n` bytes have come to `at`, and nothing around them has changed.
static bool came(const unsigned char *at, const unsigned char *want, size_t n)
{
	for (int i = 1; i <= 16; i++)
		if (at[-i] != 0xee || at[n + (size_t)i - 1] != 0xee)
			return false;
	return !memcmp(at, want, n);
}

static void in_file(int fd, size_t n, size_t shift)
{
	fill(from, sizeof from, (unsigned)(n * 31 + shift));
	memset(to, 0xee, sizeof to);
	CHECK_EQ(pwrite(fd, from + shift, n, (off_t)(4090 - shift)), (long)n);
	CHECK_EQ(pread(fd, to + 16 + shift, n, (off_t)(4090 - shift)), (long)n);
	if (!came(to + 16 + shift, from + shift, n))
		printf("file: %zu bytes, shift %zu\n", n, shift), test_failures++;
}

static void in_pipe(const int *p, size_t n, size_t shift)
{
	memset(to, 0xee, sizeof to);
	CHECK_EQ(write(p[1], from + shift, n), (long)n);
	if (n)
		CHECK_EQ(read(p[0], to + 16 + shift, n), (long)n);
	if (!came(to + 16 + shift, from + shift, n))
		printf("pipe: %zu bytes, shift %zu\n", n, shift), test_failures++;
}

// Only the first `k` of `n` bytes are there.
static void up_to_the_end(int fd, unsigned char *end, size_t n, size_t k)
{
	unsigned char back[512];
	fill(from, n, (unsigned)n);
	CHECK_EQ(pwrite(fd, from, n, 0), (long)n);
	memset(end - k, 0xee, k);
	CHECK_EQ(pread(fd, end - k, n, 0), k ? (long)k : -1);
	CHECK(!memcmp(end - k, from, k));
	fill(end - k, k, 7);
	long wrote = pwrite(fd, end - k, n, 0); // how much of it is the file system's choice
	CHECK(wrote <= (long)k && (wrote >= 0 || errno == EFAULT));
	CHECK_EQ(pread(fd, back, n, 0), (long)n);
	CHECK(wrote <= 0 || !memcmp(back, end - k, (size_t)wrote));
	CHECK(!memcmp(back + k, from + k, n - k));
}

int main(void)
{
	static const size_t large[] = { 511, 512, 513, 1000, 2048, 4095, 4096, 4097, 8191, MOST };
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), p[2];
	NEED(fd >= 0 && pipe(p) == 0);
	for (size_t n = 0; n <= 300; n++)
		for (size_t shift = 0; shift < 9; shift += n % 3 + 1) {
			in_file(fd, n, shift);
			in_pipe(p, n, shift);
		}
	for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
		in_file(fd, large[i], i);
		in_pipe(p, large[i], i);
	}
	unsigned char *page = map_anon(2 * PAGE, PROT_READ | PROT_WRITE);
	NEED(munmap(page + PAGE, PAGE) == 0);
	for (size_t n = 1; n <= 300; n += n < 40 ? 1 : 13)
		for (size_t k = 0; k < n; k += n < 20 ? 1 : 7)
			up_to_the_end(fd, page + PAGE, n, k);
	return test_end();
}
