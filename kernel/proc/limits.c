// SPDX-License-Identifier: MIT
//
// Limits and what was used: getrlimit(2), prlimit(2), getrusage(2), wait4(2) without children.
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/wait.h>

#include "mm/uaccess.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "time/time.h"

static long limit_set(struct process *p, int resource, const struct rlimit64 *new)
{
	struct rlimit64 *old = &p->rlimit[resource];
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (new->rlim_max > old->rlim_max && !process_capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (resource == RLIMIT_NOFILE && new->rlim_max > 1048576)
		return -EPERM; // fs.nr_open
	*old = *new;
	if (resource == RLIMIT_CPU)
		time_cpu_limit_changed(p);
	return 0;
}

long sys_prlimit64(int pid, int resource, const void *new_limit, void *old_limit)
{
	struct process *p = pid ? process_find(pid) : process_current();
	struct rlimit64 new;
	if (new_limit && user_get(new, new_limit))
		return -EFAULT;
	if (!p)
		return -ESRCH;
	if ((unsigned)resource >= RLIM_NLIMITS)
		return -EINVAL;
	struct rlimit64 old = p->rlimit[resource];
	long err = new_limit ? limit_set(p, resource, &new) : 0;
	if (!err && old_limit && user_put(old, old_limit))
		err = -EFAULT;
	return err;
}

long sys_getrlimit(int resource, void *rlim)
{
	return rlim ? sys_prlimit64(0, resource, NULL, rlim) : -EFAULT;
}

long sys_setrlimit(int resource, const void *rlim)
{
	return rlim ? sys_prlimit64(0, resource, rlim, NULL) : -EFAULT;
}

static void put_time(struct __kernel_old_timeval *tv, uint64_t ns)
{
	tv->tv_sec = (long)(ns / NSEC_PER_SEC);
	tv->tv_usec = (long)(ns % NSEC_PER_SEC / 1000);
}

long sys_getrusage(int who, void *usage)
{
	struct rusage ru = {0};
	struct process *p = process_current();
	struct thread *t = thread_current();
	if (who == RUSAGE_SELF || who == RUSAGE_THREAD) {
		struct cpu_times times = who == RUSAGE_SELF ? process_times(p) : thread_times(t);
		put_time(&ru.ru_utime, times.user_ns);
		put_time(&ru.ru_stime, times.kernel_ns);
		ru.ru_maxrss = (long)(p->mm->peak_resident_pages * (PAGE_SIZE / 1024));
		ru.ru_minflt = (long)p->faults_minor;
		ru.ru_majflt = (long)p->faults_major;
		ru.ru_nvcsw = (long)t->switches_voluntary;
		ru.ru_nivcsw = (long)t->switches_involuntary;
	} else if (who != RUSAGE_CHILDREN) {
		return -EINVAL;
	}
	return user_put(ru, usage);
}

long sys_wait4(int pid, void *wstatus, int options, void *rusage)
{
	(void)pid, (void)wstatus, (void)rusage;
	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	return -ECHILD;
}

long sys_waitid(int idtype, int id, void *infop, int options, void *rusage)
{
	// Linux fills these members whatever comes of the call.
	struct { int signo, errno, code, pad, pid, uid, status; } none = {0};
	bool bad = idtype < P_ALL || idtype > P_PIDFD || !(options & (WEXITED | WSTOPPED | WCONTINUED)) ||
		   options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL);
	(void)id, (void)rusage;
	if (infop && user_put(none, infop))
		return -EFAULT;
	return bad || (idtype == P_PID && id <= 0) || (idtype == P_PGID && id < 0) || (idtype == P_PIDFD && id < 0)
		       ? -EINVAL
		       : -ECHILD;
}
