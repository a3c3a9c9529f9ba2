// SPDX-License-Identifier: MIT
//
// File locks: POSIX (owner: a file table), OFD and flock (owner: an open file). fcntl(2), flock(2).
// POSIX and OFD locks exclude each other by byte ranges; flock locks see only one another.
#include <linux/fs.h>

#include "base/format.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "vfs/private.h"

enum lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK };

struct file_lock {
	struct list link;	  // in inode->locks
	struct list all;	  // in all_locks
	struct inode *inode;
	enum lock_kind kind;
	int type;		  // F_RDLCK, F_WRLCK
	int64_t start, end;	  // inclusive
	const void *owner;	  // struct files or struct file
	int pid;
};

struct lock_wait { // a sleeper, for deadlock detection
	struct list link;
	const void *owner;
	const struct file_lock *wants;
	struct inode *inode;
};

static struct list all_locks = LIST_INIT(all_locks);
static struct waitq lock_waitq = WAITQ_INIT(lock_waitq); // all who wait for any lock: contention is rare
static struct list lock_waits = LIST_INIT(lock_waits);

static bool lock_conflicts(const struct file_lock *held, const struct file_lock *want)
{
	if ((held->kind == LOCK_FLOCK) != (want->kind == LOCK_FLOCK) || held->owner == want->owner)
		return false;
	if (held->start > want->end || held->end < want->start)
		return false;
	return held->type == F_WRLCK || want->type == F_WRLCK;
}

static struct file_lock *lock_find_conflict(struct inode *i, const struct file_lock *want)
{
	struct file_lock *l, *first = NULL;
	list_for_each(l, &i->locks, link)
		if (lock_conflicts(l, want) && (!first || l->start < first->start))
			first = l;
	return first;
}

static void lock_add(struct inode *i, struct file_lock *l)
{
	l->inode = i;
	list_push_back(&i->locks, &l->link);
	list_push_back(&all_locks, &l->all);
}

static void lock_free(struct file_lock *l)
{
	list_remove(&l->link);
	list_remove(&l->all);
	heap_free(l);
}

// Puts `want` (type F_UNLCK: nothing) in place of what its owner holds in that range. Two spare locks
// are allocated first: splitting one needs a second, and nothing may fail half-way.
static int lock_set(struct inode *i, const struct file_lock *want)
{
	struct file_lock *fresh = heap_new(struct file_lock), *split = heap_new(struct file_lock), *l, *next;
	if (!fresh || !split) {
		heap_free(fresh);
		heap_free(split);
		return -ENOLCK;
	}
	*fresh = *want;
	list_for_each_safe(l, next, &i->locks, link) {
		if (l->owner != want->owner || l->kind != want->kind)
			continue;
		if (l->type == want->type) { // grow over what overlaps or touches
			if ((l->end != INT64_MAX && l->end + 1 < fresh->start) ||
			    (fresh->end != INT64_MAX && fresh->end + 1 < l->start))
				continue;
			fresh->start = MIN(fresh->start, l->start);
			fresh->end = MAX(fresh->end, l->end);
			lock_free(l);
			continue;
		}
		if (l->end < want->start || l->start > want->end)
			continue;
		if (l->start < want->start && l->end > want->end) {
			*split = *l;
			split->start = want->end + 1;
			l->end = want->start - 1;
			lock_add(i, split);
			split = NULL;
			break; // it covered all of the range: no other can lie there
		}
		if (l->start < want->start)
			l->end = want->start - 1;
		else if (l->end > want->end)
			l->start = want->end + 1;
		else
			lock_free(l);
	}
	if (want->type == F_UNLCK)
		heap_free(fresh);
	else
		lock_add(i, fresh);
	heap_free(split);
	waitq_wake_all(&lock_waitq);
	return 0;
}

// Would waiting for `owner`'s lock wait for ourselves? Follows who waits for whom; POSIX locks only, as Linux.
static bool lock_deadlock(const void *self, const void *owner)
{
	for (int depth = 0; depth < 32; depth++) {
		struct lock_wait *w;
		const struct file_lock *blocker = NULL;
		list_for_each(w, &lock_waits, link)
			if (w->owner == owner && (blocker = lock_find_conflict(w->inode, w->wants)))
				break;
		if (!blocker)
			return false;
		if (blocker->owner == self)
			return true;
		owner = blocker->owner;
	}
	return false;
}

static int lock_acquire(struct inode *i, const struct file_lock *want, bool wait)
{
	struct file_lock *blocker;
	while (want->type != F_UNLCK && (blocker = lock_find_conflict(i, want))) {
		if (!wait)
			return -EAGAIN;
		if (want->kind == LOCK_POSIX && lock_deadlock(want->owner, blocker->owner))
			return -EDEADLK;
		struct lock_wait w = {.owner = want->owner, .wants = want, .inode = i};
		list_push_back(&lock_waits, &w.link);
		int err = waitq_sleep(&lock_waitq, TIME_NEVER);
		list_remove(&w.link);
		if (err)
			return -ERESTARTSYS;
	}
	return lock_set(i, want);
}

static int lock_from_user(struct file *f, const struct flock *fl, struct file_lock *l)
{
	int64_t start, end = INT64_MAX;
	int err = file_offset(f, fl->l_start, fl->l_whence, &start);
	if (err)
		return err;
	if (fl->l_len > 0) {
		if (add_overflow(start, fl->l_len - 1, &end))
			return -EOVERFLOW;
	} else if (fl->l_len < 0) {
		end = start - 1;
		start += fl->l_len;
		if (start < 0)
			return -EINVAL;
	}
	l->type = fl->l_type;
	l->start = start;
	l->end = end;
	return fl->l_type == F_RDLCK || fl->l_type == F_WRLCK || fl->l_type == F_UNLCK ? 0 : -EINVAL;
}

static int lock_query(struct file *f, struct flock *fl, const struct file_lock *want, uint64_t arg)
{
	struct file_lock *l = lock_find_conflict(f->inode, want);
	if (want->type == F_UNLCK)
		return -EINVAL;
	fl->l_type = F_UNLCK;
	if (l) {
		fl->l_type = (short)l->type;
		fl->l_whence = SEEK_SET;
		fl->l_start = l->start;
		fl->l_len = l->end == INT64_MAX ? 0 : l->end - l->start + 1;
		fl->l_pid = l->kind == LOCK_OFD ? -1 : l->pid;
	}
	return user_put(*fl, (struct flock *)arg);
}

int file_lock_fcntl(struct file *f, int cmd, uint64_t arg, bool ofd)
{
	struct flock fl;
	struct file_lock want = {.kind = ofd ? LOCK_OFD : LOCK_POSIX, .pid = process_current()->pid};
	want.owner = ofd ? (const void *)f : files_current();
	if (user_get(fl, (struct flock *)arg))
		return -EFAULT;
	int err = lock_from_user(f, &fl, &want);
	if (err)
		return err;
	if (ofd && fl.l_pid)
		return -EINVAL;
	if (cmd == F_GETLK)
		return lock_query(f, &fl, &want, arg);
	if ((want.type == F_RDLCK && !file_is_readable(f)) || (want.type == F_WRLCK && !file_is_writable(f)))
		return -EBADF;
	return lock_acquire(f->inode, &want, cmd == F_SETLKW);
}

long sys_flock(int fd, int operation)
{
	int err;
	int op = operation & ~LOCK_NB;
	if (operation & LOCK_MAND)
		return 0; // what it once meant is gone from Linux, and so is the answer
	if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN)
		return -EINVAL;
	struct file *f = file_from_fd_mode(fd, 0, &err);
	if (!f)
		return err;
	struct file_lock want = {.kind = LOCK_FLOCK, .end = INT64_MAX, .owner = f, .pid = process_current()->pid};
	want.type = op == LOCK_SH ? F_RDLCK : op == LOCK_EX ? F_WRLCK : F_UNLCK;
	err = lock_acquire(f->inode, &want, !(operation & LOCK_NB));
	file_put(f);
	return err;
}

static void lock_release(struct inode *i, const void *owner)
{
	struct file_lock *l, *next;
	bool any = false;
	list_for_each_safe(l, next, &i->locks, link)
		if (l->owner == owner) {
			lock_free(l);
			any = true;
		}
	if (any)
		waitq_wake_all(&lock_waitq);
}

void lock_release_posix(struct inode *i, struct files *owner) { lock_release(i, owner); }
void lock_release_file(struct file *f) { lock_release(f->inode, f); }

void vfs_format_locks(struct text *t)
{
	static const char kind[][8] = {[LOCK_POSIX] = "POSIX ", [LOCK_OFD] = "OFDLCK", [LOCK_FLOCK] = "FLOCK "};
	const struct file_lock *l;
	int n = 0;
	list_for_each(l, &all_locks, all) {
		uint64_t dev = l->inode->super->dev;
		text_append(t, "%d: %s ADVISORY  %s %d %02lx:%02lx:%lu %ld ", ++n, kind[l->kind], l->type == F_WRLCK ? "WRITE" : "READ",
			    l->kind == LOCK_OFD ? -1 : l->pid, dev >> 8, dev & 255, l->inode->ino, l->start);
		if (l->end == INT64_MAX)
			text_append(t, "EOF\n");
		else
			text_append(t, "%ld\n", l->end);
	}
}
