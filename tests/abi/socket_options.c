// SPDX-License-Identifier: MIT
//
// Options of sockets: each is read, set and read again on TCP, UDP and AF_UNIX sockets, with too short a value and with
// none; a listener's and a connection's; the name of a peer that is gone. What is printed is what Linux answers.
#include "test.h"

#include <arpa/inet.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define SOL_UDP 17

static const struct option {
	const char *name;
	int level, number, value;
} options[] = {
#define O(level, name, value) {#name, level, name, value}
	O(SOL_SOCKET, SO_REUSEADDR, 7), O(SOL_SOCKET, SO_REUSEPORT, 1), O(SOL_SOCKET, SO_KEEPALIVE, 1), O(SOL_SOCKET, SO_BROADCAST, 1),
	O(SOL_SOCKET, SO_OOBINLINE, 1), O(SOL_SOCKET, SO_DONTROUTE, 1), O(SOL_SOCKET, SO_PRIORITY, 3), O(SOL_SOCKET, SO_RCVLOWAT, 5),
	O(SOL_SOCKET, SO_TYPE, 1), O(SOL_SOCKET, SO_DOMAIN, 1), O(SOL_SOCKET, SO_PROTOCOL, 1), O(SOL_SOCKET, SO_ERROR, 1),
	O(SOL_SOCKET, SO_ACCEPTCONN, 1), O(SOL_SOCKET, SO_SNDLOWAT, 1), O(SOL_SOCKET, SO_SNDBUF, 20000), O(SOL_SOCKET, SO_RCVBUF, 20000),
	O(SOL_SOCKET, SO_SNDBUF, 1), O(SOL_SOCKET, SO_RCVBUF, 1), O(SOL_SOCKET, SO_INCOMING_NAPI_ID, 1), O(SOL_SOCKET, SO_RXQ_OVFL, 1),
	O(SOL_SOCKET, SO_NOFCS, 1), O(SOL_SOCKET, SO_TIMESTAMP, 1), O(SOL_SOCKET, SO_TIMESTAMPNS, 1),
	O(SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1), O(SOL_SOCKET, -1, 1),
	O(SOL_SOCKET, 9999, 1), O(IPPROTO_TCP, TCP_NODELAY, 5), O(IPPROTO_TCP, TCP_CORK, 1), O(IPPROTO_TCP, TCP_QUICKACK, 0),
	O(IPPROTO_TCP, TCP_DEFER_ACCEPT, 0), O(IPPROTO_TCP, TCP_KEEPIDLE, 33), O(IPPROTO_TCP, TCP_KEEPIDLE, 0),
	O(IPPROTO_TCP, TCP_KEEPINTVL, 34), O(IPPROTO_TCP, TCP_KEEPINTVL, 40000), O(IPPROTO_TCP, TCP_KEEPCNT, 5), O(IPPROTO_TCP, TCP_KEEPCNT, 128),
	O(IPPROTO_TCP, TCP_SYNCNT, 3), O(IPPROTO_TCP, TCP_SYNCNT, 300), O(IPPROTO_TCP, TCP_LINGER2, 10), O(IPPROTO_TCP, TCP_LINGER2, -1),
	O(IPPROTO_TCP, TCP_USER_TIMEOUT, 1000), O(IPPROTO_TCP, TCP_USER_TIMEOUT, -1), O(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000),
	O(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 2), O(IPPROTO_TCP, TCP_SAVE_SYN, 1), O(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1),
	O(IPPROTO_TCP, TCP_WINDOW_CLAMP, 0), O(IPPROTO_TCP, TCP_MAXSEG, 10), O(IPPROTO_TCP, 999, 1),
	O(IPPROTO_IP, IP_TOS, 16), O(IPPROTO_IP, IP_TTL, 9), O(IPPROTO_IP, IP_TTL, -1), O(IPPROTO_IP, IP_TTL, 256), O(IPPROTO_IP, IP_PKTINFO, 1),
	O(IPPROTO_IP, IP_RECVTTL, 1), O(IPPROTO_IP, IP_RECVTOS, 1), O(IPPROTO_IP, IP_RECVERR, 1), O(IPPROTO_IP, IP_MTU_DISCOVER, 2),
	O(IPPROTO_IP, IP_MTU_DISCOVER, 77), O(IPPROTO_IP, IP_FREEBIND, 1), O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1), O(IPPROTO_IP, IP_MTU, 1),
	O(IPPROTO_IP, IP_MULTICAST_TTL, 3), O(IPPROTO_IP, IP_MULTICAST_LOOP, 0),
	O(IPPROTO_IPV6, IPV6_V6ONLY, 1), O(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 7), O(IPPROTO_IPV6, IPV6_TCLASS, 8),
	O(IPPROTO_IPV6, IPV6_RECVTCLASS, 1), O(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1), O(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1),
	O(SOL_UDP, UDP_GRO, 1), O(SOL_UDP, UDP_NO_CHECK6_TX, 1), O(SOL_UDP, UDP_NO_CHECK6_RX, 1), O(SOL_UDP, 999, 1), O(12345, 1, 1),
};

static const char *error(long r)
{
	return r < 0 ? strerrorname_np(errno) : "ok";
}

static void print_value(int s, const struct option *o)
{
	int v = -77;
	socklen_t len = sizeof v;
	if (getsockopt(s, o->level, o->number, &v, &len))
		printf(" %s", error(-1));
	else
		printf(" %d/%u", v, len);
}

static void each(const char *kind, int domain, int type)
{
	for (size_t n = 0; n < sizeof options / sizeof *options; n++) {
		const struct option *o = &options[n];
		if (domain == AF_UNIX && o->level == SOL_SOCKET && o->number == SO_REUSEPORT)
			continue; // refused since Linux 6.13
		int s = socket(domain, type, 0);
		NEED(s >= 0);
		printf("%s %s %d:", kind, o->name, o->value);
		bool sized = o->number == SO_SNDBUF || o->number == SO_RCVBUF; // what it is at first is the host's affair
		if (o->level != SOL_SOCKET || !sized)
			print_value(s, o);
		printf(" %s", error(setsockopt(s, o->level, o->number, &o->value, sizeof o->value)));
		print_value(s, o);
		printf(" %s", error(setsockopt(s, o->level, o->number, &o->value, 0)));
		printf(" %s\n", error(setsockopt(s, o->level, o->number, &o->value, 3)));
		close(s);
	}
}

static int connected(int listener, int *client)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	NEED(getsockname(listener, (void *)&a, &len) == 0);
	*client = socket(AF_INET, SOCK_STREAM, 0);
	NEED(connect(*client, (void *)&a, len) == 0);
	return accept(listener, NULL, NULL);
}

static void streams(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int s = socket(AF_INET, SOCK_STREAM, 0), c, p, v = 0, on = 1;
	socklen_t len = sizeof v;
	struct linger l = {1, 5}, got = {0};
	struct tcp_info info;
	CHECK_EQ(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
	CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on), 0);
	CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	CHECK_EQ(bind(s, (void *)&a, sizeof a), 0);
	CHECK_EQ(listen(s, 5), 0);
	CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &v, &len), 0);
	CHECK_EQ(v, 1);
	p = connected(s, &c);
	CHECK_EQ(getsockopt(p, IPPROTO_TCP, TCP_NODELAY, &v, &len), 0); // inherited
	CHECK_EQ(v, 1);
	CHECK_EQ(getsockopt(p, SOL_SOCKET, SO_KEEPALIVE, &v, &len), 0);
	CHECK_EQ(v, 1);
	len = sizeof got;
	CHECK_EQ(getsockopt(p, SOL_SOCKET, SO_LINGER, &got, &len), 0);
	CHECK(len == sizeof got && got.l_onoff == 1 && got.l_linger == 5);
	len = sizeof info;
	CHECK_EQ(getsockopt(p, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	CHECK(len >= 104 && info.tcpi_state == TCP_ESTABLISHED);
	len = 8;
	CHECK_EQ(getsockopt(p, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	CHECK_EQ(len, 8);
	len = -1;
	CHECK_ERR(getsockopt(p, SOL_SOCKET, SO_ERROR, &v, &len), EINVAL);
	CHECK_ERR(getsockopt(p, SOL_SOCKET, SO_ERROR, &v, NULL), EFAULT);
	len = 2; // a part of it
	v = -1;
	CHECK_EQ(getsockopt(p, SOL_SOCKET, SO_TYPE, &v, &len), 0);
	CHECK(len == 2 && (v & 0xffff) == SOCK_STREAM && v >> 16 == -1);
	CHECK_ERR(setsockopt(p, SOL_SOCKET, SO_KEEPALIVE, NULL, sizeof v), EFAULT);
	CHECK_ERR(setsockopt(p, IPPROTO_TCP, TCP_NODELAY, NULL, sizeof v), EFAULT);
	char name[16] = "";
	CHECK_EQ(setsockopt(p, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	len = sizeof name;
	CHECK_EQ(getsockopt(p, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	CHECK(len == sizeof name && !strcmp(name, "reno"));
	CHECK_ERR(setsockopt(p, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8), ENOENT);
	CHECK_ERR(setsockopt(p, IPPROTO_TCP, TCP_ULP, "nonesuch", 8), ENOENT);
	uint64_t cookie = 0, other = 0, rate = 123456, kept = 0;
	len = sizeof cookie;
	CHECK_EQ(getsockopt(p, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_COOKIE, &other, &len), 0);
	CHECK(cookie && other && cookie != other);
	CHECK_EQ(setsockopt(c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate), 0);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_MAX_PACING_RATE, &kept, &len), 0);
	CHECK_EQ(kept, rate);
	CHECK_EQ(getsockopt(c, IPPROTO_IP, IP_MTU, &v, &(socklen_t){sizeof v}), 0);
	CHECK(v >= 1280);
	// Of a peer that has reset the connection there is no name; one that did before accept(2) is accepted.
	struct pollfd w = {c, POLLIN, 0};
	l = (struct linger){1, 0};
	CHECK_EQ(setsockopt(p, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	close(p);
	poll(&w, 1, 1000);
	len = sizeof a;
	CHECK_ERR(getpeername(c, (void *)&a, &len), ENOTCONN);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &(socklen_t){sizeof v}), 0);
	CHECK_EQ(v, ECONNRESET);
	CHECK_EQ(getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &(socklen_t){sizeof v}), 0);
	CHECK_EQ(v, 0);
	close(c);
	len = sizeof a;
	CHECK_EQ(getsockname(s, (void *)&a, &len), 0);
	c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(c, (void *)&a, len), 0);
	CHECK_EQ(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	close(c);
	sleep_ms(10);
	p = accept(s, (void *)&a, &len);
	CHECK(p >= 0 && len == sizeof a && a.sin_family == AF_INET);
	CHECK_ERR(getpeername(p, (void *)&a, &len), ENOTCONN);
	CHECK_ERR(read(p, name, 1), ECONNRESET);
	close(p);
	close(s);
}

int main(void)
{
	each("tcp", AF_INET, SOCK_STREAM);
	each("tcp6", AF_INET6, SOCK_STREAM);
	each("udp", AF_INET, SOCK_DGRAM);
	each("udp6", AF_INET6, SOCK_DGRAM);
	each("unix", AF_UNIX, SOCK_STREAM);
	streams();
	return test_end();
}
