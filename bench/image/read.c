// SPDX-License-Identifier: MIT
//
// bench/image: reads /data/big (of the image) and a copy of it in /tmp (tmpfs) in turn, by read(2) and by touching each
// page of a mapping. Prints the lower quartiles in milliseconds (what others do to the host in a round is not the question): read image, read tmpfs, mmap image, mmap tmpfs.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 15

static char buf[65536];
static volatile unsigned sum;

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double by_read(const char *path)
{
	double start = now_ms();
	ssize_t n;
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		fail(path);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	if (n < 0)
		fail(path);
	close(fd);
	return now_ms() - start;
}

static double by_mmap(const char *path)
{
	double start = now_ms();
	struct stat st;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		fail(path);
	char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		fail(path);
	for (off_t i = 0; i < st.st_size; i += 4096)
		sum += (unsigned char)p[i];
	munmap(p, (size_t)st.st_size);
	close(fd);
	return now_ms() - start;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int main(void)
{
	static double (*const way[])(const char *) = {by_read, by_mmap};
	static const char *const file[] = {"/data/big", "/tmp/big"};
	static double ms[2][2][ROUNDS];
	int from = open(file[0], O_RDONLY), to = open(file[1], O_CREAT | O_WRONLY, 0600);
	ssize_t n;
	if (from < 0 || to < 0)
		fail("the copy");
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			fail("the copy");
	for (int w = 0; w < 2; w++)
		for (int round = -1; round < ROUNDS; round++) // the first does not count
			for (int f = 0; f < 2; f++) {
				double t = way[w](file[f]);
				if (round >= 0)
					ms[w][f][round] = t;
			}
	for (int w = 0; w < 2; w++)
		for (int f = 0; f < 2; f++) {
			qsort(ms[w][f], ROUNDS, sizeof(double), ascending);
			printf("%.2f ", ms[w][f][ROUNDS / 4]);
		}
	printf("\n");
	return 0;
}
