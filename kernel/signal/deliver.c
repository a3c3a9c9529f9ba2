// SPDX-License-Identifier: MIT
//
// On the way out to the program: signals are taken off the queues, acted on, or turned into a call
// of a handler; interrupted system calls are restarted or fail with EINTR. signal(7), "Interruption
// of system calls".
#include <linux/errno.h>

#include "debug/debug.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "signal/private.h"
#include "sys/part.h"
#include "sys/syscalls.h"
#include "sys/trace.h"

// A handler runs: what becomes of the call it interrupted.
static void settle_call(struct frame *frame, uint64_t action_flags)
{
	if (!frame_in_syscall(frame))
		return;
	switch (-(int64_t)frame_result(frame)) {
	case ERESTARTSYS:
		if (action_flags & SA_RESTART)
			frame_restart(frame);
		else
			frame_set_result(frame, (uint64_t)-EINTR);
		break;
	case ERESTARTNOINTR:
		frame_restart(frame);
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		frame_set_result(frame, (uint64_t)-EINTR);
		break;
	}
	frame_leave_syscall(frame);
}

// No handler ran: the call goes on as if nothing had happened.
static void resume_call(struct frame *frame)
{
	if (!frame_in_syscall(frame))
		return;
	switch (-(int64_t)frame_result(frame)) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
		frame_restart(frame);
		frame_leave_syscall(frame);
		break;
	case ERESTART_RESTARTBLOCK:
		frame_restart_block(frame);
		frame_leave_syscall(frame);
		break;
	}
}

static void choose_stack(const struct thread *t, const struct frame *frame, const struct signal_action *a,
			 struct arch_sigframe *s)
{
	const struct thread_signal *ts = &t->signal;
	bool on = signal_on_stack(t, frame_sp(frame));
	s->sp_base = frame_sp(frame);
	if (a->flags & SA_ONSTACK && ts->alt_size && !on) {
		s->sp_base = ts->alt_sp + ts->alt_size;
		on = true;
	}
	s->sp_limit = on ? ts->alt_sp : 0;
}

static void call_handler(struct frame *frame, int sig, const siginfo_k *info, const struct signal_action *a)
{
	struct thread *t = thread_current();
	struct thread_signal *ts = &t->signal;
	struct arch_sigframe s = {
		.sig = sig,
		.info = (const struct siginfo *)info,
		.handler = a->handler,
		.restorer = a->restorer,
		.siginfo = a->flags & SA_SIGINFO,
		.mask = ts->saved_valid ? ts->saved_mask : ts->blocked,
		.alt_sp = ts->alt_sp, .alt_size = ts->alt_size, .alt_flags = ts->alt_flags,
		.fault_addr = ts->fault_addr, .fault_error = ts->fault_error, .trap_nr = ts->trap_nr,
	};
	settle_call(frame, a->flags);
	if (t->rseq) { // what the handler interrupts is the abort handler, not the sequence
		t->rseq_stale = true;
		sched_rseq_leave(t);
	}
	choose_stack(t, frame, a, &s);
	if (!arch_signal_push || arch_signal_push(frame, &s)) {
		if (sig == SIGSEGV) // its own handler cannot be called: this ends here
			t->process->sighand->action[SIGSEGV - 1].handler = HANDLER_DEFAULT;
		signal_force_fault(t, SIGSEGV, SI_KERNEL, 0);
		return;
	}
	ts->saved_valid = false;
	if (ts->alt_flags & SS_AUTODISARM) {
		ts->alt_sp = ts->alt_size = 0;
		ts->alt_flags = SS_DISABLE;
	}
	signal_set_blocked(t, ts->blocked | a->mask | (a->flags & SA_NODEFER ? 0 : SIGNAL_MASK(sig)));
}

static void refuse_stop(int sig)
{
	static bool told;
	if (!told)
		debug_notice("signal %d does not stop the program: a machine of its own has nobody to continue it",
			     sig);
	told = true;
}

static void act(struct frame *frame, int sig, siginfo_k *info)
{
	struct signal_action *a = &process_current()->sighand->action[sig - 1];
	struct signal_action copy = *a;
	if (trace_on)
		trace_signal(sig, info->si_code, (uint64_t)info->si_addr);
	if (copy.handler == HANDLER_IGNORE)
		return;
	if (copy.handler != HANDLER_DEFAULT) {
		if (copy.flags & SA_RESETHAND)
			a->handler = HANDLER_DEFAULT;
		call_handler(frame, sig, info, &copy);
	} else if (SIGNALS_STOP & SIGNAL_MASK(sig)) {
		refuse_stop(sig);
	} else if (!(SIGNALS_IGNORED & SIGNAL_MASK(sig))) {
		signal_die(frame, sig, info);
	}
}

void signal_deliver(struct frame *frame)
{
	struct thread *t = thread_current();
	struct thread_signal *ts = &t->signal;
	siginfo_k info;
	int sig;

	ts->waiting = 0;
	for (;;) {
		if (process_should_die(t))
			thread_exit(0);
		ts->work = false;
		sig = signal_take(t, ~ts->blocked, &info);
		if (!sig)
			break;
		act(frame, sig, &info);
	}
	resume_call(frame);
	if (ts->saved_valid) {
		ts->saved_valid = false;
		signal_set_blocked(t, ts->saved_mask);
	}
}

int signal_set_temporary_mask(const void *mask, size_t size)
{
	struct thread *t = thread_current();
	sigset set;
	if (size != sizeof(set))
		return -EINVAL;
	if (user_get(set, mask))
		return -EFAULT;
	t->signal.saved_mask = t->signal.blocked;
	t->signal.saved_valid = true;
	signal_set_blocked(t, set);
	return 0;
}

void signal_restore_mask(void)
{
	struct thread *t = thread_current();
	if (!t->signal.saved_valid)
		return;
	t->signal.saved_valid = false;
	signal_set_blocked(t, t->signal.saved_mask);
}

long sys_restart_syscall(void)
{
	struct thread *t = thread_current();
	return t->restart ? t->restart(t) : -EINTR;
}
