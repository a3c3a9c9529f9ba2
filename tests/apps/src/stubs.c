// SPDX-License-Identifier: MIT
//
// stubs HOW ROUNDS: code that makes system calls comes and goes, ROUNDS times: `unmap` by munmap, `write` by mprotect and
// new code in its place, `exec` by execve of this program. Each round calls it often enough to be patched. Runs on for a
// while at the end, however few rounds there were: what is patched ahead then is in all figures. Prints how many calls
// went wrong.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SITES = 16, SITE = 16, CALLS = 20, PAGE = 4096, RUN_ON_MS = 300 };

// A return address on the stack tells where the function begins: call it, and it makes the call.
static const unsigned char code[SITE] = {0xe8, 1, 0, 0, 0, 0xc3, 0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3}; // getppid

static int run(const unsigned char *page)
{
	int wrong = 0;
	for (int s = 0; s < SITES; s++)
		for (int i = 0; i < CALLS; i++)
			wrong += ((int (*)(void))(page + s * SITE))() != getppid();
	return wrong;
}

static void fill(unsigned char *page, int round)
{
	memset(page, 0xcc, PAGE);
	for (int s = 0; s < SITES; s++)
		memcpy(page + s * SITE, code, SITE);
	page[PAGE - 1] = (unsigned char)round;
}

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int rounds = atoi(argv[2]), wrong = argc > 3 ? atoi(argv[3]) : 0;
	unsigned char *page = NULL;
	for (int r = 0; r < rounds; r++) {
		if (!page)
			page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED)
			return 1;
		fill(page, r);
		if (mprotect(page, PAGE, PROT_READ | PROT_EXEC))
			return 1;
		wrong += run(page);
		if (!strcmp(argv[1], "exec")) {
			char left[16], bad[16];
			snprintf(left, sizeof left, "%d", rounds - 1);
			snprintf(bad, sizeof bad, "%d", wrong);
			if (rounds == 1)
				break;
			execl("/proc/self/exe", argv[0], argv[1], left, bad, NULL);
			return 1;
		}
		if (!strcmp(argv[1], "write")) {
			if (mprotect(page, PAGE, PROT_READ | PROT_WRITE))
				return 1;
			wrong += memcmp(page, code, SITE) != 0;
			continue;
		}
		if (munmap(page, PAGE))
			return 1;
		page = NULL;
	}
	for (long end = now_ms() + RUN_ON_MS; now_ms() < end;)
		getppid();
	printf("%d wrong\n", wrong);
	return wrong != 0;
}
