// SPDX-License-Identifier: MIT
//
// POSIX message queues: mq_overview(7). A queue is an inode in a list of names of its own (nothing mounts mqueue), a
// descriptor an open file on it; messages lie in the order in which they are received.
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/mqueue.h>

#include "base/string.h"
#include "ipc/private.h"
#include "mm/heap.h"
#include "poll/poll.h"
#include "proc/process.h"
#include "socket/socket.h"
#include "sys/syscalls.h"
#include "time/time.h"

#define QUEUES_MAX    256 // fs.mqueue.*
#define MESSAGES_MAX  10
#define BYTES_MAX     8192
#define MESSAGES_MOST 65536 // for who has CAP_SYS_RESOURCE
#define BYTES_MOST    (16 << 20)
#define OVERHEAD      96 // of a message, against RLIMIT_MSGQUEUE: what Linux counts

struct queue { // inode->fs
	struct list link;
	struct inode *inode; // one reference while it has a name
	struct mq_attr attr; // mq_curmsgs too
	struct list messages;
	size_t bytes;	     // of them
	struct waitq senders, receivers;
	struct waitq pollers;
	// mq_notify(3)
	struct process *notified; // NULL: nobody
	struct sigevent event;
	struct file *socket;	      // SIGEV_THREAD: where the cookie goes,
	struct socket_packet *cookie; // ready to be sent
	char name[];
};

static struct list queues = LIST_INIT(queues);
static unsigned queue_count;
static uint64_t reserved; // bytes, against RLIMIT_MSGQUEUE
static struct super super = {.type = "mqueue", .magic = 0x19800202};

static uint64_t cost(const struct mq_attr *a) { return (uint64_t)a->mq_maxmsg * ((uint64_t)a->mq_msgsize + OVERHEAD); }

// --- notification -------------------------------------------------------------------------------------------------

// Ends it; `how`: NOTIFY_*, what the cookie's last byte says.
static void notify(struct queue *q, char how)
{
	struct process *p = q->notified;
	q->notified = NULL;
	if (!p)
		return;
	if (q->socket) {
		q->cookie->data[NOTIFY_COOKIE_LEN - 1] = how;
		socket_queue(socket_of(q->socket), q->cookie);
		file_put(q->socket);
		q->socket = NULL;
	} else if (how == NOTIFY_WOKENUP && q->event.sigev_notify == SIGEV_SIGNAL) {
		siginfo_k info = {.si_signo = q->event.sigev_signo, .si_code = SI_MESGQ};
		info.si_pid = process_current()->pid;
		info.si_uid = process_current()->cred.uid;
		info.si_value = q->event.sigev_value;
		signal_send_process(p, q->event.sigev_signo, &info);
	}
}

// SIGEV_THREAD: the C library has a thread that reads a netlink socket.
static int prepare_cookie(const struct sigevent *ev, struct file **socket, struct socket_packet **cookie)
{
	struct socket_packet *p = socket_packet_new(NOTIFY_COOKIE_LEN, NULL);
	if (!p)
		return -ENOMEM;
	int err = user_read(p->data, ev->sigev_value.sival_ptr, NOTIFY_COOKIE_LEN);
	struct file *f = err ? NULL : file_from_fd(ev->sigev_signo);
	if (!err && !f)
		err = -EBADF;
	else if (!err && (!socket_of(f) || socket_of(f)->family != AF_NETLINK))
		err = -EINVAL;
	if (err) {
		if (f)
			file_put(f);
		socket_packet_free(p);
		return err;
	}
	*socket = f;
	*cookie = p;
	return 0;
}

// --- the file -----------------------------------------------------------------------------------------------------

static unsigned mq_poll(struct file *f, struct poller *p)
{
	struct queue *q = f->inode->fs;
	poll_wait(p, &q->pollers);
	return (q->attr.mq_curmsgs ? EPOLLIN | EPOLLRDNORM : 0) |
	       (q->attr.mq_curmsgs < q->attr.mq_maxmsg ? EPOLLOUT | EPOLLWRNORM : 0);
}

static int64_t mq_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct queue *q = f->inode->fs;
	char text[80];
	bool by_signal = q->notified && q->event.sigev_notify == SIGEV_SIGNAL;
	size_t len = (size_t)format(text, sizeof text, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", q->bytes,
				    q->notified ? q->event.sigev_notify : 0, by_signal ? q->event.sigev_signo : 0,
				    q->notified ? q->notified->pid : 0);
	if ((uint64_t)*pos >= len)
		return 0;
	int64_t n = iter_write(to, text + *pos, MIN(to->left, len - (size_t)*pos));
	if (n > 0)
		*pos += n;
	return n;
}

static int mq_flush(struct file *f)
{
	struct queue *q = f->inode->fs;
	if (q->notified == process_current())
		notify(q, NOTIFY_REMOVED);
	return 0;
}

static const struct file_ops mq_ops = {.read = mq_read, .poll = mq_poll, .flush = mq_flush};

static void mq_inode_release(struct inode *i)
{
	struct queue *q = i->fs;
	struct ipc_message *m, *next;
	list_for_each_safe(m, next, &q->messages, link)
		heap_free(m);
	reserved -= cost(&q->attr);
	heap_free(q);
	inode_free(i);
}

static const struct inode_ops mq_inode_ops = {.release = mq_inode_release};

static struct file *mq_get(int fd, unsigned mode, long *err)
{
	struct file *f = file_from_fd(fd);
	*err = f && f->ops == &mq_ops && (f->mode & mode) == mode ? 0 : -EBADF;
	if (*err && f)
		file_put(f);
	return *err ? NULL : f;
}

// --- names --------------------------------------------------------------------------------------------------------

static struct queue *find(const char *name)
{
	struct queue *q;
	list_for_each(q, &queues, link)
		if (!strcmp(q->name, name))
			return q;
	return NULL;
}

static int create(const char *name, uint32_t mode, const struct mq_attr *attr, struct queue **out)
{
	struct mq_attr a = {.mq_maxmsg = MESSAGES_MAX, .mq_msgsize = BYTES_MAX};
	bool privileged = process_capable(CAP_SYS_RESOURCE);
	if (attr) {
		a.mq_maxmsg = attr->mq_maxmsg;
		a.mq_msgsize = attr->mq_msgsize;
	}
	if (a.mq_maxmsg <= 0 || a.mq_msgsize <= 0 || a.mq_maxmsg > (privileged ? MESSAGES_MOST : MESSAGES_MAX) ||
	    a.mq_msgsize > (privileged ? BYTES_MOST : BYTES_MAX))
		return -EINVAL;
	if (queue_count >= QUEUES_MAX && !privileged)
		return -ENOSPC;
	if (reserved + cost(&a) > process_limit(RLIMIT_MSGQUEUE))
		return -EMFILE;
	struct queue *q = heap_zalloc(sizeof *q + strlen(name) + 1);
	struct inode *i = q ? inode_alloc(&super, S_IFREG | (mode & 0777 & ~fs_current()->umask)) : NULL;
	if (!i) {
		heap_free(q);
		return -ENOMEM;
	}
	if (!super.dev)
		super.dev = super_new_dev();
	memcpy(q->name, name, strlen(name));
	q->inode = i;
	q->attr = a;
	list_init(&q->messages);
	waitq_init(&q->senders);
	waitq_init(&q->receivers);
	waitq_init(&q->pollers);
	i->uid = process_current()->cred.fsuid;
	i->gid = process_current()->cred.fsgid;
	i->size = 80; // FILENT_SIZE
	i->name = q->name;
	i->fs = q;
	i->ops = &mq_inode_ops;
	i->fops = &mq_ops;
	reserved += cost(&a);
	list_push_back(&queues, &q->link);
	queue_count++;
	*out = q;
	return 0;
}

static int get_name(char *name, const char *from)
{
	int64_t len = user_string(name, from, NAME_MAX + 1);
	return len < 0 ? (int)len : !len ? -ENOENT : strchr(name, '/') ? -EACCES : 0;
}

long sys_mq_open(const char *uname, int oflag, unsigned mode, const void *uattr)
{
	static const uint8_t need[4] = {IPC_READ, IPC_WRITE, IPC_READ | IPC_WRITE, IPC_READ | IPC_WRITE};
	char name[NAME_MAX + 1];
	struct mq_attr attr;
	struct file *f;
	if (uattr && user_get(attr, (const struct mq_attr *)uattr))
		return -EFAULT;
	int err = get_name(name, uname);
	if (err)
		return err;
	struct queue *q = find(name);
	if (q && (oflag & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (q)
		err = (oflag & O_ACCMODE) == O_ACCMODE ? -EINVAL : inode_permission(q->inode, need[oflag & O_ACCMODE]);
	else
		err = oflag & O_CREAT ? create(name, mode, uattr ? &attr : NULL, &q) : -ENOENT;
	if (!err)
		err = file_create_inode(q->inode, (uint32_t)oflag & (O_ACCMODE | O_NONBLOCK), &f);
	return err ? err : fd_install(f, O_CLOEXEC); // always, whatever `oflag` says
}

long sys_mq_unlink(const char *uname)
{
	char name[NAME_MAX + 1];
	int err = get_name(name, uname);
	if (err)
		return err;
	struct queue *q = find(name);
	if (!q)
		return -ENOENT;
	if (process_current()->cred.fsuid != q->inode->uid && !process_capable(CAP_FOWNER))
		return -EPERM; // its directory is sticky
	list_remove(&q->link);
	queue_count--;
	inode_put(q->inode);
	return 0;
}

// --- messages -----------------------------------------------------------------------------------------------------

static void changed(struct queue *q, struct ipc_message *m, long by, struct waitq *who, unsigned key)
{
	q->attr.mq_curmsgs += by;
	q->bytes += by > 0 ? m->len : -m->len;
	waitq_wake(who, 1, 0);
	waitq_wake(&q->pollers, 0x7fffffff, key);
}

static long wait(struct file *f, struct waitq *q, uint64_t deadline)
{
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	int err = waitq_sleep(q, deadline);
	return err == -EINTR ? -ERESTARTSYS : err;
}

static long deadline_of(const void *timeout, uint64_t *deadline)
{
	uint64_t at;
	*deadline = TIME_NEVER;
	if (!timeout)
		return 0;
	long err = time_user_timespec(timeout, &at);
	return err ? err : time_deadline(CLOCK_REALTIME, at, deadline);
}

long sys_mq_timedsend(int mqdes, const void *msg, size_t len, unsigned prio, const void *timeout)
{
	uint64_t deadline;
	struct ipc_message *m, *pos;
	long err = deadline_of(timeout, &deadline);
	if (err || prio >= MQ_PRIO_MAX)
		return err ? err : -EINVAL;
	struct file *f = mq_get(mqdes, FILE_WRITE, &err);
	if (!f)
		return err;
	struct queue *q = f->inode->fs;
	err = len > (size_t)q->attr.mq_msgsize ? -EMSGSIZE : ipc_message_load(msg, len, prio, &m);
	if (err)
		goto out;
	while (!err && q->attr.mq_curmsgs >= q->attr.mq_maxmsg)
		err = wait(f, &q->senders, deadline);
	if (err) {
		heap_free(m);
		goto out;
	}
	list_for_each(pos, &q->messages, link)
		if (pos->type < m->type)
			break;
	list_insert_before(&pos->link, &m->link);
	bool first = !q->attr.mq_curmsgs && list_empty(&q->receivers.waiters);
	changed(q, m, 1, &q->receivers, EPOLLIN);
	if (first)
		notify(q, NOTIFY_WOKENUP);
out:
	file_put(f);
	return err;
}

long sys_mq_timedreceive(int mqdes, void *msg, size_t len, void *prio, const void *timeout)
{
	uint64_t deadline;
	long err = deadline_of(timeout, &deadline);
	if (err)
		return err;
	struct file *f = mq_get(mqdes, FILE_READ, &err);
	if (!f)
		return err;
	struct queue *q = f->inode->fs;
	if (len < (size_t)q->attr.mq_msgsize)
		err = -EMSGSIZE;
	while (!err && !q->attr.mq_curmsgs)
		err = wait(f, &q->receivers, deadline);
	if (!err) {
		struct ipc_message *m = list_first(&q->messages, struct ipc_message, link);
		unsigned priority = (unsigned)m->type;
		list_remove(&m->link);
		changed(q, m, -1, &q->senders, EPOLLOUT);
		err = (prio && user_put(priority, (unsigned *)prio)) || user_write(msg, m->text, m->len) ? -EFAULT : (long)m->len;
		heap_free(m);
	}
	file_put(f);
	return err;
}

long sys_mq_notify(int mqdes, const void *sevp)
{
	struct sigevent ev = {0};
	struct file *socket = NULL;
	struct socket_packet *cookie = NULL;
	long err = 0;
	if (sevp && user_get(ev, (const struct sigevent *)sevp))
		return -EFAULT;
	if (sevp && ((unsigned)ev.sigev_notify > SIGEV_THREAD ||
		     (ev.sigev_notify == SIGEV_SIGNAL && (unsigned)ev.sigev_signo > SIGNAL_COUNT)))
		return -EINVAL;
	if (sevp && ev.sigev_notify == SIGEV_THREAD)
		err = prepare_cookie(&ev, &socket, &cookie);
	struct file *f = err ? NULL : mq_get(mqdes, 0, &err);
	struct queue *q = f ? f->inode->fs : NULL;
	if (!err && sevp && q->notified)
		err = -EBUSY;
	if (!err && !sevp && q->notified == process_current())
		notify(q, NOTIFY_REMOVED);
	if (!err && sevp) {
		q->notified = process_current();
		q->event = ev;
		q->socket = socket;
		q->cookie = cookie;
	} else if (socket) {
		file_put(socket);
		socket_packet_free(cookie);
	}
	if (f)
		file_put(f);
	return err;
}

long sys_mq_getsetattr(int mqdes, const void *new, void *old)
{
	struct mq_attr a;
	long err;
	if (new && user_get(a, (const struct mq_attr *)new))
		return -EFAULT;
	if (new && a.mq_flags & ~O_NONBLOCK)
		return -EINVAL;
	struct file *f = mq_get(mqdes, 0, &err);
	if (!f)
		return err;
	struct mq_attr was = ((struct queue *)f->inode->fs)->attr;
	was.mq_flags = f->flags & O_NONBLOCK;
	if (new)
		f->flags = (f->flags & ~(uint32_t)O_NONBLOCK) | (uint32_t)a.mq_flags;
	file_put(f);
	return old && user_put(was, (struct mq_attr *)old) ? -EFAULT : 0;
}
