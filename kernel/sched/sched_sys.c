// SPDX-License-Identifier: MIT
//
// The scheduling calls: sched(7), sched_setscheduler(2), sched_setaffinity(2), setpriority(2).
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

#include "base/string.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sched/private.h"
#include "sys/syscalls.h"
#include "time/time.h"

static struct thread *target(int tid)
{
	return tid == 0 ? thread_current() : thread_find(tid);
}

long sys_sched_yield(void)
{
	struct sched_cpu *c = sched_this();
	struct thread *t = thread_current();
	// Behind everybody of its class that waits here.
	if (!list_empty(&c->normal) && t->policy != SCHED_FIFO && t->policy != SCHED_RR) {
		struct thread *last = list_last(&c->normal, struct thread, run_link);
		t->vruntime_ns = MAX(t->vruntime_ns, last->vruntime_ns);
	}
	if (c->runnable) {
		t->switches_voluntary++;
		sched_yield_thread();
	}
	return 0;
}

static bool realtime(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

static long set_policy(struct thread *t, int policy, int priority)
{
	bool known = realtime(policy) || policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE;
	if (!known || priority < 0 || priority > 99 || realtime(policy) != (priority > 0))
		return -EINVAL;
	if (realtime(policy) && !process_capable(CAP_SYS_NICE) && (uint64_t)priority > process_limit(RLIMIT_RTPRIO))
		return -EPERM;
	t->policy = policy;
	t->rt_priority = priority;
	return 0;
}

long sys_sched_setscheduler(int pid, int policy, const void *param)
{
	struct sched_param p;
	struct thread *t = target(pid);
	if (pid < 0 || !param)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (user_get(p, param))
		return -EFAULT;
	return set_policy(t, policy & ~SCHED_RESET_ON_FORK, p.sched_priority);
}

long sys_sched_setparam(int pid, const void *param)
{
	struct thread *t = target(pid);
	return t ? sys_sched_setscheduler(pid, t->policy, param) : -ESRCH;
}

long sys_sched_getscheduler(int pid)
{
	struct thread *t = target(pid);
	return pid < 0 ? -EINVAL : t ? t->policy : -ESRCH;
}

long sys_sched_getparam(int pid, void *param)
{
	struct thread *t = target(pid);
	if (pid < 0 || !param)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	struct sched_param p = {.sched_priority = t->rt_priority};
	return user_put(p, param);
}

long sys_sched_setattr(int pid, const void *attr, unsigned flags)
{
	struct sched_attr a = {0};
	uint32_t size;
	struct thread *t = target(pid);
	if (!attr || pid < 0 || flags)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (user_get(size, attr) || user_read(&a, attr, MIN(size ? size : SCHED_ATTR_SIZE_VER0, (uint32_t)sizeof(a))))
		return -EFAULT;
	if (a.sched_nice < -20 || a.sched_nice > 19)
		return -EINVAL;
	long err = set_policy(t, (int)a.sched_policy, (int)a.sched_priority);
	if (!err && !realtime((int)a.sched_policy))
		t->nice = a.sched_nice;
	return err;
}

long sys_sched_getattr(int pid, void *attr, unsigned size, unsigned flags)
{
	struct thread *t = target(pid);
	if (!attr || pid < 0 || flags || size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	struct sched_attr a = {.size = MIN(size, (unsigned)sizeof(a)), .sched_policy = (uint32_t)t->policy,
			       .sched_priority = (uint32_t)t->rt_priority, .sched_nice = t->nice};
	return user_write(attr, &a, a.size);
}

long sys_sched_setaffinity(int pid, size_t cpusetsize, const void *mask)
{
	uint64_t set = 0;
	if (user_read(&set, mask, MIN(cpusetsize, sizeof(set))))
		return -EFAULT;
	struct thread *t = target(pid);
	if (!t)
		return -ESRCH;
	set &= sched_cpu_mask();
	if (!set)
		return -EINVAL;
	sched_set_affinity(t, set);
	return 0;
}

long sys_sched_getaffinity(int pid, size_t cpusetsize, void *mask)
{
	struct thread *t = target(pid);
	if (cpusetsize < sizeof(t->affinity) || cpusetsize % sizeof(long))
		return -EINVAL;
	if (!t)
		return -ESRCH;
	uint64_t set = t->affinity & sched_cpu_mask();
	return user_put(set, mask) ? -EFAULT : (long)sizeof(set);
}

long sys_sched_get_priority_max(int policy)
{
	return realtime(policy) ? 99
	       : policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE || policy == SCHED_DEADLINE
		       ? 0
		       : -EINVAL;
}

long sys_sched_get_priority_min(int policy)
{
	return realtime(policy) ? 1 : sys_sched_get_priority_max(policy);
}

long sys_sched_rr_get_interval(int pid, void *tp)
{
	struct thread *t = target(pid);
	if (pid < 0)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	return time_put_timespec(tp, t->policy == SCHED_FIFO ? 0 : SLICE_NS);
}

// PRIO_PROCESS names a thread on Linux. Groups and users: every thread of the process.
static struct thread *priority_target(int which, int who)
{
	struct process *p = process_current();
	if (which == PRIO_PROCESS)
		return target(who);
	if (which == PRIO_PGRP && who && who != p->pgid)
		return NULL;
	if (which == PRIO_USER && who && (unsigned)who != p->cred.uid)
		return NULL;
	return thread_current();
}

long sys_getpriority(int which, int who)
{
	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	struct thread *t = priority_target(which, who);
	return t ? 20 - t->nice : -ESRCH;
}

long sys_setpriority(int which, int who, int prio)
{
	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	struct thread *t = priority_target(which, who), *other;
	if (!t)
		return -ESRCH;
	prio = MAX(-20, MIN(prio, 19));
	if (prio < t->nice && !process_capable(CAP_SYS_NICE) && (uint64_t)(20 - prio) > process_limit(RLIMIT_NICE))
		return -EACCES;
	t->nice = prio;
	if (which != PRIO_PROCESS)
		list_for_each(other, &t->process->threads, process_link)
			other->nice = prio;
	return 0;
}

long sys_getcpu(void *cpu, void *node, void *tcache)
{
	unsigned n = sched_cpu(), zero = 0;
	(void)tcache;
	return (cpu && user_put(n, cpu)) || (node && user_put(zero, node)) ? -EFAULT : 0;
}
