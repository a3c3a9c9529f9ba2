// SPDX-License-Identifier: MIT
//
// The socket system calls over pairs of AF_UNIX sockets. There are no addresses yet: bind, connect and their
// like answer as Linux does for a socket that is connected already.
#include "sys/syscalls.h"
#include "time/time.h"
#include "unix/private.h"

#define IOV_MAX	    1024
#define CONTROL_MAX 20480 // net.core.optmem_max

struct message_head { // struct msghdr
	void *name;
	int name_len;
	void *iov;
	size_t iov_count;
	void *control;
	size_t control_len;
	unsigned flags;
};

struct control_head { // struct cmsghdr
	size_t len;
	int level, type;
};
#define CONTROL_ALIGN(n) ALIGN_UP((size_t)(n), sizeof(size_t))

// The socket of fd with its file referenced; *err -EBADF or -ENOTSOCK.
static struct unix_socket *socket_get(int fd, struct file **f, long *err)
{
	*f = file_from_fd(fd);
	*err = -EBADF;
	if (!*f)
		return NULL;
	struct unix_socket *s = unix_of(*f);
	if (s)
		return s;
	*err = (*f)->mode & FILE_PATH ? -EBADF : -ENOTSOCK;
	file_put(*f);
	return NULL;
}

static long no_address(int fd, long answer)
{
	struct file *f;
	long err;
	if (!socket_get(fd, &f, &err))
		return err;
	file_put(f);
	return answer;
}

long sys_socket(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	return -EAFNOSUPPORT;
}

long sys_socketpair(int domain, int type, int protocol, void *sv)
{
	int kind = type & 0xf, flags = type & ~0xf, fd[2];
	struct file *f[2];
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (!user_range_ok((uint64_t)sv, sizeof fd))
		return -EFAULT;
	if (domain != AF_UNIX)
		return domain == AF_INET || domain == AF_INET6 ? -EOPNOTSUPP : -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind == 3) // SOCK_RAW is datagrams here, unix(7)
		kind = SOCK_DGRAM;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	int err = unix_create_pair(kind, f, (uint32_t)flags & O_NONBLOCK);
	if (err)
		return err;
	fd[0] = fd_install(f[0], (unsigned)flags & O_CLOEXEC);
	if (fd[0] < 0) {
		file_put(f[1]);
		return fd[0];
	}
	fd[1] = fd_install(f[1], (unsigned)flags & O_CLOEXEC);
	if (fd[1] >= 0 && !user_write(sv, fd, sizeof fd))
		return 0;
	err = fd[1] < 0 ? fd[1] : -EFAULT;
	fd_close(fd[0]);
	if (fd[1] >= 0)
		fd_close(fd[1]);
	return err;
}

long sys_connect(int fd, const void *addr, unsigned addrlen)
{
	(void)addr, (void)addrlen;
	return no_address(fd, -EISCONN);
}

long sys_bind(int fd, const void *addr, unsigned addrlen)
{
	(void)addr, (void)addrlen;
	return no_address(fd, -EINVAL);
}

long sys_listen(int fd, int backlog)
{
	(void)backlog;
	return no_address(fd, -EINVAL);
}

static bool is_stream(int fd)
{
	struct file *f;
	long err;
	struct unix_socket *s = socket_get(fd, &f, &err);
	bool stream = s && s->type != SOCK_DGRAM;
	if (s)
		file_put(f);
	return stream;
}

long sys_accept4(int fd, void *addr, void *addrlen, int flags)
{
	(void)addr, (void)addrlen;
	return flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) ? -EINVAL
						       : no_address(fd, is_stream(fd) ? -EINVAL : -EOPNOTSUPP);
}

long sys_accept(int fd, void *addr, void *addrlen) { return sys_accept4(fd, addr, addrlen, 0); }

// Both ends are without a name: only the family is told.
static long put_unnamed(int fd, void *addr, void *addrlen)
{
	struct file *f;
	long err;
	int len;
	uint16_t family = AF_UNIX;
	if (!socket_get(fd, &f, &err))
		return err;
	file_put(f);
	if (user_get(len, (int *)addrlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (user_write(addr, &family, MIN((size_t)len, sizeof family)))
		return -EFAULT;
	len = sizeof family;
	return user_put(len, (int *)addrlen);
}

long sys_getsockname(int fd, void *addr, void *addrlen) { return put_unnamed(fd, addr, addrlen); }
long sys_getpeername(int fd, void *addr, void *addrlen) { return put_unnamed(fd, addr, addrlen); }

long sys_shutdown(int fd, int how)
{
	struct file *f;
	long err;
	struct unix_socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = unix_shutdown(s, how);
	file_put(f);
	return err;
}

long sys_setsockopt(int fd, int level, int optname, const void *optval, unsigned optlen)
{
	struct file *f;
	long err;
	struct unix_socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = unix_set_option(s, level, optname, optval, optlen);
	file_put(f);
	return err;
}

long sys_getsockopt(int fd, int level, int optname, void *optval, void *optlen)
{
	struct file *f;
	long err;
	struct unix_socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = unix_get_option(s, level, optname, optval, optlen);
	file_put(f);
	return err;
}

// --- messages -------------------------------------------------------------------------------------------------

static int message_iov(struct iter *it, const struct message_head *h, struct iter_segment **seg)
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
	if (user_read(*seg, h->iov, h->iov_count * sizeof **seg))
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

static int control_rights(struct unix_io *io, const char *data, size_t len)
{
	size_t count = len / sizeof(int);
	if (io->file || !count)
		return count ? -EINVAL : 0;
	if (count > SCM_MAX_FD)
		return -EINVAL;
	io->file = heap_alloc(count * sizeof *io->file);
	if (!io->file)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int fd;
		memcpy(&fd, data + i * sizeof fd, sizeof fd);
		struct file *f = file_from_fd(fd);
		if (!f)
			return -EBADF;
		io->file[io->files++] = f;
	}
	return 0;
}

static int control_credentials(struct unix_io *io, const char *data, size_t len)
{
	struct process *p = process_current();
	struct unix_credentials c;
	if (len != sizeof c)
		return -EINVAL;
	memcpy(&c, data, sizeof c);
	bool root = p->cred.euid == 0;
	if (!root && (c.pid != p->pid || (c.uid != p->cred.uid && c.uid != p->cred.euid) ||
		      (c.gid != p->cred.gid && c.gid != p->cred.egid)))
		return -EPERM;
	io->cred = c;
	return 0;
}

static int control_parse(struct unix_io *io, const char *buf, size_t size)
{
	for (size_t at = 0; size - at >= sizeof(struct control_head);) {
		struct control_head h;
		memcpy(&h, buf + at, sizeof h);
		if (h.len < sizeof h || h.len > size - at)
			return -EINVAL;
		const char *data = buf + at + sizeof h;
		int err = 0;
		if (h.level == SOL_SOCKET && h.type == SCM_RIGHTS)
			err = control_rights(io, data, h.len - sizeof h);
		else if (h.level == SOL_SOCKET && h.type == SCM_CREDENTIALS)
			err = control_credentials(io, data, h.len - sizeof h);
		else if (h.level == SOL_SOCKET)
			err = -EINVAL;
		if (err)
			return err;
		if (CONTROL_ALIGN(h.len) >= size - at)
			break;
		at += CONTROL_ALIGN(h.len);
	}
	return 0;
}

static int control_read(struct unix_io *io, const struct message_head *h)
{
	if (!h->control || !h->control_len)
		return 0;
	if (h->control_len > CONTROL_MAX)
		return -ENOBUFS;
	char *buf = heap_alloc(h->control_len);
	if (!buf)
		return -ENOMEM;
	int err = user_read(buf, h->control, h->control_len) ? -EFAULT : control_parse(io, buf, h->control_len);
	heap_free(buf);
	return err;
}

static void io_init(struct unix_io *io, struct file *f, unsigned flags)
{
	struct process *p = process_current();
	*io = (struct unix_io){.flags = flags, .nonblock = (f->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT)};
	io->cred = (struct unix_credentials){p->pid, p->cred.uid, p->cred.gid};
}

static long send_message(struct file *f, struct unix_socket *s, const struct message_head *h, unsigned flags)
{
	struct unix_io io;
	struct iter_segment *seg;
	io_init(&io, f, flags);
	if (h->name && h->name_len > 0)
		return s->type == SOCK_DGRAM ? -ECONNREFUSED : -EISCONN; // nobody has a name to be sent to
	long n = message_iov(&io.it, h, &seg);
	if (!n)
		n = control_read(&io, h);
	if (!n)
		n = unix_send(s, &io);
	unix_files_put(io.file, io.files); // what was not sent
	heap_free(seg);
	return n;
}

long sys_sendmsg(int fd, const void *msg, int flags)
{
	struct message_head h;
	struct file *f;
	long n;
	struct unix_socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	n = user_get(h, (const struct message_head *)msg) ? -EFAULT : send_message(f, s, &h, (unsigned)flags);
	file_put(f);
	return n;
}

long sys_sendto(int fd, const void *buf, size_t len, int flags, const void *addr, unsigned addrlen)
{
	struct file *f;
	struct unix_io io;
	long n;
	len = MIN(len, (size_t)0x7ffff000);
	if (!user_range_ok((uint64_t)buf, len))
		return -EFAULT;
	struct unix_socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	if (addr && addrlen) {
		n = s->type == SOCK_DGRAM ? -ECONNREFUSED : -EISCONN;
	} else {
		io_init(&io, f, (unsigned)flags);
		iter_init_user(&io.it, (void *)(uintptr_t)buf, len);
		n = unix_send(s, &io);
	}
	file_put(f);
	return n;
}

struct control_out {
	char *at;
	size_t left;
	bool cut;
};

static int control_put(struct control_out *c, int type, const void *data, size_t len)
{
	struct control_head h = {.len = sizeof h + len, .level = SOL_SOCKET, .type = type};
	if (c->left < h.len) {
		c->cut = true;
		return 0;
	}
	if (user_write(c->at, &h, sizeof h) || user_write(c->at + sizeof h, data, len))
		return -EFAULT;
	size_t step = MIN(CONTROL_ALIGN(h.len), c->left);
	c->at += step;
	c->left -= step;
	return 0;
}

// Received descriptors get numbers; those there is no room for are closed.
static int control_put_rights(struct control_out *c, struct unix_io *io)
{
	int fd[SCM_MAX_FD];
	size_t room = c->left > sizeof(struct control_head) ? (c->left - sizeof(struct control_head)) / sizeof(int) : 0;
	unsigned count = 0;
	c->cut |= room < io->files;
	while (count < io->files && count < room) {
		file_get(io->file[count]);
		int n = fd_install(io->file[count], io->flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0);
		if (n < 0) {
			c->cut = true;
			break;
		}
		fd[count++] = n;
	}
	return count ? control_put(c, SCM_RIGHTS, fd, count * sizeof *fd) : 0;
}

static long receive_message(struct file *f, struct unix_socket *s, struct message_head *h, unsigned flags)
{
	struct unix_io io;
	struct iter_segment *seg;
	struct control_out c = {.at = h->control, .left = h->control ? h->control_len : 0};
	io_init(&io, f, flags);
	io.cred = (struct unix_credentials){0, 65534, 65534};
	long n = message_iov(&io.it, h, &seg);
	if (!n)
		n = unix_receive(s, &io);
	if (n >= 0) {
		int err = s->pass_credentials ? control_put(&c, SCM_CREDENTIALS, &io.cred, sizeof io.cred) : 0;
		if (!err && io.files)
			err = control_put_rights(&c, &io);
		if (err)
			n = err;
		h->flags = io.out_flags | (c.cut ? MSG_CTRUNC : 0) | (flags & MSG_CMSG_CLOEXEC) |
			   (s->type == SOCK_SEQPACKET && n > 0 ? MSG_EOR : 0);
		h->control_len = h->control ? (size_t)(c.at - (char *)h->control) : 0;
		h->name_len = 0;
	}
	unix_files_put(io.file, io.files);
	heap_free(seg);
	return n;
}

static int put_results(const struct message_head *h, struct message_head *user)
{
	return user_put(h->name_len, &user->name_len) || user_put(h->control_len, &user->control_len) ||
			       user_put(h->flags, &user->flags)
		       ? -EFAULT
		       : 0;
}

long sys_recvmsg(int fd, void *msg, int flags)
{
	struct message_head h;
	struct file *f;
	long n;
	struct unix_socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	n = user_get(h, (struct message_head *)msg) ? -EFAULT : receive_message(f, s, &h, (unsigned)flags);
	if (n >= 0 && put_results(&h, msg))
		n = -EFAULT;
	file_put(f);
	return n;
}

long sys_recvfrom(int fd, void *buf, size_t len, int flags, void *addr, void *addrlen)
{
	struct file *f;
	struct unix_io io;
	int none = 0;
	long n;
	struct unix_socket *s = socket_get(fd, &f, &n);
	if (!s)
		return n;
	len = MIN(len, (size_t)0x7ffff000);
	n = -EFAULT;
	if (user_range_ok((uint64_t)buf, len)) {
		io_init(&io, f, (unsigned)flags);
		iter_init_user(&io.it, buf, len);
		n = unix_receive(s, &io);
		unix_files_put(io.file, io.files);
	}
	if (n >= 0 && addr && addrlen && user_put(none, (int *)addrlen))
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
