// SPDX-License-Identifier: MIT
//
// The program sends: kill(2), tkill(2), rt_sigqueueinfo(2). Everything in a machine is the
// program's, so there are no permissions to check.
#include <linux/errno.h>

#include "mm/uaccess.h"
#include "proc/pidfd.h"
#include "proc/process.h"
#include "signal/private.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"

static bool valid(int sig) { return sig >= 0 && sig <= SIGNAL_COUNT; }

// A process by its id or that of one of its threads, as kill(2) takes it.
static struct process *process_of(int pid)
{
	struct process *p = process_find(pid);
	struct thread *t = p ? NULL : thread_find(pid);
	return t ? t->process : p;
}

static long kill_group(int pgid, int sig, const siginfo_k *info)
{
	long result = -ESRCH;
	for (struct process *p = process_first(); p; p = process_next(p)) {
		if (pgid ? p->pgid != pgid : p == process_current())
			continue;
		result = !valid(sig) ? -EINVAL : sig ? signal_send_process(p, sig, info) : 0;
	}
	return result;
}

long sys_kill(int pid, int sig)
{
	siginfo_k info = signal_info_user(sig, SI_USER);
	if (pid <= 0)
		return pid == INT32_MIN ? -ESRCH
					: kill_group(pid == 0	 ? process_current()->pgid
						     : pid == -1 ? 0
								 : -pid,
						     sig, &info);
	struct process *p = process_of(pid);
	if (!p)
		return -ESRCH;
	if (!valid(sig)) // who it is for comes first
		return -EINVAL;
	return sig ? signal_send_process(p, sig, &info) : 0;
}

// tgid 0: whatever process the thread is in.
static long send_thread(int tgid, int tid, int sig, const siginfo_k *info)
{
	struct thread *t = thread_find(tid);
	if (!t || (tgid && t->process->pid != tgid))
		return -ESRCH;
	return sig ? signal_send_thread(t, sig, info) : 0;
}

long sys_tkill(int tid, int sig)
{
	if (tid <= 0 || !valid(sig))
		return -EINVAL;
	siginfo_k info = signal_info_user(sig, SI_TKILL);
	return send_thread(0, tid, sig, &info);
}

long sys_tgkill(int tgid, int tid, int sig)
{
	if (tgid <= 0 || tid <= 0 || !valid(sig))
		return -EINVAL;
	siginfo_k info = signal_info_user(sig, SI_TKILL);
	return send_thread(tgid, tid, sig, &info);
}

// Codes of the kernel and of tkill may be forged only to oneself.
static long read_info(siginfo_k *info, const void *uinfo, int sig, int tgid)
{
	if (user_read(info, uinfo, sizeof(*info)))
		return -EFAULT;
	info->si_signo = sig;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && tgid != process_current()->pid)
		return -EPERM;
	return valid(sig) ? 0 : -EINVAL;
}

long sys_rt_sigqueueinfo(int tgid, int sig, const void *uinfo)
{
	siginfo_k info;
	long err = read_info(&info, uinfo, sig, tgid);
	if (err)
		return err;
	struct process *p = tgid > 0 ? process_of(tgid) : NULL;
	if (!p)
		return -ESRCH;
	if (!valid(sig)) // who it is for comes first
		return -EINVAL;
	return sig ? signal_send_process(p, sig, &info) : 0;
}

long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, const void *uinfo)
{
	siginfo_k info;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	long err = read_info(&info, uinfo, sig, tgid);
	return err ? err : send_thread(tgid, tid, sig, &info);
}

long sys_pidfd_send_signal(int pidfd, int sig, const void *uinfo, unsigned flags)
{
	siginfo_k info;
	struct file *f = file_from_fd(pidfd);
	struct process *p = f ? pidfd_process(f) : NULL; // the process outlives the call: it is the caller's own
	if (f)
		file_put(f);
	if (flags || !p)
		return flags ? -EINVAL : -EBADF;
	if (!uinfo)
		return sys_kill(p->pid, sig);
	long err = read_info(&info, uinfo, sig, p->pid);
	if (!err && info.si_signo != sig)
		err = -EINVAL;
	return err ? err : sig ? signal_send_process(p, sig, &info) : 0;
}
