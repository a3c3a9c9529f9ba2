// SPDX-License-Identifier: MIT
//
// System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2). Who has slept looks the queue up again: it may
// have been removed.
#include <asm/msgbuf.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/msg.h>

#include "base/string.h"
#include "ipc/ipc.h"
#include "ipc/private.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "time/time.h"

struct queue {
	struct ipc ipc;
	struct list messages;
	struct waitq senders, receivers;
	uint64_t bytes, count, bytes_max;
	uint64_t sent_ns, received_ns;
	int sender, receiver; // who did last
};

static int create(int key, size_t size, int flags, struct ipc **out)
{
	(void)key, (void)size, (void)flags;
	struct queue *q = heap_new(struct queue);
	if (!q)
		return -ENOMEM;
	list_init(&q->messages);
	waitq_init(&q->senders);
	waitq_init(&q->receivers);
	q->bytes_max = MSGMNB;
	*out = &q->ipc;
	return 0;
}

static bool fits(const struct ipc *o, size_t size)
{
	(void)o, (void)size;
	return true;
}
static struct ipc_space space = {LIST_INIT(space.objects), .max = MSGMNI, .create = create, .fits = fits};

long sys_msgget(int key, int msgflg) { return ipc_get(&space, key, 0, msgflg); }

// `slept`: it was there before.
static long find(int id, unsigned mask, bool slept, struct queue **out)
{
	*out = (struct queue *)ipc_find(&space, id);
	return !*out ? (slept ? -EIDRM : -EINVAL) : ipc_allowed(&(*out)->ipc, mask) ? 0 : -EACCES;
}

static long wait(struct waitq *q) { return waitq_sleep(q, TIME_NEVER) ? -ERESTARTNOHAND : 0; }

static bool room(const struct queue *q, size_t len)
{
	return q->bytes + len <= q->bytes_max && q->count < q->bytes_max;
}

static long send(int id, struct ipc_message *m, bool nowait)
{
	struct queue *q;
	long err = find(id, IPC_WRITE, false, &q);
	while (!err && !room(q, m->len)) {
		err = nowait ? -EAGAIN : wait(&q->senders);
		if (!err)
			err = find(id, IPC_WRITE, true, &q);
	}
	if (err)
		return err;
	list_push_back(&q->messages, &m->link);
	q->bytes += m->len;
	q->count++;
	q->sender = process_current()->pid;
	q->sent_ns = time_wall_ns();
	waitq_wake_all(&q->receivers);
	return 0;
}

long sys_msgsnd(int msqid, const void *msgp, size_t msgsz, int msgflg)
{
	const struct msgbuf *from = msgp;
	struct ipc_message *m;
	long type;
	if (user_get(type, &from->mtype))
		return -EFAULT;
	if (msgsz > MSGMAX || msqid < 0 || type < 1)
		return -EINVAL;
	long err = ipc_message_load(from->mtext, msgsz, type, &m);
	if (err)
		return err;
	err = send(msqid, m, msgflg & IPC_NOWAIT);
	if (err)
		heap_free(m);
	return err;
}

// The message that msgrcv(2) means; with MSG_COPY `type` is its place.
static struct ipc_message *choose(struct queue *q, long type, int flags)
{
	struct ipc_message *m, *best = NULL;
	uint64_t most = -(uint64_t)type; // of a negative type: what is wanted is not above it
	list_for_each(m, &q->messages, link) {
		if (flags & MSG_COPY) {
			if (!type--)
				return m;
		} else if (type >= 0) {
			if (!type || (m->type == type) == !(flags & MSG_EXCEPT))
				return m;
		} else if ((uint64_t)m->type <= most) {
			best = m;
			most = (uint64_t)m->type - 1;
		}
	}
	return best;
}

static void take(struct queue *q, struct ipc_message *m)
{
	list_remove(&m->link);
	q->bytes -= m->len;
	q->count--;
	q->receiver = process_current()->pid;
	q->received_ns = time_wall_ns();
	waitq_wake_all(&q->senders);
}

// A message that is the caller's alone.
static long receive(int id, size_t size, long type, int flags, struct ipc_message **out)
{
	struct queue *q;
	struct ipc_message *m = NULL;
	long err = find(id, IPC_READ, false, &q);
	while (!err && !(m = choose(q, type, flags))) {
		err = flags & IPC_NOWAIT ? -ENOMSG : wait(&q->receivers);
		if (!err)
			err = find(id, IPC_READ, true, &q);
	}
	if (err)
		return err;
	if (m->len > size && !(flags & MSG_NOERROR))
		return -E2BIG;
	if (!(flags & MSG_COPY)) {
		take(q, m);
	} else {
		struct ipc_message *copy = heap_alloc(sizeof *m + m->len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, m, sizeof *m + m->len);
		m = copy;
	}
	*out = m;
	return 0;
}

long sys_msgrcv(int msqid, void *msgp, size_t msgsz, long msgtyp, int msgflg)
{
	struct msgbuf *to = msgp;
	struct ipc_message *m;
	if (msqid < 0 || (long)msgsz < 0)
		return -EINVAL;
	if (msgflg & MSG_COPY && (msgflg & MSG_EXCEPT || !(msgflg & IPC_NOWAIT)))
		return -EINVAL;
	long err = receive(msqid, msgsz, msgtyp, msgflg, &m);
	if (err)
		return err;
	size_t len = MIN(m->len, msgsz);
	err = user_put(m->type, &to->mtype) || user_write(to->mtext, m->text, len) ? -EFAULT : (long)len;
	heap_free(m);
	return err;
}

// --- msgctl(2) ----------------------------------------------------------------------------------------------------

static long stat(int id, int cmd, void *buf)
{
	struct ipc *o;
	long result = ipc_look(&space, id, cmd, MSG_STAT, &o);
	if (result < 0)
		return result;
	const struct queue *q = (struct queue *)o;
	struct msqid64_ds d = {
		.msg_perm = ipc_permissions(o),
		.msg_stime = ipc_seconds(q->sent_ns),
		.msg_rtime = ipc_seconds(q->received_ns),
		.msg_ctime = ipc_seconds(o->changed_ns),
		.msg_cbytes = q->bytes,
		.msg_qnum = q->count,
		.msg_qbytes = q->bytes_max,
		.msg_lspid = q->sender,
		.msg_lrpid = q->receiver,
	};
	return user_put(d, (struct msqid64_ds *)buf) ? -EFAULT : result;
}

static long set(int id, const void *buf)
{
	struct msqid64_ds d;
	struct ipc *o;
	if (user_get(d, (const struct msqid64_ds *)buf))
		return -EFAULT;
	int err = ipc_own(&space, id, &o);
	if (!err && d.msg_qbytes > MSGMNB && !process_capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	if (err)
		return err;
	struct queue *q = (struct queue *)o;
	ipc_set_permissions(o, &d.msg_perm);
	q->bytes_max = d.msg_qbytes;
	waitq_wake_all(&q->senders);
	waitq_wake_all(&q->receivers); // they may no longer be allowed to
	return 0;
}

// Nobody's waiter may point into memory that goes: also not that of a thread that was woken and has not run yet.
static void disperse(struct waitq *q)
{
	waitq_wake_all(q);
	while (!list_empty(&q->waiters))
		list_remove(q->waiters.next);
}

static long remove(int id)
{
	struct ipc *o;
	struct ipc_message *m, *next;
	int err = ipc_own(&space, id, &o);
	if (err)
		return err;
	struct queue *q = (struct queue *)o;
	ipc_remove(&space, o);
	disperse(&q->senders);
	disperse(&q->receivers);
	list_for_each_safe(m, next, &q->messages, link)
		heap_free(m);
	heap_free(q);
	return 0;
}

static long info(int cmd, void *buf)
{
	struct msginfo i = {.msgpool = MSGPOOL, .msgmap = MSGMAP, .msgmax = MSGMAX, .msgmnb = MSGMNB, .msgmni = MSGMNI, .msgssz = MSGSSZ,
			    .msgtql = MSGTQL, .msgseg = MSGSEG};
	if (cmd == MSG_INFO) {
		struct queue *q;
		i.msgpool = space.count;
		i.msgmap = i.msgtql = 0;
		list_for_each(q, &space.objects, ipc.link) {
			i.msgmap += (int)q->count;
			i.msgtql += (int)q->bytes;
		}
	}
	return user_put(i, (struct msginfo *)buf) ? -EFAULT : ipc_last_slot(&space);
}

long sys_msgctl(int msqid, int cmd, void *buf)
{
	if (msqid < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return info(cmd, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		return stat(msqid, cmd, buf);
	case IPC_SET:
		return set(msqid, buf);
	case IPC_RMID:
		return remove(msqid);
	}
	return -EINVAL;
}

void msg_format(struct text *t)
{
	struct queue *q;
	text_append(t, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      "
		       "ctime\n");
	list_for_each(q, &space.objects, ipc.link) {
		ipc_format_head(t, &q->ipc);
		text_append(t, "  %10lu %10lu %5d %5d", q->bytes, q->count, q->sender, q->receiver);
		ipc_format_owners(t, &q->ipc);
		text_append(t, " %10ld %10ld %10ld\n", ipc_seconds(q->sent_ns), ipc_seconds(q->received_ns),
			    ipc_seconds(q->ipc.changed_ns));
	}
}
