// SPDX-License-Identifier: MIT
//
// The sockets themselves: queues of messages, blocking, readiness. A descriptor in flight whose only other
// reference is the socket it travels on is not collected; closing both ends of the pair frees it.
#include <asm/ioctls.h>

#include "time/time.h"
#include "unix/private.h"

#define LIMIT_DEFAULT 212992 // net.core.wmem_default
#define CHUNK_MAX     32768  // of a stream

static void message_free(struct unix_message *m)
{
	list_remove(&m->link);
	unix_files_put(m->file, m->files);
	heap_free(m);
}

void unix_files_put(struct file **file, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		file_put(file[i]);
	heap_free(file);
}

static void socket_put(struct unix_socket *s)
{
	if (--s->refs)
		return;
	struct unix_message *m, *next;
	list_for_each_safe(m, next, &s->queue, link)
		message_free(m);
	heap_free(s);
}

struct unix_socket *unix_of(struct file *f) { return f->ops == &unix_socket_ops ? f->fs : NULL; }

static void wake(struct unix_socket *s, unsigned key)
{
	waitq_wake(&s->read_q, 0x7fffffff, key);
	waitq_wake(&s->write_q, 0x7fffffff, key);
}

// --- sending -----------------------------------------------------------------------------------------------

static bool peer_gone(struct unix_socket *s) { return !s->peer->open || s->peer->shut_read; }

static int64_t broken(struct unix_socket *s, struct unix_io *io)
{
	if (s->type == SOCK_DGRAM && !s->shut_write)
		return -ECONNREFUSED;
	if (!(io->flags & MSG_NOSIGNAL))
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	return -EPIPE;
}

static int wait_on(struct waitq *q, bool nonblock, uint64_t timeout_ns, uint64_t *deadline)
{
	if (nonblock)
		return -EAGAIN;
	if (timeout_ns && *deadline == TIME_NEVER)
		*deadline = time_add(time_mono_ns(), timeout_ns);
	int err = waitq_sleep(q, *deadline);
	return err == -ETIMEDOUT ? -EAGAIN : !err ? 0 : timeout_ns ? -EINTR : -ERESTARTSYS;
}

static int64_t send_one(struct unix_socket *s, struct unix_io *io, size_t len)
{
	struct unix_message *m = heap_alloc(sizeof *m + len);
	if (!m)
		return -ENOBUFS;
	int64_t n = len ? iter_read(&io->it, m->data, len) : 0; // may sleep: look at the peer afterwards
	if (n < 0 || (s->type != SOCK_STREAM && (size_t)n < len)) {
		heap_free(m);
		return -EFAULT;
	}
	if (peer_gone(s)) {
		heap_free(m);
		return broken(s, io);
	}
	m->len = (size_t)n;
	m->off = 0;
	m->cred = io->cred;
	m->file = io->file; // they travel with the first piece
	m->files = io->files;
	io->file = NULL;
	io->files = 0;
	list_push_back(&s->peer->queue, &m->link);
	s->peer->bytes += m->len;
	waitq_wake(&s->peer->read_q, 0x7fffffff, EPOLLIN | EPOLLRDNORM);
	return n;
}

int64_t unix_send(struct unix_socket *s, struct unix_io *io)
{
	int64_t done = 0;
	uint64_t deadline = TIME_NEVER;
	bool stream = s->type == SOCK_STREAM;
	if (io->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!stream && io->it.left > s->peer->limit)
		return -EMSGSIZE;
	if (stream && !io->it.left)
		return 0;
	do {
		if (s->shut_write || peer_gone(s))
			return done ? done : broken(s, io);
		size_t room = s->peer->limit > s->peer->bytes ? s->peer->limit - s->peer->bytes : 0;
		size_t len = stream ? MIN(io->it.left, (size_t)CHUNK_MAX) : io->it.left;
		if (stream ? !room : s->peer->bytes && room < len) {
			int err = wait_on(&s->write_q, io->nonblock, s->send_timeout_ns, &deadline);
			if (err)
				return done ? done : err;
			continue;
		}
		int64_t n = send_one(s, io, stream ? MIN(len, room) : len);
		if (n < 0)
			return done ? done : n;
		done += n;
		if (!stream)
			return done;
	} while (io->it.left);
	return done;
}

// --- receiving -------------------------------------------------------------------------------------------------

static int wait_message(struct unix_socket *s, struct unix_io *io, uint64_t *deadline)
{
	while (list_empty(&s->queue)) {
		if (s->shut_read || (s->type != SOCK_DGRAM && (!s->peer->open || s->peer->shut_write)))
			return 1; // end of file
		int err = wait_on(&s->read_q, io->nonblock, s->receive_timeout_ns, deadline);
		if (err)
			return err;
	}
	return 0;
}

static void take_files(struct unix_message *m, struct unix_io *io)
{
	if (io->flags & MSG_PEEK) { // looked at, they stay; a peeking receiver gets copies
		io->file = m->files ? heap_alloc(m->files * sizeof *m->file) : NULL;
		io->files = io->file ? m->files : 0;
		for (unsigned i = 0; i < io->files; i++)
			file_get(io->file[i] = m->file[i]);
		return;
	}
	io->file = m->file;
	io->files = m->files;
	m->file = NULL;
	m->files = 0;
}

static int64_t receive_packet(struct unix_socket *s, struct unix_io *io)
{
	struct unix_message *m = list_first(&s->queue, struct unix_message, link);
	bool peek = io->flags & MSG_PEEK;
	size_t len = MIN(m->len, io->it.left);
	take_files(m, io);
	io->cred = m->cred;
	if (m->len > len)
		io->out_flags |= MSG_TRUNC;
	int64_t n = io->flags & MSG_TRUNC ? (int64_t)m->len : (int64_t)len;
	if (!peek) {
		list_remove(&m->link); // the copy may sleep: it is ours now
		s->bytes -= m->len;
	}
	int64_t w = len ? iter_write(&io->it, m->data, len) : 0;
	if (!peek) {
		message_free(m);
		waitq_wake(&s->peer->write_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
	}
	return w < (int64_t)len ? -EFAULT : n;
}

// MSG_PEEK: what a read would give, from as many messages; a copy that sleeps may see them go, so each piece is
// found anew by its distance from the front.
static int64_t peek_stream(struct unix_socket *s, struct unix_io *io)
{
	int64_t done = 0;
	while (io->it.left) {
		char chunk[512];
		size_t skip = (size_t)done, len = 0;
		struct unix_message *m;
		list_for_each(m, &s->queue, link) {
			if (m->files && done)
				return done;
			if (skip < m->len - m->off) {
				len = MIN(MIN(m->len - m->off - skip, io->it.left), sizeof chunk);
				memcpy(chunk, m->data + m->off + skip, len);
				break;
			}
			skip -= m->len - m->off;
		}
		if (!len)
			break;
		if (!done) {
			take_files(m, io);
			io->cred = m->cred;
		}
		int64_t w = iter_write(&io->it, chunk, len);
		if (w < (int64_t)len)
			return done ? done : -EFAULT;
		done += w;
	}
	return done;
}

static int64_t receive_stream(struct unix_socket *s, struct unix_io *io, bool first)
{
	int64_t done = 0;
	struct unix_message *m = list_first(&s->queue, struct unix_message, link);
	if (io->flags & MSG_PEEK)
		return peek_stream(s, io);
	while (io->it.left && &m->link != &s->queue) {
		if (m->files && (!first || done))
			break; // descriptors are never merged with what came before them
		char chunk[512];
		size_t len = MIN(m->len - m->off, io->it.left);
		bool whole = len == m->len - m->off;
		int64_t w;
		if (first && !done) {
			take_files(m, io);
			io->cred = m->cred;
		}
		if (!whole) { // it stays: another thread may take it while this copy sleeps
			len = MIN(len, sizeof chunk);
			memcpy(chunk, m->data + m->off, len);
			m->off += len;
			s->bytes -= len;
			w = iter_write(&io->it, chunk, len);
			if (w < (int64_t)len)
				return done ? done : -EFAULT;
			done += w;
			m = list_first(&s->queue, struct unix_message, link);
			continue;
		}
		list_remove(&m->link);
		s->bytes -= len;
		w = iter_write(&io->it, m->data + m->off, len);
		message_free(m);
		if (w < (int64_t)len)
			return done ? done : -EFAULT;
		done += w;
		m = list_first(&s->queue, struct unix_message, link);
	}
	waitq_wake(&s->peer->write_q, 0x7fffffff, EPOLLOUT | EPOLLWRNORM);
	return done;
}

int64_t unix_receive(struct unix_socket *s, struct unix_io *io)
{
	int64_t done = 0;
	uint64_t deadline = TIME_NEVER;
	if (io->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type == SOCK_STREAM && !io->it.left)
		return 0;
	do {
		int err = wait_message(s, io, &deadline);
		if (err)
			return done ? done : err < 0 ? err : 0;
		int64_t n = s->type == SOCK_STREAM ? receive_stream(s, io, !done) : receive_packet(s, io);
		if (n < 0)
			return done ? done : n;
		done += n;
		if (s->type != SOCK_STREAM || !n)
			return done;
	} while ((io->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL && io->it.left && !io->files);
	return done;
}

int unix_shutdown(struct unix_socket *s, int how)
{
	if (how < 0 || how > 2)
		return -EINVAL;
	if (how != 1)
		s->shut_read = true;
	if (how != 0)
		s->shut_write = true;
	wake(s, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP);
	wake(s->peer, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP);
	return 0;
}

// --- the file ------------------------------------------------------------------------------------------------------

static int64_t socket_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct unix_io io = {.it = *to, .nonblock = f->flags & O_NONBLOCK};
	(void)pos;
	if (to->seg == &to->one)
		io.it.seg = &io.it.one;
	int64_t n = unix_receive(f->fs, &io);
	unix_files_put(io.file, io.files); // read(2) throws descriptors away
	return n;
}

static int64_t socket_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct process *p = process_current();
	struct unix_io io = {
		.it = *from, .nonblock = f->flags & O_NONBLOCK, .cred = {p->pid, p->cred.uid, p->cred.gid}};
	(void)pos;
	if (from->seg == &from->one)
		io.it.seg = &io.it.one;
	return unix_send(f->fs, &io);
}

static unsigned socket_poll(struct file *f, struct poller *p)
{
	struct unix_socket *s = f->fs;
	unsigned ready = 0;
	bool connected = s->type != SOCK_DGRAM, gone = connected && (!s->peer->open || s->peer->shut_write);
	poll_wait(p, &s->read_q);
	poll_wait(p, &s->write_q);
	if (!list_empty(&s->queue) || s->shut_read || gone)
		ready |= EPOLLIN | EPOLLRDNORM;
	if (s->shut_read || gone)
		ready |= EPOLLRDHUP;
	if ((s->shut_read && s->shut_write) || (connected && !s->peer->open))
		ready |= EPOLLHUP;
	if (s->peer->bytes * 4 <= s->peer->limit * 3 || !s->peer->open)
		ready |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return ready;
}

static int64_t socket_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct unix_socket *s = f->fs;
	int value;
	switch (cmd) {
	case FIONREAD:
		value = (int)(s->type == SOCK_STREAM || list_empty(&s->queue)
				      ? s->bytes
				      : list_first(&s->queue, struct unix_message, link)->len);
		return user_put(value, (int *)arg);
	case TIOCOUTQ:
		value = (int)s->peer->bytes;
		return user_put(value, (int *)arg);
	}
	return -ENOTTY;
}

static void socket_release(struct file *f)
{
	struct unix_socket *s = f->fs, *peer = s->peer;
	s->open = false;
	wake(peer, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | EPOLLERR);
	struct unix_message *m, *next; // what nobody will read; descriptors in flight close now
	list_for_each_safe(m, next, &s->queue, link)
		message_free(m);
	s->bytes = 0;
	if (!peer->open) { // the last of the two: nobody points at either any more
		s->peer = peer->peer = NULL;
		socket_put(s);
		socket_put(peer);
	}
	socket_put(s);
}

const struct file_ops unix_socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.seek = file_seek_none,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

static struct super socket_super = {.type = "sockfs", .magic = 0x534F434B};

static struct unix_socket *socket_new(int type)
{
	struct process *p = process_current();
	struct unix_socket *s = heap_new(struct unix_socket);
	if (!s)
		return NULL;
	s->type = type;
	s->refs = 2;
	s->open = true;
	s->limit = LIMIT_DEFAULT;
	s->cred = (struct unix_credentials){p->pid, p->cred.euid, p->cred.egid};
	list_init(&s->queue);
	waitq_init(&s->read_q);
	waitq_init(&s->write_q);
	return s;
}

static int socket_file(struct unix_socket *s, uint32_t flags, struct file **out)
{
	struct inode *i = inode_alloc(&socket_super, S_IFSOCK | 0777);
	if (!i)
		return -ENOMEM;
	int err = file_create_inode(i, O_RDWR | flags, out);
	inode_put(i);
	if (err)
		return err;
	(*out)->ops = &unix_socket_ops;
	(*out)->fs = s;
	return 0;
}

int unix_create_pair(int type, struct file *out[2], uint32_t flags)
{
	if (!socket_super.dev)
		socket_super.dev = super_new_dev();
	struct unix_socket *a = socket_new(type), *b = socket_new(type);
	int err = -ENOMEM;
	if (!a || !b)
		goto fail;
	a->peer = b;
	b->peer = a;
	if ((err = socket_file(a, flags, &out[0])))
		goto fail;
	if ((err = socket_file(b, flags, &out[1]))) {
		out[0]->ops = NULL;
		file_put(out[0]);
		goto fail;
	}
	return 0;
fail:
	heap_free(a);
	heap_free(b);
	return err;
}
