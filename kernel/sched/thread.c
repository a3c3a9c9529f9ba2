// SPDX-License-Identifier: MIT
//
// Threads as objects: numbers, creation, end. A thread that ends is freed by whoever runs next on
// its CPU, because until then its stack is in use.
#define COMPONENT "sched"
#include <linux/errno.h>
#include <linux/sched.h>

#include "base/string.h"
#include "mm/heap.h"
#include "mm/page.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sched/private.h"
#include "signal/signal.h"
#include "time/time.h"
#include "debug/debug.h"

#define TID_MAX	    4194304 // as pid_max on 64-bit Linux
#define STACK_ORDER 2
#define HASH_SIZE   64
#define STACKS_KEPT 8

_Static_assert(KERNEL_STACK_SIZE == PAGE_SIZE << STACK_ORDER, "stack order");

static struct thread *by_tid[HASH_SIZE]; // chains by hash_next
static int last_tid;
static void *free_stack[STACKS_KEPT];
static unsigned free_stacks;

static struct thread **slot(int tid)
{
	struct thread **p = &by_tid[tid % HASH_SIZE];
	while (*p && (*p)->tid != tid)
		p = &(*p)->hash_next;
	return p;
}

struct thread *thread_find(int tid)
{
	return tid > 0 ? *slot(tid) : NULL;
}

static int new_tid(void)
{
	do
		last_tid = last_tid % TID_MAX + 1;
	while (thread_find(last_tid));
	return last_tid;
}

static void *stack_alloc(void)
{
	void *stack = NULL;
	if (free_stacks) {
		stack = free_stack[--free_stacks];
	} else {
		struct page *p = page_alloc(STACK_ORDER, 0);
		stack = p ? page_virt(p) : NULL;
	}
	if (stack)
		*(uint64_t *)stack = THREAD_CANARY;
	return stack;
}

static void stack_free(void *stack)
{
	if (free_stacks < STACKS_KEPT)
		free_stack[free_stacks++] = stack;
	else
		page_put(page_from_virt(stack));
}

int thread_create(struct process *process, struct thread **out)
{
	struct thread *t = heap_new(struct thread);
	if (!t)
		return -ENOMEM;
	t->kernel_stack = stack_alloc();
	if (!t->kernel_stack)
		goto no_stack;
	if (arch_thread_alloc(t))
		goto no_arch;
	t->refs = 1;
	t->process = process;
	t->state = THREAD_NEW;
	t->affinity = sched_cpu_mask();
	t->policy = SCHED_NORMAL;
	t->timer_slack_ns = t->timer_slack_first_ns = thread_current() ? thread_current()->timer_slack_ns : 50000;
	t->start_ns = time_mono_ns();
	list_init(&t->run_link);
	list_init(&t->signal.pending.entries);
	t->signal.alt_flags = 2; // SS_DISABLE
	t->tid = new_tid();
	*slot(t->tid) = t;
	list_push_back(&process->threads, &t->process_link);
	process->thread_count++;
	*out = t;
	return 0;
no_arch:
	stack_free(t->kernel_stack);
no_stack:
	heap_free(t);
	return -ENOMEM;
}

void thread_rename(struct thread *t, int tid)
{
	t->quick[QUICK_TID] = (uint64_t)tid;
	struct thread **p = slot(t->tid);
	*p = t->hash_next;
	t->tid = tid;
	t->hash_next = NULL;
	*slot(tid) = t;
}

// A thread of the kernel's own: no process lists it, and its number leads nowhere.
void thread_hide(struct thread *t)
{
	list_remove(&t->process_link);
	t->process->thread_count--;
	struct thread **link = slot(t->tid);
	*link = t->hash_next;
	t->hash_next = NULL;
}

void thread_start(struct thread *t)
{
	process_tell_ids(t);
	t->state = THREAD_RUNNABLE;
	sched_enqueue(NULL, t);
}

void thread_get(struct thread *t)
{
	t->refs++;
}

void thread_put(struct thread *t)
{
	assert(t->refs);
	if (--t->refs == 0)
		heap_free(t);
}

void thread_reap(struct thread *t)
{
	arch_thread_free(t);
	stack_free(t->kernel_stack);
	t->kernel_stack = NULL;
	thread_put(t);
}

_Noreturn void thread_exit(int status)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	process_thread_leaving(t);
	if (p->thread_count == 1)
		process_exit_last(p->exiting ? p->exit_status : status << 8);
	t->exit_status = status;
	p->dead_run_ns += thread_run_ns(t);
	p->dead_kernel_ns += t->kernel_ns;
	list_remove(&t->process_link);
	p->thread_count--;
	struct thread **link = slot(t->tid);
	*link = t->hash_next;
	signal_thread_exit(t); // nobody finds it any more
	t->state = THREAD_DEAD;
	sched_this()->reap = t;
	process_thread_gone(p);
	sched_switch();
	panic("a dead thread runs");
}
