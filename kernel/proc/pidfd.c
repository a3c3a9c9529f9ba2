// SPDX-License-Identifier: MIT
//
// pidfd_open(2): a file that stands for a process. It would become readable when that ends; the only
// process there is cannot see that of itself.
#include "proc/pidfd.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/kcmp.h>

#include "base/format.h"
#include "poll/poll.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"

static unsigned pidfd_poll(struct file *f, struct poller *p)
{
	(void)f, (void)p;
	return 0;
}

static void pidfd_describe(struct file *f, struct text *t)
{
	struct process *p = f->fs;
	text_append(t, "Pid:\t%d\nNSpid:\t%d\n", p->pid, p->pid);
}

static const struct file_ops pidfd_ops = {.seek = file_seek_none, .poll = pidfd_poll, .describe = pidfd_describe};

long sys_pidfd_open(int pid, unsigned flags)
{
	struct file *f;
	if (flags & ~(unsigned)O_NONBLOCK || pid <= 0)
		return -EINVAL;
	struct process *p = process_find(pid);
	if (!p)
		return -ESRCH;
	int err = file_create_anonymous("anon_inode:[pidfd]", &pidfd_ops, p, O_RDWR | (flags & O_NONBLOCK), &f);
	return err ? err : fd_install(f, O_CLOEXEC);
}

// Two threads are the same in all that a process shares. Files are in the order of their addresses.
long sys_kcmp(int pid1, int pid2, int type, uint64_t idx1, uint64_t idx2)
{
	struct thread *one = thread_find(pid1), *two = thread_find(pid2);
	if (!one || !two)
		return -ESRCH;
	if (type < KCMP_FILE || type > KCMP_SYSVSEM)
		return type == KCMP_EPOLL_TFD ? -EOPNOTSUPP : -EINVAL;
	if (type != KCMP_FILE)
		return one->process != two->process || (type == KCMP_FILES && one->own_files != two->own_files) ||
		       (type == KCMP_FS && one->own_fs != two->own_fs);
	struct file *f = file_from_fd((int)idx1), *g = file_from_fd((int)idx2);
	long result = !f || !g ? -EBADF : f == g ? 0 : f < g ? 1 : 2;
	if (f)
		file_put(f);
	if (g)
		file_put(g);
	return result;
}

struct process *pidfd_process(struct file *f)
{
	return f->ops == &pidfd_ops ? f->fs : NULL;
}
