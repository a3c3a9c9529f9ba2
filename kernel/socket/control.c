// SPDX-License-Identifier: MIT
//
// Control messages: cmsg(3), and SCM_RIGHTS and SCM_CREDENTIALS of unix(7).
#include "socket/socket.h"
#include "proc/process.h"

#define SCM_RIGHTS	1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD	253
#define CONTROL_MAX	20480 // net.core.optmem_max
#define OVERFLOW_ID	65534

struct control_head { // struct cmsghdr
	size_t len;
	int level, type;
};
#define CONTROL_ALIGN(n) ALIGN_UP((size_t)(n), sizeof(size_t))

static int rights(struct socket_io *io, const char *data, size_t len)
{
	size_t count = len / sizeof(int);
	if (!count)
		return 0;
	if (io->files + count > SCM_MAX_FD)
		return -EINVAL;
	struct file **all = heap_realloc(io->file, (io->files + count) * sizeof *all);
	if (!all)
		return -ENOMEM;
	io->file = all;
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

static int credentials(struct socket_io *io, const char *data, size_t len)
{
	const struct process *p = process_current();
	const struct credentials *own = &p->cred;
	struct socket_credentials c;
	if (len != sizeof c)
		return -EINVAL;
	memcpy(&c, data, sizeof c);
	if (own->euid && (c.pid != p->pid || (c.uid != own->uid && c.uid != own->euid && c.uid != own->suid) ||
			  (c.gid != own->gid && c.gid != own->egid && c.gid != own->sgid)))
		return -EPERM;
	if (c.pid != p->pid && !process_find(c.pid))
		return -ESRCH;
	io->cred = c;
	io->has_cred = true;
	return 0;
}

static int parse(struct socket *s, struct socket_io *io, const char *buf, size_t size)
{
	for (size_t at = 0; size - at >= sizeof(struct control_head);) {
		struct control_head h;
		memcpy(&h, buf + at, sizeof h);
		if (h.len < sizeof h || h.len > size - at)
			return -EINVAL;
		const char *data = buf + at + sizeof h;
		size_t len = h.len - sizeof h;
		int err = 0;
		if (s->ops->control)
			err = s->ops->control(s, io, h.level, h.type, data, len);
		else if (h.level != SOL_SOCKET)
			err = 0;
		else if (h.type == SCM_RIGHTS && s->family == AF_UNIX)
			err = rights(io, data, len);
		else
			err = h.type == SCM_CREDENTIALS ? credentials(io, data, len) : -EINVAL;
		if (err)
			return err;
		if (CONTROL_ALIGN(h.len) >= size - at)
			break;
		at += CONTROL_ALIGN(h.len);
	}
	return 0;
}

int socket_control_read(struct socket *s, struct socket_io *io, const void *control, size_t len)
{
	if (!control || !len)
		return 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	char *buf = heap_alloc(len);
	if (!buf)
		return -ENOMEM;
	int err = user_read(buf, control, len) ? -EFAULT : parse(s, io, buf, len);
	heap_free(buf);
	return err;
}

// What there is no room for is cut, as Linux does it: also in the middle of the data.
int socket_control_put(struct socket_io *io, int level, int type, const void *data, size_t len)
{
	struct socket_control *c = &io->control;
	struct control_head h = {.len = sizeof h + len, .level = level, .type = type};
	if (!c->at || c->left < sizeof h) {
		c->cut = true;
		return 0;
	}
	if (c->left < h.len) {
		c->cut = true;
		h.len = c->left;
	}
	if (user_write(c->at, &h, sizeof h) || user_write(c->at + sizeof h, data, h.len - sizeof h))
		return -EFAULT;
	size_t step = MIN(CONTROL_ALIGN(h.len), c->left);
	c->at += step;
	c->left -= step;
	return 0;
}

// Received descriptors get numbers; those there is no room for are closed.
static int put_rights(struct socket_io *io)
{
	struct socket_control *c = &io->control;
	int fd[SCM_MAX_FD];
	size_t room = c->at && c->left > sizeof(struct control_head) ? (c->left - sizeof(struct control_head)) / sizeof(int) : 0;
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
	return count ? socket_control_put(io, SOL_SOCKET, SCM_RIGHTS, fd, count * sizeof *fd) : 0;
}

int socket_control_put_scm(struct socket *s, struct socket_io *io)
{
	if (!io->has_cred)
		io->cred = (struct socket_credentials){0, OVERFLOW_ID, OVERFLOW_ID};
	int err = s->set.pass_credentials
			  ? socket_control_put(io, SOL_SOCKET, SCM_CREDENTIALS, &io->cred, sizeof io->cred)
			  : 0;
	return err || !io->files ? err : put_rights(io);
}
