// SPDX-License-Identifier: MIT
//
// What the file components need of the rest of the kernel, on the host: heap and pages from malloc, user
// memory is ordinary memory, one thread that must never have to sleep unless a test says what happens then.
#ifndef WHELK_TEST_VFS_STUBS_H
#define WHELK_TEST_VFS_STUBS_H

#include <linux/resource.h>

#include "base/format.h"
#include "base/string.h"
#include "check.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "running.h"
#include "sched/sched.h"
#include "signal/signal.h"
#include "time/time.h"
#include "vfs/vfs.h"

// Not <stdio.h> and <stdlib.h>: their types and those of <asm/signal.h> do not go together.
void *calloc(size_t n, size_t size);
void *malloc(size_t size);
void *realloc(void *p, size_t size);
void *aligned_alloc(size_t align, size_t size);
void free(void *p);
_Noreturn void abort(void);

void *heap_alloc(size_t size) { return malloc(size ? size : 1); }
void *heap_zalloc(size_t size) { return calloc(1, size ? size : 1); }
void *heap_realloc(void *p, size_t size) { return realloc(p, size); }
void heap_free(void *p) { free(p); }
char *heap_strdup(const char *s)
{
	char *d = malloc(strlen(s) + 1);
	memcpy(d, s, strlen(s) + 1);
	return d;
}

struct test_page {
	struct page page;
	void *mem;
};
static long test_pages; // in use
static long test_page_limit = 1l << 40;

struct page *page_alloc(unsigned order, unsigned flags)
{
	if (test_pages >= test_page_limit)
		return NULL;
	struct test_page *p = calloc(1, sizeof *p);
	p->mem = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
	memset(p->mem, flags & PAGE_ZERO ? 0 : 0xa5, PAGE_SIZE << order);
	p->page.refs = 1;
	test_pages++;
	return &p->page;
}
void page_put_last(struct page *p)
{
	CHECK(p->refs == 1);
	test_pages--;
	free(container_of(p, struct test_page, page)->mem);
	free(p);
}
void *page_virt(const struct page *p) { return ((const struct test_page *)p)->mem; }
uint64_t page_phys(const struct page *p) { return (uint64_t)page_virt(p); }
void page_info(struct page_info *out) { *out = (struct page_info){.total = 65536, .free = 32768}; }
void page_account_cached(int64_t delta) { (void)delta; }
void page_reclaimer_register(struct page_reclaimer *r) { (void)r; }
void mm_unmap_inode(struct inode *inode, uint64_t first, uint64_t last, bool private_too)
{
	(void)inode, (void)first, (void)last, (void)private_too;
}

// Address 0 .. 4095 faults, all else is memory.
static bool test_fault(const void *p) { return (uint64_t)p < 4096; }
int user_read(void *dst, const void *src, size_t len)
{
	if (len && test_fault(src))
		return -14;
	memcpy(dst, src, len);
	return 0;
}
int user_write(void *dst, const void *src, size_t len)
{
	if (len && test_fault(dst))
		return -14;
	memcpy(dst, src, len);
	return 0;
}
int64_t user_string(char *dst, const char *src, size_t size)
{
	if (test_fault(src))
		return -14;
	size_t n = strnlen(src, size);
	if (n == size)
		return -36;
	memcpy(dst, src, n + 1);
	return (int64_t)n;
}

void iter_init_segments(struct iter *it, const struct iter_segment *seg, unsigned count, size_t len)
{
	*it = (struct iter){.seg = seg, .count = count, .left = len};
}
static int64_t test_iter(struct iter *it, void *buf, size_t len, int way)
{
	size_t done = 0;
	len = MIN(len, it->left);
	while (done < len) {
		while (it->offset == it->seg->len)
			it->seg++, it->count--, it->offset = 0;
		size_t n = MIN(len - done, it->seg->len - it->offset);
		char *at = (char *)it->seg->base + it->offset;
		if (way != 3 && test_fault(at))
			return done ? (int64_t)done : -14;
		if (way == 0)
			memcpy(at, (char *)buf + done, n);
		else if (way == 1)
			memcpy((char *)buf + done, at, n);
		else if (way == 2)
			memset(at, 0, n);
		it->offset += n;
		it->left -= n;
		done += n;
	}
	return (int64_t)done;
}
int64_t iter_write(struct iter *it, const void *src, size_t len)
{
	return test_iter(it, (void *)(uintptr_t)src, len, 0);
}
int64_t iter_read(struct iter *it, void *dst, size_t len) { return test_iter(it, dst, len, 1); }
int64_t iter_zero(struct iter *it, size_t len) { return test_iter(it, NULL, len, 2); }
void iter_advance(struct iter *it, size_t len) { test_iter(it, NULL, len, 3); }

static struct process test_process = {.pid = 1, .pgid = 1, .sid = 1};
static struct thread test_thread = {.process = &test_process, .tid = 1};
static uint64_t test_capable = ~0ull;
static int test_signal; // the last one sent
static void (*test_sleep)(void); // what happens while the thread sleeps; NULL: it must not

static __attribute__((constructor)) void test_begins(void) { running(&test_thread); }
struct process *process_current(void) { return &test_process; }
struct process *process_first(void) { return &test_process; }
struct process *process_find(int pid) { return pid == test_process.pid ? &test_process : NULL; }
struct process *process_next(struct process *p) { return p ? NULL : NULL; }
bool process_capable(int cap) { return test_capable >> cap & 1; }
uint64_t process_limit(unsigned resource) { return resource == RLIMIT_NOFILE ? 1024 : ~0ull; }
int signal_send_thread(struct thread *t, int sig, const siginfo_k *info)
{
	(void)t, (void)info;
	test_signal = sig;
	return 0;
}
int signal_send_process(struct process *p, int sig, const siginfo_k *info)
{
	(void)p, (void)info;
	test_signal = sig;
	return 0;
}
bool signal_pending(struct thread *t) { return t == NULL; }
int signal_set_temporary_mask(const void *mask, size_t size) { return mask && size == 8 ? 0 : -22; }
void signal_restore_mask(void) {}

static int test_sleeping(void)
{
	if (!test_sleep) {
		printf("a test would sleep\n");
		abort();
	}
	void (*fn)(void) = test_sleep;
	test_sleep = NULL;
	fn();
	return 0;
}
void waitq_init(struct waitq *q) { list_init(&q->waiters); }
int waitq_wake_some(struct waitq *q, int n, unsigned key)
{
	struct waiter *w, *next;
	int woken = 0;
	list_for_each_safe(w, next, &q->waiters, link)
		if (!w->exclusive || woken < n)
			woken += w->wake(w, key) && w->exclusive;
	return woken;
}
int waitq_sleep(struct waitq *q, uint64_t deadline)
{
	(void)q;
	return deadline == TIME_NEVER || test_sleep ? test_sleeping() : -62; // -ETIME
}
void waitq_add(struct waitq *q, struct waiter *w) { list_push_back(&q->waiters, &w->link); }
void waitq_remove(struct waiter *w) { list_remove(&w->link); }
void sched_take_news(bool now) { (void)now; }
int sched_sleep(uint64_t deadline) { return deadline == TIME_NEVER || test_sleep ? test_sleeping() : -110; }
void sched_wake(struct thread *t) { (void)t; }
void sched_poll(void) {}
void mutex_init(struct mutex *m) { m->owner = NULL, waitq_init(&m->q); }
void mutex_wait(struct mutex *m) { CHECK(!m->owner); }
void mutex_hand_on(struct mutex *m) { CHECK(m->owner); }

static uint64_t test_now = 1000 * NSEC_PER_SEC;
uint64_t time_mono_ns(void) { return test_now++; }
uint64_t time_wall_ns(void) { return test_now++; }
uint64_t time_wall_coarse_ns(void) { return test_now; }
int time_user_timespec(const void *ts, uint64_t *ns)
{
	const struct __kernel_timespec *t = ts;
	*ns = (uint64_t)t->tv_sec * NSEC_PER_SEC + (uint64_t)t->tv_nsec;
	return 0;
}
int time_user_timeout(const void *ts, uint64_t *deadline)
{
	*deadline = TIME_NEVER;
	return ts ? -22 : 0;
}
int time_put_timespec(void *ts, uint64_t ns) { return ts && ns + 1 ? 0 : 0; }

_Noreturn void debug_panic(const char *component, const char *fmt, ...);
void debug_panic(const char *component, const char *fmt, ...)
{
	printf("%s: %s\n", component, fmt);
	abort();
}

#endif
