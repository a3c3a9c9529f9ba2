// SPDX-License-Identifier: MIT
//
// io_uring across execve: a ring that is not closed goes on in the new program, its requests do not.
// cpus: 1 2
#include "uring.h"

static int second(int fd, int p0, int p1)
{
	char c;
	CHECK_EQ(write(p1, "x", 1), 1); // nobody writes to memory of this program for it
	sleep_ms(5);
	CHECK_EQ(fcntl(p0, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(read(p0, &c, 1), 1);
	// Both were cancelled: the second was refused for what it waited for.
	struct pollfd pf = {fd, POLLIN, 0};
	CHECK_EQ(poll(&pf, 1, 1000), 1);
	CHECK_EQ(pf.revents, POLLIN);
	CHECK_EQ(syscall(SYS_io_uring_enter, fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0), 0);
	return test_end();
}

int main(int argc, char **argv)
{
	static char in[8];
	char number[3][16];
	int p[2], other[2];
	struct ring r;
	if (argc == 4)
		return second(atoi(argv[1]), atoi(argv[2]), atoi(argv[3]));
	NEED(ring_open(&r, 8, 0) == 0);
	NEED(pipe(p) == 0 && pipe(other) == 0);
	entry(&r, IORING_OP_READ, p[0], in, 8, 0, 1);
	entry(&r, IORING_OP_SPLICE, p[1], (void *)-1, 16, (uint64_t)-1, 2)->splice_fd_in = other[0];
	CHECK_EQ(enter(&r, 2, 0), 2);
	sleep_ms(5);
	CHECK_EQ(fcntl(r.fd, F_SETFD, 0), 0);
	snprintf(number[0], 16, "%d", r.fd);
	snprintf(number[1], 16, "%d", p[0]);
	snprintf(number[2], 16, "%d", p[1]);
	execl("/proc/self/exe", argv[0], number[0], number[1], number[2], (char *)NULL);
	return 1;
}
