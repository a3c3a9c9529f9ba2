// SPDX-License-Identifier: MIT
//
// The socket system calls that move data: send(2), recv(2) and their like.
#include "proc/process.h"
#include "socket/socket_sys.h"
#include "sys/syscalls.h"
#include "time/time.h"

#define IOV_MAX	   1024
#define LENGTH_MAX 0x7ffff000

// `copied`: the vector in kernel memory; NULL: it is read where the program says.
static int message_iov(struct iter *it, const struct message_head *h, const struct iter_segment *copied, struct iter_segment **seg)
{
	size_t total = 0;
	*seg = NULL;
	if (h->iov_count > IOV_MAX)
		return -EMSGSIZE;
	if (!h->iov_count) {
		iter_init_user(it, NULL, 0);
		return 0;
	}
	*seg = heap_alloc(h->iov_count * sizeof **seg);
	if (!*seg)
		return -ENOMEM;
	if (copied)
		memcpy(*seg, copied, h->iov_count * sizeof **seg);
	else if (user_read(*seg, h->iov, h->iov_count * sizeof **seg))
		return -EFAULT;
	for (size_t i = 0; i < h->iov_count; i++) {
		if ((int64_t)(*seg)[i].len < 0)
			return -EINVAL;
		if (!user_range_ok((uint64_t)(*seg)[i].base, (*seg)[i].len))
			return -EFAULT;
		total += (*seg)[i].len;
	}
	iter_init_segments(it, *seg, (unsigned)h->iov_count, total);
	return 0;
}

static void io_init(struct socket_io *io, struct file *f, unsigned flags)
{
	memset(io, 0, sizeof *io);
	io->flags = flags;
	io->nonblock = (f->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT);
}

long socket_send_message(struct file *f, struct socket *s, const struct message_head *h, const struct iter_segment *iov, unsigned flags)
{
	struct socket_io io;
	struct iter_segment *seg;
	io_init(&io, f, flags);
	long n = message_iov(&io.it, h, iov, &seg);
	if (!n && h->name && h->name_len) // too long a one is cut: it is refused or understood without the rest
		n = h->name_len < 0 ? -EINVAL
				    : socket_address_get(&io.address, h->name, MIN((unsigned)h->name_len, (unsigned)SOCKET_ADDRESS_MAX));
	if (!n)
		n = socket_control_read(s, &io, h->control, h->control_len);
	if (!n)
		n = s->ops->send(s, &io);
	socket_files_put(io.file, io.files); // what was not sent
	heap_free(seg);
	return n;
}

long sys_sendmsg(int fd, const void *msg, int flags)
{
	struct message_head h;
	struct file *f;
	long n;
	struct socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	n = user_get(h, (const struct message_head *)msg) ? -EFAULT : socket_send_message(f, s, &h, NULL, (unsigned)flags);
	file_put(f);
	return n;
}

long sys_sendto(int fd, const void *buf, size_t len, int flags, const void *addr, unsigned addrlen)
{
	struct file *f;
	struct socket_io io;
	long n;
	len = MIN(len, (size_t)LENGTH_MAX);
	if (!user_range_ok((uint64_t)buf, len))
		return -EFAULT;
	struct socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	io_init(&io, f, (unsigned)flags);
	n = addr ? socket_address_get(&io.address, addr, addrlen) : 0;
	if (!n) {
		iter_init_user(&io.it, (void *)(uintptr_t)buf, len);
		n = s->ops->send(s, &io);
	}
	file_put(f);
	return n;
}

long socket_receive_message(struct file *f, struct socket *s, struct message_head *h, const struct iter_segment *iov, unsigned flags)
{
	struct socket_io io;
	struct iter_segment *seg;
	io_init(&io, f, flags);
	io.control = (struct socket_control){.at = h->control, .left = h->control ? h->control_len : 0};
	if (h->name && h->name_len < 0)
		return -EINVAL;
	long n = message_iov(&io.it, h, iov, &seg);
	if (!n)
		n = socket_receive(s, &io);
	if (n >= 0) {
		int err = socket_control_put_scm(s, &io);
		if (!err && s->ops->ancillary)
			err = s->ops->ancillary(s, &io);
		if (!err && h->name && user_write(h->name, io.address.bytes, MIN((unsigned)h->name_len, io.address.len)))
			err = -EFAULT;
		if (err)
			n = err;
		h->flags = io.out_flags | (io.control.cut ? MSG_CTRUNC : 0) | (flags & MSG_CMSG_CLOEXEC) |
			   (s->type == SOCK_SEQPACKET && n > 0 ? MSG_EOR : 0);
		h->control_len = h->control ? (size_t)(io.control.at - (char *)h->control) : 0;
		h->name_len = (int)io.address.len;
	}
	socket_files_put(io.file, io.files);
	heap_free(seg);
	return n;
}

int socket_put_results(const struct message_head *h, struct message_head *user)
{
	return (h->name && user_put(h->name_len, &user->name_len)) || user_put(h->control_len, &user->control_len) ||
			       user_put(h->flags, &user->flags)
		       ? -EFAULT
		       : 0;
}

long sys_recvmsg(int fd, void *msg, int flags)
{
	struct message_head h;
	struct file *f;
	long n;
	struct socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	n = user_get(h, (struct message_head *)msg) ? -EFAULT : socket_receive_message(f, s, &h, NULL, (unsigned)flags);
	if (n >= 0 && socket_put_results(&h, msg))
		n = -EFAULT;
	file_put(f);
	return n;
}

long sys_recvfrom(int fd, void *buf, size_t len, int flags, void *addr, void *addrlen)
{
	struct file *f;
	struct socket_io io;
	long n;
	struct socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	len = MIN(len, (size_t)LENGTH_MAX);
	n = -EFAULT;
	if (user_range_ok((uint64_t)buf, len)) {
		io_init(&io, f, (unsigned)flags);
		iter_init_user(&io.it, buf, len);
		n = socket_receive(s, &io);
		socket_files_put(io.file, io.files);
	}
	if (n >= 0 && addr && socket_address_put(&io.address, addr, addrlen))
		n = -EFAULT;
	file_put(f);
	return n;
}

struct message_head_n { // struct mmsghdr
	struct message_head head;
	unsigned len;
};

long sys_sendmmsg(int fd, void *msgvec, unsigned vlen, int flags)
{
	struct message_head_n *v = msgvec;
	unsigned done = 0;
	vlen = MIN(vlen, (unsigned)IOV_MAX);
	for (; done < vlen; done++) {
		long n = sys_sendmsg(fd, &v[done].head, flags);
		unsigned len = (unsigned)n;
		if (n >= 0 && user_put(len, &v[done].len))
			n = -EFAULT;
		if (n < 0)
			return done ? (long)done : n;
	}
	return (long)done;
}

long sys_recvmmsg(int fd, void *msgvec, unsigned vlen, int flags, void *timeout)
{
	struct message_head_n *v = msgvec;
	uint64_t deadline = TIME_NEVER;
	unsigned done = 0;
	if (timeout) {
		int err = time_user_timeout(timeout, &deadline);
		if (err)
			return err;
	}
	vlen = MIN(vlen, (unsigned)IOV_MAX);
	for (; done < vlen; done++) {
		long n = sys_recvmsg(fd, &v[done].head, flags & ~MSG_WAITFORONE);
		unsigned len = (unsigned)n;
		if (n >= 0 && user_put(len, &v[done].len))
			n = -EFAULT;
		if (n < 0)
			return done ? (long)done : n;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline != TIME_NEVER && time_mono_ns() >= deadline) // looked at between messages only, as Linux
			return (long)done + 1;
	}
	return (long)done;
}
