// SPDX-License-Identifier: MIT
//
// Processes: creation of the first, look-up, death. A process dies when its last thread has left;
// the machine ends with the last process.
#define COMPONENT "proc"
#include "proc/process.h"

#include <linux/capability.h>
#include <linux/errno.h>

#include "base/string.h"
#include "debug/debug.h"
#include "inet/inet.h"
#include "mm/heap.h"
#include "plat/plat.h"
#include "sys/part.h"
#include "sys/trace.h"
#include "time/time.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

static struct list processes = LIST_INIT(processes);
static struct waitq threads_gone = WAITQ_INIT(threads_gone); // somebody left a process

#define ALL_CAPS ((1ull << (CAP_LAST_CAP + 1)) - 1)

struct process *process_current(void)
{
	return thread_current()->process;
}

struct mm *mm_current(void)
{
	return thread_current()->process->mm;
}

struct process *process_first(void)
{
	return list_empty(&processes) ? NULL : list_first(&processes, struct process, link);
}

struct process *process_next(struct process *p)
{
	return p->link.next == &processes ? NULL : list_first(&p->link, struct process, link);
}

struct process *process_find(int pid)
{
	struct process *p;
	list_for_each(p, &processes, link)
		if (p->pid == pid)
			return p;
	return NULL;
}

static void default_limits(struct process *p)
{
	const struct abi_boot *boot = plat_boot();
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		p->rlimit[i] = (struct rlimit64){RLIM64_INFINITY, RLIM64_INFINITY};
	p->rlimit[RLIMIT_STACK].rlim_cur = boot->stack_limit ? boot->stack_limit : 8ull << 20;
	uint64_t nofile = boot->nofile_limit ? boot->nofile_limit : 1024;
	p->rlimit[RLIMIT_NOFILE] = (struct rlimit64){nofile, MAX(nofile, 1048576ull)};
	p->rlimit[RLIMIT_CORE].rlim_cur = 0;
	p->rlimit[RLIMIT_NPROC] = (struct rlimit64){32768, 32768};
	p->rlimit[RLIMIT_SIGPENDING] = (struct rlimit64){16384, 16384};
	p->rlimit[RLIMIT_MEMLOCK] = (struct rlimit64){8ull << 20, 8ull << 20};
	p->rlimit[RLIMIT_MSGQUEUE] = (struct rlimit64){819200, 819200};
	p->rlimit[RLIMIT_NICE] = p->rlimit[RLIMIT_RTPRIO] = (struct rlimit64){0, 0};
}

static void default_credentials(struct credentials *c)
{
	const struct abi_boot *boot = plat_boot();
	c->uid = c->euid = c->suid = c->fsuid = boot->uid;
	c->gid = c->egid = c->sgid = c->fsgid = boot->gid;
	c->cap_bounding = ALL_CAPS;
	if (boot->uid == 0)
		c->cap_permitted = c->cap_effective = ALL_CAPS;
	c->groups[0] = boot->gid;
	c->group_count = 1;
}

int process_create_first(struct process **out)
{
	struct process *p = heap_new(struct process);
	if (!p)
		return -ENOMEM;
	p->pid = p->pgid = p->sid = 1;
	p->refs = 1;
	p->dumpable = true;
	p->start_ns = time_mono_ns();
	list_init(&p->threads);
	list_init(&p->posix_timers);
	list_init(&p->pending.entries);
	default_limits(p);
	default_credentials(&p->cred);
	p->mm = mm_create();
	p->files = files_create();
	p->sighand = sighand_create();
	if (!p->mm || !p->files || !p->sighand)
		return -ENOMEM; // the machine ends: nothing to undo
	int err = thread_create(p, &p->leader);
	if (err)
		return err;
	thread_get(p->leader); // /proc tells of it when it has ended and others go on
	list_push_back(&processes, &p->link);
	*out = p;
	return 0;
}

// All threads but the caller are told to go, and woken out of every sleep.
static void others_told_to_exit(struct process *p, struct thread *self)
{
	struct thread *t;
	list_for_each(t, &p->threads, process_link)
		if (t != self) {
			t->exiting = true;
			t->signal.work = true;
			sched_wake_signal(t);
		}
}

// The scheduler calls it when a thread has left its process for good.
void process_thread_gone(struct process *p)
{
	(void)p;
	waitq_wake_all(&threads_gone);
}

void process_kill_others(void)
{
	struct thread *self = thread_current();
	struct process *p = self->process;
	others_told_to_exit(p, self);
	while (p->thread_count > 1)
		waitq_sleep_uninterruptible(&threads_gone);
	self->exiting = false;
	// execve(2): the thread that remains takes over the leader's id.
	if (p->leader != self) {
		thread_put(p->leader);
		thread_get(self);
		p->leader = self;
	}
	if (self->tid != p->pid)
		thread_rename(self, p->pid);
}

// What goes with the process's last thread; its memory and files are in nobody's use any more.
static void process_release(struct process *p)
{
	time_process_exit(p);
	PART(tty_detach, p);
	if (p->fs)
		fs_context_put(p->fs);
	p->fs = NULL;
	sighand_put(p->sighand);
	list_remove(&p->link);
}

_Noreturn void process_exit_last(int wait_status)
{
	struct process *p = process_current();
	if (trace_on)
		trace_exit(wait_status);
	files_put(p->files);
	p->files = NULL;
	PART(inet_finish);
	process_release(p);
	if (list_empty(&processes))
		plat_exit(wait_status);
	panic("a second process ended"); // comes with fork
}

// The first caller's status counts; every thread leaves on its own way out, the last one ends the process.
_Noreturn void process_exit(int wait_status)
{
	struct thread *self = thread_current();
	struct process *p = self->process;
	if (!p->exiting) {
		p->exiting = true;
		p->exit_status = wait_status;
		others_told_to_exit(p, self);
	}
	thread_exit(0);
}

uint64_t process_run_ns(struct process *p)
{
	uint64_t sum = p->dead_run_ns;
	struct thread *t;
	list_for_each(t, &p->threads, process_link)
		sum += thread_run_ns(t);
	return sum;
}

struct cpu_times process_times(struct process *p)
{
	uint64_t kernel = p->dead_kernel_ns;
	struct thread *t;
	list_for_each(t, &p->threads, process_link)
		kernel += t->kernel_ns;
	return sched_times(process_run_ns(p), kernel, &p->user_told_ns);
}

bool process_capable(int cap)
{
	return process_current()->cred.cap_effective & (1ull << cap);
}

uint64_t process_limit(unsigned resource)
{
	return process_current()->rlimit[resource].rlim_cur;
}
