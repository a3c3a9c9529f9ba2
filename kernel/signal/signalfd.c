// SPDX-License-Identifier: MIT
//
// signalfd(2): pending signals read from a file. Whoever reads or polls gets its own thread's and
// process's signals, as on Linux.
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>

#include "base/format.h"
#include "mm/heap.h"
#include "poll/poll.h"
#include "proc/process.h"
#include "signal/private.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"

static struct signalfd_siginfo convert(const siginfo_k *i)
{
	struct signalfd_siginfo s = {
		.ssi_signo = (uint32_t)i->si_signo, .ssi_errno = i->si_errno, .ssi_code = i->si_code};
	bool fault = SIGNALS_FAULT & SIGNAL_MASK(i->si_signo);
	if (i->si_code == SI_TIMER) {
		s.ssi_tid = (uint32_t)i->si_tid;
		s.ssi_overrun = (uint32_t)i->si_overrun;
		s.ssi_int = i->si_int;
		s.ssi_ptr = (uint64_t)i->si_ptr;
	} else if (i->si_code > 0 && fault) {
		s.ssi_addr = (uint64_t)i->si_addr;
	} else if (i->si_code > 0 && i->si_code != SI_KERNEL && i->si_signo == SIGIO) {
		s.ssi_band = (uint32_t)i->si_band;
		s.ssi_fd = i->si_fd;
	} else {
		s.ssi_pid = (uint32_t)i->si_pid;
		s.ssi_uid = i->si_uid;
		if (i->si_code < 0) {
			s.ssi_int = i->si_int;
			s.ssi_ptr = (uint64_t)i->si_ptr;
		}
	}
	return s;
}

static int64_t signalfd_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct thread *t = thread_current();
	int64_t done = 0;
	(void)pos;
	if (to->left < sizeof(struct signalfd_siginfo))
		return -EINVAL;
	while (to->left >= sizeof(struct signalfd_siginfo)) {
		siginfo_k info;
		sigset set = *(sigset *)f->fs;
		if (signal_take(t, set, &info)) {
			struct signalfd_siginfo s = convert(&info);
			if (iter_write(to, &s, sizeof(s)) < (int64_t)sizeof(s))
				return done ? done : -EFAULT;
			done += (int64_t)sizeof(s);
			continue;
		}
		if (done)
			break;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (waitq_sleep(&t->process->sighand->signalfd_q, TIME_NEVER))
			return -ERESTARTSYS;
	}
	return done;
}

static unsigned signalfd_poll(struct file *f, struct poller *p)
{
	struct thread *t = thread_current();
	poll_wait(p, &t->process->sighand->signalfd_q);
	return signal_all_pending(t) & *(sigset *)f->fs ? EPOLLIN : 0;
}

static void signalfd_release(struct file *f) { heap_free(f->fs); }

static void signalfd_describe(struct file *f, struct text *t)
{
	text_append(t, "sigmask:\t%016lx\n", *(sigset *)f->fs);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.seek = file_seek_none,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.describe = signalfd_describe,
};

static long change(int fd, sigset set)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	long result = -EINVAL;
	if (f->ops == &signalfd_ops) {
		*(sigset *)f->fs = set;
		waitq_wake_all(&process_current()->sighand->signalfd_q);
		result = fd;
	}
	file_put(f);
	return result;
}

long sys_signalfd4(int fd, const void *mask, size_t sizemask, int flags)
{
	sigset set;
	struct file *f;
	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK) || sizemask != sizeof(set))
		return -EINVAL;
	if (user_get(set, mask))
		return -EFAULT;
	set &= ~SIGNALS_UNBLOCKABLE;
	if (fd != -1)
		return change(fd, set);
	sigset *own = heap_new(sigset);
	if (!own)
		return -ENOMEM;
	*own = set;
	int err = file_create_anonymous("anon_inode:[signalfd]", &signalfd_ops, own,
					O_RDWR | ((uint32_t)flags & O_NONBLOCK), &f);
	if (err) {
		heap_free(own);
		return err;
	}
	return fd_install(f, (unsigned)flags & O_CLOEXEC);
}

long sys_signalfd(int fd, const void *mask, size_t sizemask)
{
	return sys_signalfd4(fd, mask, sizemask, 0);
}

