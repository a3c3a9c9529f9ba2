// SPDX-License-Identifier: MIT
//
// Actions and masks: sigaction(2), sigprocmask(2), sigpending(2), sigsuspend(2), sigwaitinfo(2).
#include "base/string.h"
#include <linux/errno.h>

#include "mm/heap.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "signal/private.h"
#include "sys/syscalls.h"
#include "time/time.h"

#define FLAGS_KNOWN                                                                                                \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND |          \
	 SA_EXPOSE_TAGBITS | SA_RESTORER)

struct sighand *sighand_create(void)
{
	struct sighand *s = heap_new(struct sighand);
	if (!s)
		return NULL;
	s->refs = 1;
	waitq_init(&s->signalfd_q);
	return s;
}

void sighand_put(struct sighand *s)
{
	if (--s->refs == 0)
		heap_free(s);
}

void sighand_reset_exec(struct sighand *s)
{
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		struct signal_action *a = &s->action[i];
		*a = (struct signal_action){.handler = a->handler == HANDLER_IGNORE ? HANDLER_IGNORE : HANDLER_DEFAULT};
	}
}

long sys_rt_sigaction(int signum, const void *uact, void *uold, size_t sigsetsize)
{
	struct process *p = process_current();
	struct signal_action act, old;
	if (sigsetsize != sizeof(sigset))
		return -EINVAL;
	if (uact && user_get(act, uact))
		return -EFAULT;
	if (signum < 1 || signum > SIGNAL_COUNT || (uact && SIGNALS_UNBLOCKABLE & SIGNAL_MASK(signum)))
		return -EINVAL;
	old = p->sighand->action[signum - 1];
	if (uact) {
		act.flags &= FLAGS_KNOWN;
		act.mask &= ~SIGNALS_UNBLOCKABLE;
		p->sighand->action[signum - 1] = act;
		if (signal_is_ignored(p, signum)) // even if blocked: POSIX
			signal_flush(p, SIGNAL_MASK(signum));
	}
	return uold ? user_put(old, uold) : 0;
}

long sys_rt_sigprocmask(int how, const void *uset, void *uold, size_t sigsetsize)
{
	struct thread *t = thread_current();
	sigset set, old = t->signal.blocked;
	if (sigsetsize != sizeof(set))
		return -EINVAL;
	if (uset) {
		if (user_get(set, uset))
			return -EFAULT;
		if (how == SIG_BLOCK)
			set |= old;
		else if (how == SIG_UNBLOCK)
			set = old & ~set;
		else if (how != SIG_SETMASK)
			return -EINVAL;
		signal_set_blocked(t, set);
	}
	return uold ? user_put(old, uold) : 0;
}

long sys_rt_sigpending(void *uset, size_t sigsetsize)
{
	struct thread *t = thread_current();
	sigset set = signal_all_pending(t) & t->signal.blocked;
	if (sigsetsize > sizeof(set))
		return -EINVAL;
	return user_write(uset, &set, sigsetsize);
}

static long wait_for_any(void)
{
	while (!signal_pending(thread_current()))
		sched_sleep(TIME_NEVER);
	return -ERESTARTNOHAND;
}

long sys_pause(void)
{
	return wait_for_any();
}

long sys_rt_sigsuspend(const void *mask, size_t sigsetsize)
{
	int err = signal_set_temporary_mask(mask, sigsetsize);
	return err ? err : wait_for_any();
}

long sys_rt_sigtimedwait(const void *uset, void *uinfo, void *timeout, size_t sigsetsize)
{
	struct thread *t = thread_current();
	siginfo_k info;
	sigset set;
	uint64_t deadline;
	if (sigsetsize != sizeof(set))
		return -EINVAL;
	if (user_get(set, uset))
		return -EFAULT;
	int err = time_user_timeout(timeout, &deadline);
	if (err)
		return err;
	set &= ~SIGNALS_UNBLOCKABLE;
	int sig = signal_take(t, set, &info);
	while (!sig && !err) {
		t->signal.waiting = set;
		err = sched_sleep(deadline);
		t->signal.waiting = 0;
		sig = signal_take(t, set, &info);
	}
	if (!sig)
		return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
	return uinfo && user_put(info, uinfo) ? -EFAULT : sig;
}
