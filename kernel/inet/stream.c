// SPDX-License-Identifier: MIT
//
// Streams. Both ends in this machine: they point at each other, and what one sends is queued at the other. One end
// outside: the monitor's socket is the other end. tcp(7) as far as programs can see it.
#include <asm/ioctls.h>

#include "inet/private.h"
#include "sched/sched.h"

#define PIECE_MAX   65536
#define BUFFER_MIN  (256 << 10) // what a stream may have under way, whatever small number SO_SNDBUF tells
#define CREDIT_STEP (ABI_NET_WINDOW / 4)
#define EVENTS	    (EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | EPOLLERR)

void inet_wake(struct inet_socket *i) { socket_wake(&i->s, EVENTS); }

// What may be under way, and what is: at the peer, unread; or with the monitor.
static size_t send_limit(const struct inet_socket *i)
{
	return (size_t)MAX(i->peer ? i->peer->s.set.receive_limit : i->s.set.send_limit, BUFFER_MIN);
}

static size_t send_room(struct inet_socket *i)
{
	size_t limit = send_limit(i), used = i->peer ? i->peer->s.queued : i->sent;
	i->no_space = used >= limit;
	return limit > used ? limit - used : 0;
}

static bool writable(const struct inet_socket *i)
{
	if (i->direct)
		return i->may_send;
	size_t limit = send_limit(i);
	return (i->peer ? i->peer->s.queued : i->sent) < limit - limit / 3;
}

void inet_stream_space(struct inet_socket *i)
{
	if (!i->no_space || !writable(i))
		return;
	i->no_space = false;
	waitq_wake(&i->s.write_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
}

// --- listening --------------------------------------------------------------------------------------------------------

int inet_name(struct socket *s, enum socket_name which, struct socket_address *out)
{
	const struct inet_socket *i = inet_of(s);
	struct abi_net_address a = i->local;
	bool met = s->type != SOCK_STREAM || (i->state == INET_CONNECTED && (!i->broken || which == NAME_ACCEPTED));
	if (which != NAME_OWN && (!i->remote.family || !met))
		return -ENOTCONN;
	inet_address_put(i, which != NAME_OWN ? &i->remote : &a, out);
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
	if (where == INET_OUTSIDE || (where == INET_MULTICAST && s->type == SOCK_STREAM))
		return -EADDRNOTAVAIL;
	if (i->local.port || i->state != INET_IDLE)
		return -EINVAL;
	i->chose_address = where != INET_ANY;
	return inet_port_take(i, &a);
}

static int bind_any(struct inet_socket *i)
{
	struct abi_net_address any = inet_any(i->s.family, 0);
	return i->local.port ? 0 : inet_port_take(i, &any);
}

// To the outside leads only what does not listen on loopback alone.
static void tell_listener(struct inet_socket *i)
{
	if (inet_where(&i->local) == INET_LOOPBACK || inet_outside_open(i))
		return;
	inet_option_tell(i);
	inet_outside_ask(i, ABI_NET_LISTEN, i->backlog_max, &i->local);
}

static int listen(struct socket *s, unsigned backlog)
{
	struct inet_socket *i = inet_of(s);
	bool again = i->state == INET_LISTENS;
	if (i->state != INET_IDLE && !again)
		return -EINVAL;
	int err = bind_any(i);
	if (err)
		return err;
	i->backlog_max = backlog;
	i->state = INET_LISTENS;
	struct inet_socket *other = again ? NULL : inet_port_sibling(i);
	if (other && !(s->set.reuse_port && other->s.set.reuse_port)) {
		i->state = INET_IDLE;
		return -EADDRINUSE;
	}
	if (!other) // one of those that share a port is told for all
		tell_listener(i);
	return 0;
}

struct inet_socket *inet_stream_target(struct inet_socket *told, const struct abi_net_address *local,
				       const struct abi_net_address *remote)
{
	struct inet_socket *to = inet_port_find(SOCK_STREAM, local, remote);
	return to ? to : told;
}

void inet_stream_accepted(struct inet_socket *to, struct inet_socket *i)
{
	i->listener = to;
	memcpy(i->option, to->option, sizeof i->option);
	i->s.set = to->s.set;
	list_push_back(&to->backlog, &i->pending_link);
	to->pending++;
	waitq_wake(&to->s.read_q, 1, EPOLLIN | EPOLLRDNORM);
}

static int accept(struct socket *s, bool nonblock, struct socket **out)
{
	struct inet_socket *i = inet_of(s);
	uint64_t deadline = TIME_NEVER;
	if (i->state != INET_LISTENS)
		return -EINVAL;
	if (list_empty(&i->backlog))
		inet_poll_queues();
	while (list_empty(&i->backlog)) {
		int err = socket_wait(&s->read_q, nonblock, s->receive_timeout_ns, &deadline);
		if (!err && i->state != INET_LISTENS)
			err = -EINVAL;
		if (err)
			return err;
	}
	struct inet_socket *got = list_first(&i->backlog, struct inet_socket, pending_link);
	list_remove(&got->pending_link);
	got->listener = NULL;
	i->pending--;
	inet_outside_ask(got, ABI_NET_TAKEN, 0, NULL);
	*out = &got->s;
	return 0;
}

static void stop_listening(struct inet_socket *i)
{
	while (!list_empty(&i->backlog)) {
		struct inet_socket *p = list_first(&i->backlog, struct inet_socket, pending_link);
		list_remove(&p->pending_link);
		p->listener = NULL;
		p->s.set.linger[0] = 1; // with a reset
		p->s.set.linger[1] = 0;
		p->s.ops->release(&p->s);
	}
	i->pending = 0;
	inet_outside_close(i, false);
	struct inet_socket *other = inet_port_sibling(i);
	i->state = INET_IDLE;
	if (other)
		tell_listener(other);
}

// --- connecting -------------------------------------------------------------------------------------------------------

static int connect_inside(struct inet_socket *i)
{
	struct inet_socket *to = inet_port_find(SOCK_STREAM, &i->remote, &i->local);
	struct inet_socket *other = to ? inet_new(&inet_stream_ops, to->s.family, SOCK_STREAM, IPPROTO_TCP) : NULL;
	if (!other)
		return to ? -ENOMEM : -ECONNREFUSED;
	other->local = i->remote;
	other->remote = i->local;
	other->peer = i;
	i->peer = other;
	other->state = i->state = INET_CONNECTED;
	inet_stream_accepted(to, other);
	return 0;
}

// The host's name servers may have loopback addresses.
static bool is_inside(const struct abi_net_address *a)
{
	enum inet_where where = inet_where(a);
	if (where == INET_LOOPBACK && a->port == 53)
		return inet_port_find(SOCK_STREAM, a, a) != NULL;
	return where == INET_ANY || where == INET_LOOPBACK || where == INET_OWN;
}

static int connect_outside(struct inet_socket *i)
{
	int err = inet_where(&i->remote) == INET_MULTICAST ? -ENETUNREACH : inet_outside_open(i);
	if (err)
		return err;
	i->state = INET_CONNECTING;
	inet_option_tell(i);
	inet_outside_ask(i, ABI_NET_CONNECT, 0, &i->remote);
	return 0;
}

static void disconnect(struct inet_socket *i)
{
	if (i->state == INET_LISTENS)
		stop_listening(i);
	struct inet_socket *peer = i->peer;
	if (peer) {
		i->peer = peer->peer = NULL;
		peer->s.error = ECONNRESET;
		peer->s.shut_read = peer->s.shut_write = peer->broken = true;
		inet_wake(peer);
	}
	inet_outside_close(i, true);
	i->state = INET_IDLE;
	i->remote = (struct abi_net_address){0};
	i->s.shut_read = i->s.shut_write = i->remote_told = false;
	i->s.error = 0;
	inet_wake(i);
}

static int start(struct inet_socket *i, const struct socket_address *at)
{
	struct abi_net_address a;
	int err = inet_address_get(i, at, &a);
	if (err)
		return err;
	struct abi_net_address source = inet_source(&a);
	bool bound = i->local.port;
	if (inet_where(&a) == INET_ANY)
		memcpy(a.ip, source.ip, sizeof a.ip);
	if (!bound) {
		err = inet_port_take(i, &source);
	} else if (!i->chose_address) {
		source.port = i->local.port;
		i->local = source;
	}
	if (err)
		return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
	i->remote = a;
	err = is_inside(&a) ? connect_inside(i) : connect_outside(i);
	if (err) {
		i->remote = (struct abi_net_address){0};
		if (!bound) {
			inet_port_leave(i);
			i->local = (struct abi_net_address){.family = i->local.family};
		}
	}
	return err;
}

static int finish(struct inet_socket *i, bool nonblock)
{
	uint64_t deadline = TIME_NEVER;
	while (i->state == INET_CONNECTING) {
		int err = nonblock ? -EALREADY : socket_wait(&i->s.write_q, false, i->s.send_timeout_ns, &deadline);
		if (err)
			return err == -EAGAIN ? -EINPROGRESS : err;
	}
	if (i->state == INET_CONNECTED) {
		i->remote_told = true;
		return 0;
	}
	i->state = INET_IDLE;
	return i->s.error ? socket_error(&i->s) : -ECONNABORTED;
}

static int connect(struct socket *s, const struct socket_address *at, bool nonblock)
{
	struct inet_socket *i = inet_of(s);
	if (at->len >= sizeof at->family && at->family == AF_UNSPEC) {
		disconnect(i);
		return 0;
	}
	if (i->state == INET_CONNECTED && i->remote_told)
		return -EISCONN;
	if (i->state == INET_LISTENS)
		return -EISCONN;
	if (i->state != INET_IDLE || s->error)
		return finish(i, nonblock);
	int err = start(i, at);
	if (nonblock && (!err || err == -ECONNREFUSED)) { // as if packets went over the loopback interface
		if (err) {
			i->state = INET_CLOSED;
			s->error = -err;
		}
		inet_wake(i);
		return -EINPROGRESS;
	}
	return err ? err : finish(i, false);
}

// --- sending and receiving --------------------------------------------------------------------------------------------

// The peer is gone: the first time that goes unnoticed, as it does while the reset travels.
static int64_t send_nowhere(struct inet_socket *i, struct socket_io *io)
{
	int64_t n = (int64_t)io->it.left;
	iter_advance(&io->it, io->it.left);
	i->s.error = EPIPE;
	i->s.shut_read = i->s.shut_write = true;
	inet_wake(i);
	return n;
}

static int64_t send_inside(struct inet_socket *i, struct socket_io *io, uint64_t *deadline)
{
	struct socket_packet *p;
	size_t room = send_room(i);
	if (!room)
		return socket_wait(&i->s.write_q, io->nonblock, i->s.send_timeout_ns, deadline);
	int err = socket_packet_from(&i->s, io, MIN(MIN(io->it.left, room), (size_t)PIECE_MAX), NULL, &p);
	if (err)
		return err;
	int64_t n = (int64_t)p->len;
	if (i->peer)
		socket_queue(&i->peer->s, p);
	else // while the copy slept
		socket_packet_free(p);
	return n;
}

static int64_t send_outside(struct inet_socket *i, struct socket_io *io, uint64_t *deadline)
{
	if (i->direct) {
		int64_t sent = inet_direct_send(i, io, false);
		if (sent == -EPIPE)
			return socket_broken(io);
		return sent == -EAGAIN ? socket_wait(&i->s.write_q, io->nonblock, i->s.send_timeout_ns, deadline) : sent;
	}
	size_t room = send_room(i);
	if (!room && inet_poll_queues())
		return 0; // whatever has come of it
	if (!room)
		return socket_wait(&i->s.write_q, io->nonblock, i->s.send_timeout_ns, deadline);
	int n = inet_outside_send(i, ABI_NET_DATA, io, MIN(io->it.left, room), NULL);
	return n == -EAGAIN ? socket_wait(&inet_outside_room, io->nonblock, i->s.send_timeout_ns, deadline) : n;
}

static int64_t send(struct socket *s, struct socket_io *io)
{
	struct inet_socket *i = inet_of(s);
	uint64_t deadline = TIME_NEVER;
	int64_t done = 0;
	while (i->state == INET_CONNECTING) {
		int err = socket_wait(&s->write_q, io->nonblock, s->send_timeout_ns, &deadline);
		if (err)
			return err;
	}
	do {
		int64_t n;
		if (s->error)
			n = s->error == EPIPE ? socket_error(s), socket_broken(io) : socket_error(s);
		else if (s->shut_write || i->state != INET_CONNECTED)
			n = socket_broken(io);
		else if (!io->it.left)
			return done;
		else if (i->id)
			n = send_outside(i, io, &deadline);
		else
			n = i->peer ? send_inside(i, io, &deadline) : send_nowhere(i, io);
		if (n < 0)
			return done ? done : n;
		done += n;
	} while (io->it.left);
	return done;
}

static int drained(struct socket *s)
{
	const struct inet_socket *i = inet_of(s);
	if (s->shut_read)
		return 1;
	return i->state == INET_CONNECTED || i->state == INET_CONNECTING ? 0 : i->state == INET_CLOSED ? 1 : -ENOTCONN;
}

static void consumed(struct socket *s, size_t bytes)
{
	struct inet_socket *i = inet_of(s);
	if (i->peer)
		inet_stream_space(i->peer);
	i->uncredited += i->id && !i->direct ? bytes : 0;
	if (i->uncredited >= CREDIT_STEP) {
		inet_outside_ask(i, ABI_NET_CREDIT, (uint32_t)i->uncredited, NULL);
		i->uncredited = 0;
	}
}

// --- the end ----------------------------------------------------------------------------------------------------------

static int shutdown(struct socket *s, int how)
{
	struct inet_socket *i = inet_of(s);
	if (i->state == INET_LISTENS && how != SHUT_WR) {
		stop_listening(i);
		inet_wake(i);
		return 0;
	}
	if (i->state != INET_CONNECTED)
		return -ENOTCONN;
	if (how != SHUT_WR)
		s->shut_read = true;
	if (how != SHUT_RD && !s->shut_write) {
		s->shut_write = true;
		if (i->peer) {
			i->peer->s.shut_read = true;
			inet_wake(i->peer);
		}
		inet_outside_ask(i, ABI_NET_SHUTDOWN, 0, NULL);
	}
	inet_wake(i);
	return i->broken ? -ENOTCONN : 0;
}

static void release(struct socket *s)
{
	struct inet_socket *i = inet_of(s), *peer = i->peer;
	bool reset = !list_empty(&s->queue) || (s->set.linger[0] && !s->set.linger[1]);
	if (i->state == INET_LISTENS)
		stop_listening(i);
	if (peer) {
		i->peer = peer->peer = NULL;
		peer->s.shut_read = true;
		if (reset) {
			peer->s.shut_write = peer->broken = true;
			peer->s.error = ECONNRESET;
		}
		inet_wake(peer);
	}
	inet_outside_close(i, reset);
	if (!i->lingers)
		inet_free(i);
}

void inet_stream_connected(struct inet_socket *i)
{
	if (i->state != INET_CONNECTING)
		return;
	i->state = INET_CONNECTED;
	inet_wake(i);
}

void inet_stream_ended(struct inet_socket *i)
{
	i->s.shut_read = true;
	inet_wake(i);
}

void inet_stream_failed(struct inet_socket *i, int error)
{
	i->s.error = error;
	if (i->s.type == SOCK_STREAM) {
		if (i->state == INET_CONNECTING)
			i->state = INET_CLOSED;
		else
			i->s.shut_read = i->s.shut_write = i->broken = true;
		inet_outside_close(i, true);
	}
	inet_wake(i);
}

// --- readiness --------------------------------------------------------------------------------------------------------

static unsigned poll(struct socket *s)
{
	struct inet_socket *i = inet_of(s);
	unsigned ready = s->error ? EPOLLERR : 0;
	switch (i->state) {
	case INET_LISTENS:
		return list_empty(&i->backlog) ? 0 : EPOLLIN | EPOLLRDNORM;
	case INET_CONNECTING:
		return ready;
	case INET_IDLE:
		return ready | EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
	case INET_CLOSED:
		return ready | EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
	case INET_CONNECTED:
		break;
	}
	if (!list_empty(&s->queue) || s->shut_read || (i->direct && inet_direct_readable(i)))
		ready |= EPOLLIN | EPOLLRDNORM;
	if (s->shut_read || (i->direct && i->hangs_up))
		ready |= EPOLLRDHUP;
	if (s->shut_read && s->shut_write)
		ready |= EPOLLHUP;
	if (s->shut_write || writable(i))
		ready |= EPOLLOUT | EPOLLWRNORM;
	else
		i->no_space = true;
	return ready;
}

const struct socket_ops inet_stream_ops = {
	.bind = bind,
	.connect = connect,
	.listen = listen,
	.accept = accept,
	.name = inet_name,
	.send = send,
	.drained = drained,
	.fetch = inet_direct_fetch,
	.consumed = consumed,
	.shutdown = shutdown,
	.poll = poll,
	.set_option = inet_option_set,
	.get_option = inet_option_get,
	.ioctl = inet_ioctl,
	.release = release,
};
