// SPDX-License-Identifier: MIT
//
// open(2): from a name to an open file, with truncation, permissions; device nodes and FIFOs are handed to their
// drivers here. Creation is in create.c.
#include <linux/inotify.h>
#include <linux/openat2.h>

#include "pipe/pipe.h"
#include "sys/part.h"
#include "vfs/private.h"

#define DEVICE_MAX 256

static int (*device_open_table[DEVICE_MAX])(struct inode *inode, struct file *f);

void device_register(unsigned major, int (*open)(struct inode *inode, struct file *f))
{
	if (major < DEVICE_MAX)
		device_open_table[major] = open;
}

static int device_open(struct inode *i, struct file *f)
{
	unsigned major = i->rdev >> 8 & 0xfff;
	if (!S_ISCHR(i->mode) || major >= DEVICE_MAX || !device_open_table[major])
		return -ENXIO;
	return device_open_table[major](i, f);
}

static int open_check(struct inode *i, int flags)
{
	int acc = flags & O_ACCMODE;
	bool write = acc != O_RDONLY;
	unsigned mask = (acc != O_WRONLY ? 4 : 0) | (write || (flags & O_TRUNC) ? 2 : 0);
	if (S_ISLNK(i->mode))
		return -ELOOP;
	if (S_ISDIR(i->mode) && (write || (flags & (O_CREAT | O_TRUNC))))
		return -EISDIR;
	if (S_ISSOCK(i->mode))
		return -ENXIO;
	if ((flags & O_NOATIME) && !inode_is_owner(i))
		return -EPERM;
	int err = inode_permission(i, mask);
	if (!err && (mask & 2) && S_ISREG(i->mode) && i->deny_write)
		err = -ETXTBSY;
	return err;
}

static int open_inode(struct file *f)
{
	struct inode *i = f->inode;
	bool own = i->ops && i->ops->open;
	if (S_ISFIFO(i->mode) && !own)
		return fifo_open ? fifo_open(i, f) : -ENXIO;
	if (S_ISCHR(i->mode) && !own)
		return device_open(i, f);
	if (S_ISBLK(i->mode) || !(i->mode & S_IFMT)) // the latter: eventfd and its like, by a magic link
		return -ENXIO;
	if (S_ISREG(i->mode) || S_ISDIR(i->mode))
		f->mode |= FILE_SEEK;
	if (S_ISREG(i->mode) && (f->mode & FILE_WRITE)) {
		i->write_count++;
		f->mode |= FILE_COUNTED;
	}
	return own ? i->ops->open(i, f) : 0;
}

int open_path(const struct path *p, int flags, bool created, struct file **out)
{
	struct inode *i = path_inode(p);
	struct file *f;
	int err;

	if (!i)
		return -ENOENT;
	if ((flags & O_DIRECTORY) && !S_ISDIR(i->mode))
		return -ENOTDIR;
	if (!(flags & O_PATH) && !created && (err = open_check(i, flags)))
		return err;
	f = file_alloc(i, (uint32_t)flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | __O_TMPFILE));
	if (!f)
		return -ENOMEM;
	f->path = *p;
	path_get(&f->path);
	if (flags & O_PATH) {
		*out = f;
		return 0;
	}
	f->flags |= O_LARGEFILE;
	if ((err = open_inode(f))) // a terminal looks at O_NOCTTY
		goto fail;
	f->flags &= ~(uint32_t)O_NOCTTY;
	if (!f->ops) {
		err = -ENXIO;
		goto fail;
	}
	if ((flags & O_TRUNC) && S_ISREG(i->mode) && !created && (err = inode_truncate(i, 0, f)))
		goto fail_opened;
	notify_file(f, IN_OPEN);
	*out = f;
	return 0;
fail:
	f->ops = NULL; // never opened: no release
fail_opened:
	file_put(f);
	return err;
}

static int open_last(struct walk *w, int flags, uint32_t mode, struct file **out)
{
	bool magic = w->type == LAST_ROOT && w->links; // a magic link led to the object itself
	if ((flags & O_CREAT) && !(flags & O_PATH) && !magic)
		return open_last_create ? open_last_create(w, flags, mode, out) : -EROFS;
	struct path target;
	int err = walk_last(w, (flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0),
			    &target);
	if (err)
		return err;
	err = open_path(&target, S_ISDIR(target.dentry->inode->mode) ? flags : flags & ~O_CREAT, false, out);
	path_put(&target);
	return err;
}

int vfs_open_how(int dirfd, const char *name, int flags, uint32_t mode, uint64_t resolve, struct file **out)
{
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((flags & O_ACCMODE) == O_ACCMODE && !(flags & O_PATH))
		return -EINVAL; // Linux: for ioctl only; no driver here has a use for it
	if (flags & __O_TMPFILE) {
		if (!(flags & O_DIRECTORY) || (flags & O_CREAT) || (flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
		return open_tmpfile ? open_tmpfile(dirfd, name, flags, mode, resolve, out) : -EOPNOTSUPP;
	}
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	if (flags & O_EXCL && flags & O_CREAT)
		flags |= O_NOFOLLOW;
	if (!*name)
		return -ENOENT;
	struct walk w;
	int err = walk_begin(&w, dirfd, name, resolve);
	if (!err)
		do {
			err = walk_parent(&w);
			if (!err)
				err = open_last(&w, flags, mode, out);
		} while (err == WALK_AGAIN);
	walk_end(&w);
	return err;
}

int vfs_open(int dirfd, const char *name, int flags, uint32_t mode, struct file **out)
{
	return vfs_open_how(dirfd, name, flags, mode, 0, out);
}
