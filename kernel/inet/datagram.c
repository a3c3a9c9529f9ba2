// SPDX-License-Identifier: MIT
//
// Datagrams: udp(7). What goes to this machine is queued at once; the host gets a socket of its own for one of ours
// when it first sends outside, or is bound to more than loopback.
#include "inet/private.h"
#include "vfs/vfs.h"

#define LENGTH_MAX 65507

static int open_outside(struct inet_socket *i)
{
	if (i->id)
		return 0;
	int err = inet_outside_open(i);
	if (err)
		return err;
	inet_option_tell(i);
	inet_outside_ask(i, ABI_NET_BIND, i->s.family == AF_INET6 && inet_option_v6only(i), &i->local);
	return 0;
}

static int bind(struct socket *s, const struct socket_address *at)
{
	struct inet_socket *i = inet_of(s);
	struct abi_net_address a;
	int err = inet_address_get(i, at, &a);
	if (err)
		return err;
	enum inet_where where = inet_where(&a);
	if (where == INET_OUTSIDE)
		return -EADDRNOTAVAIL;
	if (i->local.port)
		return -EINVAL;
	i->chose_address = where != INET_ANY;
	err = inet_port_take(i, &a);
	if (!err && where != INET_LOOPBACK && a.port)
		open_outside(i); // a port may lead here; without a monitor that relays none does
	return err;
}

static int take_port(struct inet_socket *i)
{
	struct abi_net_address any = inet_any(i->s.family, 0);
	return i->local.port ? 0 : inet_port_take(i, &any);
}

static int connect(struct socket *s, const struct socket_address *at, bool nonblock)
{
	struct inet_socket *i = inet_of(s);
	struct abi_net_address a;
	(void)nonblock;
	if (at->len >= sizeof at->family && at->family == AF_UNSPEC) {
		i->remote = (struct abi_net_address){0};
		return 0;
	}
	int err = inet_address_get(i, at, &a);
	if (!err)
		err = take_port(i);
	if (err)
		return err;
	struct abi_net_address source = inet_source(&a);
	if (inet_where(&a) == INET_ANY)
		memcpy(a.ip, source.ip, sizeof a.ip);
	if (!i->chose_address) {
		source.port = i->local.port;
		i->local = source;
	}
	i->remote = a;
	return 0;
}

// 0: none of this machine's.
static int send_inside(struct inet_socket *i, struct socket_io *io, const struct abi_net_address *to, bool *done)
{
	struct abi_net_address from = i->local;
	struct socket_packet *p;
	struct socket_address sender;
	struct inet_socket *at;
	size_t len = io->it.left;
	if (inet_where(&from) == INET_ANY) {
		from = inet_source(to);
		from.port = i->local.port;
	}
	enum inet_where where = inet_where(to);
	at = inet_port_find(SOCK_DGRAM, to, &from);
	*done = at || where == INET_OWN || (where == INET_LOOPBACK && to->port != 53); // a name server may be the host's
	if (!*done)
		return 0;
	if (!at) {
		if (i->remote.family)
			i->s.error = ECONNREFUSED;
		iter_advance(&io->it, len);
		return (int)len;
	}
	inet_address_put(at, &from, &sender);
	int err = socket_packet_from(&i->s, io, len, &sender, &p);
	if (err)
		return err;
	at = inet_port_find(SOCK_DGRAM, to, &from); // the copy may have slept
	if (at)
		inet_datagram_came(at, &from, p);
	else
		socket_packet_free(p);
	return (int)len;
}

static int send_outside(struct inet_socket *i, struct socket_io *io, const struct abi_net_address *to)
{
	uint64_t deadline = TIME_NEVER;
	size_t len = io->it.left;
	if (inet_where(to) == INET_MULTICAST && !i->s.set.broadcast && to->family == AF_INET && to->ip[0] == 255)
		return -EACCES;
	int n = open_outside(i);
	while (!n) {
		n = inet_outside_send(i, ABI_NET_DATAGRAM, io, len, to);
		if (n != -EAGAIN)
			return n;
		n = socket_wait(&inet_outside_room, io->nonblock, i->s.send_timeout_ns, &deadline);
	}
	return n;
}

static int64_t send(struct socket *s, struct socket_io *io)
{
	struct inet_socket *i = inet_of(s);
	struct abi_net_address to = i->remote;
	bool done;
	if (s->error)
		return socket_error(s);
	if (io->it.left > LENGTH_MAX)
		return -EMSGSIZE;
	if (io->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->shut_write)
		return socket_broken(io);
	int n = io->address.len ? inet_address_get(i, &io->address, &to) : 0;
	if (!n && !to.family)
		n = -EDESTADDRREQ;
	if (!n && !to.port)
		n = -EINVAL;
	if (!n)
		n = take_port(i);
	if (n)
		return n;
	if (inet_where(&to) == INET_ANY) {
		struct abi_net_address own = inet_source(&to);
		memcpy(to.ip, own.ip, sizeof to.ip);
	}
	n = send_inside(i, io, &to, &done);
	return done ? n : send_outside(i, io, &to);
}

void inet_datagram_came(struct inet_socket *i, const struct abi_net_address *from, struct socket_packet *p)
{
	bool stranger = i->remote.family && (i->remote.port != from->port || !inet_same_ip(&i->remote, from));
	if (stranger || i->s.shut_read || i->s.queued + p->len > (size_t)i->s.set.receive_limit)
		socket_packet_free(p);
	else
		socket_queue(&i->s, p);
}

static int drained(struct socket *s) { return s->shut_read; }

static int shutdown(struct socket *s, int how)
{
	if (!inet_of(s)->remote.family)
		return -ENOTCONN;
	s->shut_read |= how != SHUT_WR;
	s->shut_write |= how != SHUT_RD;
	inet_wake(inet_of(s));
	return 0;
}

static unsigned poll(struct socket *s)
{
	unsigned ready = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (s->error)
		ready |= EPOLLERR;
	if (!list_empty(&s->queue) || s->shut_read)
		ready |= EPOLLIN | EPOLLRDNORM;
	if (s->shut_read)
		ready |= EPOLLRDHUP;
	return s->shut_read && s->shut_write ? ready | EPOLLHUP : ready;
}

static void release(struct socket *s)
{
	struct inet_socket *i = inet_of(s);
	inet_outside_close(i, false);
	inet_free(i);
}

const struct socket_ops inet_datagram_ops = {
	.bind = bind,
	.connect = connect,
	.name = inet_name,
	.send = send,
	.drained = drained,
	.shutdown = shutdown,
	.poll = poll,
	.set_option = inet_option_set,
	.get_option = inet_option_get,
	.ioctl = inet_ioctl,
	.release = release,
};
