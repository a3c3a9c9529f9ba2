// SPDX-License-Identifier: MIT
//
// Sockets as files, for every family: creation, reading and writing, readiness, waiting.
#include "socket/socket.h"

#include <asm/ioctls.h>
#include <linux/sockios.h>

#include "signal/signal.h"
#include "time/time.h"

#define FAMILY_MAX 46

static socket_create_fn family_create[FAMILY_MAX];

void socket_register(int family, socket_create_fn create) { family_create[family] = create; }

int socket_create(int family, int type, int protocol, struct socket **out)
{
	if (family < 0 || family >= FAMILY_MAX || !family_create[family])
		return -EAFNOSUPPORT;
	return family_create[family](type, protocol, out);
}

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol)
{
	s->ops = ops;
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->set.send_limit = s->set.receive_limit = SOCKET_BUFFER;
	s->set.low_water = 1;
	s->set.incoming_cpu = -1;
	waitq_init(&s->read_q);
	waitq_init(&s->write_q);
	list_init(&s->queue);
	mutex_init(&s->reading);
}

int socket_error(struct socket *s)
{
	int err = s->error;
	s->error = 0;
	return -err;
}

void socket_wake(struct socket *s, unsigned key)
{
	waitq_wake(&s->read_q, 0x7fffffff, key);
	waitq_wake(&s->write_q, 0x7fffffff, key);
}

int socket_wait(struct waitq *q, bool nonblock, uint64_t timeout_ns, uint64_t *deadline)
{
	if (nonblock)
		return -EAGAIN;
	if (timeout_ns && *deadline == TIME_NEVER)
		*deadline = time_add(time_mono_ns(), timeout_ns);
	int err = waitq_sleep(q, *deadline);
	return err == -ETIMEDOUT ? -EAGAIN : !err ? 0 : timeout_ns ? -EINTR : -ERESTARTSYS; // signal(7)
}

int64_t socket_broken(struct socket_io *io)
{
	if (!(io->flags & MSG_NOSIGNAL))
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	return -EPIPE;
}

// A socket in flight may hold another in its queue, that one a third, ...: they are closed one after the other, not
// one within the other, or the kernel's stack would not do.
void socket_files_put(struct file **file, unsigned count)
{
	struct batch {
		struct list link;
		struct file **file;
		unsigned count;
	} self = {.file = file, .count = count};
	static struct list later = LIST_INIT(later);
	static bool busy;
	if (!file)
		return;
	if (busy) {
		struct batch *b = heap_alloc(sizeof *b);
		if (b) { // else the stack has to do
			*b = self;
			list_push_back(&later, &b->link);
			return;
		}
	}
	bool outermost = !busy;
	busy = true;
	for (unsigned i = 0; i < count; i++)
		file_put(file[i]);
	heap_free(file);
	while (outermost && !list_empty(&later)) {
		struct batch *b = list_first(&later, struct batch, link);
		list_remove(&b->link);
		for (unsigned i = 0; i < b->count; i++)
			file_put(b->file[i]);
		heap_free(b->file);
		heap_free(b);
	}
	if (outermost)
		busy = false;
}

// --- the file -----------------------------------------------------------------------------------------------------

static void iter_move(struct iter *to, const struct iter *from) // one that points into itself
{
	*to = *from;
	if (from->seg == &from->one)
		to->seg = &to->one;
}

static int64_t file_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct socket *s = f->fs;
	struct socket_io io;
	(void)pos;
	if (!to->left)
		return 0;
	memset(&io, 0, sizeof io);
	iter_move(&io.it, to);
	io.nonblock = f->flags & O_NONBLOCK;
	int64_t n = socket_receive(s, &io);
	iter_move(to, &io.it);
	socket_files_put(io.file, io.files); // read(2) throws descriptors away
	return n;
}

static int64_t file_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct socket *s = f->fs;
	struct socket_io io;
	(void)pos;
	memset(&io, 0, sizeof io);
	iter_move(&io.it, from);
	io.nonblock = f->flags & O_NONBLOCK;
	if (s->type == SOCK_SEQPACKET)
		io.flags = MSG_EOR;
	int64_t n = s->ops->send(s, &io);
	iter_move(from, &io.it);
	return n;
}

static unsigned file_ready(struct file *f, struct poller *p)
{
	struct socket *s = f->fs;
	poll_wait(p, &s->read_q);
	poll_wait(p, &s->write_q);
	return s->ops->poll(s);
}

static int64_t file_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct socket *s = f->fs;
	switch (cmd) { // the owner, as fcntl(2) has it too
	case FIOSETOWN:
	case SIOCSPGRP:
		return user_get(f->owner_pid, (int *)arg);
	case FIOGETOWN:
	case SIOCGPGRP:
		return user_put(f->owner_pid, (int *)arg);
	}
	return s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;
}

static void file_release(struct file *f)
{
	struct socket *s = f->fs;
	s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
	.read = file_read,
	.write = file_write,
	.seek = file_seek_none,
	.poll = file_ready,
	.ioctl = file_ioctl,
	.release = file_release,
};

struct socket *socket_of(struct file *f) { return f->ops == &socket_file_ops && !(f->mode & FILE_PATH) ? f->fs : NULL; }

int socket_open(struct socket *s, uint32_t flags, struct file **out)
{
	static struct super super = {.type = "sockfs", .magic = 0x534F434B};
	if (!super.dev)
		super.dev = super_new_dev();
	struct inode *i = inode_alloc(&super, S_IFSOCK | 0777);
	int err = i ? file_create_inode(i, O_RDWR | flags, out) : -ENOMEM;
	if (!err)
		s->ino = i->ino;
	if (i)
		inode_put(i);
	if (err) {
		s->ops->release(s);
		return err;
	}
	(*out)->ops = &socket_file_ops;
	(*out)->fs = s;
	return 0;
}
