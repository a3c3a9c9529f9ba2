// SPDX-License-Identifier: MIT
//
// Open files: creation and the last reference, seeking, reading and writing from kernel code.
#define COMPONENT "vfs"
#include <linux/fs.h>
#include <linux/inotify.h>

#include "base/format.h"
#include "poll/poll.h"
#include "sys/part.h"
#include "vfs/private.h"
#include "debug/debug.h" // after all that includes <assert.h>

struct file *file_alloc(struct inode *i, uint32_t flags)
{
	struct file *f = heap_new(struct file);
	if (!f)
		return NULL;
	f->refs = 1;
	f->ops = i->fops;
	f->inode = i;
	inode_get(i);
	f->flags = flags;
	if (flags & O_PATH)
		f->mode = FILE_PATH;
	else
		f->mode = ((flags & O_ACCMODE) != O_WRONLY ? FILE_READ : 0) |
			  ((flags & O_ACCMODE) != O_RDONLY ? FILE_WRITE : 0);
	mutex_init(&f->pos_lock);
	list_init(&f->epoll_items);
	return f;
}

void file_put_last(struct file *f)
{
	assert(f->refs == 1);
	f->refs = 0;
	if (!list_empty(&f->epoll_items))
		epoll_file_released(f);
	if (!list_empty(&f->inode->locks))
		lock_release_file(f);
	if (!(f->mode & FILE_PATH))
		notify_file(f, f->mode & FILE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (f->ops && f->ops->release && !(f->mode & FILE_PATH))
		f->ops->release(f);
	if (f->mode & FILE_COUNTED)
		f->inode->write_count--;
	path_put(&f->path);
	inode_put(f->inode);
	heap_free(f);
}

static struct super anonymous_super = {.type = "anon_inodefs", .magic = 0x09041934};

int file_create_anonymous(const char *name, const struct file_ops *ops, void *fs, uint32_t flags, struct file **out)
{
	if (!anonymous_super.dev)
		anonymous_super.dev = super_new_dev();
	struct inode *i = inode_alloc(&anonymous_super, 0600);
	if (!i)
		return -ENOMEM;
	i->name = name;
	i->fops = ops;
	struct file *f = file_alloc(i, flags);
	inode_put(i);
	if (!f)
		return -ENOMEM;
	f->fs = fs;
	*out = f;
	return 0;
}

int file_create_inode(struct inode *i, uint32_t flags, struct file **out)
{
	struct file *f = file_alloc(i, flags);
	if (!f)
		return -ENOMEM;
	if (S_ISREG(i->mode) || S_ISDIR(i->mode))
		f->mode |= FILE_SEEK;
	// Not counted as open for writing: a memfd may be executed while it is.
	if (i->ops && i->ops->open) {
		int err = i->ops->open(i, f);
		if (err) {
			f->ops = NULL;
			file_put(f);
			return err;
		}
	}
	*out = f;
	return 0;
}

// What lies nowhere (pipes, memfd, the console) hangs on a dentry of its own here when a magic link leads to it.
static struct mount anonymous_mount = {.super = &anonymous_super};

int file_path(struct file *f, struct mount **mount, struct dentry **dentry)
{
	*mount = f->path.mount;
	*dentry = f->path.dentry;
	if (*dentry) {
		dentry_get(*dentry);
		return 0;
	}
	*mount = &anonymous_mount;
	*dentry = dentry_create_root(f->inode);
	if (!*dentry)
		return -ENOMEM;
	inode_get(f->inode);
	return 0;
}

int64_t file_format_path(struct file *f, char *buf, size_t size)
{
	int n;
	if (f->path.dentry && f->path.mount != &anonymous_mount)
		return path_format(&f->path, buf, size);
	if (S_ISFIFO(f->inode->mode))
		n = format(buf, size, "pipe:[%lu]", f->inode->ino);
	else if (S_ISSOCK(f->inode->mode))
		n = format(buf, size, "socket:[%lu]", f->inode->ino);
	else
		n = format(buf, size, "%s", f->inode->name ? f->inode->name : "anon_inode:[file]");
	return (size_t)n < size ? n : -ENAMETOOLONG;
}

int64_t file_seek_none(struct file *f, int64_t off, int whence)
{
	(void)f, (void)off, (void)whence;
	return -ESPIPE;
}

int64_t file_read_kernel(struct file *f, void *buf, size_t len, int64_t pos)
{
	struct iter it;
	if (!f->ops->read)
		return -EINVAL;
	iter_init_kernel(&it, buf, len);
	return f->ops->read(f, &it, &pos);
}

int64_t file_write_kernel(struct file *f, const void *buf, size_t len, int64_t pos)
{
	struct iter it;
	if (!f->ops->write)
		return -EINVAL;
	iter_init_kernel(&it, (void *)(uintptr_t)buf, len);
	return f->ops->write(f, &it, &pos);
}

unsigned file_poll(struct file *f, struct poller *p)
{
	if (f->mode & FILE_PATH)
		return EPOLLNVAL;
	return f->ops->poll ? f->ops->poll(f, p) : EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}

bool dir_emit_dots(struct file *f, struct dir_emit *d, int64_t *pos)
{
	struct inode *i = f->inode;
	if (*pos == 0) {
		if (!d->emit(d, ".", 1, i->ino, 4, 1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		struct dentry *e = f->path.dentry;
		if (e) {
			struct path up = f->path; // above a mount's root lies the directory it covers
			path_get(&up);
			mount_cross_up(&up);
			i = up.dentry->parent->inode ? up.dentry->parent->inode : i;
			path_put(&up);
		}
		if (!d->emit(d, "..", 2, i->ino, 4, 2))
			return false;
		*pos = 2;
	}
	return true;
}
