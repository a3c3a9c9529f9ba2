// SPDX-License-Identifier: MIT
//
// AF_UNIX with names: paths, abstract ones, chosen ones; listening, backlog, datagrams to and fro, resets.
#include "test.h"

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	strcpy(a.sun_path, path);
	return a;
}
#define ADDR(a) (struct sockaddr *)&(a), sizeof(a)

static short ready(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
	poll(&p, 1, 0);
	return p.revents;
}

static void *connect_later(void *path)
{
	struct sockaddr_un a = at(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	sleep_ms(20);
	CHECK_EQ(connect(fd, ADDR(a)), 0);
	CHECK_EQ(write(fd, "hi", 2), 2);
	return (void *)(long)fd;
}

static void streams(int type)
{
	struct sockaddr_un a = at("server"), got;
	struct stat st;
	socklen_t len = sizeof got;
	char b[16];
	int s = socket(AF_UNIX, type, 0), c = socket(AF_UNIX, type, 0);
	CHECK_ERR(listen(s, 1), EINVAL);
	CHECK_ERR(connect(c, ADDR(a)), ENOENT);
	CHECK_EQ(bind(s, ADDR(a)), 0);
	CHECK_EQ(stat("server", &st), 0);
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_ERR(open("server", O_RDONLY), ENXIO);
	CHECK_ERR(bind(s, ADDR(a)), EADDRINUSE);
	CHECK_ERR(bind(c, ADDR(a)), EADDRINUSE);
	CHECK_ERR(connect(c, ADDR(a)), ECONNREFUSED);
	CHECK_ERR(accept(s, NULL, NULL), EINVAL);
	CHECK_EQ(listen(s, 1), 0);
	CHECK_EQ(ready(s), 0);
	CHECK_ERR(write(c, "x", 1), ENOTCONN);
	CHECK_EQ(connect(c, ADDR(a)), 0);
	CHECK_ERR(connect(c, ADDR(a)), EISCONN);
	CHECK_EQ(ready(s), POLLIN);
	CHECK_EQ(ready(c), POLLOUT);
	CHECK_EQ(write(c, "early", 5), 5); // before it is accepted
	int second = socket(AF_UNIX, type | SOCK_NONBLOCK, 0), third = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	CHECK_EQ(connect(second, ADDR(a)), 0);
	CHECK_ERR(connect(third, ADDR(a)), EAGAIN); // the backlog is full
	int p = accept4(s, (void *)&got, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(p >= 0);
	CHECK_EQ(len, sizeof(sa_family_t)); // the client has no name
	CHECK_EQ(fcntl(p, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(read(p, b, sizeof b), 5);
	CHECK_ERR(read(p, b, 1), EAGAIN);
	len = sizeof got;
	CHECK_EQ(getsockname(p, (void *)&got, &len), 0);
	CHECK(len == offsetof(struct sockaddr_un, sun_path) + 7 && !strcmp(got.sun_path, "server"));
	len = sizeof got;
	CHECK_EQ(getpeername(c, (void *)&got, &len), 0);
	CHECK(!strcmp(got.sun_path, "server"));
	struct ucred u;
	len = sizeof u;
	CHECK_EQ(getsockopt(p, SOL_SOCKET, SO_PEERCRED, &u, &len), 0);
	CHECK(u.pid == getpid() && u.uid == getuid() && u.gid == getgid());
	int value = 0;
	len = sizeof value;
	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &value, &len), 0);
	CHECK_EQ(value, 1);

	// An end that goes with data unread tells the other so.
	CHECK_EQ(write(c, "unread", 6), 6);
	close(p);
	CHECK(ready(c) & POLLHUP);
	CHECK_ERR(read(c, b, 1), ECONNRESET);
	CHECK_EQ(read(c, b, 1), 0);
	CHECK_ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	// A listener that goes takes its backlog along.
	close(s);
	CHECK_ERR(read(second, b, 1), ECONNRESET);
	CHECK_ERR(connect(third, ADDR(a)), ECONNREFUSED);
	unlink("server");
	CHECK_ERR(connect(third, ADDR(a)), ENOENT);
	close(c), close(second), close(third);
}

static void waiting(void)
{
	struct sockaddr_un a = at("w");
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	char b[4];
	NEED(bind(s, ADDR(a)) == 0 && listen(s, 8) == 0);
	pthread_t t = start(connect_later, "w");
	int p = accept(s, NULL, NULL);
	CHECK_EQ(read(p, b, 4), 2);
	close((int)(long)join(t));
	CHECK_EQ(read(p, b, 4), 0);
	close(p);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.fd = s};
	int ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
	t = start(connect_later, "w");
	CHECK_EQ(epoll_wait(ep, &e, 1, 3000), 1);
	int c = (int)(long)join(t);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0); // told once
	p = accept(s, NULL, NULL);
	shutdown(p, SHUT_WR);
	CHECK_EQ(ready(c), POLLIN | POLLOUT | POLLRDHUP);
	shutdown(s, SHUT_RD);
	close(p), close(c), close(s), close(ep);
}

static void datagrams(void)
{
	struct sockaddr_un a = at("a"), x = {.sun_family = AF_UNIX, .sun_path = "\0abstract"}, got;
	socklen_t xlen = offsetof(struct sockaddr_un, sun_path) + 9, len = sizeof got;
	char b[32];
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0),
	    other = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK_EQ(bind(s, ADDR(a)), 0);
	CHECK_EQ(bind(c, (void *)&x, xlen), 0);
	CHECK_ERR(bind(other, (void *)&x, xlen), EADDRINUSE);
	CHECK_ERR(send(c, "x", 1, 0), ENOTCONN);
	CHECK_EQ(sendto(c, "to s", 4, 0, ADDR(a)), 4);
	CHECK_EQ(recvfrom(s, b, sizeof b, 0, (void *)&got, &len), 4);
	CHECK(len == xlen && !memcmp(&got, &x, xlen));
	CHECK_EQ(sendto(s, "back", 4, 0, (void *)&got, len), 4);
	len = sizeof got;
	CHECK_EQ(recvfrom(c, b, sizeof b, 0, (void *)&got, &len), 4);
	CHECK_EQ(strcmp(got.sun_path, "a"), 0);
	CHECK_EQ(sendto(other, "anon", 4, 0, ADDR(a)), 4);
	len = sizeof got;
	CHECK_EQ(recvfrom(s, b, sizeof b, 0, (void *)&got, &len), 4);
	CHECK_EQ(len, 0); // a sender without a name
	CHECK_ERR(sendto(c, "x", 1, 0, (void *)&x, xlen - 1), ECONNREFUSED);
	CHECK_EQ(connect(s, (void *)&x, xlen), 0);
	CHECK_ERR(sendto(other, "x", 1, 0, ADDR(a)), EPERM); // it talks to another
	CHECK_EQ(send(s, "", 0, 0), 0);
	CHECK_EQ(recv(c, b, sizeof b, 0), 0);
	CHECK_ERR(listen(s, 1), EOPNOTSUPP);
	CHECK_ERR(accept(s, NULL, NULL), EOPNOTSUPP);
	close(c);
	CHECK_ERR(send(s, "x", 1, 0), ECONNREFUSED);
	CHECK_EQ(bind(other, (void *)&x, sizeof(sa_family_t)), 0);
	len = sizeof got;
	CHECK_EQ(getsockname(other, (void *)&got, &len), 0);
	CHECK(len == sizeof(sa_family_t) + 6 && !got.sun_path[0]);
	int full = 0, flood = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	connect(s, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
	while (full < 1000 && sendto(flood, "f", 1, 0, ADDR(a)) == 1)
		full++;
	CHECK(errno == EAGAIN && full >= 10 && full < 1000);
	CHECK_EQ(recv(s, b, 1, 0), 1);
	CHECK_EQ(sendto(flood, "f", 1, 0, ADDR(a)), 1);
	close(s), close(other), close(flood);
}

int main(void)
{
	struct sockaddr_un a = at("x");
	CHECK_ERR(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
	CHECK_ERR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	CHECK_ERR(socket(AF_UNIX, 99, 0), EINVAL);
	CHECK_ERR(socket(200, SOCK_STREAM, 0), EAFNOSUPPORT);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERR(bind(s, (void *)&a, 1), EINVAL);
	CHECK_ERR(bind(s, (void *)&a, 200), EINVAL);
	CHECK_ERR(connect(s, (void *)&(struct sockaddr){.sa_family = AF_INET}, sizeof(struct sockaddr)), EINVAL);
	CHECK_ERR(recv(s, &a, 1, 0), EINVAL);
	close(s);
	streams(SOCK_STREAM);
	streams(SOCK_SEQPACKET);
	waiting();
	datagrams();
	return test_end();
}
