// SPDX-License-Identifier: MIT
//
// /proc: a static root with the machine's files; process directories and self come from look-ups.
#include "procfs/private.h"

#include <linux/errno.h>
#include <linux/magic.h>

#include "base/format.h"
#include "base/string.h"
#include "mm/heap.h"
#include "proc/process.h"

static struct super *proc_super;

static int64_t self_readlink(struct inode *i, char *buf, size_t size)
{
	char text[32];
	int n = i->fs ? format(text, sizeof(text), "%d/task/%d", process_current()->pid, thread_current()->tid)
		      : format(text, sizeof(text), "%d", process_current()->pid);
	memcpy(buf, text, MIN((size_t)n, size));
	return n;
}

static void self_release(struct inode *i) { inode_free(i); }

static const struct inode_ops self_ops = {.readlink = self_readlink, .release = self_release};

static struct inode *self_link(bool thread)
{
	struct inode *i = inode_alloc(proc_super, 0120777);
	if (i) {
		i->ops = &self_ops;
		i->fs = thread ? i : NULL;
	}
	return i;
}

static int parse_number(const char *name, size_t len)
{
	int n = 0;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9' || n > 100000000)
			return -1;
		n = n * 10 + (name[i] - '0');
	}
	return len ? n : -1;
}

static int root_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	int pid = parse_number(name, len);
	(void)dir;
	if (pid <= 0 || !process_find(pid))
		return -ENOENT;
	*out = procfs_process_dir(proc_super, pid);
	return *out ? 0 : -ENOMEM;
}

static int root_readdir(struct inode *dir, struct dir_emit *d, int64_t *pos)
{
	(void)dir;
	int64_t at = STATIC_DIR_DYNAMIC;
	for (struct process *p = process_first(); p; p = process_next(p), at++) {
		char name[16];
		if (at < *pos)
			continue;
		int n = format(name, sizeof(name), "%d", p->pid);
		if (!d->emit(d, name, (size_t)n, (uint64_t)p->pid, 4, at + 1))
			return 0;
		*pos = at + 1;
	}
	return 0;
}

// A directory is made once for a process: its files tell of a number, and look it up when they are read.
static bool root_still(struct inode *dir, const char *name, size_t len, struct inode *inode)
{
	int pid = parse_number(name, len);
	(void)dir, (void)inode;
	return pid > 0 && process_find(pid);
}

static const struct static_dir_hooks root_hooks = {.lookup = root_lookup, .readdir = root_readdir, .still = root_still};

int procfs_mount(void)
{
	struct super *s = heap_new(struct super);
	if (!s)
		return -ENOMEM;
	proc_super = s;
	s->dev = super_new_dev();
	s->type = "proc";
	s->magic = PROC_SUPER_MAGIC;
	struct inode *root = static_dir_create(s, 0555, &root_hooks, NULL);
	if (!root)
		return -ENOMEM;
	int err = static_dir_add(root, "self", self_link(false));
	if (!err)
		err = static_dir_add(root, "thread-self", self_link(true));
	if (!err)
		err = procfs_add_system(s, root);
	return err ? err : vfs_mount("/proc", s, root, "proc", "rw");
}
