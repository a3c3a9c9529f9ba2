// SPDX-License-Identifier: MIT
//
// epoll (level, edge, one-shot, nested, loops), poll and select over pipes and eventfds.
#include "vfs_boot.h"

#include <asm/poll.h>
#include <linux/eventpoll.h>

static struct epoll_event ev[64];
static int p[2];

static long ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = {.events = events, .data = data};
	return sys_epoll_ctl(ep, op, fd, &e);
}

static int wait_now(int ep) { return (int)sys_epoll_wait(ep, ev, 64, 0); }
static void write_one(void) { CHECK_EQ(sys_write(p[1], "1", 1), 1); }

static void take(int fd, int n)
{
	char buf[64];
	CHECK_EQ(sys_read(fd, buf, (size_t)n), n);
}

static void test_modes(void)
{
	int ep = (int)sys_epoll_create1(0);
	CHECK_EQ(sys_pipe2(p, O_NONBLOCK), 0);
	CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 7), 0);
	CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 7), -EEXIST);
	CHECK_EQ(ctl(ep, EPOLL_CTL_MOD, p[1], EPOLLIN, 7), -ENOENT);
	CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 7), -EINVAL);
	CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN, 7), -EBADF);
	int file = (int)sys_open("/file", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, file, EPOLLIN, 7), -EPERM);
	CHECK_EQ(wait_now(ep), 0);
	write_one();
	CHECK_EQ(wait_now(ep), 1);
	CHECK(ev[0].events == EPOLLIN && ev[0].data == 7);
	CHECK_EQ(wait_now(ep), 1); // level
	take(p[0], 1);
	CHECK_EQ(wait_now(ep), 0);
	CHECK_EQ(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 8), 0);
	write_one();
	CHECK_EQ(wait_now(ep), 1);
	CHECK_EQ(wait_now(ep), 0); // edge
	write_one();
	CHECK_EQ(wait_now(ep), 1);
	take(p[0], 2);
	CHECK_EQ(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 9), 0);
	write_one();
	CHECK_EQ(wait_now(ep), 1);
	write_one();
	CHECK_EQ(wait_now(ep), 0);
	CHECK_EQ(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 9), 0);
	CHECK_EQ(wait_now(ep), 1);
	take(p[0], 2);
	CHECK_EQ(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN, 10), 0);
	test_sleep = write_one; // waits
	CHECK_EQ(sys_epoll_wait(ep, ev, 64, -1), 1);
	CHECK_EQ(sys_epoll_wait(ep, ev, 0, -1), -EINVAL);
	CHECK_EQ(sys_epoll_wait(p[0], ev, 1, 0), -EINVAL);
	CHECK_EQ(sys_epoll_wait(ep, (void *)16, 1, 0), -EFAULT);
	CHECK_EQ(wait_now(ep), 1); // the event was not lost
	sys_close(p[1]);
	CHECK_EQ(wait_now(ep), 1);
	CHECK(ev[0].events & EPOLLHUP);
	sys_close(p[0]); // its entry goes with it
	CHECK_EQ(wait_now(ep), 0);
	sys_close(file);
	sys_close(ep);
}

static void test_many(void)
{
	int ep = (int)sys_epoll_create1(0), fd[40];
	uint64_t one = 1;
	for (int i = 0; i < 40; i++) {
		fd[i] = (int)sys_eventfd2(0, O_NONBLOCK);
		CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, fd[i], EPOLLIN, (uint64_t)i), 0);
	}
	CHECK_EQ(wait_now(ep), 0);
	for (int i = 0; i < 40; i += 2)
		CHECK_EQ(sys_write(fd[i], &one, 8), 8);
	CHECK_EQ(sys_epoll_wait(ep, ev, 7, 0), 7);
	uint64_t first = ev[0].data;
	CHECK_EQ(sys_epoll_wait(ep, ev, 7, 0), 7);
	CHECK(ev[0].data != first); // those served go behind the others
	CHECK_EQ(wait_now(ep), 20);
	for (int i = 0; i < 40; i++)
		sys_close(fd[i]);
	CHECK_EQ(wait_now(ep), 0);
	sys_close(ep);
}

static void test_nested(void)
{
	int ep[8], fd = (int)sys_eventfd2(0, O_NONBLOCK);
	uint64_t one = 1;
	for (int i = 0; i < 8; i++)
		ep[i] = (int)sys_epoll_create1(0);
	CHECK_EQ(ctl(ep[0], EPOLL_CTL_ADD, fd, EPOLLIN, 1), 0);
	CHECK_EQ(ctl(ep[1], EPOLL_CTL_ADD, ep[0], EPOLLIN, 2), 0);
	CHECK_EQ(ctl(ep[2], EPOLL_CTL_ADD, ep[1], EPOLLIN, 3), 0);
	CHECK_EQ(ctl(ep[0], EPOLL_CTL_ADD, ep[2], EPOLLIN, 3), -ELOOP);
	CHECK_EQ(wait_now(ep[2]), 0);
	sys_write(fd, &one, 8);
	CHECK_EQ(wait_now(ep[2]), 1);
	CHECK_EQ(ev[0].data, 3);
	take(fd, 8);
	CHECK_EQ(wait_now(ep[2]), 0);
	CHECK_EQ(ctl(ep[3], EPOLL_CTL_ADD, ep[2], EPOLLIN, 3), 0);
	CHECK_EQ(ctl(ep[4], EPOLL_CTL_ADD, ep[3], EPOLLIN, 3), 0);
	CHECK_EQ(ctl(ep[5], EPOLL_CTL_ADD, ep[4], EPOLLIN, 3), -ELOOP);
	for (int i = 7; i >= 0; i--)
		sys_close(ep[i]);
	sys_close(fd);
}

static void test_poll(void)
{
	CHECK_EQ(sys_pipe2(p, O_NONBLOCK), 0);
	struct pollfd f[20] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 5}, {77, POLLIN, 0}};
	CHECK_EQ(sys_poll(f, 4, 0), 2);
	CHECK(!f[0].revents && f[1].revents == POLLOUT && !f[2].revents && f[3].revents == POLLNVAL);
	CHECK_EQ(sys_poll(f, 1, 5), 0); // time passes
	test_sleep = write_one;
	CHECK_EQ(sys_poll(f, 1, -1), 1);
	CHECK_EQ(f[0].revents, POLLIN);
	take(p[0], 1);
	for (int i = 0; i < 20; i++)
		f[i] = (struct pollfd){p[0], POLLIN, 0};
	test_sleep = write_one; // more waiters than lie on the stack
	CHECK_EQ(sys_poll(f, 20, -1), 20);
	CHECK_EQ(sys_poll(f, 5000, 0), -EINVAL);
	uint64_t in[16] = {0}, out[16] = {0};
	in[0] = out[0] = 1ull << p[0] | 1ull << p[1];
	CHECK_EQ(sys_select(64, in, out, NULL, NULL), 2);
	CHECK(in[0] == 1ull << p[0] && out[0] == 1ull << p[1]);
	in[0] = 1ull << 60;
	CHECK_EQ(sys_select(64, in, NULL, NULL, NULL), -EBADF);
	CHECK_EQ(sys_select(-1, in, NULL, NULL, NULL), -EINVAL);
	take(p[0], 1);
	struct __kernel_old_timeval tv = {0, 1000};
	in[0] = 1ull << p[0];
	CHECK_EQ(sys_select(p[0] + 1, in, NULL, NULL, &tv), 0);
	CHECK(!in[0]);
	sys_close(p[0]);
	sys_close(p[1]);
}

static void add_five(void)
{
	uint64_t five = 5;
	CHECK_EQ(sys_write(0, &five, 8), 8);
}

static void test_eventfd(void)
{
	uint64_t v;
	CHECK_EQ(sys_eventfd2(0, 0), 0);
	test_sleep = add_five;
	CHECK_EQ(sys_read(0, &v, 8), 8);
	CHECK_EQ(v, 5);
	CHECK_EQ(sys_read(0, &v, 7), -EINVAL);
	v = ~0ull;
	CHECK_EQ(sys_write(0, &v, 8), -EINVAL);
	sys_close(0);
	CHECK_EQ(sys_eventfd2(2, 1 | O_NONBLOCK), 0); // a semaphore
	CHECK_EQ(sys_read(0, &v, 8), 8);
	CHECK_EQ(v, 1);
	CHECK_EQ(sys_read(0, &v, 8), 8);
	CHECK_EQ(sys_read(0, &v, 8), -EAGAIN);
	v = ~0ull - 1;
	CHECK_EQ(sys_write(0, &v, 8), 8);
	CHECK_EQ(sys_write(0, &v, 8), -EAGAIN);
	sys_close(0);

	int fd = (int)sys_memfd_create("m", 2); // MFD_ALLOW_SEALING
	CHECK_EQ(sys_write(fd, "abc", 3), 3);
	CHECK_EQ(sys_fcntl(fd, 1024 + 9, 0x0004 | 0x0002), 0); // F_SEAL_GROW | F_SEAL_SHRINK
	CHECK_EQ(sys_ftruncate(fd, 10), -EPERM);
	CHECK_EQ(sys_ftruncate(fd, 1), -EPERM);
	CHECK_EQ(sys_write(fd, "d", 1), -EPERM);
	CHECK_EQ(sys_pwrite64(fd, "d", 1, 0), 1);
	CHECK_EQ(sys_fcntl(fd, 1024 + 10, 0), 6);
	sys_close(fd);
}

int main(void)
{
	test_boot();
	test_modes();
	test_many();
	test_nested();
	test_poll();
	test_eventfd();
	printf("ok epoll_events\n");
	return 0;
}
