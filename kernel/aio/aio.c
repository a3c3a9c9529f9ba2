// SPDX-License-Identifier: MIT
//
// aio(7): io_setup(2) to io_pgetevents(2). As on Linux a request on a file is done while it is submitted (nearly always
// there too: only direct I/O on a disk is not), and IOCB_CMD_POLL completes when its file is ready.
//
// A context is the shared mapping of its ring, whose address is the program's handle: libaio and fio read events in it
// themselves. The mapping owns the context: munmap, execve and the end of the process destroy it. Whoever sleeps holds
// the mapping's file. `tail` is the kernel's own; the program's `head` is only ever taken modulo the ring's size.
#include <linux/aio_abi.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "aio/async.h"
#include "anon/eventfd.h"
#include "base/string.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "vfs/vfs.h"

#define RING_MAGIC 0xa10a10a1
#define AIO_MAX	   65536 // fs.aio-max-nr
#define EVENTS_AT_ONCE 8
#define RESULT_MAX     0x7ffff000

struct ring { // struct aio_ring of Linux: libaio knows it
	uint32_t id, nr, head, tail, magic, compat_features, incompat_features, header_length;
	struct io_event event[];
};

struct aio {
	struct ring_memory memory;
	uint32_t nr, tail;   // events the ring has room for; the next one's place
	uint32_t max;	     // at once in io_submit
	uint32_t active;     // requests that are not complete
	bool dead;
	struct list polls;   // struct poll_request
	struct waitq q;	     // who waits for events
	struct mutex reading;
};

struct poll_request {
	struct list link;
	struct aio *aio;
	struct file *file, *eventfd; // a reference each
	struct iocb *iocb;	     // USER
	uint64_t data;
	unsigned events;
	struct watch watch;
	struct work work;
};

static uint64_t contexts_max; // of all contexts: requests

static struct ring *ring_of(struct aio *a) { return a->memory.base; }
static uint32_t ring_head(struct aio *a) { return __atomic_load_n(&ring_of(a)->head, __ATOMIC_ACQUIRE) % a->nr; }
static uint32_t ring_unread(struct aio *a) { return (a->tail + a->nr - ring_head(a)) % a->nr; }

// There is room: a request was only taken when there was.
static void complete(struct aio *a, const struct iocb *iocb, uint64_t data, int64_t result, struct file *eventfd)
{
	struct ring *ring = ring_of(a);
	ring->event[a->tail] = (struct io_event){.data = data, .obj = (uint64_t)iocb, .res = result};
	a->tail = (a->tail + 1) % a->nr;
	__atomic_store_n(&ring->tail, a->tail, __ATOMIC_RELEASE);
	if (eventfd)
		eventfd_signal(eventfd);
	waitq_wake_all(&a->q);
}

// --- IOCB_CMD_POLL ---------------------------------------------------------------------------------------------------

static void poll_free(struct poll_request *r)
{
	watch_stop(&r->watch);
	work_cancel(&r->work);
	list_remove(&r->link);
	r->aio->active--;
	file_put(r->file);
	if (r->eventfd)
		file_put(r->eventfd);
	heap_free(r);
}

static void poll_complete(struct poll_request *r, int64_t result)
{
	complete(r->aio, r->iocb, r->data, result, r->eventfd);
	poll_free(r);
}

static void poll_fired(struct watch *w) { work_queue(&container_of(w, struct poll_request, watch)->work); }

static void poll_look(struct work *w)
{
	struct poll_request *r = container_of(w, struct poll_request, work);
	int ready = watch_start(&r->watch, r->file, r->events, poll_fired);
	if (ready)
		poll_complete(r, ready);
}

static int poll_submit(struct aio *a, const struct iocb *iocb, struct iocb *user, struct file *f, struct file *eventfd)
{
	if ((uint16_t)iocb->aio_buf != iocb->aio_buf || iocb->aio_offset || iocb->aio_nbytes || iocb->aio_rw_flags ||
	    !f->ops->poll)
		return -EINVAL;
	int err = work_prepare();
	struct poll_request *r = err ? NULL : heap_new(struct poll_request);
	if (!r)
		return -EAGAIN;
	r->aio = a;
	r->iocb = user;
	r->data = iocb->aio_data;
	r->events = (unsigned)iocb->aio_buf;
	r->file = f;
	file_get(f);
	if ((r->eventfd = eventfd))
		file_get(eventfd);
	work_init(&r->work, poll_look);
	list_push_back(&a->polls, &r->link);
	a->active++;
	poll_look(&r->work);
	return 0;
}

// --- contexts --------------------------------------------------------------------------------------------------------

static void aio_release(struct file *f)
{
	struct aio *a = f->fs;
	while (!list_empty(&a->polls))
		poll_free(list_first(&a->polls, struct poll_request, link));
	contexts_max -= a->max;
	ring_memory_free(&a->memory);
	heap_free(a);
	f->inode->fs = NULL;
}

static int aio_page(struct inode *i, uint64_t index, bool write, struct fault_page *out)
{
	struct aio *a = i->fs;
	(void)write;
	return a ? ring_memory_page(&a->memory, index, out) : -EFAULT;
}

static const struct file_ops aio_ops = {.seek = file_seek_none, .release = aio_release};
static const struct inode_ops aio_inode_ops = {.get_page = aio_page};

// The context whose ring is mapped at ctx_id, wherever mremap took it; its file gets a reference. NULL: none.
static struct aio *aio_get(uint64_t ctx_id, struct file **f)
{
	struct vma *v = mm_find(mm_current(), ctx_id);
	if (!v || v->start != ctx_id || !v->file || v->file->ops != &aio_ops || v->pgoff)
		return NULL;
	struct aio *a = v->file->fs;
	if (a->dead)
		return NULL;
	*f = v->file;
	file_get(*f);
	return a;
}

static struct aio *aio_create(unsigned nr_events)
{
	struct aio *a = heap_new(struct aio);
	uint64_t nr = MAX(nr_events, 8u) * 2 + 2;
	size_t size = sizeof(struct ring) + nr * sizeof(struct io_event);
	if (!a || ring_memory_alloc(&a->memory, size)) {
		heap_free(a);
		return NULL;
	}
	a->max = nr_events;
	a->nr = (uint32_t)((a->memory.pages * PAGE_SIZE - sizeof(struct ring)) / sizeof(struct io_event));
	list_init(&a->polls);
	waitq_init(&a->q);
	mutex_init(&a->reading);
	*ring_of(a) = (struct ring){
		.nr = a->nr, .magic = RING_MAGIC, .compat_features = 1, .header_length = sizeof(struct ring)};
	return a;
}

long sys_io_setup(unsigned nr_events, void *ctx_idp)
{
	uint64_t id;
	struct file *f;
	if (user_get(id, (uint64_t *)ctx_idp))
		return -EFAULT;
	if (id || !nr_events || nr_events > 0x10000000 / sizeof(struct io_event))
		return -EINVAL;
	if (nr_events > AIO_MAX - contexts_max)
		return -EAGAIN;
	struct aio *a = aio_create(nr_events);
	if (!a)
		return -ENOMEM;
	int err = file_create_anonymous("/[aio] (deleted)", &aio_ops, a, O_RDWR, &f);
	if (err) {
		ring_memory_free(&a->memory);
		heap_free(a);
		return err;
	}
	contexts_max += nr_events;
	f->inode->ops = &aio_inode_ops;
	f->inode->fs = a;
	uint64_t len = a->memory.pages * PAGE_SIZE;
	int64_t at = mm_map(mm_current(), 0, len, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	file_put(f); // the mapping's is left
	if (at < 0)
		return at;
	id = (uint64_t)at;
	mm_find(mm_current(), id)->flags |= VMA_DONTFORK; // a context is its process's
	if (!user_put(id, (uint64_t *)ctx_idp))
		return 0;
	mm_unmap(mm_current(), id, len);
	return -EFAULT;
}

long sys_io_destroy(uint64_t ctx_id)
{
	struct file *f;
	struct aio *a = aio_get(ctx_id, &f);
	if (!a)
		return -EINVAL;
	a->dead = true;
	waitq_wake_all(&a->q);
	int err = mm_unmap(mm_current(), ctx_id, a->memory.pages * PAGE_SIZE);
	file_put(f);
	return err;
}

// --- submission ------------------------------------------------------------------------------------------------------

// Did it begin? Then its result goes to the ring; what is wrong with the request itself io_submit returns.
static bool transfer(const struct iocb *iocb, struct file *f, int64_t *result)
{
	struct iter_segment fast[IOV_FAST];
	struct iter it;
	void *heap = NULL;
	bool write = iocb->aio_lio_opcode == IOCB_CMD_PWRITE || iocb->aio_lio_opcode == IOCB_CMD_PWRITEV;
	bool vector = iocb->aio_lio_opcode == IOCB_CMD_PREADV || iocb->aio_lio_opcode == IOCB_CMD_PWRITEV;
	int64_t pos = iocb->aio_offset, n = 0;
	*result = !(f->mode & (write ? FILE_WRITE : FILE_READ)) ? -EBADF
		  : (write ? !f->ops->write : !f->ops->read)	? -EINVAL
								: 0;
	if (*result)
		return false;
	if (vector)
		n = iter_from_iovec(&it, (const void *)iocb->aio_buf, (unsigned)iocb->aio_nbytes, fast, &heap);
	else if (user_range_ok(iocb->aio_buf, iocb->aio_nbytes))
		iter_init_user(&it, (void *)iocb->aio_buf, MIN(iocb->aio_nbytes, (uint64_t)RESULT_MAX));
	else
		n = -EFAULT;
	if (n >= 0 && (f->mode & FILE_SEEK) && pos < 0)
		n = -EINVAL;
	*result = n < 0 ? n : file_transfer(f, &it, &pos, write, (int)iocb->aio_rw_flags);
	heap_free(heap);
	if (*result <= -ERESTARTSYS)
		*result = -EINTR;
	return n >= 0 && *result != -EOPNOTSUPP;
}

static int64_t sync(const struct iocb *iocb, struct file *f, bool *begun)
{
	*begun = false;
	if (iocb->aio_buf || iocb->aio_offset || iocb->aio_nbytes || iocb->aio_rw_flags || !f->ops->fsync)
		return -EINVAL;
	*begun = true;
	return f->ops->fsync(f, iocb->aio_lio_opcode == IOCB_CMD_FDSYNC);
}

static int submit_to(struct aio *a, const struct iocb *iocb, struct iocb *user, struct file *f, struct file *eventfd)
{
	int64_t result;
	bool begun;
	uint32_t key = 0; // KIOCB_KEY
	if (user_put(key, &user->aio_key))
		return -EFAULT;
	switch (iocb->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		begun = transfer(iocb, f, &result);
		break;
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		result = sync(iocb, f, &begun);
		break;
	case IOCB_CMD_POLL:
		return poll_submit(a, iocb, user, f, eventfd);
	default:
		return -EINVAL;
	}
	if (!begun)
		return (int)result;
	complete(a, user, iocb->aio_data, result, eventfd);
	return 0;
}

static int submit_one(struct aio *a, struct iocb *user)
{
	struct iocb iocb;
	struct file *eventfd = NULL;
	if (user_get(iocb, user))
		return -EFAULT;
	if (iocb.aio_reserved2 || (int64_t)iocb.aio_nbytes < 0)
		return -EINVAL;
	if (a->active + ring_unread(a) >= a->nr - 1)
		return -EAGAIN;
	struct file *f = file_from_fd((int)iocb.aio_fildes);
	int err = !f || f->mode & FILE_PATH ? -EBADF : 0;
	if (!err && iocb.aio_flags & IOCB_FLAG_RESFD) {
		eventfd = file_from_fd((int)iocb.aio_resfd);
		err = !eventfd ? -EBADF : !file_is_eventfd(eventfd) ? -EINVAL : 0;
	}
	if (!err) {
		a->active++; // its place in the ring, while it sleeps
		err = submit_to(a, &iocb, user, f, eventfd);
		a->active--;
	}
	if (eventfd)
		file_put(eventfd);
	if (f)
		file_put(f);
	return err;
}

long sys_io_submit(uint64_t ctx_id, int64_t nr, void *iocbpp)
{
	struct file *f;
	if (nr < 0)
		return -EINVAL;
	struct aio *a = aio_get(ctx_id, &f);
	if (!a)
		return -EINVAL;
	int64_t i = 0;
	int err = 0;
	for (nr = MIN(nr, (int64_t)a->nr); i < nr && !err; i += !err) {
		struct iocb *user;
		err = user_get(user, (struct iocb **)iocbpp + i) ? -EFAULT : submit_one(a, user);
	}
	file_put(f);
	return i ? i : err;
}

// A request that can be cancelled completes with its event all the same: -EINPROGRESS says so.
long sys_io_cancel(uint64_t ctx_id, void *iocb, void *result)
{
	struct file *f;
	uint32_t key;
	(void)result; // Linux writes nothing there either
	if (user_get(key, &((struct iocb *)iocb)->aio_key))
		return -EFAULT;
	if (key)
		return -EINVAL;
	struct aio *a = aio_get(ctx_id, &f);
	if (!a)
		return -EINVAL;
	long err = -EINVAL;
	struct poll_request *r;
	list_for_each(r, &a->polls, link)
		if (r->iocb == iocb) {
			poll_complete(r, 0);
			err = -EINPROGRESS;
			break;
		}
	file_put(f);
	return err;
}

// --- events ----------------------------------------------------------------------------------------------------------

// Up to nr of what is there now, to `events`.
static int64_t take(struct aio *a, int64_t nr, struct io_event *events)
{
	struct io_event some[EVENTS_AT_ONCE];
	int64_t done = 0;
	mutex_lock(&a->reading);
	while (done < nr) {
		uint32_t head = ring_head(a),
			 n = (uint32_t)MIN(MIN((int64_t)ring_unread(a), nr - done), (int64_t)EVENTS_AT_ONCE);
		if (!n)
			break;
		for (uint32_t i = 0; i < n; i++)
			some[i] = ring_of(a)->event[(head + i) % a->nr];
		if (user_write(events + done, some, n * sizeof *some)) {
			done = done ? done : -EFAULT;
			break;
		}
		__atomic_store_n(&ring_of(a)->head, (head + n) % a->nr, __ATOMIC_RELEASE);
		done += n;
	}
	mutex_unlock(&a->reading);
	return done;
}

static int64_t get_events(uint64_t ctx_id, int64_t min_nr, int64_t nr, struct io_event *events, uint64_t deadline)
{
	struct file *f;
	int64_t got = 0;
	struct aio *a = aio_get(ctx_id, &f);
	if (!a)
		return -EINVAL;
	if (min_nr > nr || min_nr < 0) {
		file_put(f);
		return -EINVAL;
	}
	for (;;) {
		int64_t n = take(a, nr - got, events + got);
		if (n < 0) {
			got = got ? got : n;
			break;
		}
		got += n;
		if (got >= min_nr)
			break;
		if (a->dead) {
			got = got ? got : -EINVAL;
			break;
		}
		int err = waitq_sleep(&a->q, deadline);
		if (err == -EINTR && !got)
			got = -EINTR;
		if (err) {
			n = got < 0 ? 0 : take(a, nr - got, events + got); // it may have come with the end of the time
			got += n > 0 ? n : 0;
			break;
		}
	}
	file_put(f);
	return got;
}

long sys_io_getevents(uint64_t ctx_id, int64_t min_nr, int64_t nr, void *events, void *timeout)
{
	uint64_t deadline;
	int err = time_user_timeout(timeout, &deadline);
	return err ? err : get_events(ctx_id, min_nr, nr, events, deadline);
}

long sys_io_pgetevents(uint64_t ctx_id, int64_t min_nr, int64_t nr, void *events, void *timeout, const void *usig)
{
	struct {
		const void *mask;
		size_t size;
	} sig = {0};
	uint64_t deadline;
	int err = time_user_timeout(timeout, &deadline);
	if (!err && usig && user_read(&sig, usig, sizeof sig))
		err = -EFAULT;
	if (!err && sig.mask)
		err = signal_set_temporary_mask(sig.mask, sig.size);
	if (err)
		return err;
	long n = get_events(ctx_id, min_nr, nr, events, deadline);
	if (n == -EINTR)
		return -ERESTARTNOHAND;
	if (sig.mask)
		signal_restore_mask();
	return n;
}
