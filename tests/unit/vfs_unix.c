// SPDX-License-Identifier: MIT
//
// Socket pairs: the three kinds, passing descriptors, shutdown, readiness.
#include "vfs_boot.h"

#include "unix/unix.h"

#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/uio.h>

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_SEQPACKET 5

struct msg {
	void *name;
	int name_len;
	struct iovec *iov;
	size_t iov_count;
	void *control;
	size_t control_len;
	unsigned flags;
};
struct cmsg {
	size_t len;
	int level, type, fd[2];
};

static int s[2];
static char buf[300000];

static void feed(void) { CHECK_EQ(sys_write(s[1], "late", 4), 4); }
static void drain(void) { CHECK(sys_read(s[1], buf, sizeof buf) > 0); }

static void test_stream(void)
{
	CHECK_EQ(sys_socketpair(1, SOCK_STREAM, 0, s), 0);
	CHECK_EQ(sys_write(s[0], "abc", 3), 3);
	CHECK_EQ(sys_write(s[0], "def", 3), 3);
	CHECK_EQ(sys_recvfrom(s[1], buf, 4, 2, NULL, NULL), 4); // MSG_PEEK
	CHECK_EQ(sys_read(s[1], buf, 4), 4);
	CHECK(!memcmp(buf, "abcd", 4));
	CHECK_EQ(sys_read(s[1], buf, 100), 2);
	test_sleep = feed;
	CHECK_EQ(sys_read(s[0], buf, 100), 4);
	test_sleep = drain;
	CHECK_EQ(sys_write(s[0], buf, sizeof buf), sizeof buf);
	CHECK(sys_read(s[1], buf, sizeof buf) > 0);
	CHECK_EQ(sys_shutdown(s[0], 1), 0);
	CHECK_EQ(sys_write(s[0], "x", 1), -EPIPE);
	CHECK_EQ(test_signal, SIGPIPE);
	test_signal = 0;
	CHECK_EQ(sys_sendto(s[0], "x", 1, 0x4000, NULL, 0), -EPIPE);
	CHECK_EQ(test_signal, 0);
	CHECK_EQ(sys_read(s[1], buf, 10), 0);
	struct pollfd p = {s[1], POLLIN | POLLOUT | POLLRDHUP, 0};
	CHECK_EQ(sys_poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN | POLLOUT | POLLRDHUP);
	sys_close(s[0]);
	CHECK_EQ(sys_poll(&p, 1, 0), 1);
	CHECK(p.revents & POLLHUP);
	CHECK_EQ(sys_write(s[1], "x", 1), -EPIPE);
	sys_close(s[1]);
}

static void test_packets(int kind)
{
	CHECK_EQ(sys_socketpair(1, kind | O_NONBLOCK, 0, s), 0);
	CHECK_EQ(sys_write(s[0], "first", 5), 5);
	CHECK_EQ(sys_write(s[0], "", 0), 0);
	CHECK_EQ(sys_write(s[0], "third", 5), 5);
	CHECK_EQ(sys_read(s[1], buf, 3), 3);
	CHECK_EQ(sys_sendto(s[0], buf, 250000, 0, NULL, 0), -EMSGSIZE);
	struct iovec v = {buf, 3};
	struct msg m = {.iov = &v, .iov_count = 1};
	int type, len = sizeof type;
	CHECK_EQ(sys_getsockopt(s[1], 1, 3, &type, &len), 0);
	CHECK_EQ(type, kind);
	CHECK_EQ(sys_recvmsg(s[1], &m, 0), 0);
	CHECK_EQ(sys_recvmsg(s[1], &m, 0), 3);
	CHECK(m.flags & 0x20); // MSG_TRUNC
	CHECK_EQ(sys_recvmsg(s[1], &m, 0), -EAGAIN);
	sys_close(s[0]);
	CHECK_EQ(sys_read(s[1], buf, 10), kind == SOCK_DGRAM ? -EAGAIN : 0);
	sys_close(s[1]);
}

static void test_rights(void)
{
	char c = 'x';
	struct iovec v = {&c, 1};
	CHECK_EQ(sys_socketpair(1, SOCK_STREAM, 0, s), 0);
	int fd = (int)sys_open("/passed", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(sys_write(fd, "content", 7), 7);
	struct cmsg cm = {.len = 20, .level = 1, .type = 1, .fd = {fd, 0}};
	struct msg m = {.iov = &v, .iov_count = 1, .control = &cm, .control_len = sizeof cm};
	CHECK_EQ(sys_sendmsg(s[0], &m, 0), 1);
	sys_close(fd);
	struct cmsg got = {0};
	m.control = &got;
	m.control_len = sizeof got;
	CHECK_EQ(sys_recvmsg(s[1], &m, 0x40000000), 1); // MSG_CMSG_CLOEXEC
	CHECK(got.len == 20 && got.type == 1 && m.control_len == 24);
	CHECK_EQ(sys_pread64(got.fd[0], buf, 10, 0), 7);
	CHECK_EQ(sys_fcntl(got.fd[0], 1, 0), 1);
	CHECK_EQ(sys_sendmsg(s[0],
			     &(struct msg){.iov = &v,
					   .iov_count = 1,
					   .control = &(struct cmsg){20, 1, 1, {99, 0}},
					   .control_len = 24},
			     0),
		 -EBADF);
	cm.fd[0] = got.fd[0];
	m.control = &cm;
	m.control_len = sizeof cm;
	CHECK_EQ(sys_sendmsg(s[0], &m, 0), 1);
	CHECK_EQ(sys_read(s[1], buf, 10), 1); // read(2) drops it
	m.control_len = sizeof cm;
	CHECK_EQ(sys_sendmsg(s[0], &m, 0), 1); // in flight when both ends go
	sys_close(s[0]);
	sys_close(s[1]);
	sys_close(got.fd[0]);
	CHECK_EQ(sys_unlink("/passed"), 0);
	CHECK_EQ(tmpfs_pages(), 0); // nobody holds it
	CHECK_EQ(sys_socketpair(2, SOCK_STREAM, 0, s), -EAFNOSUPPORT); // this program registers no other family
	CHECK_EQ(sys_socketpair(1, 4, 0, s), -ESOCKTNOSUPPORT);
	CHECK_EQ(sys_socketpair(1, SOCK_STREAM, 7, s), -EPROTONOSUPPORT);
}

int main(void)
{
	test_boot();
	unix_init();
	test_stream();
	test_packets(SOCK_DGRAM);
	test_packets(SOCK_SEQPACKET);
	test_rights();
	printf("ok vfs_unix\n");
	return 0;
}
