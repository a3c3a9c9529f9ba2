// SPDX-License-Identifier: MIT
//
// Address space randomisation has at least the bits of entropy that its argument says: the program executes itself
// some hundred times, records in a memfd where the program, its libraries, a new mapping, the stack and the break
// are, and then counts. That many bits vary evenly, none of them follows another, and no place occurs twice.
// whelk-only: Linux itself has 28 bits for mappings unless vm.mmap_rnd_bits says more
// run: 34
// cpus: 1
#include "test.h"

#include <link.h>
#include <sys/auxv.h>

#define RUNS 300
#define KINDS 4
static const char *const kind_name[KINDS] = {"program", "libraries", "mapping", "stack"};

struct log {
	int runs;
	uint64_t place[KINDS][RUNS];
};

// The places differ in at least `want` bits, each of which is 1 about half of the time, independent of the others.
static void judge(const char *name, const uint64_t *place, int want)
{
	uint64_t varying = 0;
	int twice = 0, bits[64], n = 0, free_bits = 0;
	for (int i = 1; i < RUNS; i++)
		varying |= place[i] ^ place[0];
	for (int b = 0; b < 64; b++) {
		int ones = 0;
		for (int i = 0; i < RUNS; i++)
			ones += place[i] >> b & 1;
		if ((varying >> b & 1) && ones > RUNS * 3 / 10 && ones < RUNS * 7 / 10) // 7 standard deviations
			bits[n++] = b;
	}
	for (int i = 0; i < n; i++) {
		bool alone = true;
		for (int j = 0; j < free_bits; j++) {
			int equal = 0;
			for (int k = 0; k < RUNS; k++)
				equal += (place[k] >> bits[i] & 1) == (place[k] >> bits[j] & 1);
			alone &= equal > RUNS * 30 / 100 && equal < RUNS * 70 / 100;
		}
		if (alone)
			bits[free_bits++] = bits[i];
	}
	for (int i = 0; i < RUNS; i++)
		for (int j = i + 1; j < RUNS; j++)
			twice += place[i] == place[j];
	if (free_bits < want || twice)
		printf("%s: %d bits vary freely, %d places occur twice\n", name, free_bits, twice);
	CHECK(free_bits >= want);
	CHECK_EQ(twice, 0);
}

int main(int argc, char **argv)
{
	int fd = argc > 2 ? atoi(argv[2]) : memfd_create("log", 0);
	NEED(argc > 1 && fd >= 0 && ftruncate(fd, sizeof(struct log)) == 0);
	struct log *log = mmap(NULL, sizeof *log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(log != MAP_FAILED);
	if (log->runs < RUNS) {
		int r = log->runs++;
		log->place[0][r] = (uintptr_t)main;
		log->place[1][r] = (uintptr_t)_r_debug.r_brk;
		log->place[2][r] = (uintptr_t)map_anon(PAGE, PROT_NONE);
		log->place[3][r] = (uintptr_t)argv & -16ul;
		char number[16];
		snprintf(number, sizeof number, "%d", fd);
		execl("/proc/self/exe", argv[0], argv[1], number, NULL);
		NEED(!"execl");
	}
	for (int k = 0; k < KINDS; k++)
		judge(kind_name[k], log->place[k], atoi(argv[1]));
	return test_end();
}
