// SPDX-License-Identifier: MIT
//
// What waits in a socket to be read, and reading it: the same for every family. A reader copies from the packet where
// it lies, with `reading` held: only readers take packets away, so it stays while the copy sleeps.
#include "proc/process.h"
#include "socket/socket.h"

struct socket_packet *socket_packet_new(size_t len, const struct socket_address *from)
{
	unsigned from_len = from ? from->len : 0;
	struct socket_packet *p = heap_alloc(sizeof *p + from_len + len);
	if (!p)
		return NULL;
	*p = (struct socket_packet){.len = len, .data = p->bytes + from_len, .from = p->bytes, .from_len = from_len};
	if (from_len)
		memcpy(p->from, from->bytes, from_len);
	return p;
}

int socket_packet_from(struct socket *s, struct socket_io *io, size_t len, const struct socket_address *from,
		       struct socket_packet **out)
{
	struct socket_packet *p = socket_packet_new(len, from);
	if (!p)
		return -ENOBUFS;
	int64_t n = len ? iter_read(&io->it, p->data, len) : 0;
	if (n < 0 || (s->type != SOCK_STREAM && (size_t)n < len)) {
		heap_free(p);
		return -EFAULT;
	}
	p->len = (size_t)n;
	p->has_cred = io->has_cred;
	p->cred = io->cred;
	*out = p;
	return 0;
}

void socket_packet_free(struct socket_packet *p)
{
	if (p->taken)
		p->taken(p);
	socket_files_put(p->file, p->files);
	heap_free(p->block);
	heap_free(p);
}

void socket_append(struct socket *s, struct socket_packet *p)
{
	list_push_back(&s->queue, &p->link);
	s->queued += p->len;
}

void socket_queue(struct socket *s, struct socket_packet *p)
{
	socket_append(s, p);
	waitq_wake(&s->read_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
}

static void drop(struct socket *s, struct socket_packet *p)
{
	list_remove(&p->link);
	s->queued -= p->len - p->off;
	socket_packet_free(p);
}

void socket_purge(struct socket *s)
{
	while (!list_empty(&s->queue))
		drop(s, list_first(&s->queue, struct socket_packet, link));
}

// *fetched: bytes that are in `io` already, instead of in the queue.
static int wait_packet(struct socket *s, struct socket_io *io, uint64_t *deadline, int64_t *fetched)
{
	*fetched = 0;
	if (list_empty(&s->queue))
		sched_take_news(false);
	if (s->ops->fetch)
		*fetched = s->ops->fetch(s, io);
	while (list_empty(&s->queue) && !*fetched) {
		// EPIPE is for who sends: the end came before the reset.
		int err = s->error && s->error != EPIPE ? socket_error(s) : s->ops->drained(s);
		if (!err)
			err = socket_wait(&s->read_q, io->nonblock, s->receive_timeout_ns, deadline);
		if (err)
			return err;
		if (s->ops->fetch)
			*fetched = s->ops->fetch(s, io);
	}
	return 0;
}

// What goes along with the data; a reader that only looks gets copies of the descriptors.
static void take_along(struct socket_packet *p, struct socket_io *io)
{
	io->has_cred = p->has_cred;
	io->cred = p->cred;
	io->address.len = p->from_len;
	if (p->from_len)
		memcpy(io->address.bytes, p->from, p->from_len);
	if (!p->files)
		return;
	if (!(io->flags & MSG_PEEK)) {
		io->file = p->file;
		io->files = p->files;
		p->file = NULL;
		p->files = 0;
		return;
	}
	io->file = heap_alloc(p->files * sizeof *io->file);
	io->files = io->file ? p->files : 0;
	for (unsigned i = 0; i < io->files; i++)
		file_get(io->file[i] = p->file[i]);
}

static int64_t receive_packet(struct socket *s, struct socket_io *io)
{
	struct socket_packet *p = list_first(&s->queue, struct socket_packet, link);
	size_t len = MIN(p->len, io->it.left), whole = p->len;
	take_along(p, io);
	if (whole > len)
		io->out_flags |= MSG_TRUNC;
	int64_t n = len ? iter_write(&io->it, p->data, len) : 0;
	if (!(io->flags & MSG_PEEK)) {
		drop(s, p);
		if (s->ops->consumed)
			s->ops->consumed(s, whole);
	}
	return n < (int64_t)len ? -EFAULT : io->flags & MSG_TRUNC ? (int64_t)whole : (int64_t)len;
}

// Descriptors, and data of another sender where the reader wants to know it, are never merged with what came before.
static bool joins(const struct socket *s, const struct socket_packet *p, const struct socket_io *io, bool first)
{
	return first || (!p->files && !io->files &&
			 (!s->set.pass_credentials || (p->has_cred == io->has_cred && !memcmp(&p->cred, &io->cred, sizeof p->cred))));
}

static int64_t receive_stream(struct socket *s, struct socket_io *io, bool first)
{
	bool peek = io->flags & MSG_PEEK, discard = (io->flags & MSG_TRUNC) && s->family != AF_UNIX;
	size_t done = 0;
	struct socket_packet *p, *next;
	list_for_each_safe(p, next, &s->queue, link) {
		if (!io->it.left || !joins(s, p, io, first && !done))
			break;
		if (first && !done)
			take_along(p, io);
		size_t len = MIN(p->len - p->off, io->it.left);
		int64_t n = (int64_t)len;
		if (discard)
			iter_advance(&io->it, len);
		else
			n = iter_write(&io->it, p->data + p->off, len);
		if (n <= 0) {
			if (!done)
				return -EFAULT;
			break;
		}
		done += (size_t)n;
		if (!peek) {
			p->off += (size_t)n;
			s->queued -= (size_t)n;
			next = list_entry(p->link.next, struct socket_packet, link); // what came while the copy slept
			if (p->off == p->len)
				drop(s, p);
		}
		if ((size_t)n < len)
			break;
	}
	if (!peek && done && s->ops->consumed)
		s->ops->consumed(s, done);
	return (int64_t)done;
}

int64_t socket_receive(struct socket *s, struct socket_io *io)
{
	bool stream = s->type == SOCK_STREAM, all = stream && (io->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL;
	uint64_t deadline = TIME_NEVER;
	int64_t done = 0, fetched = 0;
	if (io->flags & MSG_OOB) // nobody sends any
		return s->family == AF_UNIX ? -EOPNOTSUPP : -EINVAL;
	if (io->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (stream && !io->it.left)
		return 0;
	do {
		int err = !stream && s->error ? socket_error(s) : wait_packet(s, io, &deadline, &fetched);
		if (err)
			return done ? done : err < 0 ? err : 0;
		if (fetched) {
			done += fetched;
			if (!all)
				return done;
			continue;
		}
		mutex_lock(&s->reading);
		int64_t n = 0;
		if (!list_empty(&s->queue)) // another reader may have been first
			n = stream ? receive_stream(s, io, !done) : receive_packet(s, io);
		else
			n = -EINTR;
		mutex_unlock(&s->reading);
		if (n == -EINTR)
			continue;
		if (n < 0)
			return done ? done : n;
		done += n;
		if (!all || io->files)
			return done;
	} while (!stream || !done || (all && io->it.left));
	return done;
}
