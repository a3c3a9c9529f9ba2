// SPDX-License-Identifier: MIT
//
// Many system calls of a few kinds, through the C library, and what they returned.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
	char block[256] = "many", name[] = "/dev/shm/many-XXXXXX";
	long sum = 0;
	close(mkstemp(name));
	for (int i = 0; i < 4000; i++) {
		struct stat st;
		int fd = open(name, O_RDWR);
		sum += write(fd, block, 1 + i % sizeof block) + lseek(fd, 0, SEEK_SET) + read(fd, block, sizeof block);
		sum += pread(fd, block, 3, 1) + fstat(fd, &st) + st.st_size + (getppid() < 0);
		close(fd);
	}
	unlink(name);
	printf("%ld\n", sum);
	return 0;
}
