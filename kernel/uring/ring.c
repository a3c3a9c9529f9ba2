// SPDX-License-Identifier: MIT
//
// io_uring_setup(2): the ring as a file, its memory, its completions.
//
// The program maps the rings and can write to every word of them at any time. The kernel keeps its own ends (sq_head,
// cq_tail), never reads back what it wrote, copies an entry before it looks at it, and masks every index.
#include "anon/eventfd.h"
#include "poll/poll.h"
#include "sys/syscalls.h"
#include "uring/private.h"

#define SQ_MAX 32768
#define CQ_MAX (2 * SQ_MAX)
#define OVERFLOW_MAX 65536
#define SETUP_KNOWN                                                                                                             \
	(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | \
	 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define FEATURES                                                                                                                \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | \
	 IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_CQE_SKIP |       \
	 IORING_FEAT_LINKED_FILE)

struct overflow {
	struct list link;
	struct io_uring_cqe cqe;
};

static struct list rings = LIST_INIT(rings);

// --- completions -----------------------------------------------------------------------------------------------------

uint32_t uring_unread(struct uring *u)
{
	return u->cq_tail - __atomic_load_n(&uring_head(u)->cq_head, __ATOMIC_ACQUIRE);
}

static bool put(struct uring *u, const struct io_uring_cqe *cqe)
{
	struct ring_head *h = uring_head(u);
	if (uring_unread(u) >= u->cq_entries)
		return false;
	memcpy(&h->cqe[u->cq_tail & (u->cq_entries - 1)], cqe, sizeof *cqe);
	__atomic_store_n(&h->cq_tail, ++u->cq_tail, __ATOMIC_RELEASE);
	return true;
}

static void set_sq_flag(struct uring *u, uint32_t flag, bool on)
{
	if (on)
		__atomic_or_fetch(&uring_head(u)->sq_flags, flag, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&uring_head(u)->sq_flags, ~flag, __ATOMIC_SEQ_CST);
}

void uring_flush(struct uring *u)
{
	if (likely(list_empty(&u->overflow)))
		return;
	while (!list_empty(&u->overflow)) {
		struct overflow *o = list_first(&u->overflow, struct overflow, link);
		if (!put(u, &o->cqe))
			return;
		list_remove(&o->link);
		u->overflowed--;
		heap_free(o);
	}
	set_sq_flag(u, IORING_SQ_CQ_OVERFLOW, false);
}

void uring_post(struct uring *u, uint64_t user_data, int32_t result, uint32_t flags)
{
	struct io_uring_cqe cqe = {.user_data = user_data, .res = result, .flags = flags};
	if (!list_empty(&u->overflow) || !put(u, &cqe)) {
		struct overflow *o = u->overflowed < OVERFLOW_MAX ? heap_new(struct overflow) : NULL;
		if (o) {
			memcpy(&o->cqe, &cqe, sizeof cqe);
			list_push_back(&u->overflow, &o->link);
			u->overflowed++;
			set_sq_flag(u, IORING_SQ_CQ_OVERFLOW, true);
		} else {
			uring_head(u)->cq_overflow++;
		}
	}
	bool in_worker = !u->entered;
	if (u->eventfd && !(uring_head(u)->cq_flags & IORING_CQ_EVENTFD_DISABLED) && (in_worker || !u->eventfd_async))
		eventfd_signal(u->eventfd);
	waitq_wake(&u->cq_q, 0x7fffffff, EPOLLIN);
}

// --- the file --------------------------------------------------------------------------------------------------------

static unsigned uring_poll_file(struct file *f, struct poller *p)
{
	struct uring *u = f->fs;
	poll_wait(p, &u->cq_q);
	uint32_t queued = __atomic_load_n(&uring_head(u)->sq_tail, __ATOMIC_ACQUIRE) - u->sq_head;
	return (queued < u->sq_entries ? EPOLLOUT | EPOLLWRNORM : 0) |
	       (uring_unread(u) || !list_empty(&u->overflow) ? EPOLLIN | EPOLLRDNORM : 0);
}

void uring_get(struct uring *u) { u->refs++; }

void uring_put(struct uring *u)
{
	if (--u->refs)
		return;
	while (!list_empty(&u->overflow)) {
		struct overflow *o = list_first(&u->overflow, struct overflow, link);
		list_remove(&o->link);
		heap_free(o);
	}
	ring_memory_free(&u->memory);
	ring_memory_free(&u->sqe_memory);
	heap_free(u);
}

static void uring_release(struct file *f)
{
	struct uring *u = f->fs;
	u->dead = true;
	f->inode->fs = NULL;
	list_remove(&u->link);
	uring_cancel_all(u);
	for (unsigned i = 0; i < u->files; i++)
		if (u->file[i])
			file_put(u->file[i]);
	heap_free(u->file);
	u->files = 0;
	heap_free(u->buffer);
	if (u->eventfd)
		file_put(u->eventfd);
	u->eventfd = NULL;
	uring_put(u);
}

static int uring_page(struct inode *i, uint64_t index, bool write, struct fault_page *out)
{
	struct uring *u = i->fs;
	(void)write;
	if (!u)
		return -EFAULT;
	uint64_t off = index * PAGE_SIZE, area = off & IORING_OFF_MMAP_MASK;
	if (area == IORING_OFF_SQES)
		return ring_memory_page(&u->sqe_memory, (off - area) / PAGE_SIZE, out);
	if (area == IORING_OFF_SQ_RING || area == IORING_OFF_CQ_RING)
		return ring_memory_page(&u->memory, (off - area) / PAGE_SIZE, out);
	return -EFAULT;
}

// What does not fit into the area it begins in is refused at once.
static int uring_mmap(struct file *f, struct vma *v)
{
	struct uring *u = f->fs;
	uint64_t off = v->pgoff * PAGE_SIZE, area = off & IORING_OFF_MMAP_MASK, len = v->end - v->start;
	const struct ring_memory *m = area == IORING_OFF_SQES ? &u->sqe_memory
				      : area == IORING_OFF_SQ_RING || area == IORING_OFF_CQ_RING ? &u->memory : NULL;
	return !m || off - area + len > m->pages * PAGE_SIZE ? -EINVAL : 0;
}

static const struct file_ops uring_file_ops = {
	.seek = file_seek_none, .poll = uring_poll_file, .mmap = uring_mmap, .release = uring_release};
static const struct inode_ops uring_inode_ops = {.get_page = uring_page};

struct uring *uring_of(struct file *f) { return f->ops == &uring_file_ops ? f->fs : NULL; }

void uring_cancel_process(struct process *p)
{
	struct uring *u;
	list_for_each(u, &rings, link)
		if (u->process == p)
			uring_cancel_all(u);
}

// --- io_uring_setup --------------------------------------------------------------------------------------------------

static uint32_t round_up(uint32_t n)
{
	uint32_t r = 1;
	while (r < n)
		r *= 2;
	return r;
}

static int sizes(unsigned entries, struct io_uring_params *p)
{
	bool clamp = p->flags & IORING_SETUP_CLAMP;
	if (!entries || (entries > SQ_MAX && !clamp))
		return -EINVAL;
	p->sq_entries = round_up(MIN(entries, (unsigned)SQ_MAX));
	if (!(p->flags & IORING_SETUP_CQSIZE)) {
		p->cq_entries = 2 * p->sq_entries;
		return 0;
	}
	if (!p->cq_entries || (p->cq_entries > CQ_MAX && !clamp))
		return -EINVAL;
	p->cq_entries = round_up(MIN(p->cq_entries, (uint32_t)CQ_MAX));
	return p->cq_entries < p->sq_entries ? -EINVAL : 0;
}

static int check_flags(const struct io_uring_params *p)
{
	for (unsigned i = 0; i < ARRAY_SIZE(p->resv); i++)
		if (p->resv[i])
			return -EINVAL;
	if (p->flags & IORING_SETUP_SQPOLL)
		return -EPERM; // a thread that spins would take the CPU from the program; programs ask without it then
	if (p->flags & ~(unsigned)SETUP_KNOWN)
		return -EINVAL;
	if ((p->flags & IORING_SETUP_TASKRUN_FLAG) &&
	    !(p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
		return -EINVAL;
	if ((p->flags & IORING_SETUP_DEFER_TASKRUN) && !(p->flags & IORING_SETUP_SINGLE_ISSUER))
		return -EINVAL;
	return 0;
}

static void offsets(struct io_uring_params *p)
{
#define AT(field) (uint32_t)offsetof(struct ring_head, field)
	p->sq_off = (struct io_sqring_offsets){.head = AT(sq_head), .tail = AT(sq_tail), .ring_mask = AT(sq_mask),
		.ring_entries = AT(sq_entries), .flags = AT(sq_flags), .dropped = AT(sq_dropped),
		.array = (uint32_t)(sizeof(struct ring_head) + p->cq_entries * sizeof(struct io_uring_cqe))};
	p->cq_off = (struct io_cqring_offsets){.head = AT(cq_head), .tail = AT(cq_tail), .ring_mask = AT(cq_mask),
		.ring_entries = AT(cq_entries), .overflow = AT(cq_overflow), .cqes = AT(cqe), .flags = AT(cq_flags)};
	p->features = FEATURES;
}

static struct uring *uring_create(const struct io_uring_params *p)
{
	struct uring *u = heap_new(struct uring);
	if (!u)
		return NULL;
	if (ring_memory_alloc(&u->memory, p->sq_off.array + p->sq_entries * sizeof(uint32_t)) ||
	    ring_memory_alloc(&u->sqe_memory, p->sq_entries * sizeof(struct io_uring_sqe))) {
		ring_memory_free(&u->memory);
		heap_free(u);
		return NULL;
	}
	u->refs = 1;
	u->process = process_current();
	u->sq_entries = p->sq_entries;
	u->cq_entries = p->cq_entries;
	u->flags = p->flags;
	u->disabled = p->flags & IORING_SETUP_R_DISABLED;
	u->issuer = u->disabled ? NULL : thread_current();
	u->sq_array = (uint32_t *)((char *)u->memory.base + p->sq_off.array);
	list_init(&u->overflow);
	list_init(&u->requests);
	list_init(&u->ready);
	list_init(&u->deferred);
	waitq_init(&u->cq_q);
	waitq_init(&u->done_q);
	mutex_init(&u->submitting);
	work_init(&u->work, uring_work);
	struct ring_head *h = uring_head(u);
	h->sq_entries = p->sq_entries;
	h->cq_entries = p->cq_entries;
	h->sq_mask = p->sq_entries - 1;
	h->cq_mask = p->cq_entries - 1;
	list_push_back(&rings, &u->link);
	return u;
}

long sys_io_uring_setup(unsigned entries, void *params)
{
	struct io_uring_params p;
	struct file *f;
	if (user_get(p, (struct io_uring_params *)params))
		return -EFAULT;
	int err = check_flags(&p);
	if (!err)
		err = sizes(entries, &p);
	if (!err)
		err = work_prepare();
	if (err)
		return err;
	offsets(&p);
	struct uring *u = uring_create(&p);
	if (!u)
		return -ENOMEM;
	err = file_create_anonymous("anon_inode:[io_uring]", &uring_file_ops, u, O_RDWR, &f);
	if (err) {
		list_remove(&u->link);
		uring_put(u);
		return err;
	}
	f->inode->ops = &uring_inode_ops;
	f->inode->fs = u;
	if (user_put(p, (struct io_uring_params *)params)) {
		file_put(f);
		return -EFAULT;
	}
	return fd_install(f, O_CLOEXEC);
}
