// SPDX-License-Identifier: MIT
//
// The alternate signal stack: sigaltstack(2).
#include <linux/errno.h>

#include "mm/uaccess.h"
#include "signal/private.h"
#include "sys/syscalls.h"

#define STACK_MIN 2048 // MINSIGSTKSZ

// Growing downwards: sp may stand at the upper end. A stack that disarms itself is never "in use".
bool signal_on_stack(const struct thread *t, uint64_t sp)
{
	const struct thread_signal *s = &t->signal;
	return !(s->alt_flags & SS_AUTODISARM) && sp > s->alt_sp && sp - s->alt_sp <= s->alt_size;
}

static int set_stack(struct thread *t, const stack_t *ss)
{
	uint32_t mode = (uint32_t)ss->ss_flags & ~SS_AUTODISARM;
	if (signal_on_stack(t, frame_sp(t->frame)))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode != SS_DISABLE && ss->ss_size < STACK_MIN)
		return -ENOMEM;
	t->signal.alt_sp = mode == SS_DISABLE ? 0 : (uint64_t)ss->ss_sp;
	t->signal.alt_size = mode == SS_DISABLE ? 0 : ss->ss_size;
	t->signal.alt_flags = (uint32_t)ss->ss_flags;
	return 0;
}

long sys_sigaltstack(const void *uss, void *uold)
{
	struct thread *t = thread_current();
	stack_t ss, old = {
		.ss_sp = (void *)t->signal.alt_sp,
		.ss_size = t->signal.alt_size,
		.ss_flags = (int)(t->signal.alt_flags & SS_AUTODISARM),
	};
	if (!t->signal.alt_size)
		old.ss_flags |= SS_DISABLE;
	else if (signal_on_stack(t, frame_sp(t->frame)))
		old.ss_flags |= SS_ONSTACK;
	if (uss && user_get(ss, uss))
		return -EFAULT;
	int err = uss ? set_stack(t, &ss) : 0;
	if (!err && uold && user_put(old, uold))
		return -EFAULT;
	return err;
}

long sys_rt_sigreturn(void)
{
	struct thread *t = thread_current();
	sigset mask;
	uint64_t sp, size;
	uint32_t flags;
	t->restart = NULL;
	if (arch_signal_pop(t->frame, &mask, &sp, &size, &flags)) {
		signal_force_fault(t, SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	signal_set_blocked(t, mask);
	stack_t ss = {.ss_sp = (void *)sp, .ss_size = size, .ss_flags = (int)flags};
	set_stack(t, &ss); // as Linux: a stack that cannot be taken leaves the present one
	return (long)frame_result(t->frame);
}
