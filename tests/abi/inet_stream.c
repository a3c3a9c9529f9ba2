// SPDX-License-Identifier: MIT
//
// AF_INET and AF_INET6 streams over loopback: listening, connecting with and without waiting, ends and resets, options.
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}
#define ADDR(a) (struct sockaddr *)&(a), sizeof(a)

static int port_of(int fd)
{
	struct sockaddr_in6 a;
	socklen_t len = sizeof a;
	NEED(getsockname(fd, (void *)&a, &len) == 0);
	return ntohs(a.sin6_port);
}

static short ready(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
	poll(&p, 1, ms);
	return p.revents;
}

static int listener(int *port)
{
	struct sockaddr_in a = local(0);
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	NEED(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
	NEED(bind(s, ADDR(a)) == 0 && listen(s, 16) == 0);
	*port = port_of(s);
	return s;
}

static void *echo(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);
	static char b[100000];
	long total = 0;
	for (long n; (n = read(fd, b, sizeof b)) > 0; total += n)
		for (long done = 0, w; done < n; done += w)
			if ((w = write(fd, b + done, n - done)) < 0)
				return NULL;
	shutdown(fd, SHUT_WR);
	close(fd);
	return (void *)total;
}

static void *push(void *arg)
{
	static char b[1 << 20];
	for (int i = 0; i < 8; i++)
		for (size_t done = 0; done < sizeof b;) {
			for (size_t k = done; k < sizeof b && k < done + 70000; k++)
				b[k] = (char)(k * 7 + i);
			ssize_t n = send(*(int *)arg, b + done, sizeof b - done < 70000 ? sizeof b - done : 70000, 0);
			if (n < 0)
				return (void *)1;
			done += n;
		}
	shutdown(*(int *)arg, SHUT_WR);
	return NULL;
}

static void conversation(int s, int port)
{
	struct sockaddr_in a = local(port), got;
	socklen_t len = sizeof got;
	char b[64];
	int c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(ready(c, 0), POLLOUT | POLLHUP);
	CHECK_ERR(read(c, b, 1), ENOTCONN);
	CHECK_ERR(send(c, b, 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(getpeername(c, (void *)&got, &len), ENOTCONN);
	CHECK_EQ(ready(s, 0), 0);
	CHECK_EQ(connect(c, ADDR(a)), 0);
	CHECK_ERR(connect(c, ADDR(a)), EISCONN);
	CHECK_EQ(ready(c, 0), POLLOUT);
	CHECK_EQ(ready(s, 1000), POLLIN);
	int p = accept4(s, (void *)&got, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	NEED(p >= 0);
	CHECK(len == sizeof got && got.sin_family == AF_INET && ntohs(got.sin_port) == port_of(c));
	CHECK_EQ(port_of(p), port);
	CHECK_ERR(accept4(s, NULL, NULL, 0x40000000), EINVAL);
	CHECK_ERR(recv(p, b, 1, 0), EAGAIN);
	CHECK_EQ(send(c, "hello", 5, MSG_MORE), 5);
	CHECK_EQ(send(c, " world", 6, 0), 6);
	CHECK(ready(p, 1000) & POLLIN);
	sleep_ms(5);
	int n = 0;
	CHECK_EQ(ioctl(p, FIONREAD, &n), 0);
	CHECK_EQ(n, 11);
	CHECK_EQ(recv(p, b, 5, MSG_PEEK), 5);
	CHECK_EQ(recv(p, b, 3, MSG_TRUNC), 3); // thrown away
	CHECK_EQ(recv(p, b, sizeof b, 0), 8);
	CHECK(!memcmp(b, "lo world", 8));
	CHECK_EQ(write(p, "x", 1), 1);
	CHECK_EQ(shutdown(p, SHUT_WR), 0);
	CHECK_EQ(ready(c, 1000) & POLLRDHUP, POLLRDHUP);
	CHECK_EQ(read(c, b, 4), 1);
	CHECK_EQ(read(c, b, 4), 0);
	CHECK_EQ(write(c, "still", 5), 5);
	CHECK_EQ(ready(p, 1000) & POLLIN, POLLIN);
	CHECK_EQ(read(p, b, sizeof b), 5);
	close(c);
	ready(p, 100);
	CHECK_EQ(read(p, b, 1), 0);
	CHECK_ERR(send(p, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(p);
}

static void resets(int s, int port)
{
	struct sockaddr_in a = local(port);
	char b[8];
	int c = socket(AF_INET, SOCK_STREAM, 0);
	NEED(connect(c, ADDR(a)) == 0);
	int p = accept(s, NULL, NULL);
	write(c, "unread", 6);
	ready(p, 1000);
	close(p);
	CHECK(ready(c, 1000) & POLLERR);
	CHECK_ERR(read(c, b, 1), ECONNRESET);
	CHECK_EQ(read(c, b, 1), 0);
	CHECK_ERR(send(c, b, 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(shutdown(c, SHUT_WR), ENOTCONN);
	CHECK_ERR(shutdown(c, SHUT_RD), ENOTCONN);
	close(c);

	c = socket(AF_INET, SOCK_STREAM, 0);
	NEED(connect(c, ADDR(a)) == 0);
	p = accept(s, NULL, NULL);
	struct linger l = {1, 0};
	CHECK_EQ(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	close(c);
	ready(p, 1000);
	CHECK_ERR(read(p, b, 1), ECONNRESET);
	close(p);

	// A write to a peer that is gone: the first goes, the next is told.
	c = socket(AF_INET, SOCK_STREAM, 0);
	NEED(connect(c, ADDR(a)) == 0);
	p = accept(s, NULL, NULL);
	close(p);
	ready(c, 1000);
	CHECK_EQ(send(c, "x", 1, MSG_NOSIGNAL), 1);
	sleep_ms(10);
	CHECK_EQ(read(c, b, 1), 0); // who reads is told of the end
	CHECK_ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(c);
}

static void without_waiting(int s, int port)
{
	struct sockaddr_in a = local(port), none = local(1);
	int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), err = -1;
	socklen_t len = sizeof err;
	CHECK_ERR(connect(c, ADDR(a)), EINPROGRESS);
	CHECK_EQ(ready(c, 1000), POLLOUT);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	CHECK_EQ(err, 0);
	CHECK_EQ(connect(c, ADDR(a)), 0);
	CHECK_ERR(connect(c, ADDR(a)), EISCONN);
	close(accept(s, NULL, NULL));
	close(c);
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERR(connect(c, ADDR(none)), EINPROGRESS);
	CHECK(ready(c, 1000) & POLLERR);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	CHECK_EQ(err, ECONNREFUSED);
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERR(connect(c, ADDR(none)), ECONNREFUSED);
	CHECK_EQ(connect(c, ADDR(a)), 0); // it can try again
	close(accept(s, NULL, NULL));
	close(c);
}

static void names(int s, int port)
{
	struct sockaddr_in a = local(port), far = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};
	int c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERR(bind(c, ADDR(a)), EADDRINUSE);
	CHECK_ERR(bind(c, ADDR(far)), EADDRNOTAVAIL);
	CHECK_ERR(bind(c, (void *)&a, 8), EINVAL);
	CHECK_ERR(connect(c, (void *)&a, 8), EINVAL);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	CHECK_ERR(connect(c, ADDR(six)), EAFNOSUPPORT);
	CHECK_ERR(listen(999, 1), EBADF);
	CHECK_ERR(listen(0, 1), ENOTSOCK);
	CHECK_ERR(bind(s, ADDR(a)), EINVAL);
	a.sin_addr.s_addr = 0; // "any" as a destination is this machine
	CHECK_EQ(connect(c, ADDR(a)), 0);
	close(accept(s, NULL, NULL));
	close(c);

	// One IPv6 socket takes both.
	int d = socket(AF_INET6, SOCK_STREAM, 0), value = 9;
	socklen_t len = sizeof value;
	six.sin6_port = 0;
	CHECK_EQ(getsockopt(d, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len), 0);
	CHECK_EQ(value, 0);
	NEED(bind(d, ADDR(six)) == 0 && listen(d, 4) == 0);
	struct sockaddr_in to = local(port_of(d));
	c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(c, ADDR(to)), 0);
	struct sockaddr_in6 got;
	len = sizeof got;
	int p = accept(d, (void *)&got, &len);
	CHECK(got.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&got.sin6_addr) &&
	      ntohs(got.sin6_port) == port_of(c));
	close(p), close(c);
	c = socket(AF_INET6, SOCK_STREAM, 0);
	six.sin6_port = htons(port_of(d));
	six.sin6_addr = in6addr_loopback;
	CHECK_EQ(connect(c, ADDR(six)), 0);
	len = sizeof got;
	p = accept(d, (void *)&got, &len);
	CHECK(!memcmp(&got.sin6_addr, &in6addr_loopback, 16));
	close(p), close(c), close(d);
}

static void options(void)
{
	int c = socket(AF_INET, SOCK_STREAM, 0), v = -1, on = 1;
	socklen_t len = sizeof v;
	CHECK_EQ(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
	CHECK_EQ(getsockopt(c, IPPROTO_TCP, TCP_NODELAY, &v, &len), 0);
	CHECK_EQ(v, 1);
	v = 33;
	CHECK_EQ(setsockopt(c, IPPROTO_TCP, TCP_KEEPIDLE, &v, sizeof v), 0);
	CHECK_EQ(setsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on), 0);
	v = 0;
	CHECK_ERR(setsockopt(c, IPPROTO_TCP, TCP_KEEPIDLE, &v, sizeof v), EINVAL);
	CHECK_EQ(getsockopt(c, IPPROTO_TCP, TCP_KEEPIDLE, &v, &len), 0);
	CHECK_EQ(v, 33);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_PROTOCOL, &v, &len), 0);
	CHECK_EQ(v, IPPROTO_TCP);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_DOMAIN, &v, &len), 0);
	CHECK_EQ(v, AF_INET);
	CHECK_ERR(setsockopt(c, IPPROTO_TCP, 999, &v, sizeof v), ENOPROTOOPT);
	CHECK_ERR(setsockopt(c, 12345, 1, &v, sizeof v), ENOPROTOOPT);
	CHECK_ERR(getsockopt(c, SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
	CHECK_EQ(getsockopt(c, IPPROTO_IP, IP_TTL, &v, &len), 0);
	CHECK_EQ(v, 64);
	struct timeval t = {0, 20000};
	CHECK_EQ(setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
	CHECK_ERR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	CHECK_ERR(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
	close(c);
}

int main(void)
{
	int port, s = listener(&port);
	signal(SIGPIPE, SIG_IGN);
	conversation(s, port);
	resets(s, port);
	without_waiting(s, port);
	names(s, port);
	options();

	// Much data, both ways at once.
	struct sockaddr_in a = local(port);
	int c = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t server = start(echo, &s);
	NEED(connect(c, ADDR(a)) == 0);
	pthread_t writer = start(push, &c);
	static char b[64 << 10];
	size_t total = 0, wrong = 0;
	for (ssize_t n; (n = recv(c, b, sizeof b, 0)) > 0; total += n)
		for (ssize_t k = 0; k < n; k++) {
			size_t at = total + k;
			wrong += b[k] != (char)((at & 0xfffff) * 7 + (at >> 20));
		}
	CHECK_EQ(total, 8l << 20);
	CHECK_EQ(wrong, 0);
	CHECK_EQ((long)join(server), 8l << 20);
	CHECK_EQ((long)join(writer), 0);
	close(c);

	// Edges.
	int ep = epoll_create1(0);
	c = socket(AF_INET, SOCK_STREAM, 0);
	NEED(connect(c, ADDR(a)) == 0);
	int p = accept(s, NULL, NULL);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET | EPOLLRDHUP, .data.u32 = 7};
	epoll_ctl(ep, EPOLL_CTL_ADD, p, &e);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	write(c, "ab", 2);
	CHECK_EQ(epoll_wait(ep, &e, 1, 1000), 1);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	write(c, "c", 1);
	CHECK_EQ(epoll_wait(ep, &e, 1, 1000), 1);
	shutdown(c, SHUT_WR);
	CHECK_EQ(epoll_wait(ep, &e, 1, 1000), 1);
	CHECK(e.events == (EPOLLIN | EPOLLRDHUP));
	close(s);
	CHECK_ERR(connect(socket(AF_INET, SOCK_STREAM, 0), ADDR(a)), ECONNREFUSED);
	return test_end();
}
