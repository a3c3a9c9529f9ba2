// SPDX-License-Identifier: MIT
//
// Sockets come, meet and go. A stream's connection is complete when connect(2) returns: its other end waits in the
// listener's backlog. Descriptors in flight whose only other reference is the socket they travel on are not collected.
#include <asm/ioctls.h>
#include <linux/sockios.h>

#include "base/format.h"
#include "proc/process.h"
#include "unix/private.h"

struct list unix_all = LIST_INIT(unix_all);

void unix_get(struct unix_socket *u) { u->refs++; }
void unix_put(struct unix_socket *u)
{
	if (--u->refs == 0)
		heap_free(u);
}

static void wake(struct unix_socket *u) { socket_wake(&u->s, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | EPOLLERR); }

static struct socket_credentials own_credentials(void)
{
	const struct process *p = process_current();
	return (struct socket_credentials){p->pid, p->cred.euid, p->cred.egid};
}

// --- meeting ---------------------------------------------------------------------------------------------------

static void join(struct unix_socket *a, struct unix_socket *b)
{
	unix_get(a->peer = b);
	unix_get(b->peer = a);
	a->state = b->state = a->s.type == SOCK_DGRAM ? UNIX_IDLE : UNIX_CONNECTED;
}

static int unix_pair(struct socket *a, struct socket *b)
{
	join(unix_of(a), unix_of(b));
	unix_of(a)->peer_cred = unix_of(b)->peer_cred = own_credentials();
	return 0;
}

int unix_listen(struct socket *s, unsigned backlog)
{
	struct unix_socket *u = unix_of(s);
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!u->name.len || u->state == UNIX_CONNECTED)
		return -EINVAL;
	if (backlog > u->backlog_max)
		socket_wake(s, EPOLLOUT);
	u->state = UNIX_LISTENS;
	u->backlog_max = backlog;
	u->cred = own_credentials();
	return 0;
}

static int connect_datagram(struct unix_socket *u, const struct socket_address *a)
{
	struct unix_socket *to = NULL, *before = u->peer;
	if (a->len >= sizeof a->family && a->family != AF_UNSPEC) {
		int err = unix_find(a, u->s.type, &to);
		if (!err && to->peer && to->peer != u) {
			unix_put(to);
			err = -EPERM;
		}
		if (err)
			return err;
	}
	u->peer = to;
	if (before)
		unix_put(before);
	wake(u);
	return 0;
}

// 0 with a listener that has room, referenced.
static int find_listener(struct unix_socket *u, const struct socket_address *a, bool nonblock, struct unix_socket **out)
{
	uint64_t deadline = TIME_NEVER;
	for (;;) {
		int err = unix_find(a, u->s.type, out);
		if (err)
			return err;
		if ((*out)->state != UNIX_LISTENS || (*out)->s.shut_read)
			err = -ECONNREFUSED;
		else if ((*out)->pending > (*out)->backlog_max)
			err = socket_wait(&(*out)->s.write_q, nonblock, u->s.send_timeout_ns, &deadline);
		else
			return 0;
		unix_put(*out);
		if (err)
			return err;
	}
}

int unix_connect(struct socket *s, const struct socket_address *a, bool nonblock)
{
	struct unix_socket *u = unix_of(s), *to, *other;
	if (s->type == SOCK_DGRAM)
		return connect_datagram(u, a);
	if (u->state != UNIX_IDLE)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
	int err = unix_new(s->type, &other);
	if (err)
		return err;
	err = find_listener(u, a, nonblock, &to);
	if (err) {
		other->s.ops->release(&other->s);
		return err;
	}
	if (u->state != UNIX_IDLE) { // meanwhile
		unix_put(to);
		other->s.ops->release(&other->s);
		return -EISCONN;
	}
	join(u, other);
	other->name = to->name;
	other->s.set.pass_credentials = to->s.set.pass_credentials;
	other->s.set.send_limit = to->s.set.send_limit;
	u->cred = other->peer_cred = own_credentials();
	u->peer_cred = to->cred;
	list_push_back(&to->backlog, &other->pending_link);
	to->pending++;
	waitq_wake(&to->s.read_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
	unix_put(to);
	return 0;
}

int unix_accept(struct socket *s, bool nonblock, struct socket **out)
{
	struct unix_socket *u = unix_of(s);
	uint64_t deadline = TIME_NEVER;
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (u->state != UNIX_LISTENS)
		return -EINVAL;
	while (list_empty(&u->backlog)) {
		if (s->shut_read)
			return -EINVAL;
		int err = socket_wait(&s->read_q, nonblock, s->receive_timeout_ns, &deadline);
		if (err)
			return err;
	}
	struct unix_socket *got = list_first(&u->backlog, struct unix_socket, pending_link);
	list_remove(&got->pending_link);
	u->pending--;
	waitq_wake(&s->write_q, 0x7fffffff, EPOLLOUT); // who waits to connect
	*out = &got->s;
	return 0;
}

static int unix_name(struct socket *s, enum socket_name peer, struct socket_address *out)
{
	const struct unix_socket *u = unix_of(s);
	if (peer && !(u = u->peer))
		return -ENOTCONN;
	*out = u->name;
	if (!out->len) {
		out->len = sizeof out->family;
		out->family = AF_UNIX;
	}
	return 0;
}

// --- parting -----------------------------------------------------------------------------------------------------

static int unix_shutdown(struct socket *s, int how)
{
	struct unix_socket *u = unix_of(s), *peer = u->peer;
	if (how != SHUT_WR)
		s->shut_read = true;
	if (how != SHUT_RD)
		s->shut_write = true;
	if (peer && s->type != SOCK_DGRAM) {
		peer->s.shut_write |= how != SHUT_WR;
		peer->s.shut_read |= how != SHUT_RD;
		wake(peer);
	}
	wake(u);
	return 0;
}

static void unix_release(struct socket *s)
{
	struct unix_socket *u = unix_of(s), *peer = u->peer;
	bool unread = !list_empty(&s->queue);
	u->open = false;
	list_remove(&u->link);
	while (!list_empty(&u->backlog)) {
		struct unix_socket *p = list_first(&u->backlog, struct unix_socket, pending_link);
		list_remove(&p->pending_link);
		if (p->peer)
			p->peer->s.error = ECONNRESET;
		p->s.ops->release(&p->s);
	}
	unix_unname(u);
	u->peer = NULL;
	if (peer) {
		if (s->type != SOCK_DGRAM) {
			peer->s.shut_read = peer->s.shut_write = true;
			if (unread && peer->open)
				peer->s.error = ECONNRESET;
		} // a datagram socket that sends to this one is told by its next send
		wake(peer);
		unix_put(peer);
	}
	wake(u); // who waits in the backlog
	socket_purge(s);
	unix_put(u);
}

// --- the rest -----------------------------------------------------------------------------------------------------

static int unix_drained(struct socket *s)
{
	const struct unix_socket *u = unix_of(s);
	if (s->type == SOCK_DGRAM)
		return s->shut_read;
	if (u->state != UNIX_CONNECTED)
		return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
	return s->shut_read || !u->peer || !u->peer->open;
}

static void unix_consumed(struct socket *s, size_t bytes)
{
	(void)bytes;
	if (s->type == SOCK_DGRAM) // who waits because there were many
		waitq_wake(&s->write_q, 0x7fffffff, EPOLLOUT);
}

static unsigned unix_poll(struct socket *s)
{
	const struct unix_socket *u = unix_of(s);
	bool connects = s->type != SOCK_DGRAM;
	unsigned ready = 0;
	if (u->state == UNIX_LISTENS)
		return list_empty(&u->backlog) ? 0 : EPOLLIN | EPOLLRDNORM;
	if (s->error)
		ready |= EPOLLERR;
	if (!list_empty(&s->queue) || s->shut_read)
		ready |= EPOLLIN | EPOLLRDNORM;
	if (s->shut_read)
		ready |= EPOLLRDHUP;
	if ((s->shut_read && s->shut_write) || (connects && (!u->peer || !u->peer->open)))
		ready |= EPOLLHUP;
	if (u->sent * 4 <= (size_t)s->set.send_limit)
		ready |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return ready;
}

static int64_t unix_ioctl(struct socket *s, unsigned cmd, uint64_t arg)
{
	int value;
	switch (cmd) {
	case FIONREAD:
		if (unix_of(s)->state == UNIX_LISTENS)
			return -EINVAL;
		value = (int)(s->type == SOCK_STREAM || list_empty(&s->queue)
				      ? s->queued
				      : list_first(&s->queue, struct socket_packet, link)->len);
		break;
	case TIOCOUTQ:
		value = (int)unix_of(s)->sent;
		break;
	default:
		return -ENOTTY;
	}
	return user_put(value, (int *)arg);
}

static int unix_get_option(struct socket *s, int level, int name, struct socket_option *o)
{
	const struct unix_socket *u = unix_of(s);
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_PEERCRED: {
		struct socket_credentials none = {0, -1u, -1u};
		o->len = sizeof none;
		memcpy(o->bytes, u->peer_cred.pid ? &u->peer_cred : u->state == UNIX_LISTENS ? &u->cred : &none, o->len);
		return 0;
	}
	case SO_ACCEPTCONN:
		o->value = u->state == UNIX_LISTENS;
		return 0;
	}
	return -ENOPROTOOPT;
}

static const struct socket_ops unix_ops = {
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.name = unix_name,
	.send = unix_send,
	.drained = unix_drained,
	.consumed = unix_consumed,
	.pair = unix_pair,
	.shutdown = unix_shutdown,
	.poll = unix_poll,
	.get_option = unix_get_option,
	.ioctl = unix_ioctl,
	.release = unix_release,
};

int unix_new(int type, struct unix_socket **out)
{
	struct unix_socket *u = heap_new(struct unix_socket);
	if (!u)
		return -ENOMEM;
	socket_init(&u->s, &unix_ops, AF_UNIX, type, 0);
	u->refs = 1;
	u->open = true;
	list_init(&u->backlog);
	list_push_back(&unix_all, &u->link);
	*out = u;
	return 0;
}

static int create(int type, int protocol, struct socket **out)
{
	struct unix_socket *u;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW) // datagrams here: unix(7)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	int err = unix_new(type, &u);
	if (!err)
		*out = &u->s;
	return err;
}

void unix_init(void) { socket_register(AF_UNIX, create); }

void unix_format(struct text *t)
{
	const struct unix_socket *u;
	text_append(t, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	list_for_each(u, &unix_all, link) {
		text_append(t, "%016lx: %08X 00000000 %08X %04X %02X %5lu", 0ul, u->refs,
			    u->state == UNIX_LISTENS ? 0x10000 : 0, u->s.type, u->state == UNIX_CONNECTED ? 3 : 1, u->s.ino);
		for (unsigned i = sizeof u->name.family; i < u->name.len; i++) {
			char c = u->name.bytes[i];
			if (i == sizeof u->name.family)
				text_append(t, " ");
			if (c || i == sizeof u->name.family)
				text_append(t, "%c", c ? c : '@');
		}
		text_append(t, "\n");
	}
}
