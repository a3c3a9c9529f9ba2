// SPDX-License-Identifier: MIT
//
// Streams: the host's TCP does the work. Data that the host does not take stays with the guest; what the host has is read
// only while the guest has room for it (ABI_NET_WINDOW).
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/net_private.h"

// --- options ----------------------------------------------------------------------------------------------------------

void net_option(struct net_socket *s, uint32_t option, int value)
{
	static const struct {
		int level, name;
	} of[ABI_NET_OPTIONS] = {
		[ABI_NET_OPTION_NODELAY] = {IPPROTO_TCP, TCP_NODELAY},
		[ABI_NET_OPTION_KEEPALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
		[ABI_NET_OPTION_KEEPIDLE] = {IPPROTO_TCP, TCP_KEEPIDLE},
		[ABI_NET_OPTION_KEEPINTVL] = {IPPROTO_TCP, TCP_KEEPINTVL},
		[ABI_NET_OPTION_KEEPCNT] = {IPPROTO_TCP, TCP_KEEPCNT},
		[ABI_NET_OPTION_CORK] = {IPPROTO_TCP, TCP_CORK},
		[ABI_NET_OPTION_BROADCAST] = {SOL_SOCKET, SO_BROADCAST},
		[ABI_NET_OPTION_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT},
	};
	bool stream = s->kind != NET_DATAGRAM;
	if (option < ARRAY_SIZE(of) && of[option].name && (stream || of[option].level == SOL_SOCKET))
		setsockopt(s->fd, of[option].level, of[option].name, &value, sizeof(value));
}

// --- connecting -------------------------------------------------------------------------------------------------------

static int open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

// The guest's own TCP_NODELAY decided when it wrote what is relayed; here a delay would be one more.
int net_relay(struct net *n, struct net_socket *s)
{
	int one = 1;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return net_watch(n, s);
}

void net_passed(struct net *n, struct net_socket *s)
{
	if (s->direct ? n->config.watch(n->config.pass_arg, s->fd, s->id) : net_relay(n, s))
		net_fail(n, s->id, ENOBUFS);
}

void net_connect(struct net *n, const struct abi_net *ask)
{
	struct sockaddr_storage to;
	socklen_t len;
	int err = net_map_out(n, &ask->a, false, &to, &len), fd = err ? err : open_socket(to.ss_family);
	struct net_socket *s = fd < 0 ? NULL : net_socket_new(n, ask->socket, NET_CONNECTING, fd);
	if (!s) {
		if (fd >= 0)
			close(fd);
		net_fail(n, ask->socket, fd < 0 ? -fd : ENOBUFS);
		return;
	}
	if (connect(fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS)
		err = errno;
	if (!err && net_watch(n, s))
		err = ENOBUFS;
	if (err)
		net_fail(n, s->id, err);
}

static void connected(struct net *n, struct net_socket *s)
{
	int err = 0;
	socklen_t len = sizeof(err);
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		net_fail(n, s->id, err);
		return;
	}
	s->kind = NET_STREAM;
	struct abi_net news = {.op = ABI_NET_CONNECTED, .socket = s->id};
	epoll_ctl(n->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	news.b.scope = net_pass(n, s);
	net_tell(n, &news);
	net_passed(n, s);
}

// --- listening --------------------------------------------------------------------------------------------------------

// Has the host's port tell of connections to `s`, at once or instead of whom it told before.
static int hold(struct net *n, unsigned i, struct net_socket *s, int op)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = s->id};
	n->listener_of[i] = s->id;
	return listen(n->port[i].fd, (int)s->backlog) || epoll_ctl(n->epoll, op, n->port[i].fd, &e) ? -errno : 0;
}

// Several ports of the host may lead to one of the guest, and several listeners of the guest's be at one port (one for
// IPv4, one for IPv6): the first hears of all connections, and the guest's kernel finds out whose they are.
void net_listen(struct net *n, const struct abi_net *ask)
{
	struct net_socket *s = NULL;
	int err = 0;
	for (unsigned i = 0; i < n->config.port_count; i++) {
		if (n->port[i].guest != ask->a.port || n->port[i].datagram)
			continue;
		if (!s)
			s = net_socket_new(n, ask->socket, NET_LISTENER, -1);
		if (!s)
			return; // it listens already
		s->port = ask->a.port;
		s->backlog = MIN(ask->value, 4096u);
		if (!err && !n->listener_of[i])
			err = hold(n, i, s, EPOLL_CTL_ADD);
	}
	if (err)
		net_fail(n, s->id, -err);
}

static struct net_socket *other_listener(const struct net *n, const struct net_socket *s)
{
	for (uint32_t i = 0; i < n->table_size[0]; i++) {
		struct net_socket *o = n->table[0][i];
		if (o && o != s && o->kind == NET_LISTENER && o->port == s->port && !o->error && !o->failed)
			return o;
	}
	return NULL;
}

void net_unlisten(struct net *n, struct net_socket *s)
{
	struct net_socket *heir = other_listener(n, s);
	for (uint32_t i = 0; i < n->table_size[1]; i++)
		if (n->table[1][i] && n->table[1][i]->listener == s)
			n->table[1][i]->listener = NULL;
	for (unsigned i = 0; i < n->config.port_count; i++) {
		if (n->listener_of[i] != s->id)
			continue;
		n->listener_of[i] = 0;
		if (heir && !hold(n, i, heir, EPOLL_CTL_MOD))
			continue;
		n->listener_of[i] = 0;
		epoll_ctl(n->epoll, EPOLL_CTL_DEL, n->port[i].fd, NULL);
		shutdown(n->port[i].fd, SHUT_RD); // it keeps its port, and refuses
	}
}

static int accept_one(struct net *n, struct net_socket *l, unsigned *port, struct sockaddr_storage *peer)
{
	int fd = -1;
	errno = EAGAIN;
	for (unsigned i = 0; i < n->config.port_count && fd < 0 && errno == EAGAIN; i++) {
		socklen_t len = sizeof(*peer);
		if (n->listener_of[i] == l->id)
			fd = accept4(n->port[i].fd, (struct sockaddr *)peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		*port = i;
	}
	return fd;
}

bool net_listener_read(struct net *n, struct net_socket *l)
{
	struct sockaddr_storage peer, own;
	socklen_t own_len = sizeof(own);
	unsigned port;
	if (l->told >= ABI_NET_ACCEPT)
		return false; // until one is accepted
	int fd = accept_one(n, l, &port, &peer);
	if (fd < 0) {
		n->starved |= errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
		l->readable = errno == ECONNABORTED || errno == EINTR;
		return l->readable;
	}
	uint32_t id = net_number(n);
	struct net_socket *s = id ? net_socket_new(n, id, NET_STREAM, fd) : NULL;
	if (!s || getsockname(fd, (struct sockaddr *)&own, &own_len)) {
		if (s)
			net_drop(n, s, true);
		else
			close(fd);
		return true;
	}
	struct abi_net news = {.op = ABI_NET_ACCEPTED, .socket = l->id, .value = id};
	net_map_in(n, &peer, &news.a);
	news.b = (struct abi_net_address){.family = AF_INET, .port = n->port[port].guest, .ip = {10, 0, 2, 15}};
	if (news.a.family == AF_INET6)
		news.b = (struct abi_net_address){.family = AF_INET6, .port = news.b.port, .ip = {0xfd, 0, 0, 2, [15] = 15}};
	s->waits = true;
	s->listener = l;
	l->told++;
	news.b.scope = net_pass(n, s);
	net_tell(n, &news);
	net_passed(n, s);
	return true;
}

// --- data -------------------------------------------------------------------------------------------------------------

// The machine has ended, and its guest cannot send the rest again: some socket may have room then, or a moment has passed.
static bool wait_room(const struct net *n)
{
	const struct timespec moment = {0, 10000000};
	struct epoll_event unused;
	return net_now_ns() < n->flush_until && epoll_pwait2(n->epoll, &unused, 1, &moment, NULL) >= 0;
}

uint32_t net_send(struct net *n, struct net_socket *s, const uint8_t *data, uint32_t len)
{
	uint32_t done = 0;
	do {
		ssize_t sent = send(s->fd, data + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			net_fail(n, s->id, errno);
			return len;
		}
		done += (uint32_t)MAX(sent, (ssize_t)0);
	} while (done < len && n->flush_until && wait_room(n));
	s->full = s->wants_room = done < len;
	return done;
}

bool net_stream_read(struct net *n, struct net_socket *s)
{
	size_t room, window = s->told < ABI_NET_WINDOW ? ABI_NET_WINDOW - s->told : 0;
	uint8_t *to = net_room(n, &room);
	if (s->kind == NET_CONNECTING) {
		connected(n, s);
		return false;
	}
	if (s->room) {
		s->room = false;
		net_tell(n, &(struct abi_net){.op = ABI_NET_ROOM, .socket = s->id});
		return true;
	}
	if (s->end) {
		s->readable = false;
		return false;
	}
	if (!window)
		return false; // until there is credit
	size_t want = MIN(room, window);
	ssize_t got = recv(s->fd, to, want, MSG_DONTWAIT);
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0) {
		s->readable = false;
		if (errno != EAGAIN)
			net_fail(n, s->id, errno);
		return false;
	}
	if (got == 0) {
		s->end = true;
		s->readable = false;
		net_tell(n, &(struct abi_net){.op = ABI_NET_END, .socket = s->id});
		return false;
	}
	s->told += (uint32_t)got;
	net_tell(n, &(struct abi_net){.op = ABI_NET_RECEIVED, .socket = s->id, .len = (uint32_t)got});
	s->readable = (size_t)got == want || s->hangs_up; // else it is empty, and an event will say otherwise
	return s->readable;
}

void net_stream_event(struct net *n, struct net_socket *s, uint32_t events)
{
	if (s->kind == NET_CONNECTING) {
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			net_ready(n, s);
		return;
	}
	if (events & EPOLLOUT && s->wants_room) {
		s->wants_room = false;
		s->room = true;
		net_ready(n, s);
	}
	s->hangs_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		net_ready(n, s);
}
