// SPDX-License-Identifier: MIT
//
// Operations on sockets. Messages, vectors and addresses to connect to are copied when the request is taken; the socket
// is asked without blocking, and asked again when it is ready.
#include "poll/poll.h"
#include "socket/socket_sys.h"
#include "sys/syscalls.h"
#include "uring/private.h"

#define IOV_MAX 1024

struct message {
	struct message_head head;
	struct iter_segment iov[];
};

static int copy_message(struct request *r)
{
	struct message_head h;
	if (user_read(&h, (const void *)r->sqe.addr, sizeof h))
		return -EFAULT;
	if (h.iov_count > IOV_MAX)
		return -EMSGSIZE;
	struct message *m = r->heap = heap_alloc(sizeof *m + h.iov_count * sizeof *m->iov);
	if (!m)
		return -ENOMEM;
	m->head = h;
	return h.iov_count ? user_read(m->iov, h.iov, h.iov_count * sizeof *m->iov) : 0;
}

static int copy_address(struct request *r)
{
	struct socket_address *a = r->heap = heap_alloc(sizeof *a);
	return a ? socket_address_get(a, (const void *)r->sqe.addr, (unsigned)MIN(r->sqe.off, 0xffffffffull)) : -ENOMEM;
}

int uring_prepare_net(struct request *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	switch (s->opcode) {
	case IORING_OP_SENDMSG:
	case IORING_OP_RECVMSG:
	case IORING_OP_SEND:
	case IORING_OP_RECV:
		if (s->ioprio & ~IORING_RECVSEND_POLL_FIRST || s->splice_fd_in)
			return -EINVAL;
		r->nowait = s->msg_flags & MSG_DONTWAIT;
		r->sqe.msg_flags |= MSG_NOSIGNAL;
		if (s->opcode == IORING_OP_SENDMSG || s->opcode == IORING_OP_RECVMSG)
			return copy_message(r);
		return user_range_ok(s->addr, s->len) ? 0 : -EFAULT;
	case IORING_OP_ACCEPT:
		return s->len || s->buf_index || s->file_index || s->ioprio & ~IORING_ACCEPT_MULTISHOT ? -EINVAL : 0;
	case IORING_OP_CONNECT:
		return s->len || s->buf_index || s->rw_flags || s->splice_fd_in ? -EINVAL : copy_address(r);
	case IORING_OP_SHUTDOWN:
		return s->off || s->addr || s->rw_flags || s->buf_index || s->splice_fd_in ? -EINVAL : 0;
	default: // IORING_OP_SOCKET
		return s->addr || s->rw_flags || s->buf_index || s->file_index || s->flags & IOSQE_FIXED_FILE ? -EINVAL
													      : 0;
	}
}

// MSG_WAITALL goes on where it stopped.
static int64_t transfer(struct request *r, bool send)
{
	const struct io_uring_sqe *s = &r->sqe;
	char *at = (char *)s->addr + r->done;
	size_t left = s->len - r->done;
	int64_t n = send ? sys_sendto(FD_REQUEST, at, left, (int)s->msg_flags, NULL, 0)
			 : sys_recvfrom(FD_REQUEST, at, left, (int)s->msg_flags, NULL, NULL);
	if (n > 0 && (size_t)n < left && s->msg_flags & MSG_WAITALL && !r->nowait) {
		r->done += (size_t)n;
		return -EAGAIN;
	}
	if (r->done && n != -EAGAIN)
		n = (int64_t)r->done + MAX(n, (int64_t)0);
	r->failed = n >= 0 && n != (int64_t)s->len && (send || s->msg_flags & MSG_WAITALL);
	return n;
}

static int64_t message(struct request *r, struct file *f, struct socket *s)
{
	struct message *m = r->heap;
	struct message_head h = m->head;
	if (r->sqe.opcode == IORING_OP_SENDMSG)
		return socket_send_message(f, s, &h, m->iov, r->sqe.msg_flags);
	int64_t n = socket_receive_message(f, s, &h, m->iov, r->sqe.msg_flags);
	return n >= 0 && socket_put_results(&h, (void *)r->sqe.addr) ? -EFAULT : n;
}

// Once under way the socket tells by becoming writable.
static int64_t connect(struct request *r, struct socket *s)
{
	if (r->connecting)
		return socket_error(s);
	int err = s->ops->connect ? s->ops->connect(s, r->heap, true) : -EOPNOTSUPP;
	r->connecting = err == -EINPROGRESS;
	return err == -EINPROGRESS ? -EAGAIN : err;
}

static int64_t accept(struct request *r)
{
	for (;;) {
		int64_t n = sys_accept4(FD_REQUEST, (void *)r->sqe.addr, (void *)r->sqe.addr2,
					(int)r->sqe.accept_flags);
		if (n < 0 || !(r->sqe.ioprio & IORING_ACCEPT_MULTISHOT))
			return n;
		uring_post(r->ring, r->sqe.user_data, (int32_t)n, IORING_CQE_F_MORE);
	}
}

int64_t uring_net(struct request *r)
{
	struct thread *t = thread_current();
	struct file shadow, *f;
	if (r->sqe.opcode == IORING_OP_SOCKET)
		return sys_socket(r->sqe.fd, (int)r->sqe.off, (int)r->sqe.len);
	struct socket *s = socket_of(r->file);
	if (!s)
		return -ENOTSOCK;
	f = request_nonblocking(r, &shadow);
	t->request_file[0] = f;
	int64_t n = -EINVAL;
	switch (r->sqe.opcode) {
	case IORING_OP_SENDMSG:
	case IORING_OP_RECVMSG:
		n = message(r, f, s);
		break;
	case IORING_OP_SEND:
	case IORING_OP_RECV:
		n = transfer(r, r->sqe.opcode == IORING_OP_SEND);
		break;
	case IORING_OP_ACCEPT:
		n = accept(r);
		break;
	case IORING_OP_CONNECT:
		n = connect(r, s);
		break;
	case IORING_OP_SHUTDOWN:
		n = sys_shutdown(FD_REQUEST, (int)r->sqe.len);
		break;
	}
	t->request_file[0] = NULL;
	return n;
}
