// SPDX-License-Identifier: MIT
//
// vdso TIMES: each function of the vDSO, through the C library and by its own name, so many times. Prints how many of
// them failed or told nonsense; tests/apps/vdso.test counts the system calls that were made for it: none.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static const clockid_t clocks[] = {CLOCK_REALTIME,	  CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
				   CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,  CLOCK_TAI};
enum { CLOCKS = sizeof clocks / sizeof clocks[0] };

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 1, wrong = 0;
	void *vdso = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
	long (*cpu)(unsigned *, unsigned *, void *) = NULL;
	if (vdso)
		*(void **)&cpu = dlsym(vdso, "__vdso_getcpu");
	if (!cpu) {
		puts("no __vdso_getcpu");
		return 1;
	}
	for (int i = 0; i < times; i++) {
		struct timespec t;
		struct timeval tv;
		unsigned n = ~0u, node = ~0u;
		for (int c = 0; c < CLOCKS; c++) {
			wrong += clock_gettime(clocks[c], &t) || (!t.tv_sec && !t.tv_nsec);
			wrong += clock_getres(clocks[c], &t) || t.tv_sec || !t.tv_nsec;
		}
		wrong += gettimeofday(&tv, NULL) || tv.tv_sec < 1600000000;
		wrong += time(NULL) < 1600000000;
		wrong += cpu(&n, &node, NULL) || n > 4096 || node > 64;
	}
	printf("%d times, %d wrong\n", times, wrong);
	return wrong != 0;
}
