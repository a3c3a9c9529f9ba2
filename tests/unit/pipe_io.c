// SPDX-License-Identifier: MIT
//
// Pipes: order, limits, atomicity, end of file, packets, resizing, FIFOs, splice and tee.
#include "vfs_boot.h"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/fcntl.h>

static int p[2];
static char big[200000], back[200000];

static void pair(int flags)
{
	CHECK_EQ(sys_pipe2(p, flags), 0);
}

static void unpair(void)
{
	sys_close(p[0]);
	sys_close(p[1]);
}

static void drain(void) { CHECK_EQ(sys_read(p[0], back, 10000), 10000); }
static void feed(void) { CHECK_EQ(sys_write(p[1], "late", 4), 4); }
static void hang_up(void) { sys_close(p[1]); }
static void open_reader(void) { p[0] = (int)sys_open("/fifo", O_RDONLY | O_NONBLOCK, 0); }

static void test_bytes(void)
{
	int avail;
	pair(O_NONBLOCK);
	CHECK_EQ(sys_read(p[0], back, 10), -EAGAIN);
	CHECK_EQ(sys_write(p[0], "x", 1), -EBADF);
	CHECK_EQ(sys_read(p[1], back, 1), -EBADF);
	CHECK_EQ(sys_lseek(p[0], 0, 1), -ESPIPE);
	CHECK_EQ(sys_pread64(p[0], back, 1, 0), -ESPIPE);
	CHECK_EQ(sys_write(p[1], big, sizeof big), 65536);
	CHECK_EQ(sys_ioctl(p[0], FIONREAD, (uint64_t)&avail), 0);
	CHECK_EQ(avail, 65536);
	CHECK_EQ(sys_write(p[1], big, 1), -EAGAIN);
	CHECK_EQ(sys_read(p[0], back, 1000), 1000); // no page is free yet
	CHECK_EQ(sys_write(p[1], big, 1), -EAGAIN);
	CHECK_EQ(sys_read(p[0], back + 1000, 4000), 4000);
	CHECK_EQ(sys_write(p[1], big, 4097), 4096);
	CHECK_EQ(sys_read(p[0], back + 5000, sizeof back), 65536 - 5000 + 4096);
	CHECK(!memcmp(back, big, 65536) && !memcmp(back + 65536, big, 4096));
	CHECK_EQ(sys_write(p[1], big, 64000), 64000);
	CHECK_EQ(sys_write(p[1], big, 4096), -EAGAIN); // 1536 would fit, but PIPE_BUF is all or nothing
	CHECK_EQ(sys_write(p[1], big, 5000), 1536);
	CHECK_EQ(sys_fcntl(p[0], F_GETPIPE_SZ, 0), 65536);
	CHECK_EQ(sys_fcntl(p[0], F_SETPIPE_SZ, 4096), -EBUSY);
	CHECK_EQ(sys_fcntl(p[0], F_SETPIPE_SZ, 100000), 131072);
	CHECK_EQ(sys_write(p[1], big, 65536), 65536);
	CHECK_EQ(sys_read(p[0], back, 65536), 65536);
	CHECK_EQ(sys_write(p[1], (void *)16, 5000), -EFAULT);
	CHECK_EQ(sys_read(p[0], back, sizeof back), 65536);
	unpair();

	pair(0); // blocking
	test_sleep = feed;
	CHECK_EQ(sys_read(p[0], back, 100), 4);
	CHECK(!memcmp(back, "late", 4));
	test_sleep = hang_up;
	CHECK_EQ(sys_read(p[0], back, 100), 0);
	sys_close(p[0]);
	pair(0);
	test_sleep = drain;
	CHECK_EQ(sys_write(p[1], big, 70000), 70000);
	sys_close(p[0]);
	CHECK_EQ(sys_write(p[1], "x", 1), -EPIPE);
	CHECK_EQ(test_signal, SIGPIPE);
	sys_close(p[1]);

	pair(O_DIRECT | O_NONBLOCK); // packets
	sys_write(p[1], "one", 3);
	sys_write(p[1], "three", 5);
	CHECK_EQ(sys_read(p[0], back, 100), 3);
	CHECK_EQ(sys_read(p[0], back, 2), 2);
	CHECK_EQ(sys_read(p[0], back, 100), -EAGAIN); // the rest of a packet is lost
	unpair();
}

static void test_splice(void)
{
	int a[2];
	CHECK_EQ(sys_pipe2(a, O_NONBLOCK), 0);
	pair(O_NONBLOCK);
	int fd = (int)sys_open("/file", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(sys_write(a[1], "hello pipes", 11), 11);
	CHECK_EQ(sys_tee(a[0], p[1], 5, 0), 5);
	CHECK_EQ(sys_read(p[0], back, 100), 5);
	CHECK(!memcmp(back, "hello", 5));
	CHECK_EQ(sys_splice(a[0], NULL, p[1], NULL, 100, 0), 11);
	CHECK_EQ(sys_splice(p[0], NULL, fd, NULL, 100, 0), 11);
	CHECK_EQ(sys_splice(p[0], NULL, fd, NULL, 100, 0), -EAGAIN);
	int64_t off = 6;
	CHECK_EQ(sys_splice(fd, &off, p[1], NULL, 100, 0), 5);
	CHECK_EQ(off, 11);
	CHECK_EQ(sys_splice(fd, NULL, fd, NULL, 1, 0), -EINVAL);
	CHECK_EQ(sys_read(p[0], back, 100), 5);
	CHECK(!memcmp(back, "pipes", 5));
	CHECK_EQ(sys_pwrite64(fd, big, 150000, 0), 150000);
	off = 0;
	long n = sys_splice(fd, &off, p[1], NULL, sizeof big, 0);
	CHECK_EQ(n, 65536);
	CHECK_EQ(sys_splice(fd, &off, p[1], NULL, sizeof big, 0), -EAGAIN);
	CHECK_EQ(off, 65536);
	sys_close(a[0]);
	sys_close(a[1]);
	sys_close(fd);
	unpair();
}

static void test_fifo(void)
{
	CHECK_EQ(sys_mknod("/fifo", S_IFIFO | 0644, 0), 0);
	CHECK_EQ(sys_open("/fifo", O_WRONLY | O_NONBLOCK, 0), -ENXIO);
	test_sleep = open_reader;
	p[1] = (int)sys_open("/fifo", O_WRONLY, 0); // waits for the reader
	CHECK(p[1] >= 0 && p[0] >= 0);
	CHECK_EQ(sys_write(p[1], "fifo", 4), 4);
	CHECK_EQ(sys_read(p[0], back, 10), 4);
	CHECK_EQ(sys_read(p[0], back, 10), -EAGAIN);
	sys_close(p[1]);
	CHECK_EQ(sys_read(p[0], back, 10), 0);
	sys_close(p[0]);
	CHECK_EQ(sys_unlink("/fifo"), 0);
}

int main(void)
{
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 31 + i / 4096);
	test_boot();
	test_bytes();
	test_splice();
	test_fifo();
	CHECK_EQ(test_pages, (long)tmpfs_pages());
	printf("ok pipe_io\n");
	return 0;
}
