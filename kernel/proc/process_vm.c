// SPDX-License-Identifier: MIT
//
// process_vm_readv(2), process_vm_writev(2): within the only process there is, a copy from list to list.
#include <linux/errno.h>
#include <linux/uio.h>

#include "mm/uaccess.h"
#include "proc/process.h"
#include "sys/syscalls.h"

#define CHUNK 512

struct cursor {
	const struct iovec *list; // USER
	uint64_t left;		  // segments after the current one
	struct iovec now;
};

static int advance(struct cursor *c)
{
	while (!c->now.iov_len && c->left) {
		if (user_get(c->now, c->list))
			return -EFAULT;
		c->list++;
		c->left--;
	}
	return 0;
}

static long transfer(int pid, struct cursor to, struct cursor from, uint64_t flags)
{
	char buf[CHUNK];
	long done = 0;
	if (flags || to.left > UIO_MAXIOV || from.left > UIO_MAXIOV)
		return -EINVAL;
	if (pid != process_current()->pid)
		return process_find(pid) ? -EPERM : -ESRCH;
	for (;;) {
		if (advance(&to) || advance(&from))
			return done ? done : -EFAULT;
		size_t n = MIN(MIN((size_t)to.now.iov_len, (size_t)from.now.iov_len), sizeof(buf));
		if (!n)
			return done;
		int64_t got = user_read_some(buf, from.now.iov_base, n);
		if (got > 0)
			got = user_write_some(to.now.iov_base, buf, (size_t)got);
		if (got <= 0)
			return done ? done : -EFAULT;
		to.now.iov_base = (char *)to.now.iov_base + got;
		to.now.iov_len -= (size_t)got;
		from.now.iov_base = (char *)from.now.iov_base + got;
		from.now.iov_len -= (size_t)got;
		done += got;
	}
}

long sys_process_vm_readv(int pid, const void *local, uint64_t liovcnt, const void *remote, uint64_t riovcnt,
			  uint64_t flags)
{
	return transfer(pid, (struct cursor){local, liovcnt, {0}}, (struct cursor){remote, riovcnt, {0}}, flags);
}

long sys_process_vm_writev(int pid, const void *local, uint64_t liovcnt, const void *remote, uint64_t riovcnt,
			   uint64_t flags)
{
	return transfer(pid, (struct cursor){remote, riovcnt, {0}}, (struct cursor){local, liovcnt, {0}}, flags);
}
