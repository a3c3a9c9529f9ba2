// SPDX-License-Identifier: MIT
//
// The life of a request: taken from the ring, begun, made to wait for its file or a clock, completed.
//
// How nobody is made to wait. All runs under the one kernel lock, so a request is simply begun by who submits it. What
// sleeps for a bounded time (a host file, a directory) is done there and then. What can poll is tried without blocking,
// and if there is nothing yet, a watch on the file makes it ready later: that may happen anywhere and only puts it on
// the ring's ready list. Who is in io_uring_enter runs that list, before it sleeps and before it leaves, so that a
// program that waits needs no second thread; when nobody is, a worker of the kernel does. Only what can neither poll
// nor is bounded (splice, opening a FIFO) takes a worker for as long as it lasts.
//
// A request that is RUNNING belongs to who runs it; in every other state whoever holds the lock may complete it.
#include "poll/poll.h"
#include "signal/signal.h"
#include "uring/private.h"

#define TRIES	      8
#define READY_AT_ONCE 1024
#define TRY_AGAIN_NS  1000000

static void finish(struct request *r, int64_t result);

// --- completing ------------------------------------------------------------------------------------------------------

static void release(struct request *r)
{
	struct uring *u = r->ring;
	list_remove(&r->link);
	list_remove(&r->ready);
	if (r->file)
		file_put(r->file);
	heap_free(r->heap);
	heap_free(r);
	uring_put(u);
}

static void wake_runner(struct uring *u)
{
	if (u->entered) {
		waitq_wake(&u->cq_q, 0x7fffffff, EPOLLIN);
	} else {
		uring_get(u);
		if (!work_queue(&u->work))
			u->refs--; // who queued it has one
	}
}

void request_make_ready(struct request *r)
{
	if (r->state == REQUEST_READY || r->state == REQUEST_RUNNING)
		return;
	r->state = REQUEST_READY;
	list_push_back(&r->ring->ready, &r->ready);
	wake_runner(r->ring);
}

static void count_timeouts(struct uring *u)
{
	struct request *r;
	if (!u->counted)
		return;
	list_for_each(r, &u->requests, link)
		if (r->counted && r->state == REQUEST_ARMED && (int32_t)(u->completed - r->target) >= 0) {
			r->done = 1;
			request_make_ready(r);
		}
}

static unsigned chain_count(struct request *head)
{
	unsigned n = 0;
	for (; head; head = head->next)
		n++;
	return n;
}

static void run_deferred(struct uring *u)
{
	while (!list_empty(&u->deferred)) {
		struct request *head = list_first(&u->deferred, struct request, ready);
		if (u->draining || (head->drain && u->inflight))
			return;
		list_remove(&head->ready);
		unsigned n = chain_count(head);
		u->inflight += n;
		u->draining += head->drain ? n : 0;
		request_make_ready(head);
	}
}

// One request, without those that follow it.
static void complete_one(struct request *r, int64_t result)
{
	struct uring *u = r->ring;
	r->state = REQUEST_RUNNING;
	watch_stop(&r->watch);
	timer_stop(&r->timer);
	if (result <= -ERESTARTSYS)
		result = r->cancelled ? -ECANCELED : -EINTR;
	if (result < 0 && !(result == -ETIME && r->sqe.opcode == IORING_OP_TIMEOUT &&
			    r->sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS))
		r->failed = true;
	if (!u->dead && !((r->sqe.flags & IOSQE_CQE_SKIP_SUCCESS) && !r->failed))
		uring_post(u, r->sqe.user_data, (int32_t)result, r->cqe_flags);
	if (r->counted)
		u->counted--;
	if (r->sqe.opcode == IORING_OP_TIMEOUT) {
		u->timed_out++;
	} else {
		u->completed++;
		count_timeouts(u);
	}
	u->inflight--;
	u->draining -= r->drain;
}

static void cancel_chain(struct request *r)
{
	while (r) {
		struct request *next = r->next;
		complete_one(r, -ECANCELED);
		release(r);
		r = next;
	}
}

void request_complete(struct request *r, int64_t result)
{
	struct uring *u = r->ring;
	struct request *next = r->next, *timeout = r->timeout, *guarded = r->guarded;
	uring_get(u);
	r->next = r->timeout = r->guarded = NULL;
	complete_one(r, result);
	if (guarded)
		guarded->timeout = NULL;
	if (timeout) {
		timeout->guarded = NULL;
		complete_one(timeout, -ECANCELED);
		release(timeout);
	}
	if (next && (!r->failed || (r->sqe.flags & IOSQE_IO_HARDLINK)))
		request_make_ready(next);
	else
		cancel_chain(next);
	run_deferred(u);
	release(r); // last: a file's last reference may sleep
	uring_put(u);
}

// --- waiting ---------------------------------------------------------------------------------------------------------

static void timer_fired(struct timer *t)
{
	struct request *r = container_of(t, struct request, timer);
	r->fired = true;
	request_make_ready(r);
}

void request_arm_timer(struct request *r)
{
	r->timer.fn = timer_fired;
	r->state = REQUEST_ARMED;
	timer_start(&r->timer, r->deadline_ns);
}

static void watch_fired(struct watch *w) { request_make_ready(container_of(w, struct request, watch)); }

bool file_is_pollable(const struct file *f) { return f->ops->poll && !(f->mode & (FILE_SEEK | FILE_PATH)); }

// When the file is ready it is tried again. One that says so and then is not (a pipe with less room than an atomic
// write needs) is asked again after a while.
static void arm(struct request *r)
{
	if (r->cancelled) {
		request_complete(r, -ECANCELED);
		return;
	}
	r->state = REQUEST_ARMED;
	int ready = watch_start(&r->watch, r->file, r->op->events, watch_fired);
	if (ready > 0 && ++r->tries > TRIES) {
		r->deadline_ns = time_add(time_mono_ns(), TRY_AGAIN_NS);
		request_arm_timer(r);
	} else if (ready > 0) {
		request_make_ready(r);
	} else if (ready < 0) {
		request_complete(r, ready);
		return;
	}
}

// The copy shares what the file is made of, and only its flags differ: the program's own calls on it still block.
struct file *request_nonblocking(struct request *r, struct file *shadow)
{
	if (!file_is_pollable(r->file))
		return r->file;
	memcpy(shadow, r->file, sizeof *shadow);
	shadow->refs = 2;
	shadow->flags |= O_NONBLOCK;
	return shadow;
}

// --- running ---------------------------------------------------------------------------------------------------------

struct file *request_fixed(struct uring *u, unsigned n)
{
	struct file *f = n < u->files ? u->file[n] : NULL;
	if (f)
		file_get(f);
	return f;
}

static void work_on(struct work *w)
{
	struct request *r = container_of(w, struct request, work);
	struct uring *u = r->ring;
	uring_get(u);
	u->working++;
	r->state = REQUEST_RUNNING;
	int64_t result = r->op->issue(r);
	u->working--;
	finish(r, result);
	waitq_wake_all(&u->done_q);
	uring_put(u);
}

static void finish(struct request *r, int64_t result)
{
	struct request *timeout = r->timeout;
	if (result == REQUEST_BLOCKS_RESULT) {
		r->blocks = true;
		r->state = REQUEST_WAITING;
		work_init(&r->work, work_on);
		r->work.blocks = true;
		work_queue(&r->work);
		result = REQUEST_ARMED_RESULT;
	}
	if (result != REQUEST_ARMED_RESULT &&
	    (result != -EAGAIN || !r->op->events || r->nowait || !file_is_pollable(r->file))) {
		request_complete(r, result);
		return;
	}
	if (timeout && timeout->state == REQUEST_WAITING) { // before arm(), after which r may be gone
		timeout->begun = true;
		list_push_back(&r->ring->requests, &timeout->link);
		uring_link_timeout_begin(timeout);
	}
	if (result != REQUEST_ARMED_RESULT)
		arm(r);
}

static void begin(struct request *r)
{
	struct request *next = r->next;
	r->begun = true;
	list_push_back(&r->ring->requests, &r->link);
	if (next && next->sqe.opcode == IORING_OP_LINK_TIMEOUT) {
		r->timeout = next;
		r->next = next->next;
		next->next = NULL;
		next->guarded = r;
	}
	if (r->ring->dead) {
		request_complete(r, -ECANCELED);
		return;
	}
	if (r->op->needs_file) {
		r->file = r->sqe.flags & IOSQE_FIXED_FILE ? request_fixed(r->ring, (unsigned)r->sqe.fd)
							  : file_from_fd(r->sqe.fd);
		if (!r->file || r->file->mode & FILE_PATH) {
			request_complete(r, -EBADF);
			return;
		}
	}
	finish(r, r->op->issue(r));
}

static void run(struct request *r)
{
	r->state = REQUEST_RUNNING;
	if (!r->begun) {
		begin(r);
		return;
	}
	if (r->cancelled)
		request_complete(r, -ECANCELED);
	else
		finish(r, r->op->issue(r));
}

// Completions can make requests ready (a poll of the ring's own event counter), and so on without end: not all at once.
bool uring_run_ready(struct uring *u)
{
	for (unsigned n = 0; !list_empty(&u->ready); n++) {
		if (n >= READY_AT_ONCE)
			return true;
		struct request *r = list_first(&u->ready, struct request, ready);
		list_remove(&r->ready);
		run(r);
	}
	return false;
}

void uring_leave(struct uring *u)
{
	bool more = uring_run_ready(u);
	u->entered--;
	if (more)
		wake_runner(u);
}

void uring_work(struct work *w)
{
	struct uring *u = container_of(w, struct uring, work);
	u->working++;
	bool more = uring_run_ready(u);
	if (more)
		sched_sleep(time_add(time_mono_ns(), TRY_AGAIN_NS)); // the program's turn
	u->working--;
	if (more)
		wake_runner(u);
	waitq_wake_all(&u->done_q);
	uring_put(u);
}

// --- cancelling ------------------------------------------------------------------------------------------------------

bool request_cancel(struct request *r)
{
	if (r->state == REQUEST_RUNNING || (r->blocks && !work_cancel(&r->work))) {
		r->cancelled = true;
		work_interrupt(&r->work);
		return false;
	}
	list_remove(&r->ready);
	r->state = REQUEST_RUNNING;
	request_complete(r, -ECANCELED);
	return true;
}

void uring_cancel_all(struct uring *u)
{
	bool again;
	uring_get(u);
	do {
		struct request *r;
		again = false;
		while (!list_empty(&u->deferred)) {
			struct request *head = list_first(&u->deferred, struct request, ready);
			list_remove(&head->ready);
			unsigned n = chain_count(head);
			u->inflight += n;
			u->draining += head->drain ? n : 0;
			cancel_chain(head);
		}
		list_for_each(r, &u->ready, ready)
			if (!r->begun) {
				list_remove(&r->ready);
				cancel_chain(r);
				again = true;
				break;
			}
		if (again)
			continue;
		list_for_each(r, &u->requests, link)
			if (request_cancel(r)) {
				again = true; // the list is another now
				break;
			}
		if (again)
			continue;
		if (u->working) {
			work_interrupt(&u->work);
			waitq_sleep_uninterruptible(&u->done_q);
			again = true;
		}
	} while (again);
	if (work_cancel(&u->work))
		u->refs--; // its own
	uring_put(u);
}

// --- taking ----------------------------------------------------------------------------------------------------------

static int check(struct request *r, struct request *last)
{
	const struct io_uring_sqe *s = &r->sqe;
	if (s->opcode >= IORING_OP_LAST || !uring_ops[s->opcode].issue || s->flags & ~0x7fu || s->personality)
		return -EINVAL;
	r->op = &uring_ops[s->opcode];
	if (s->flags & IOSQE_BUFFER_SELECT)
		return -EOPNOTSUPP;
	if (s->opcode == IORING_OP_LINK_TIMEOUT && (!last || last->sqe.opcode == IORING_OP_LINK_TIMEOUT))
		return -EINVAL;
	return r->op->prepare ? r->op->prepare(r) : 0;
}

static struct request *take(struct uring *u, const struct io_uring_sqe *shared, struct request *last)
{
	struct request *r = heap_new(struct request);
	if (!r)
		return NULL;
	memcpy(&r->sqe, shared, sizeof r->sqe);
	r->ring = u;
	r->op = &uring_ops[IORING_OP_NOP];
	list_init(&r->link);
	list_init(&r->ready);
	uring_get(u);
	r->wrong = check(r, last);
	return r;
}

// A chain is whole. Nothing of it runs when something of it is wrong.
static void queue_chain(struct uring *u, struct request *head)
{
	struct request *r, *wrong = NULL;
	bool drain = false;
	for (r = head; r; r = r->next) {
		drain |= r->sqe.flags & IOSQE_IO_DRAIN;
		if (r->wrong && !wrong)
			wrong = r;
	}
	if (wrong) {
		while ((r = head)) {
			head = r->next;
			u->inflight++;
			complete_one(r, r == wrong ? r->wrong : -ECANCELED);
			release(r);
		}
		return;
	}
	for (r = head; r; r = r->next)
		r->drain = drain;
	if (u->draining || (drain && u->inflight) || !list_empty(&u->deferred)) {
		list_push_back(&u->deferred, &head->ready);
		return;
	}
	unsigned n = chain_count(head);
	u->inflight += n;
	u->draining += drain ? n : 0;
	run(head);
}

int64_t uring_submit(struct uring *u, uint32_t count)
{
	struct ring_head *h = uring_head(u);
	uint32_t mask = u->sq_entries - 1, done = 0;
	struct request *head = NULL, *last = NULL;
	mutex_lock(&u->submitting);
	uint32_t queued = __atomic_load_n(&h->sq_tail, __ATOMIC_ACQUIRE) - u->sq_head;
	count = MIN(count, MIN(queued, u->sq_entries));
	int err = 0;
	while (done < count) {
		uint32_t index = __atomic_load_n(&u->sq_array[u->sq_head & mask], __ATOMIC_RELAXED);
		if (index >= u->sq_entries) {
			__atomic_store_n(&h->sq_head, ++u->sq_head, __ATOMIC_RELEASE);
			h->sq_dropped++;
			break;
		}
		struct request *r = take(u, (const struct io_uring_sqe *)u->sqe_memory.base + index, last);
		if (!r) {
			err = -EAGAIN;
			break;
		}
		__atomic_store_n(&h->sq_head, ++u->sq_head, __ATOMIC_RELEASE);
		done++;
		bool linked = r->sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK), wrong = r->wrong;
		if (last)
			last->next = r;
		else
			head = r;
		last = r;
		if (!linked) {
			queue_chain(u, head);
			head = last = NULL;
		}
		if (wrong && !(u->flags & IORING_SETUP_SUBMIT_ALL))
			break;
		sched_poll();
	}
	if (head)
		queue_chain(u, head);
	mutex_unlock(&u->submitting);
	return done ? (int64_t)done : err;
}
