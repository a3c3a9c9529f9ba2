// SPDX-License-Identifier: MIT
//
// epoll(7). An entry keeps waiters in the queues of its file; their wakeup puts it in the ready list, so a
// wait costs what is ready, not what is watched. An epoll watched by another is a file like any: its
// queue is woken when its ready list fills.
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/format.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "poll/poll.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "vfs/vfs.h"

#define NESTS_MAX  4 // epolls below one another, as Linux
#define BATCH	   16
#define EVENTS_MAX (0x7fffffff / (int)sizeof(struct epoll_event))
#define ITEM_FLAGS (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)

struct epoll {
	struct list items;
	struct list ready;
	struct waitq q;	    // epoll_wait sleepers (exclusive) and pollers of the epoll itself
	struct file *file;  // no reference
};

struct epoll_item;
struct epoll_hook { // a waiter in one queue of the file
	struct waiter w;
	struct epoll_item *item;
	struct epoll_hook *next;
};

struct epoll_item {
	struct list link;	// in epoll->items
	struct list ready_link; // list_init'ed when not ready
	struct list file_link;	// in file->epoll_items
	struct epoll *ep;
	struct file *file; // no reference: epoll_file_released comes first
	int fd;
	uint32_t events; // 0 apart from flags: a one-shot that has fired
	uint64_t data;
	struct epoll_hook hook[2]; // files have one or two queues
	unsigned hooks;
	struct epoll_hook *more;   // those beyond
	struct poller poller;
	bool no_memory;
};

static const struct file_ops epoll_ops;

static void item_set_ready(struct epoll_item *it)
{
	if (list_empty(&it->ready_link)) {
		list_push_back(&it->ep->ready, &it->ready_link);
		waitq_wake(&it->ep->q, 1, EPOLLIN | EPOLLRDNORM);
	}
}

static bool hook_wake(struct waiter *w, unsigned key)
{
	struct epoll_item *it = container_of(w, struct epoll_hook, w)->item;
	uint32_t events = it->events & ~(uint32_t)ITEM_FLAGS;
	if (!events || (key && !(key & events)))
		return false;
	item_set_ready(it);
	return true;
}

static void item_queue(struct poller *p, struct waitq *q)
{
	struct epoll_item *it = container_of(p, struct epoll_item, poller);
	struct epoll_hook *h;
	if (it->hooks < ARRAY_SIZE(it->hook)) {
		h = &it->hook[it->hooks++];
	} else {
		h = heap_new(struct epoll_hook);
		if (!h) {
			it->no_memory = true;
			return;
		}
		h->next = it->more;
		it->more = h;
	}
	h->item = it;
	h->w = (struct waiter){.wake = hook_wake, .exclusive = it->events & EPOLLEXCLUSIVE};
	list_init(&h->w.link);
	waitq_add(q, &h->w);
}

static void item_remove(struct epoll_item *it)
{
	for (unsigned i = 0; i < it->hooks; i++)
		waitq_remove(&it->hook[i].w);
	while (it->more) {
		struct epoll_hook *h = it->more;
		it->more = h->next;
		waitq_remove(&h->w);
		heap_free(h);
	}
	list_remove(&it->link);
	list_remove(&it->ready_link);
	list_remove(&it->file_link);
	heap_free(it);
}

void epoll_file_released(struct file *f)
{
	while (!list_empty(&f->epoll_items))
		item_remove(list_first(&f->epoll_items, struct epoll_item, file_link));
}

static unsigned item_poll(struct epoll_item *it)
{
	return file_poll(it->file, NULL) & it->events & ~(uint32_t)ITEM_FLAGS;
}

// --- the epoll's own file -----------------------------------------------------------------------------------

static unsigned epoll_poll(struct file *f, struct poller *p)
{
	struct epoll *ep = f->fs;
	struct epoll_item *it, *next;
	poll_wait(p, &ep->q);
	list_for_each_safe(it, next, &ep->ready, ready_link) {
		if (item_poll(it))
			return EPOLLIN | EPOLLRDNORM;
		list_remove(&it->ready_link); // it was ready and is no more
	}
	return 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->fs;
	while (!list_empty(&ep->items))
		item_remove(list_first(&ep->items, struct epoll_item, link));
	heap_free(ep);
}

static void epoll_describe(struct file *f, struct text *t)
{
	struct epoll *ep = f->fs;
	struct epoll_item *it;
	list_for_each(it, &ep->items, link)
		text_append(t, "tfd: %8d events: %8x data: %16lx\n", it->fd, it->events, it->data);
}

static const struct file_ops epoll_ops = {
	.seek = file_seek_none,
	.poll = epoll_poll,
	.release = epoll_release,
	.describe = epoll_describe,
};

static struct epoll *epoll_of(struct file *f) { return f->ops == &epoll_ops ? f->fs : NULL; }

long sys_epoll_create1(int flags)
{
	struct file *f;
	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	struct epoll *ep = heap_new(struct epoll);
	if (!ep)
		return -ENOMEM;
	list_init(&ep->items);
	list_init(&ep->ready);
	waitq_init(&ep->q);
	int err = file_create_anonymous("anon_inode:[eventpoll]", &epoll_ops, ep, O_RDWR, &f);
	if (err) {
		heap_free(ep);
		return err;
	}
	ep->file = f;
	return fd_install(f, (unsigned)flags & EPOLL_CLOEXEC ? O_CLOEXEC : 0);
}

long sys_epoll_create(int size) { return size <= 0 ? -EINVAL : sys_epoll_create1(0); }

// --- epoll_ctl -----------------------------------------------------------------------------------------------

// How deep epolls nest below `ep`; more than NESTS_MAX when `self` is among them.
static int nest_depth(struct epoll *ep, struct epoll *self, int level)
{
	struct epoll_item *it;
	int deepest = 0;
	if (ep == self || level > NESTS_MAX)
		return NESTS_MAX + 1;
	list_for_each(it, &ep->items, link) {
		struct epoll *below = epoll_of(it->file);
		if (below) {
			int d = nest_depth(below, self, level + 1);
			deepest = MAX(deepest, d);
		}
	}
	return deepest + 1;
}

// How many epolls watch `ep`, one above the other.
static int nest_height(struct epoll *ep, int level)
{
	struct epoll_item *it;
	int highest = 0;
	if (level > NESTS_MAX)
		return NESTS_MAX + 1;
	list_for_each(it, &ep->file->epoll_items, file_link) {
		int h = nest_height(it->ep, level + 1) + 1;
		highest = MAX(highest, h);
	}
	return highest;
}

static struct epoll_item *item_find(struct epoll *ep, struct file *f, int fd)
{
	struct epoll_item *it;
	list_for_each(it, &f->epoll_items, file_link)
		if (it->ep == ep && it->fd == fd)
			return it;
	return NULL;
}

static int epoll_add(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev)
{
	struct epoll *below = epoll_of(f);
	if (below && nest_depth(below, ep, 0) + nest_height(ep, 0) > NESTS_MAX)
		return -ELOOP;
	struct epoll_item *it = heap_new(struct epoll_item);
	if (!it)
		return -ENOMEM;
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->events = ev->events | EPOLLERR | EPOLLHUP;
	it->data = ev->data;
	it->poller.queue = item_queue;
	list_push_back(&ep->items, &it->link);
	list_init(&it->ready_link);
	list_push_back(&f->epoll_items, &it->file_link);
	unsigned now = file_poll(f, &it->poller) & it->events & ~(uint32_t)ITEM_FLAGS;
	if (it->no_memory) {
		item_remove(it);
		return -ENOMEM;
	}
	if (now)
		item_set_ready(it);
	return 0;
}

static int epoll_modify(struct epoll_item *it, const struct epoll_event *ev)
{
	if ((it->events | ev->events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	it->events = ev->events | EPOLLERR | EPOLLHUP;
	it->data = ev->data;
	if (item_poll(it))
		item_set_ready(it);
	return 0;
}

static int epoll_change(struct file *epf, int op, struct file *f, int fd, struct epoll_event *ev)
{
	const uint32_t exclusive_ok = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
	struct epoll *ep = epoll_of(epf);
	if (!ep || epf == f)
		return -EINVAL;
	if (f->mode & FILE_PATH)
		return -EBADF;
	if (!f->ops->poll)
		return -EPERM; // regular files are always ready
	if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE)) {
		if (op == EPOLL_CTL_MOD || epoll_of(f) || (ev->events & ~exclusive_ok))
			return -EINVAL;
	}
	struct epoll_item *it = item_find(ep, f, fd);
	switch (op) {
	case EPOLL_CTL_ADD:
		return it ? -EEXIST : epoll_add(ep, f, fd, ev);
	case EPOLL_CTL_MOD:
		return it ? epoll_modify(it, ev) : -ENOENT;
	case EPOLL_CTL_DEL:
		if (!it)
			return -ENOENT;
		item_remove(it);
		return 0;
	}
	return -EINVAL;
}

long sys_epoll_ctl(int epfd, int op, int fd, const void *event)
{
	struct epoll_event ev = {0};
	if (op != EPOLL_CTL_DEL && user_get(ev, (const struct epoll_event *)event))
		return -EFAULT;
	struct file *epf = file_from_fd(epfd), *f = file_from_fd(fd);
	long err = epf && f ? epoll_change(epf, op, f, fd, &ev) : -EBADF;
	if (epf)
		file_put(epf);
	if (f)
		file_put(f);
	return err;
}

// --- epoll_wait -------------------------------------------------------------------------------------------------

// Takes up to `max` events off the ready list without sleeping. Level-triggered items go to `again`, which the
// caller puts back behind the others.
static int epoll_collect(struct epoll *ep, struct epoll_event *out, int max, struct list *again)
{
	int n = 0;
	while (n < max && !list_empty(&ep->ready)) {
		struct epoll_item *it = list_first(&ep->ready, struct epoll_item, ready_link);
		list_remove(&it->ready_link);
		unsigned now = item_poll(it);
		if (!now)
			continue;
		out[n++] = (struct epoll_event){.events = now, .data = it->data};
		if (it->events & EPOLLONESHOT)
			it->events &= ITEM_FLAGS;
		else if (!(it->events & EPOLLET))
			list_push_back(again, &it->ready_link);
	}
	return n;
}

static long epoll_send(struct epoll *ep, struct epoll_event *events, int max)
{
	struct epoll_event batch[BATCH];
	struct list again = LIST_INIT(again);
	long done = 0;
	while (done < max) {
		int n = epoll_collect(ep, batch, MIN(max - (int)done, BATCH), &again);
		if (!n)
			break;
		if (user_write(events + done, batch,
			       (size_t)n * sizeof *batch)) { // may sleep; items on `again` may leave it
			done = done ? done : -EFAULT;
			break;
		}
		done += n;
	}
	list_splice_back(&ep->ready, &again);
	return done;
}

struct epoll_sleeper {
	struct waiter w;
	bool woken;
};

static bool sleeper_wake(struct waiter *w, unsigned key)
{
	struct epoll_sleeper *s = container_of(w, struct epoll_sleeper, w);
	(void)key;
	if (s->woken)
		return false;
	s->woken = true;
	sched_wake(w->thread);
	return true;
}

// 0 when woken, -ETIMEDOUT, -EINTR. Exclusive: one event, one thread.
static int epoll_sleep(struct epoll *ep, uint64_t deadline)
{
	struct epoll_sleeper s = {.w = {.wake = sleeper_wake, .thread = thread_current(), .exclusive = true}};
	int err = 0;
	list_init(&s.w.link);
	waitq_add(&ep->q, &s.w);
	while (!s.woken && !err)
		err = sched_sleep(deadline);
	waitq_remove(&s.w);
	if (s.woken && err) {
		if (err == -EINTR)
			waitq_wake(&ep->q, 1, EPOLLIN | EPOLLRDNORM); // somebody else may take it
		else
			err = 0;
	}
	return err;
}

static long do_epoll_wait(int epfd, void *events, int maxevents, uint64_t deadline)
{
	struct file *f = file_from_fd(epfd);
	if (!f)
		return -EBADF;
	struct epoll *ep = epoll_of(f);
	long n = -EINVAL;
	if (maxevents <= 0 || maxevents > EVENTS_MAX)
		goto out;
	n = -EFAULT;
	if (!user_range_ok((uint64_t)events, (uint64_t)maxevents * sizeof(struct epoll_event)))
		goto out;
	n = -EINVAL;
	if (!ep)
		goto out;
	sched_take_news(deadline == 0);
	for (;;) {
		n = epoll_send(ep, events, maxevents);
		if (n || deadline == 0)
			break;
		int err = epoll_sleep(ep, deadline);
		if (err) {
			n = err == -ETIMEDOUT ? epoll_send(ep, events, maxevents) : -EINTR;
			break;
		}
	}
	// More is ready than this thread took: the next sleeper may have it.
	if (n > 0 && !list_empty(&ep->ready))
		waitq_wake(&ep->q, 1, EPOLLIN | EPOLLRDNORM);
out:
	file_put(f);
	return n;
}

static uint64_t deadline_ms(int ms)
{
	return ms < 0 ? TIME_NEVER : ms == 0 ? 0 : time_add(time_mono_ns(), (uint64_t)ms * 1000000);
}

long sys_epoll_wait(int epfd, void *events, int maxevents, int timeout)
{
	return do_epoll_wait(epfd, events, maxevents, deadline_ms(timeout)); // -EINTR: never restarted, signal(7)
}

static long epoll_wait_masked(int epfd, void *events, int maxevents, uint64_t deadline, const void *mask, size_t size)
{
	long n = mask ? signal_set_temporary_mask(mask, size) : 0;
	if (n)
		return n;
	n = do_epoll_wait(epfd, events, maxevents, deadline);
	if (mask && n != -EINTR) // else the handler's frame takes the old mask back
		signal_restore_mask();
	return n;
}

long sys_epoll_pwait(int epfd, void *events, int maxevents, int timeout, const void *sigmask, size_t sigsetsize)
{
	return epoll_wait_masked(epfd, events, maxevents, deadline_ms(timeout), sigmask, sigsetsize);
}

long sys_epoll_pwait2(int epfd, void *events, int maxevents, void *timeout, const void *sigmask, size_t sigsetsize)
{
	uint64_t ns, deadline = TIME_NEVER;
	if (timeout) {
		int err = time_user_timespec(timeout, &ns);
		if (err)
			return err;
		deadline = ns ? time_add(time_mono_ns(), ns) : 0;
	}
	return epoll_wait_masked(epfd, events, maxevents, deadline, sigmask, sigsetsize);
}
