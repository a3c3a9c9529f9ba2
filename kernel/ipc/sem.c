// SPDX-License-Identifier: MIT
//
// System V semaphores: semget(2), semop(2), semctl(2). A thread that has to wait leaves its request with the set, and
// whoever changes the set does what has become possible, the oldest first. SEM_UNDO has no effect: a set ends with the
// machine, and so with the process whose operations would be undone.
#include <asm/sembuf.h>
#include <linux/errno.h>
#include <linux/sem.h>

#include "ipc/ipc.h"
#include "ipc/private.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "time/time.h"

struct semaphore {
	int value, pid; // pid: who changed it last
};

struct set {
	struct ipc ipc;
	int count;
	uint64_t operated_ns;
	struct list waiting; // requests
	struct semaphore sem[];
};

#define WAITS 1

struct request {
	struct list link; // in set.waiting
	struct thread *thread;
	const struct sembuf *op, *blocked; // blocked: the operation that it waits for
	size_t count;
	int result; // WAITS, 0, -errno
};

static int create(int key, size_t size, int flags, struct ipc **out)
{
	(void)key, (void)flags;
	if (!size)
		return -EINVAL;
	struct set *s = heap_zalloc(sizeof *s + size * sizeof *s->sem);
	if (!s)
		return -ENOMEM;
	s->count = (int)size;
	list_init(&s->waiting);
	*out = &s->ipc;
	return 0;
}

static bool fits(const struct ipc *o, size_t size) { return (int)size <= ((const struct set *)o)->count; }
static struct ipc_space space = {LIST_INIT(space.objects), .max = SEMMNI, .create = create, .fits = fits};

long sys_semget(int key, int nsems, int semflg)
{
	return nsems < 0 || nsems > SEMMSL ? -EINVAL : ipc_get(&space, key, (size_t)nsems, semflg);
}

// --- operations ---------------------------------------------------------------------------------------------------

// All operations or none: 0, WAITS, -EAGAIN, -ERANGE.
static int perform(struct set *s, struct request *r)
{
	const struct sembuf *op = r->op, *end = op + r->count;
	int err = 0;
	for (; !err && op < end; op++) {
		struct semaphore *sem = &s->sem[op->sem_num];
		int value = sem->value + op->sem_op;
		if (value < 0 || (!op->sem_op && value))
			err = op->sem_flg & IPC_NOWAIT ? -EAGAIN : WAITS;
		else if (value > SEMVMX)
			err = -ERANGE;
		else
			sem->value = value;
	}
	if (err) {
		r->blocked = --op;
		while (op-- > r->op)
			s->sem[op->sem_num].value -= op->sem_op;
		return err;
	}
	while (op-- > r->op)
		s->sem[op->sem_num].pid = r->thread->process->pid;
	s->operated_ns = time_wall_ns();
	return 0;
}

static void finish(struct request *r, int result)
{
	r->result = result;
	list_remove(&r->link);
	sched_wake(r->thread);
}

// The set has changed.
static void settle(struct set *s)
{
	struct request *r, *next;
	for (bool again = true; again;) {
		again = false;
		list_for_each_safe(r, next, &s->waiting, link) {
			int result = perform(s, r);
			if (result == WAITS)
				continue;
			again |= !result;
			finish(r, result);
		}
	}
}

static long operate(int semid, struct request *r, uint64_t deadline)
{
	struct set *s = (struct set *)ipc_find(&space, semid);
	bool alters = false;
	if (!s)
		return -EINVAL;
	for (size_t n = 0; n < r->count; n++) {
		if (r->op[n].sem_num >= s->count)
			return -EFBIG;
		alters |= r->op[n].sem_op != 0;
	}
	if (!ipc_allowed(&s->ipc, alters ? IPC_WRITE : IPC_READ))
		return -EACCES;
	r->result = perform(s, r);
	if (!r->result && alters)
		settle(s);
	if (r->result == WAITS)
		list_push_back(&s->waiting, &r->link);
	while (r->result == WAITS) { // the set may be gone afterwards
		int err = sched_sleep(deadline);
		if (err && r->result == WAITS) {
			list_remove(&r->link);
			return err == -ETIMEDOUT ? -EAGAIN : err;
		}
	}
	return r->result;
}

long sys_semtimedop(int semid, const void *sops, size_t nsops, void *timeout)
{
	struct request r = {.thread = thread_current(), .count = nsops};
	uint64_t deadline;
	long err = time_user_timeout(timeout, &deadline);
	if (err)
		return err;
	if (!nsops || semid < 0)
		return -EINVAL;
	if (nsops > SEMOPM)
		return -E2BIG;
	struct sembuf *op = heap_alloc(nsops * sizeof *op);
	if (!op)
		return -ENOMEM;
	r.op = op;
	err = user_read(op, sops, nsops * sizeof *op) ? -EFAULT : operate(semid, &r, deadline);
	heap_free(op);
	return err;
}

long sys_semop(int semid, const void *sops, size_t nsops) { return sys_semtimedop(semid, sops, nsops, NULL); }

// --- semctl(2) ----------------------------------------------------------------------------------------------------

static long stat(int id, int cmd, void *buf)
{
	struct ipc *o;
	long result = ipc_look(&space, id, cmd, SEM_STAT, &o);
	if (result < 0)
		return result;
	const struct set *s = (struct set *)o;
	struct semid64_ds d = {
		.sem_perm = ipc_permissions(o),
		.sem_otime = ipc_seconds(s->operated_ns),
		.sem_ctime = ipc_seconds(o->changed_ns),
		.sem_nsems = (unsigned long)s->count,
	};
	return user_put(d, (struct semid64_ds *)buf) ? -EFAULT : result;
}

static long change(int id, int cmd, const void *buf)
{
	struct semid64_ds d;
	struct ipc *o;
	if (cmd == IPC_SET && user_get(d, (const struct semid64_ds *)buf))
		return -EFAULT;
	int err = ipc_own(&space, id, &o);
	if (err)
		return err;
	if (cmd == IPC_SET) {
		ipc_set_permissions(o, &d.sem_perm);
		return 0;
	}
	struct set *s = (struct set *)o;
	ipc_remove(&space, o);
	while (!list_empty(&s->waiting))
		finish(list_first(&s->waiting, struct request, link), -EIDRM);
	heap_free(s);
	return 0;
}

static long info(int cmd, void *buf)
{
	struct seminfo i = {.semmap = SEMMAP, .semmni = SEMMNI, .semmns = SEMMNS, .semmnu = SEMMNU, .semmsl = SEMMSL, .semopm = SEMOPM,
			    .semume = SEMUME, .semusz = SEMUSZ, .semvmx = SEMVMX, .semaem = SEMAEM};
	if (cmd == SEM_INFO) {
		struct set *s;
		i.semusz = space.count;
		i.semaem = 0;
		list_for_each(s, &space.objects, ipc.link)
			i.semaem += s->count;
	}
	return user_put(i, (struct seminfo *)buf) ? -EFAULT : ipc_last_slot(&space);
}

static long find(int id, unsigned mask, struct set **out)
{
	*out = (struct set *)ipc_find(&space, id);
	return !*out ? -EINVAL : ipc_allowed(&(*out)->ipc, mask) ? 0 : -EACCES;
}

static long waiters(const struct set *s, int number, bool for_zero)
{
	const struct request *r;
	long n = 0;
	list_for_each(r, &s->waiting, link)
		n += r->blocked->sem_num == number && !r->blocked->sem_op == for_zero;
	return n;
}

static long one(int id, int number, int cmd, int value)
{
	struct set *s;
	if (cmd == SETVAL && (value < 0 || value > SEMVMX))
		return -ERANGE;
	long err = find(id, cmd == SETVAL ? IPC_WRITE : IPC_READ, &s);
	if (!err && (number < 0 || number >= s->count))
		err = -EINVAL;
	if (err)
		return err;
	struct semaphore *sem = &s->sem[number];
	switch (cmd) {
	case GETVAL:
		return sem->value;
	case GETPID:
		return sem->pid;
	case SETVAL:
		*sem = (struct semaphore){value, process_current()->pid};
		s->ipc.changed_ns = time_wall_ns();
		settle(s);
		return 0;
	}
	return waiters(s, number, cmd == GETZCNT);
}

static long all(int id, bool set_them, void *array)
{
	struct set *s;
	long err = find(id, set_them ? IPC_WRITE : IPC_READ, &s);
	if (err)
		return err;
	int count = s->count;
	size_t size = (size_t)count * sizeof(unsigned short);
	unsigned short *values = heap_alloc(size);
	if (!values)
		return -ENOMEM;
	if (set_them) {
		if (user_read(values, array, size))
			err = -EFAULT;
		for (int n = 0; !err && n < count; n++)
			if (values[n] > SEMVMX)
				err = -ERANGE;
		if (!err && ipc_find(&space, id) != &s->ipc) // while the copy slept
			err = -EIDRM;
		for (int n = 0; !err && n < count; n++)
			s->sem[n] = (struct semaphore){values[n], process_current()->pid};
		if (!err) {
			s->ipc.changed_ns = time_wall_ns();
			settle(s);
		}
	} else {
		for (int n = 0; n < count; n++)
			values[n] = (unsigned short)s->sem[n].value;
		err = user_write(array, values, size);
	}
	heap_free(values);
	return err;
}

long sys_semctl(int semid, int semnum, int cmd, uint64_t arg)
{
	void *buf = (void *)arg;
	if (semid < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return info(cmd, buf);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return stat(semid, cmd, buf);
	case IPC_SET:
	case IPC_RMID:
		return change(semid, cmd, buf);
	case GETALL:
	case SETALL:
		return all(semid, cmd == SETALL, buf);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
	case SETVAL:
		return one(semid, semnum, cmd, (int)arg);
	}
	return -EINVAL;
}

void sem_format(struct text *t)
{
	struct set *s;
	text_append(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	list_for_each(s, &space.objects, ipc.link) {
		ipc_format_head(t, &s->ipc);
		text_append(t, " %10d", s->count);
		ipc_format_owners(t, &s->ipc);
		text_append(t, " %10ld %10ld\n", ipc_seconds(s->operated_ns), ipc_seconds(s->ipc.changed_ns));
	}
}
