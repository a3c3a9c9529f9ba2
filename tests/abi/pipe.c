// SPDX-License-Identifier: MIT
//
// Pipes: capacity, whole writes up to PIPE_BUF, ends, EOF, EPIPE and SIGPIPE, nonblocking, named ones.
#include "test.h"

#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>

static int ends[2];

static void *writer(void *arg)
{
	char block[600];
	memset(block, 'A' + (int)(long)arg, sizeof block);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(write(ends[1], block, sizeof block), (long)sizeof block);
	return NULL;
}

static void *open_for_writing(void *arg)
{
	int fd = open("fifo", O_WRONLY);
	CHECK_EQ(write(fd, "hi", 2), 2);
	close(fd);
	return NULL;
}

static volatile int pipes;
static void on_sigpipe(int sig)
{
	pipes++;
}

int main(void)
{
	char b[70000], c;
	NEED(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
	CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(ends[1], F_GETFL), O_WRONLY | O_NONBLOCK);
	CHECK_ERR(read(ends[0], b, 1), EAGAIN);
	CHECK_ERR(read(ends[1], b, 1), EBADF);
	CHECK_ERR(write(ends[0], b, 1), EBADF);
	CHECK_ERR(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
	CHECK_ERR(pread(ends[0], b, 1, 0), ESPIPE);
	CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 65536);
	memset(b, 'x', sizeof b);
	CHECK_EQ(write(ends[1], b, sizeof b), 65536);
	CHECK_ERR(write(ends[1], b, 1), EAGAIN);
	int n = 0;
	CHECK_EQ(ioctl(ends[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 65536);
	// Writable again when a page is free; up to PIPE_BUF goes whole or not at all.
	struct pollfd p = {ends[1], POLLOUT, 0};
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_EQ(read(ends[0], b, 4095), 4095);
	CHECK_ERR(write(ends[1], b, PIPE_BUF), EAGAIN);
	CHECK_EQ(read(ends[0], b, 1), 1);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(write(ends[1], b, PIPE_BUF), PIPE_BUF);
	CHECK_EQ(read(ends[0], b, sizeof b), 65536);
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 5000), 8192);
	CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 8192);
	CHECK_EQ(write(ends[1], b, sizeof b), 8192);
	CHECK_ERR(fcntl(ends[1], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 1 << 17), 1 << 17);
	CHECK_EQ(read(ends[0], b, sizeof b), 8192);

	// Ends that close.
	CHECK_EQ(write(ends[1], "last", 4), 4);
	close(ends[1]);
	p = (struct pollfd){ends[0], POLLIN, 0};
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN | POLLHUP);
	CHECK_EQ(read(ends[0], b, 10), 4);
	CHECK_EQ(read(ends[0], b, 10), 0);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLHUP);
	close(ends[0]);
	NEED(pipe(ends) == 0);
	close(ends[0]);
	signal(SIGPIPE, on_sigpipe);
	CHECK_ERR(write(ends[1], "x", 1), EPIPE);
	CHECK_EQ(pipes, 1);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(ends[1], "x", 1), EPIPE);
	p = (struct pollfd){ends[1], POLLOUT, 0};
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK(p.revents & POLLERR);
	close(ends[1]);

	// Several writers of blocks below PIPE_BUF: no block is torn.
	NEED(pipe(ends) == 0);
	pthread_t t[4];
	for (long i = 0; i < 4; i++)
		t[i] = start(writer, (void *)i);
	long total = 0, torn = 0;
	char last = 0;
	int run = 0;
	while (total < 4 * 200 * 600) {
		long r = read(ends[0], b, 4001);
		NEED(r > 0);
		for (long i = 0; i < r; i++, run++)
			if (b[i] != last) {
				torn += run % 600 != 0;
				last = b[i];
				run = 0;
			}
		total += r;
	}
	CHECK_EQ(torn, 0);
	for (int i = 0; i < 4; i++)
		join(t[i]);
	CHECK_EQ(total, 4 * 200 * 600);

	// Named: opening waits for the other end.
	NEED(mkfifo("fifo", 0600) == 0);
	CHECK_ERR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	int fd = open("fifo", O_RDONLY | O_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &c, 1), 0); // no writer yet: the end
	close(fd);
	pthread_t o = start(open_for_writing, NULL);
	fd = open("fifo", O_RDONLY);
	CHECK_EQ(read(fd, b, 10), 2);
	CHECK_EQ(read(fd, b, 10), 0);
	join(o);
	CHECK(open("fifo", O_RDWR) >= 0);

	// O_DIRECT: packets.
	NEED(pipe2(ends, O_DIRECT) == 0);
	CHECK_EQ(write(ends[1], "one", 3), 3);
	CHECK_EQ(write(ends[1], "second", 6), 6);
	CHECK_EQ(read(ends[0], b, 100), 3);
	CHECK_EQ(read(ends[0], b, 2), 2);
	CHECK_ERR(pipe2(ends, 0x100000), EINVAL);
	CHECK_ERR(pipe((int *)8), EFAULT);
	return test_end();
}
