// SPDX-License-Identifier: MIT
//
// The machine and the process as the program may look at and name them: uname(2), sysinfo(2),
// prctl(2), personality(2), hints without effect.
#define COMPONENT "proc"
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

#include "base/string.h"
#include "debug/debug.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/info.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "time/time.h"
#include "vfs/vfs.h"

// Old enough to promise nothing that is missing, new enough for today's C libraries.
#define RELEASE "6.1.0-whelk"
#define VERSION "#1 SMP Whelk"

static char hostname[__NEW_UTS_LEN + 1], domainname[__NEW_UTS_LEN + 1] = "(none)";

const char *info_hostname(void)
{
	if (!hostname[0])
		string_copy(hostname, plat_boot_string(plat_boot()->hostname_off), sizeof(hostname));
	return hostname;
}

const char *info_domainname(void) { return domainname; }
const char *info_release(void) { return RELEASE; }
const char *info_version(void) { return VERSION; }

long sys_uname(void *buf)
{
	struct new_utsname u = {0};
	string_copy(u.sysname, "Linux", sizeof(u.sysname));
	string_copy(u.nodename, info_hostname(), sizeof(u.nodename));
	string_copy(u.release, RELEASE, sizeof(u.release));
	string_copy(u.version, VERSION, sizeof(u.version));
	string_copy(u.machine, arch_machine, sizeof(u.machine));
	string_copy(u.domainname, domainname, sizeof(u.domainname));
	return user_put(u, buf);
}

static long set_name(char *dst, const char *name, size_t len)
{
	char buf[__NEW_UTS_LEN + 1] = "";
	if (!process_capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len > __NEW_UTS_LEN)
		return -EINVAL;
	if (user_read(buf, name, len))
		return -EFAULT;
	memcpy(dst, buf, sizeof(buf));
	return 0;
}

long sys_sethostname(const char *name, size_t len) { return set_name(hostname, name, len); }
long sys_setdomainname(const char *name, size_t len) { return set_name(domainname, name, len); }

long sys_sysinfo(void *info)
{
	struct page_info pages;
	uint64_t runnable, load[3];
	page_info(&pages);
	sched_stats(&runnable, load);
	struct sysinfo s = {
		.uptime = (long)((time_mono_ns() + (uint64_t)plat_clock_boot_offset_ns()) / NSEC_PER_SEC),
		.loads = {load[0], load[1], load[2]},
		.totalram = pages.total * PAGE_SIZE,
		.freeram = pages.free * PAGE_SIZE,
		.mem_unit = 1,
	};
	for (struct process *p = process_first(); p; p = process_next(p))
		s.procs = (unsigned short)(s.procs + p->thread_count);
	return user_put(s, info);
}

static long prctl_name(int option, uint64_t arg)
{
	struct thread *t = thread_current();
	char name[16] = "";
	if (option == PR_GET_NAME)
		return user_write((void *)arg, t->comm, sizeof(t->comm));
	int64_t n = user_string(name, (const char *)arg, sizeof(name));
	if (n == -EFAULT)
		return -EFAULT;
	if (n == -ENAMETOOLONG && user_read(name, (const void *)arg, sizeof(name) - 1))
		return -EFAULT;
	name[15] = '\0';
	memcpy(t->comm, name, sizeof(name));
	return 0;
}

static long prctl_ambient(struct credentials *c, uint64_t op, uint64_t cap)
{
	if (op == PR_CAP_AMBIENT_CLEAR_ALL) {
		c->cap_ambient = 0;
		return 0;
	}
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	uint64_t bit = 1ull << cap;
	switch (op) {
	case PR_CAP_AMBIENT_IS_SET:
		return (c->cap_ambient & bit) != 0;
	case PR_CAP_AMBIENT_RAISE:
		if (!(c->cap_permitted & c->cap_inheritable & bit))
			return -EPERM;
		c->cap_ambient |= bit;
		return 0;
	case PR_CAP_AMBIENT_LOWER:
		c->cap_ambient &= ~bit;
		return 0;
	default:
		return -EINVAL;
	}
}

// What becomes of a program whose memory fails: no machine learns of that, so only the default can be had.
static long prctl_memory_failure(uint64_t what, uint64_t how, uint64_t arg4, uint64_t arg5)
{
	if (arg4 || arg5 || (what == PR_MCE_KILL_CLEAR && how))
		return -EINVAL;
	return what == PR_MCE_KILL_CLEAR || (what == PR_MCE_KILL_SET && how == PR_MCE_KILL_DEFAULT) ? 0 : -EINVAL;
}

long sys_prctl(int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	struct credentials *c = &p->cred;
#ifdef WHELK_DEBUG
	assert(option != DEBUG_PRCTL_PANIC);
#endif
	switch (option) {
	case PR_SET_NAME:
	case PR_GET_NAME:
		return prctl_name(option, arg2);
	case PR_SET_PDEATHSIG:
		if (arg2 > SIGNAL_COUNT)
			return -EINVAL;
		p->parent_death_signal = (int)arg2;
		return 0;
	case PR_GET_PDEATHSIG:
		return user_put(p->parent_death_signal, (void *)arg2);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_DUMPABLE:
		if (arg2 > 1)
			return -EINVAL;
		p->dumpable = arg2;
		return 0;
	case PR_GET_KEEPCAPS:
		return p->keep_caps;
	case PR_SET_KEEPCAPS:
		if (arg2 > 1)
			return -EINVAL;
		p->keep_caps = arg2;
		return 0;
	case PR_CAPBSET_READ:
		return arg2 > CAP_LAST_CAP ? -EINVAL : (long)(c->cap_bounding >> arg2 & 1);
	case PR_CAPBSET_DROP:
		if (!process_capable(CAP_SETPCAP))
			return -EPERM;
		if (arg2 > CAP_LAST_CAP)
			return -EINVAL;
		c->cap_bounding &= ~(1ull << arg2);
		return 0;
	case PR_CAP_AMBIENT:
		return arg5 ? -EINVAL : prctl_ambient(c, arg2, arg3);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		if (!process_capable(CAP_SETPCAP))
			return -EPERM;
		c->securebits = (uint32_t)arg2;
		return 0;
	case PR_SET_NO_NEW_PRIVS:
		if (arg2 != 1 || arg3 || arg4 || arg5)
			return -EINVAL;
		c->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : c->no_new_privs;
	case PR_SET_THP_DISABLE:
		if (arg3 || arg4 || arg5)
			return -EINVAL;
		p->thp_disabled = arg2 != 0;
		return 0;
	case PR_GET_THP_DISABLE:
		return p->thp_disabled;
	case PR_SET_TIMERSLACK:
		t->timer_slack_ns = arg2 ? arg2 : t->timer_slack_first_ns;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)t->timer_slack_ns;
	case PR_GET_TID_ADDRESS:
		return user_put(t->clear_child_tid, (void *)arg2);
	case PR_SET_CHILD_SUBREAPER:
		return 0; // no children yet
	case PR_GET_CHILD_SUBREAPER: {
		int no = 0;
		return user_put(no, (void *)arg2);
	}
	case PR_SET_VMA:
		return arg2 == PR_SET_VMA_ANON_NAME ? 0 : -EINVAL; // names are for /proc/self/maps only
	case PR_GET_SECCOMP:
	case PR_GET_TIMING:
		return 0;
	case PR_SET_TIMING:
		return arg2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_SET_PTRACER:
		return 0; // nobody can trace
	case PR_GET_TSC: {
		int readable = PR_TSC_ENABLE; // rdtsc cannot be forbidden: PR_SET_TSC with PR_TSC_SIGSEGV is refused
		return user_put(readable, (void *)arg2);
	}
	case PR_SET_TSC:
		return arg2 == PR_TSC_ENABLE ? 0 : -EINVAL;
	case PR_TASK_PERF_EVENTS_DISABLE:
	case PR_TASK_PERF_EVENTS_ENABLE:
		return 0; // there are none
	case PR_GET_SPECULATION_CTRL: // the processor does as it likes
		return arg3 || arg4 || arg5 ? -EINVAL : arg2 <= PR_SPEC_L1D_FLUSH ? (long)PR_SPEC_ENABLE : -ENODEV;
	case PR_SET_SPECULATION_CTRL:
		return arg4 || arg5 ? -EINVAL : arg2 <= PR_SPEC_L1D_FLUSH ? -ENXIO : -ENODEV;
	case PR_MCE_KILL:
		return prctl_memory_failure(arg2, arg3, arg4, arg5);
	case PR_MCE_KILL_GET:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : PR_MCE_KILL_DEFAULT;
	default:
		return -EINVAL;
	}
}

long sys_personality(uint64_t persona)
{
	struct process *p = process_current();
	uint32_t old = p->personality;
	if (persona != 0xffffffff)
		p->personality = (uint32_t)persona;
	return old;
}

long sys_ioprio_set(int which, int who, int ioprio)
{
	(void)who, (void)ioprio;
	return which >= 1 && which <= 3 ? 0 : -EINVAL;
}

long sys_ioprio_get(int which, int who)
{
	(void)who;
	return which >= 1 && which <= 3 ? 0 : -EINVAL;
}

long sys_unshare(uint64_t flags)
{
	const uint64_t known = CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	if (flags & ~known)
		return flags & (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
				CLONE_NEWNET | CLONE_NEWCGROUP)
			       ? -EPERM
			       : -EINVAL;
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) && process_current()->thread_count > 1)
		return -EINVAL;
	return vfs_unshare(flags & CLONE_FS, flags & CLONE_FILES);
}
