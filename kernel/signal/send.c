// SPDX-License-Identifier: MIT
//
// Sending: queueing a signal, choosing the thread that takes it, waking it. Taking is here too,
// because both keep the count against RLIMIT_SIGPENDING.
#include "signal/private.h"

#include <linux/errno.h>

#include "base/string.h"
#include "mm/heap.h"
#include "proc/process.h"

sigset signal_all_pending(const struct thread *t)
{
	return t->signal.pending.set | t->process->pending.set;
}

// What the thread takes: sigtimedwait(2) waits for blocked signals.
static sigset accepted(const struct thread *t)
{
	return ~t->signal.blocked | t->signal.waiting;
}

bool signal_pending(struct thread *t)
{
	if (!process_should_die(t) && !(signal_all_pending(t) & accepted(t)))
		return false;
	t->signal.work = true; // who was interrupted goes by signal_deliver(), whatever happens until then
	return true;
}

void signal_set_blocked(struct thread *t, sigset blocked)
{
	t->signal.blocked = blocked & ~SIGNALS_UNBLOCKABLE;
	if (signal_all_pending(t) & ~t->signal.blocked)
		t->signal.work = true;
}

siginfo_k signal_info_user(int sig, int code)
{
	struct process *p = process_current();
	siginfo_k info = {0};
	info.si_signo = sig;
	info.si_code = code;
	info.si_pid = p->pid;
	info.si_uid = p->cred.uid;
	return info;
}

bool signal_is_ignored(const struct process *p, int sig)
{
	uint64_t handler = p->sighand->action[sig - 1].handler;
	return handler == HANDLER_IGNORE || (handler == HANDLER_DEFAULT && SIGNALS_IGNORED & SIGNAL_MASK(sig));
}

// --- entries ---------------------------------------------------------------------------------------

static void entry_gone(struct process *p, struct signal_entry *e, siginfo_k *info)
{
	if (e->taken) {
		e->taken(e, info);
	} else {
		p->queued_signals--;
		heap_free(e);
	}
}

static struct signal_entry *entry_make(struct process *p, int sig, const siginfo_k *info)
{
	bool limited = sig >= SIGRTMIN && (!info || info->si_code <= 0);
	if (limited && p->queued_signals >= p->rlimit[RLIMIT_SIGPENDING].rlim_cur)
		return NULL;
	struct signal_entry *e = heap_new(struct signal_entry);
	if (!e)
		return NULL;
	p->queued_signals++;
	if (info) {
		e->info = *info;
	} else if (sig == SIGPIPE || sig == SIGXFSZ) { // what the thread did itself
		e->info = signal_info_user(sig, SI_USER);
	} else {
		e->info.si_code = SI_KERNEL;
	}
	e->info.si_signo = sig;
	return e;
}

static void drop(struct process *p, struct sigqueue *q, sigset set)
{
	struct signal_entry *e, *tmp;
	q->set &= ~set;
	list_for_each_safe(e, tmp, &q->entries, link) {
		if (!(SIGNAL_MASK(e->info.si_signo) & set))
			continue;
		list_remove(&e->link);
		entry_gone(p, e, NULL);
	}
}

void signal_flush(struct process *p, sigset set)
{
	struct thread *t;
	drop(p, &p->pending, set);
	list_for_each(t, &p->threads, process_link)
		drop(p, &t->signal.pending, set);
}

void signal_thread_exit(struct thread *t)
{
	drop(t->process, &t->signal.pending, ~0ull);
}

static int take_from(struct thread *t, struct sigqueue *q, sigset set, siginfo_k *info)
{
	int sig = sigqueue_next(q, set);
	if (!sig)
		return 0;
	struct signal_entry *e = sigqueue_take(q, sig);
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	if (e) {
		*info = e->info;
		entry_gone(t->process, e, info);
	}
	return sig;
}

int signal_take(struct thread *t, sigset set, siginfo_k *info)
{
	int sig = take_from(t, &t->signal.pending, set, info);
	return sig ? sig : take_from(t, &t->process->pending, set, info);
}

// --- sending ---------------------------------------------------------------------------------------

static bool wants(const struct thread *t, int sig)
{
	return accepted(t) & SIGNAL_MASK(sig) && !t->exiting && t->state != THREAD_DEAD;
}

// The first thread that does not block it, the main thread before others; NULL: it stays pending.
static struct thread *choose(struct process *p, int sig)
{
	struct thread *t;
	list_for_each(t, &p->threads, process_link)
		if (wants(t, sig))
			return t;
	return NULL;
}

static void notify(struct process *p, struct thread *target, int sig)
{
	if (target && wants(target, sig)) {
		target->signal.work = true;
		sched_wake_signal(target);
	}
	waitq_wake_all(&p->sighand->signalfd_q);
}

static bool blocked_by_target(const struct process *p, const struct thread *t, int sig)
{
	if (!t)
		t = list_empty(&p->threads) ? NULL : list_first(&p->threads, struct thread, process_link);
	return t && t->signal.blocked & SIGNAL_MASK(sig);
}

// Effects that come before queueing; false: the signal is dropped.
static bool prepare(struct process *p, const struct thread *t, int sig)
{
	if (p->exiting)
		return sig == SIGKILL;
	if (SIGNALS_STOP & SIGNAL_MASK(sig))
		signal_flush(p, SIGNAL_MASK(SIGCONT));
	else if (sig == SIGCONT)
		signal_flush(p, SIGNALS_STOP);
	return blocked_by_target(p, t, sig) || !signal_is_ignored(p, sig);
}

static int queue(struct process *p, struct thread *t, int sig, const siginfo_k *info)
{
	struct sigqueue *q = t ? &t->signal.pending : &p->pending;
	if (sig < SIGRTMIN && sigqueue_has(q, sig))
		return 0; // a standard signal is pending once
	struct signal_entry *e = entry_make(p, sig, info);
	if (e)
		sigqueue_add(q, e);
	else if (sig >= SIGRTMIN && info && info->si_code != SI_USER)
		return -EAGAIN;
	else
		q->set |= SIGNAL_MASK(sig);
	notify(p, t ? t : choose(p, sig), sig);
	return 0;
}

int signal_send_thread(struct thread *t, int sig, const siginfo_k *info)
{
	return prepare(t->process, t, sig) ? queue(t->process, t, sig, info) : 0;
}

int signal_send_process(struct process *p, int sig, const siginfo_k *info)
{
	return prepare(p, NULL, sig) ? queue(p, NULL, sig, info) : 0;
}

int signal_send_entry(struct process *p, struct thread *t, struct signal_entry *e)
{
	if (!list_empty(&e->link))
		return 1;
	int sig = e->info.si_signo;
	struct sigqueue *q = t ? &t->signal.pending : &p->pending;
	if (!prepare(p, t, sig)) {
		e->taken(e, NULL);
		return 0;
	}
	sigqueue_add(q, e);
	notify(p, t ? t : choose(p, sig), sig);
	return 0;
}

void signal_cancel_entry(struct process *p, struct thread *t, struct signal_entry *e)
{
	struct sigqueue *q = t ? &t->signal.pending : &p->pending;
	struct signal_entry *other;
	if (list_empty(&e->link))
		return;
	list_remove(&e->link);
	list_for_each(other, &q->entries, link)
		if (other->info.si_signo == e->info.si_signo)
			return;
	q->set &= ~SIGNAL_MASK(e->info.si_signo);
}

void signal_force_fault(struct thread *t, int sig, int code, uint64_t addr)
{
	struct signal_action *action = &t->process->sighand->action[sig - 1];
	siginfo_k info = {0};
	if (t->signal.blocked & SIGNAL_MASK(sig) || action->handler == HANDLER_IGNORE) {
		action->handler = HANDLER_DEFAULT;
		t->signal.blocked &= ~SIGNAL_MASK(sig);
	}
	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = (void *)addr;
	queue(t->process, t, sig, &info);
}

void signal_kill_process(struct process *p, int sig)
{
	struct thread *t;
	if (!p->exiting) {
		p->exiting = true;
		p->exit_status = sig;
	}
	list_for_each(t, &p->threads, process_link) {
		t->exiting = true;
		t->signal.work = true;
		sched_wake_signal(t);
	}
}
