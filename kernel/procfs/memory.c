// SPDX-License-Identifier: MIT
//
// /proc/PID/mem: the program's memory as a file; a position is an address. Protection holds: what the
// program cannot write, this cannot.
#include <linux/errno.h>

#include "mm/uaccess.h"
#include "proc/process.h"
#include "procfs/private.h"

#define CHUNK 512

static int64_t mem_read(struct file *f, struct iter *to, int64_t *pos)
{
	char buf[CHUNK];
	int64_t done = 0;
	(void)f;
	while (to->left) {
		int64_t n = user_read_some(buf, (const void *)*pos, MIN(to->left, sizeof(buf)));
		if (n > 0)
			n = iter_write(to, buf, (size_t)n);
		if (n <= 0)
			return done ? done : n == -EFAULT ? -EIO : n;
		*pos += n;
		done += n;
	}
	return done;
}

static int64_t mem_write(struct file *f, struct iter *from, int64_t *pos)
{
	char buf[CHUNK];
	int64_t done = 0;
	(void)f;
	while (from->left) {
		int64_t n = iter_read(from, buf, MIN(from->left, sizeof(buf)));
		if (n > 0)
			n = user_write_some((void *)*pos, buf, (size_t)n);
		if (n <= 0)
			return done ? done : n == -EFAULT ? -EIO : n;
		*pos += n;
		done += n;
	}
	return done;
}

// The end of memory is not that of a file: SEEK_END is refused, as Linux does.
static int64_t mem_seek(struct file *f, int64_t off, int whence)
{
	if (whence != 0 && whence != 1)
		return -EINVAL;
	f->pos = whence ? f->pos + off : off;
	return f->pos;
}

static int mem_open(struct inode *i, struct file *f)
{
	(void)i, (void)f;
	return 0;
}

static const struct file_ops mem_ops = {.read = mem_read, .write = mem_write, .seek = mem_seek};
static const struct inode_ops mem_inode_ops = {.open = mem_open, .release = inode_free};

struct inode *procfs_memory(struct super *s)
{
	struct inode *i = inode_alloc(s, 0100600);
	if (i) {
		i->ops = &mem_inode_ops;
		i->fops = &mem_ops;
	}
	return i;
}
