// SPDX-License-Identifier: MIT
//
// Threads come and go: clone(2), clone3(2), exit(2), exit_group(2), set_tid_address(2). A clone
// that would make a new process is refused with ENOSYS, and the user is told once.
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/sched.h>

#include "base/string.h"
#include "futex/futex.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "sys/part.h"
#include "sys/refuse.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

struct clone_request {
	uint64_t flags;
	uint64_t stack, tls; // stack: initial sp, 0: the caller's
	void *parent_tid, *child_tid;
	uint32_t exit_signal;
};

static long clone_check(const struct clone_request *r)
{
	if (r->flags & CLONE_SIGHAND && !(r->flags & CLONE_VM))
		return -EINVAL;
	if (r->flags & CLONE_THREAD && !(r->flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((r->flags & (CLONE_NEWNS | CLONE_FS)) == (CLONE_NEWNS | CLONE_FS))
		return -EINVAL;
	if ((r->flags & THREAD_FLAGS) == THREAD_FLAGS)
		return 0;
	sys_report_missing(r->flags & CLONE_VFORK ? __NR_vfork : __NR_fork, r->flags & CLONE_VFORK ? "vfork" : "fork");
	return -ENOSYS;
}

static long clone_thread(const struct clone_request *r)
{
	struct thread *self = thread_current(), *t;
	long err = clone_check(r);
	if (err)
		return err;
	err = thread_create(self->process, &t);
	if (err)
		return err;

	struct frame frame = *self->frame;
	frame_set_result(&frame, 0);
	frame_leave_syscall(&frame);
	if (r->stack)
		frame_set_sp(&frame, r->stack);
	arch_thread_copy_vector(t);
	arch_thread_init_user(t, &frame);
	arch_thread_set_tls(t, r->flags & CLONE_SETTLS ? r->tls : arch_thread_get_tls(self));

	// Inherited. The alternate stack is not (CLONE_VM without CLONE_VFORK), nor is rseq.
	t->signal.blocked = self->signal.blocked;
	t->affinity = self->affinity;
	t->policy = self->policy;
	t->rt_priority = self->rt_priority;
	t->nice = self->nice;
	memcpy(t->comm, self->comm, sizeof(t->comm));
	vfs_thread_inherit(t);

	int tid = t->tid;
	if (r->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = r->child_tid;
	if (r->flags & CLONE_CHILD_SETTID)
		user_put(tid, r->child_tid); // Linux ignores the fault too
	if (r->flags & CLONE_PARENT_SETTID && user_put(tid, r->parent_tid))
		err = -EFAULT; // the thread exists all the same
	thread_start(t);
	return err ? err : tid;
}

long sys_clone(uint64_t flags, uint64_t stack, void *parent_tid, void *child_tid, uint64_t tls)
{
	struct clone_request r = {
		.flags = (uint32_t)flags & ~(uint64_t)CSIGNAL,
		.stack = stack, .tls = tls, .parent_tid = parent_tid, .child_tid = child_tid,
		.exit_signal = flags & CSIGNAL,
	};
	return clone_thread(&r);
}

long sys_clone3(const void *uargs, size_t size)
{
	struct clone_args args = {0};
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (user_read(&args, uargs, MIN(size, sizeof(args))))
		return -EFAULT;
	for (size_t i = sizeof(args); i < size; i++) {
		char c;
		if (user_get(c, (const char *)uargs + i))
			return -EFAULT;
		if (c)
			return -E2BIG; // a field this kernel does not know is in use
	}
	if (args.flags & CSIGNAL || args.exit_signal > SIGNAL_COUNT || args.set_tid_size ||
	    args.flags & CLONE_INTO_CGROUP)
		return -EINVAL;
	if (args.flags & CLONE_PIDFD || (args.flags & (CLONE_THREAD | CLONE_PARENT) && args.exit_signal))
		return -EINVAL;
	if (!args.stack != !args.stack_size)
		return -EINVAL;
	struct clone_request r = {
		.flags = args.flags,
		.stack = args.stack + args.stack_size, .tls = args.tls,
		.parent_tid = (void *)args.parent_tid, .child_tid = (void *)args.child_tid,
		.exit_signal = (uint32_t)args.exit_signal,
	};
	return clone_thread(&r);
}

long sys_exit(int status)
{
	thread_exit(status & 0xff);
}

long sys_exit_group(int status)
{
	process_exit((status & 0xff) << 8);
}

long sys_set_tid_address(void *tidptr)
{
	thread_current()->clear_child_tid = tidptr;
	return thread_current()->tid;
}

// What a thread leaves to others when it ends: robust futexes, and the word its joiner waits on.
void process_thread_leaving(struct thread *t)
{
	vfs_thread_leaving(t);
	PART(futex_thread_exit, t);
	uint32_t zero = 0;
	if (t->clear_child_tid && user_put(zero, t->clear_child_tid) == 0)
		futex_wake_user(t->clear_child_tid, 1);
	t->clear_child_tid = NULL;
}
