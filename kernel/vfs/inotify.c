// SPDX-License-Identifier: MIT
//
// inotify(7). A watch hangs on its inode and on its instance; events queue in the instance. Only changes
// made inside the machine are seen: what the host does to a shared directory is not.
#include <asm/ioctls.h>
#include <linux/inotify.h>

#include "poll/poll.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "vfs/private.h"

#define QUEUE_MAX 16384

struct inotify {
	struct list watches; // in order of their numbers
	struct list events;
	unsigned count;	     // events queued
	size_t bytes;	     // they take when read
	int next_wd;
	struct waitq q;
};

struct watch {
	struct list inode_link, instance_link;
	struct inotify *instance;
	struct inode *inode; // one reference
	int wd;
	uint32_t mask;
};

struct event_head { // struct inotify_event without its name
	int32_t wd;
	uint32_t mask, cookie;
	uint32_t len; // of the name with its padding
};
_Static_assert(sizeof(struct event_head) == sizeof(struct inotify_event), "what read(2) gives");

struct event {
	struct list link;
	struct event_head e;
	char name[];
};

static void event_queue(struct inotify *in, int wd, uint32_t mask, uint32_t cookie, const char *name, size_t len)
{
	size_t padded = len ? ALIGN_UP(len + 1, sizeof(struct inotify_event)) : 0;
	if (!list_empty(&in->events)) { // the same thing again tells nothing new
		struct event *last = list_last(&in->events, struct event, link);
		if (last->e.wd == wd && last->e.mask == mask && last->e.cookie == cookie && last->e.len == padded &&
		    !memcmp(last->name, name, len) && (!padded || !last->name[len]))
			return;
		if (in->count >= QUEUE_MAX) {
			if (last->e.mask & IN_Q_OVERFLOW)
				return;
			wd = -1, mask = IN_Q_OVERFLOW, cookie = 0, len = padded = 0;
		}
	}
	struct event *ev = heap_zalloc(sizeof *ev + padded);
	if (!ev)
		return; // as Linux: an event is lost when memory is
	ev->e = (struct event_head){.wd = wd, .mask = mask, .cookie = cookie, .len = (uint32_t)padded};
	memcpy(ev->name, name, len);
	list_push_back(&in->events, &ev->link);
	in->count++;
	in->bytes += sizeof ev->e + padded;
	waitq_wake(&in->q, 1, EPOLLIN | EPOLLRDNORM);
}

static void watch_remove(struct watch *w)
{
	struct inotify *in = w->instance;
	list_remove(&w->inode_link);
	list_remove(&w->instance_link);
	notify_watches--;
	event_queue(in, w->wd, IN_IGNORED, 0, "", 0);
	inode_put(w->inode);
	heap_free(w);
}

static void notify_send(struct inode *i, uint32_t mask, const char *name, size_t len, uint32_t cookie)
{
	struct watch *w, *next;
	list_for_each_safe(w, next, &i->watches, inode_link) {
		if (!(w->mask & mask & IN_ALL_EVENTS))
			continue;
		event_queue(w->instance, w->wd, mask & (IN_ALL_EVENTS | IN_ISDIR | IN_UNMOUNT), cookie, name, len);
		if (w->mask & IN_ONESHOT)
			watch_remove(w);
	}
}

void notify_dir(struct inode *dir, uint32_t mask, const char *name, size_t len, uint32_t cookie)
{
	if (unlikely(notify_watches) && !list_empty(&dir->watches))
		notify_send(dir, mask, name, len, cookie);
}

// The directory hears of it with the name, then the object itself.
void notify_dentry_slow(struct dentry *d, struct inode *i, uint32_t mask)
{
	bool self_only = mask & (IN_MOVE_SELF | IN_DELETE_SELF);
	if (i && S_ISDIR(i->mode) && !self_only)
		mask |= IN_ISDIR;
	if (d && d->parent != d && !self_only && d->parent->inode && !d->unlinked)
		notify_dir(d->parent->inode, mask, d->name, d->len, 0);
	if (i && !(mask & IN_CREATE) && !list_empty(&i->watches))
		notify_send(i, mask, "", 0, 0);
}

void notify_inode(struct inode *i, uint32_t mask)
{
	if (likely(!notify_watches))
		return;
	struct dentry *d;
	inode_get(i);
	if (S_ISDIR(i->mode))
		mask |= IN_ISDIR;
	list_for_each(d, &i->dentries, alias)
		if (d->parent != d && d->parent->inode)
			notify_dir(d->parent->inode, mask, d->name, d->len, 0);
	if (!list_empty(&i->watches))
		notify_send(i, mask, "", 0, 0);
	inode_put(i);
}

void notify_inode_gone(struct inode *i)
{
	struct watch *w, *next;
	inode_get(i);
	list_for_each_safe(w, next, &i->watches, inode_link) {
		if (w->mask & IN_DELETE_SELF)
			event_queue(w->instance, w->wd, IN_DELETE_SELF, 0, "", 0);
		watch_remove(w);
	}
	inode_put(i);
}

// --- the instance's file ---------------------------------------------------------------------------------

static int64_t inotify_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct inotify *in = f->fs;
	int64_t done = 0;
	(void)pos;
	while (list_empty(&in->events)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (waitq_sleep(&in->q, TIME_NEVER))
			return -ERESTARTSYS;
	}
	while (!list_empty(&in->events)) {
		struct event *ev = list_first(&in->events, struct event, link);
		size_t size = sizeof ev->e + ev->e.len;
		if (size > to->left)
			return done ? done : -EINVAL;
		list_remove(&ev->link); // the copy may sleep
		in->count--;
		in->bytes -= size;
		int64_t n = iter_write(to, &ev->e, size);
		heap_free(ev);
		if (n < (int64_t)size)
			return done ? done : -EFAULT;
		done += n;
	}
	return done;
}

static unsigned inotify_poll(struct file *f, struct poller *p)
{
	struct inotify *in = f->fs;
	poll_wait(p, &in->q);
	return list_empty(&in->events) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static int64_t inotify_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct inotify *in = f->fs;
	int bytes = (int)in->bytes;
	return cmd == FIONREAD ? user_put(bytes, (int *)arg) : -ENOTTY;
}

static void inotify_release(struct file *f)
{
	struct inotify *in = f->fs;
	while (!list_empty(&in->watches))
		watch_remove(list_first(&in->watches, struct watch, instance_link));
	struct event *ev, *next;
	list_for_each_safe(ev, next, &in->events, link)
		heap_free(ev);
	heap_free(in);
}

static const struct file_ops inotify_ops = {
	.read = inotify_read,
	.seek = file_seek_none,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
};

long sys_inotify_init1(int flags)
{
	struct file *f;
	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	struct inotify *in = heap_new(struct inotify);
	if (!in)
		return -ENOMEM;
	list_init(&in->watches);
	list_init(&in->events);
	waitq_init(&in->q);
	in->next_wd = 1;
	int err = file_create_anonymous("anon_inode:inotify", &inotify_ops, in, (uint32_t)flags & O_NONBLOCK, &f);
	if (err) {
		heap_free(in);
		return err;
	}
	return fd_install(f, (unsigned)flags & O_CLOEXEC);
}

long sys_inotify_init(void) { return sys_inotify_init1(0); }

static struct inotify *inotify_of(int fd, struct file **file, long *err)
{
	*file = file_from_fd(fd);
	*err = -EBADF;
	if (!*file)
		return NULL;
	if ((*file)->ops == &inotify_ops)
		return (*file)->fs;
	*err = -EINVAL;
	file_put(*file);
	return NULL;
}

static long watch_add(struct inotify *in, struct inode *i, uint32_t mask)
{
	uint32_t keep = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
	struct watch *w;
	list_for_each(w, &i->watches, inode_link)
		if (w->instance == in) {
			if (mask & IN_MASK_CREATE)
				return -EEXIST;
			w->mask = mask & IN_MASK_ADD ? w->mask | keep : keep;
			return w->wd;
		}
	w = heap_new(struct watch);
	if (!w)
		return -ENOMEM;
	*w = (struct watch){.instance = in, .inode = i, .wd = in->next_wd++, .mask = keep};
	inode_get(i);
	list_push_back(&i->watches, &w->inode_link);
	list_push_back(&in->watches, &w->instance_link);
	notify_watches++;
	return w->wd;
}

long sys_inotify_add_watch(int fd, const char *path, unsigned mask)
{
	struct file *f;
	struct path p;
	long n;
	if (!(mask & IN_ALL_EVENTS) || (mask & (IN_MASK_ADD | IN_MASK_CREATE)) == (IN_MASK_ADD | IN_MASK_CREATE))
		return -EINVAL;
	struct inotify *in = inotify_of(fd, &f, &n);
	if (!in)
		return n;
	n = path_lookup_user(AT_FDCWD, path,
			     (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0),
			     &p);
	if (!n) {
		n = inode_permission(path_inode(&p), 4);
		if (!n)
			n = watch_add(in, path_inode(&p), mask);
		path_put(&p);
	}
	file_put(f);
	return n;
}

long sys_inotify_rm_watch(int fd, int wd)
{
	struct file *f;
	struct watch *w;
	long err;
	struct inotify *in = inotify_of(fd, &f, &err);
	if (!in)
		return err;
	err = -EINVAL;
	list_for_each(w, &in->watches, instance_link)
		if (w->wd == wd) {
			watch_remove(w);
			err = 0;
			break;
		}
	file_put(f);
	return err;
}
