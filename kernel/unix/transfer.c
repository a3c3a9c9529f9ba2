// SPDX-License-Identifier: MIT
//
// Sending. What a socket has sent counts against its own SO_SNDBUF until it is read.
#include "proc/process.h"
#include "unix/private.h"

#define CHUNK_MAX     32768 // of a stream
#define DATAGRAMS_MAX 10    // in one socket that does not send back: net.unix.max_dgram_qlen

static void taken(struct socket_packet *p)
{
	struct unix_socket *u = p->owner;
	u->sent -= p->len;
	if (u->open)
		waitq_wake(&u->s.write_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
	unix_put(u);
}

static int send_one(struct unix_socket *u, struct unix_socket *to, struct socket_io *io, size_t len)
{
	struct socket_packet *p;
	int err = socket_packet_from(&u->s, io, len, u->s.type == SOCK_DGRAM && u->name.len ? &u->name : NULL, &p);
	if (err)
		return err;
	if (!to->open || to->s.shut_read) { // the copy may have slept
		socket_packet_free(p);
		return u->s.type == SOCK_DGRAM ? -ECONNREFUSED : (int)socket_broken(io);
	}
	p->file = io->file; // they travel with the first piece
	p->files = io->files;
	io->file = NULL;
	io->files = 0;
	p->taken = taken;
	unix_get(p->owner = u);
	u->sent += p->len;
	size_t n = p->len;
	socket_queue(&to->s, p);
	return (int)n;
}

static int64_t send_stream(struct unix_socket *u, struct socket_io *io)
{
	uint64_t deadline = TIME_NEVER;
	int64_t done = 0;
	if (io->address.len)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	while (io->it.left) {
		struct unix_socket *to = u->peer;
		if (u->s.shut_write || !to || !to->open || to->s.shut_read)
			return done ? done : socket_broken(io);
		size_t limit = (size_t)u->s.set.send_limit, room = limit > u->sent ? limit - u->sent : 0;
		int n;
		if (!room) {
			n = socket_wait(&u->s.write_q, io->nonblock, u->s.send_timeout_ns, &deadline);
		} else {
			unix_get(to);
			n = send_one(u, to, io, MIN(MIN(io->it.left, (size_t)CHUNK_MAX), room));
			unix_put(to);
		}
		if (n < 0)
			return done ? done : n;
		done += n;
	}
	return done;
}

// Whether a datagram must wait: for the sender's own buffer, or for a receiver that has many.
static struct waitq *packet_waits(struct unix_socket *u, struct unix_socket *to, size_t len)
{
	if (u->sent && u->sent + len > (size_t)u->s.set.send_limit)
		return &u->s.write_q;
	if (u->s.type != SOCK_DGRAM || to->peer == u || to == u)
		return NULL;
	unsigned count = 0;
	struct socket_packet *p;
	list_for_each(p, &to->s.queue, link)
		count++;
	return count > DATAGRAMS_MAX ? &to->s.write_q : NULL;
}

static int find_receiver(struct unix_socket *u, struct socket_io *io, struct unix_socket **to)
{
	*to = NULL;
	if (u->s.type == SOCK_DGRAM && io->address.len)
		return unix_find(&io->address, SOCK_DGRAM, to);
	if (io->address.len)
		return -EISCONN;
	if (u->s.error)
		return socket_error(&u->s);
	if (!u->peer)
		return u->state == UNIX_CONNECTED ? (int)socket_broken(io) : -ENOTCONN;
	unix_get(*to = u->peer);
	return 0;
}

static int64_t send_packet(struct unix_socket *u, struct socket_io *io)
{
	uint64_t deadline = TIME_NEVER;
	struct unix_socket *to;
	size_t len = io->it.left;
	if (u->s.shut_write)
		return socket_broken(io);
	if (len > (size_t)u->s.set.send_limit)
		return -EMSGSIZE;
	int n = find_receiver(u, io, &to);
	if (n)
		return n;
	do {
		struct waitq *q = packet_waits(u, to, len);
		if (!to->open || (to->s.shut_read && u->s.type != SOCK_DGRAM))
			n = u->s.type == SOCK_DGRAM ? -ECONNREFUSED : (int)socket_broken(io);
		else if (to->s.shut_read)
			n = (int)socket_broken(io);
		else if (to->peer && to->peer != u && u->s.type == SOCK_DGRAM)
			n = -EPERM;
		else if (!q)
			break;
		else
			n = socket_wait(q, io->nonblock, u->s.send_timeout_ns, &deadline);
	} while (!n);
	if (!n)
		n = send_one(u, to, io, len);
	if (u->s.type == SOCK_DGRAM && !to->open && u->peer == to) { // said once; from then on it has no peer
		u->peer = NULL;
		unix_put(to);
	}
	unix_put(to);
	return n;
}

int64_t unix_send(struct socket *s, struct socket_io *io)
{
	const struct process *p = process_current();
	struct unix_socket *u = unix_of(s);
	if (io->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!io->has_cred) {
		io->has_cred = true;
		io->cred = (struct socket_credentials){p->pid, p->cred.uid, p->cred.gid};
	}
	return s->type == SOCK_STREAM ? send_stream(u, io) : send_packet(u, io);
}
