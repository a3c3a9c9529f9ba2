// SPDX-License-Identifier: MIT
//
// /proc/PID/fd and fdinfo.
#include <linux/errno.h>

#include "base/format.h"
#include "base/string.h"
#include "mm/heap.h"
#include "proc/process.h"
#include "procfs/private.h"

struct entry { // of fd/ (a link) or fdinfo/ (a text)
	int pid, fd;
};

static struct file *entry_file(const struct entry *e, bool *cloexec)
{
	struct process *p = process_find(e->pid);
	return p ? files_at(p->files, e->fd, cloexec) : NULL;
}

static int fd_follow(struct inode *i, struct mount **mount, struct dentry **dentry)
{
	bool cloexec;
	struct file *f = entry_file(i->fs, &cloexec);
	if (!f)
		return -ENOENT;
	int err = file_path(f, mount, dentry);
	file_put(f);
	return err;
}

static int64_t fd_readlink(struct inode *i, char *buf, size_t size)
{
	bool cloexec;
	char text[512];
	struct file *f = entry_file(i->fs, &cloexec);
	if (!f)
		return -ENOENT;
	int64_t n = file_format_path(f, text, sizeof(text));
	file_put(f);
	if (n > 0)
		memcpy(buf, text, MIN((size_t)n, size));
	return n;
}

static void fd_release(struct inode *i)
{
	heap_free(i->fs);
	inode_free(i);
}

static const struct inode_ops fd_ops = {.follow = fd_follow, .readlink = fd_readlink, .release = fd_release};

static int show_info(struct text *t, void *arg)
{
	bool cloexec = false;
	struct file *f = entry_file(arg, &cloexec);
	if (!f)
		return 0;
	text_append(t, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t1\nino:\t%lu\n", (long)f->pos,
		    f->flags | (cloexec ? 02000000 : 0), f->inode ? f->inode->ino : 0);
	if (f->ops->describe)
		f->ops->describe(f, t);
	file_put(f);
	return 0;
}

struct fd_dir {
	int pid;
	bool info;
};

static int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct fd_dir *d = static_dir_arg(dir);
	bool cloexec;
	int fd = 0;
	if (len > 9)
		return -ENOENT;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -ENOENT;
		fd = fd * 10 + (name[i] - '0');
	}
	struct entry *e = heap_new(struct entry);
	if (!e)
		return -ENOMEM;
	*e = (struct entry){d->pid, fd};
	struct file *f = entry_file(e, &cloexec);
	if (!f) {
		heap_free(e);
		return -ENOENT;
	}
	file_put(f);
	struct inode *i = d->info ? vfs_text_file(dir->super, 0400, show_info, e) : inode_alloc(dir->super, 0120700);
	if (!i) {
		heap_free(e);
		return -ENOMEM;
	}
	if (d->info) {
		vfs_text_file_own(i, heap_free);
	} else {
		i->ops = &fd_ops;
		i->fs = e;
	}
	*out = i;
	return 0;
}

static int dir_readdir(struct inode *dir, struct dir_emit *out, int64_t *pos)
{
	struct fd_dir *d = static_dir_arg(dir);
	struct process *p = process_find(d->pid);
	for (int fd = (int)(MAX(*pos, STATIC_DIR_DYNAMIC) - STATIC_DIR_DYNAMIC); p && fd < files_max(p->files); fd++) {
		bool cloexec;
		char name[16];
		struct file *f = files_at(p->files, fd, &cloexec);
		if (!f)
			continue;
		file_put(f);
		int n = format(name, sizeof(name), "%d", fd);
		if (!out->emit(out, name, (size_t)n, (uint64_t)fd + 1, d->info ? 8 : 10, STATIC_DIR_DYNAMIC + fd + 1))
			return 0;
		*pos = STATIC_DIR_DYNAMIC + fd + 1;
	}
	return 0;
}

static void dir_release(struct inode *dir)
{
	heap_free(static_dir_arg(dir));
}

static const struct static_dir_hooks dir_hooks = {.lookup = dir_lookup, .readdir = dir_readdir, .release = dir_release};

struct inode *procfs_fd_dir(struct super *s, int pid, bool info)
{
	struct fd_dir *d = heap_new(struct fd_dir);
	if (!d)
		return NULL;
	*d = (struct fd_dir){pid, info};
	struct inode *dir = static_dir_create(s, 0500, &dir_hooks, d);
	if (!dir)
		heap_free(d);
	return dir;
}
