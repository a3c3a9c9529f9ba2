// SPDX-License-Identifier: MIT
//
// The socket system calls that move no data: socket(2) to getsockopt(2).
#include "socket/socket_sys.h"
#include "sys/syscalls.h"

#define SOCK_MAX  11
#define SOMAXCONN 4096

struct socket *socket_get(int fd, struct file **f, long *err)
{
	*f = file_from_fd(fd);
	*err = -EBADF;
	if (!*f)
		return NULL;
	struct socket *s = socket_of(*f);
	if (s)
		return s;
	*err = (*f)->mode & FILE_PATH ? -EBADF : -ENOTSOCK;
	file_put(*f);
	return NULL;
}

int socket_address_get(struct socket_address *a, const void *addr, unsigned len)
{
	a->len = 0;
	if (len > SOCKET_ADDRESS_MAX)
		return -EINVAL;
	memset(a->bytes, 0, sizeof a->bytes);
	if (len && user_read(a->bytes, addr, len))
		return -EFAULT;
	a->len = len;
	return 0;
}

int socket_address_put(const struct socket_address *a, void *addr, void *len)
{
	int room, whole = (int)a->len;
	if (user_get(room, (int *)len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (user_write(addr, a->bytes, (size_t)MIN(room, whole)))
		return -EFAULT;
	return user_put(whole, (int *)len);
}

static int socket_install(struct socket *s, int flags)
{
	struct file *f;
	int err = socket_open(s, (unsigned)flags & O_NONBLOCK, &f);
	return err ? err : fd_install(f, (unsigned)flags & O_CLOEXEC);
}

static int create(int domain, int type, int protocol, struct socket **out)
{
	int kind = type & 0xf;
	if (type & ~(0xf | SOCK_CLOEXEC | SOCK_NONBLOCK) || kind >= SOCK_MAX)
		return -EINVAL;
	return socket_create(domain, kind, protocol, out);
}

long sys_socket(int domain, int type, int protocol)
{
	struct socket *s;
	int err = create(domain, type, protocol, &s);
	return err ? err : socket_install(s, type);
}

long sys_socketpair(int domain, int type, int protocol, void *sv)
{
	struct socket *s[2];
	int fd[2], err = create(domain, type, protocol, &s[0]);
	if (err)
		return err;
	err = s[0]->ops->pair ? create(domain, type, protocol, &s[1]) : -EOPNOTSUPP;
	if (!err && (err = s[0]->ops->pair(s[0], s[1])))
		s[1]->ops->release(s[1]);
	if (err) {
		s[0]->ops->release(s[0]);
		return err;
	}
	fd[0] = socket_install(s[0], type);
	if (fd[0] < 0) {
		s[1]->ops->release(s[1]);
		return fd[0];
	}
	fd[1] = socket_install(s[1], type);
	if (fd[1] >= 0 && !user_write(sv, fd, sizeof fd))
		return 0;
	err = fd[1] < 0 ? fd[1] : -EFAULT;
	fd_close(fd[0]);
	if (fd[1] >= 0)
		fd_close(fd[1]);
	return err;
}

long sys_bind(int fd, const void *addr, unsigned addrlen)
{
	struct socket_address a;
	struct file *f;
	long err;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = socket_address_get(&a, addr, addrlen);
	if (!err)
		err = s->ops->bind ? s->ops->bind(s, &a) : -EOPNOTSUPP;
	file_put(f);
	return err;
}

long sys_connect(int fd, const void *addr, unsigned addrlen)
{
	struct socket_address a;
	struct file *f;
	long err;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = socket_address_get(&a, addr, addrlen);
	if (!err)
		err = s->ops->connect ? s->ops->connect(s, &a, f->flags & O_NONBLOCK) : -EOPNOTSUPP;
	file_put(f);
	return err;
}

long sys_listen(int fd, int backlog)
{
	struct file *f;
	long err;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = s->ops->listen ? s->ops->listen(s, MIN((unsigned)backlog, (unsigned)SOMAXCONN)) : -EOPNOTSUPP;
	file_put(f);
	return err;
}

long sys_accept4(int fd, void *addr, void *addrlen, int flags)
{
	struct socket_address a;
	struct socket *got;
	struct file *f, *new;
	long err;
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = s->ops->accept ? s->ops->accept(s, f->flags & O_NONBLOCK, &got) : -EOPNOTSUPP;
	file_put(f);
	if (!err)
		err = socket_open(got, (unsigned)flags & O_NONBLOCK, &new);
	if (err)
		return err;
	if (addr) {
		err = got->ops->name(got, NAME_ACCEPTED, &a) ? -ECONNABORTED : socket_address_put(&a, addr, addrlen);
		if (err) {
			file_put(new);
			return err;
		}
	}
	return fd_install(new, (unsigned)flags & O_CLOEXEC);
}

long sys_accept(int fd, void *addr, void *addrlen) { return sys_accept4(fd, addr, addrlen, 0); }

static long put_name(int fd, enum socket_name which, void *addr, void *addrlen)
{
	struct socket_address a;
	struct file *f;
	long err;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = s->ops->name(s, which, &a);
	if (!err)
		err = socket_address_put(&a, addr, addrlen);
	file_put(f);
	return err;
}

long sys_getsockname(int fd, void *addr, void *addrlen) { return put_name(fd, NAME_OWN, addr, addrlen); }
long sys_getpeername(int fd, void *addr, void *addrlen) { return put_name(fd, NAME_PEER, addr, addrlen); }

long sys_shutdown(int fd, int how)
{
	struct file *f;
	long err;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = how < SHUT_RD || how > SHUT_RDWR ? -EINVAL : s->ops->shutdown ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
	file_put(f);
	return err;
}

long sys_setsockopt(int fd, int level, int optname, const void *optval, unsigned optlen)
{
	struct file *f;
	long err;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = socket_set_option(s, level, optname, optval, optlen);
	file_put(f);
	return err;
}

long sys_getsockopt(int fd, int level, int optname, void *optval, void *optlen)
{
	struct file *f;
	long err;
	struct socket *s = socket_get(fd, &f, &err);
	if (!s)
		return err;
	err = socket_get_option(s, level, optname, optval, optlen);
	file_put(f);
	return err;
}
