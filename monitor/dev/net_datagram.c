// SPDX-License-Identifier: MIT
//
// Datagrams. One of the guest's sockets has one of the host's of each family it sends to: that of a -p port, or one
// with a port the host chooses.
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "monitor/dev/net_private.h"

void net_bind(struct net *n, const struct abi_net *ask)
{
	int fd = -1;
	bool own = true;
	struct net_socket *s;
	if (net_find(n, ask->socket))
		return;
	for (unsigned i = 0; i < n->config.port_count; i++)
		if (n->port[i].guest == ask->a.port && n->port[i].datagram && !n->listener_of[i] &&
		    (ask->value != 1 || n->port[i].host.ss_family == AF_INET6)) {
			fd = n->port[i].fd;
			own = false;
			n->listener_of[i] = ask->socket;
			break;
		}
	if (own) // IPv6's takes both
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int family = AF_INET6, zero = 0;
	if (own && fd >= 0)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (fd < 0) { // a host without IPv6
		family = AF_INET;
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return;
	s = net_socket_new(n, ask->socket, NET_DATAGRAM, fd);
	if (!s) {
		if (own)
			close(fd);
		return;
	}
	s->own_fd = own;
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	s->v6 = own ? family == AF_INET6 : !getsockname(fd, (struct sockaddr *)&name, &len) && name.ss_family == AF_INET6;
	net_watch(n, s);
}

// --- answers ----------------------------------------------------------------------------------------------------------

// The host's loopback interface is closed to the guest, but who has sent something to a published port gets its answers.
enum { HEARD_NOT, HEARD_4, HEARD_6 };
#define HEARD_SIZE 65536

static uint8_t loopback(const struct sockaddr_storage *from)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct in6_addr *ip6 = &((const struct sockaddr_in6 *)from)->sin6_addr;
	uint32_t ip = in->sin_addr.s_addr;
	if (from->ss_family == AF_INET6) {
		if (IN6_IS_ADDR_LOOPBACK(ip6))
			return HEARD_6;
		if (!IN6_IS_ADDR_V4MAPPED(ip6))
			return HEARD_NOT;
		memcpy(&ip, ip6->s6_addr + 12, sizeof(ip));
	}
	return ip == htonl(INADDR_LOOPBACK) ? HEARD_4 : HEARD_NOT;
}

static uint8_t **heard_by(struct net *n, const struct net_socket *s)
{
	for (unsigned i = 0; i < n->config.port_count && !s->own_fd; i++)
		if (n->listener_of[i] == s->id && n->port[i].datagram)
			return &n->heard[i];
	return NULL;
}

static void hear(struct net *n, const struct net_socket *s, const struct sockaddr_storage *from)
{
	uint8_t kind = loopback(from), **heard = kind ? heard_by(n, s) : NULL;
	if (heard && !*heard)
		*heard = calloc(1, HEARD_SIZE);
	if (heard && *heard)
		(*heard)[ntohs(((const struct sockaddr_in *)from)->sin_port)] = kind;
}

// Where an answer to `a` goes, if it is one.
static bool is_answer(struct net *n, const struct net_socket *s, const struct abi_net_address *a, struct sockaddr_storage *to,
		      socklen_t *len)
{
	const uint32_t gateway = htonl(ABI_NET_GATEWAY);
	uint8_t **heard = a->family == AF_INET && !memcmp(a->ip, &gateway, 4) ? heard_by(n, s) : NULL;
	uint8_t kind = heard && *heard ? (*heard)[a->port] : HEARD_NOT;
	if (kind == HEARD_4)
		*(struct sockaddr_in *)to = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons(a->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (kind == HEARD_6)
		*(struct sockaddr_in6 *)to = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	*len = net_address_len(to);
	return kind != HEARD_NOT;
}

// --- data -------------------------------------------------------------------------------------------------------------

static void map_into_6(struct sockaddr_storage *a, socklen_t *len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 *in6 = (void *)a;
	memcpy(&in, a, sizeof(in));
	*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = in.sin_port};
	in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
	memcpy(in6->sin6_addr.s6_addr + 12, &in.sin_addr, 4);
	*len = sizeof(*in6);
}

// What cannot be sent is lost, as on any network; a refusal is told.
void net_send_datagram(struct net *n, struct net_socket *s, const struct abi_net *ask, const uint8_t *data)
{
	struct sockaddr_storage to = {0};
	socklen_t len;
	int err = is_answer(n, s, &ask->a, &to, &len) ? 0 : net_map_out(n, &ask->a, true, &to, &len);
	if (!err && s->v6 && to.ss_family == AF_INET)
		map_into_6(&to, &len);
	if (!err && !s->v6 && to.ss_family == AF_INET6)
		err = -ENETUNREACH;
	if (!err && sendto(s->fd, data, ask->len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		err = -errno;
	if (err && err != -EAGAIN && net_has_room(n))
		net_tell(n, &(struct abi_net){.op = ABI_NET_ERROR, .socket = s->id, .value = (uint32_t)-err});
}

bool net_datagram_read(struct net *n, struct net_socket *s)
{
	struct sockaddr_storage from;
	size_t room;
	struct iovec v = {net_room(n, &room), room};
	v.iov_len = room;
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v, .msg_iovlen = 1};
	ssize_t got = recvmsg(s->fd, &m, MSG_DONTWAIT);
	if (got < 0) {
		s->readable = errno != EAGAIN;
		if (errno != EAGAIN && errno != EINTR)
			net_tell(n, &(struct abi_net){.op = ABI_NET_ERROR, .socket = s->id, .value = (uint32_t)errno});
		return s->readable;
	}
	hear(n, s, &from);
	struct abi_net news = {.op = ABI_NET_CAME, .socket = s->id, .len = (uint32_t)got};
	net_map_in(n, &from, &news.a);
	net_tell(n, &news);
	return true;
}
