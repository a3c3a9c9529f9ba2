// SPDX-License-Identifier: MIT
//
// A program that checks its own code while it runs, the C library linked into it included: sums before, between and
// after some thousand system calls. Says whether they are the same, and ends with 1 if not.
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

extern const unsigned char __executable_start[], etext[];

static uint32_t sum(void)
{
	uint32_t s = 1;
	for (const unsigned char *p = __executable_start; p < etext; p++)
		s = s * 31 + *p;
	return s;
}

int main(void)
{
	uint32_t first = sum();
	int changed = 0;
	for (int i = 0; i < 5; i++) {
		struct stat st;
		for (int k = 0; k < 1000; k++)
			if (getppid() < 0 || stat("/", &st) || lseek(0, 0, SEEK_CUR) == 1)
				return 2;
		changed += sum() != first;
	}
	printf("%d of 5 sums differ\n", changed);
	return changed != 0;
}
