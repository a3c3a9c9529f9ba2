// SPDX-License-Identifier: MIT
//
// AF_UNIX socketpairs: streams, datagrams, packets, ends, waiting, descriptors in messages, options.
#include "test.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static void *send_later(void *arg)
{
	sleep_ms(20);
	CHECK_EQ(send(*(int *)arg, "late", 4, 0), 4);
	return NULL;
}
static void *drain(void *arg)
{
	char b[3000];
	long n = 0;
	for (long r; (r = recv(*(int *)arg, b, sizeof b, 0)) > 0;)
		n += r;
	return (void *)n;
}

int main(void)
{
	int s[2];
	char b[64] = "";
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
	CHECK_EQ(fcntl(s[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(s[0], "hello", 5), 5);
	CHECK_EQ(send(s[0], "world", 5, 0), 5);
	int n = 0;
	CHECK_EQ(ioctl(s[1], FIONREAD, &n), 0);
	CHECK_EQ(n, 10);
	CHECK_EQ(recv(s[1], b, 7, MSG_PEEK), 7);
	CHECK_EQ(read(s[1], b, sizeof b), 10);
	CHECK(!memcmp(b, "helloworld", 10));
	CHECK_ERR(recv(s[1], b, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(write(s[1], "back", 4), 4);
	CHECK_EQ(read(s[0], b, sizeof b), 4);
	pthread_t t = start(send_later, &s[0]);
	CHECK_EQ(recv(s[1], b, sizeof b, 0), 4);
	join(t);
	t = start(send_later, &s[0]);
	struct pollfd p = {s[1], POLLIN, 0};
	CHECK_EQ(poll(&p, 1, 3000), 1);
	join(t);
	CHECK_EQ(recv(s[1], b, sizeof b, 0), 4);
	t = start(send_later, &s[0]);
	CHECK_EQ(recv(s[1], b, 4, MSG_WAITALL), 4);
	join(t);

	// More than fits, to a reader; then the end.
	static char big[500000];
	t = start(drain, &s[1]);
	CHECK_EQ(send(s[0], big, sizeof big, 0), (long)sizeof big);
	CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
	CHECK_EQ((long)join(t), (long)sizeof big);
	CHECK_EQ(recv(s[1], b, 1, 0), 0);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(send(s[0], "x", 1, 0), EPIPE);
	CHECK_EQ(write(s[1], "still", 5), 5);
	CHECK_EQ(read(s[0], b, sizeof b), 5);
	close(s[1]);
	p = (struct pollfd){s[0], POLLIN, 0};
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK(p.revents & POLLHUP);
	CHECK_EQ(read(s[0], b, 1), 0);

	// Datagrams and packets keep their bounds.
	for (int i = 0; i < 2; i++) {
		NEED(socketpair(AF_UNIX, i ? SOCK_SEQPACKET : SOCK_DGRAM, 0, s) == 0);
		CHECK_EQ(write(s[0], "first", 5), 5);
		CHECK_EQ(write(s[0], "second one", 10), 10);
		CHECK_EQ(recv(s[1], b, 2, 0), 2);
		struct iovec v = {b, 4};
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
		CHECK_EQ(recvmsg(s[1], &m, 0), 4);
		CHECK_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
		CHECK_ERR(recv(s[1], b, 2, MSG_DONTWAIT), EAGAIN);
	}

	// A descriptor goes along.
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	int file = make_file("f", "passed");
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec v = {"d", 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &file, sizeof file);
	CHECK_EQ(sendmsg(s[0], &m, 0), 1);
	close(file);
	memset(&control, 0, sizeof control);
	v = (struct iovec){b, 10};
	CHECK_EQ(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC), 1);
	h = CMSG_FIRSTHDR(&m);
	NEED(h && h->cmsg_type == SCM_RIGHTS);
	int passed;
	memcpy(&passed, CMSG_DATA(h), sizeof passed);
	CHECK_EQ(fcntl(passed, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(pread(passed, b, 10, 0), 6);

	int type = 0;
	socklen_t len = sizeof type;
	CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &type, &len), 0);
	CHECK_EQ(type, SOCK_STREAM);
	CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_ERROR, &type, &len), 0);
	CHECK_EQ(type, 0);
	struct ucred cred;
	len = sizeof cred;
	CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, &len), 0);
	CHECK(cred.pid == getpid() && cred.uid == getuid());
	struct sockaddr_un name;
	len = sizeof name;
	CHECK_EQ(getsockname(s[0], (void *)&name, &len), 0);
	CHECK_EQ(name.sun_family, AF_UNIX);
	CHECK_EQ(getpeername(s[0], (void *)&name, &len), 0);
	struct timeval tv = {0, 20000};
	CHECK_EQ(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
	CHECK_ERR(recv(s[0], b, 1, 0), EAGAIN);
	CHECK_ERR(lseek(s[0], 0, SEEK_CUR), ESPIPE);
	CHECK_ERR(socketpair(AF_INET, SOCK_STREAM, 0, s), EOPNOTSUPP);
	CHECK_ERR(recv(0, b, 1, 0), ENOTSOCK);
	return test_end();
}
