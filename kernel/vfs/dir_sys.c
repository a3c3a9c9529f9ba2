// SPDX-License-Identifier: MIT
//
// Directories: listing, the working directory, the root.
#include <linux/capability.h>
#include <linux/inotify.h>

#include "sys/syscalls.h"
#include "vfs/private.h"

#define DIRENTS_CHUNK 4096 // entries are collected here before they go to the program

struct dirent_head { // struct linux_dirent64 without its name
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
} __attribute__((packed));
#define DIRENT_NAME 19 // offset of the name in linux_dirent64
#define DIRENT_OLD  18 // in linux_dirent, where the type is the record's last byte

struct dirents {
	struct dir_emit emit;
	char *buf;
	size_t size, len;
	bool old, full;
};

static bool dirents_emit(struct dir_emit *e, const char *name, size_t len, uint64_t ino, unsigned type,
			 int64_t next_pos)
{
	struct dirents *d = container_of(e, struct dirents, emit);
	size_t start = d->old ? DIRENT_OLD : DIRENT_NAME;
	size_t reclen = ALIGN_UP(start + len + (d->old ? 2 : 1), 8);
	if (reclen > d->size - d->len) {
		d->full = true;
		return false;
	}
	char *at = d->buf + d->len;
	struct dirent_head head = {ino, next_pos, (uint16_t)reclen, (uint8_t)type};
	memset(at, 0, reclen);
	memcpy(at, &head, d->old ? DIRENT_OLD : sizeof head);
	memcpy(at + start, name, len);
	if (d->old)
		at[reclen - 1] = (char)type;
	d->len += reclen;
	return true;
}

static long getdents(int fd, void *dirp, unsigned count, bool old)
{
	int err;
	struct file *f = file_from_fd_mode(fd, FILE_READ, &err);
	if (!f)
		return err;
	if (!S_ISDIR(f->inode->mode) || !f->ops->readdir) {
		file_put(f);
		return -ENOTDIR;
	}
	struct dirents d = {
		.emit.emit = dirents_emit, .size = MIN((size_t)count, (size_t)DIRENTS_CHUNK * 8), .old = old};
	d.buf = heap_alloc(MAX(d.size, (size_t)1));
	if (!d.buf) {
		file_put(f);
		return -ENOMEM;
	}
	mutex_lock(&f->pos_lock);
	int64_t pos = f->pos;
	err = f->path.dentry && f->path.dentry->unlinked ? -ENOENT : f->ops->readdir(f, &d.emit, &pos);
	if (!err && !d.len && d.full)
		err = -EINVAL; // not even one entry fits
	long n = d.len ? (long)d.len : err;
	if (n > 0 && user_write(dirp, d.buf, d.len))
		n = -EFAULT;
	else if (n >= 0)
		f->pos = pos;
	mutex_unlock(&f->pos_lock);
	if (n >= 0)
		notify_file(f, IN_ACCESS | IN_ISDIR);
	heap_free(d.buf);
	file_put(f);
	return n;
}

long sys_getdents64(int fd, void *dirp, unsigned count) { return getdents(fd, dirp, count, false); }
long sys_getdents(int fd, void *dirp, unsigned count) { return getdents(fd, dirp, count, true); }

static int directory_enter(struct path *p, struct path *where)
{
	struct inode *i = path_inode(p);
	if (!i || !S_ISDIR(i->mode))
		return -ENOTDIR;
	int err = inode_permission(i, 1);
	if (err)
		return err;
	struct path old = *where;
	*where = *p;
	path_get(where);
	path_put(&old);
	return 0;
}

long sys_chdir(const char *path)
{
	struct path p;
	long err = path_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
	if (err)
		return err;
	err = directory_enter(&p, &fs_current()->cwd);
	path_put(&p);
	return err;
}

long sys_fchdir(int fd)
{
	struct file *f = file_from_fd(fd);
	if (!f)
		return -EBADF;
	long err = f->path.dentry ? directory_enter(&f->path, &fs_current()->cwd) : -ENOTDIR;
	file_put(f);
	return err;
}

long sys_chroot(const char *path)
{
	struct path p;
	long err = path_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
	if (err)
		return err;
	err = process_capable(CAP_SYS_CHROOT) ? directory_enter(&p, &fs_current()->root) : -EPERM;
	path_put(&p);
	return err;
}

long sys_getcwd(void *buf, size_t size)
{
	struct path *cwd = &fs_current()->cwd;
	if (cwd->dentry->unlinked)
		return -ENOENT;
	char *text = heap_alloc(PATH_MAX_SIZE);
	if (!text)
		return -ENOMEM;
	int64_t n = path_format(cwd, text, PATH_MAX_SIZE);
	if (n >= 0) {
		n++; // the NUL counts
		n = (size_t)n > size ? -ERANGE : user_write(buf, text, (size_t)n) ? -EFAULT : n;
	}
	heap_free(text);
	return n;
}

long sys_umask(unsigned mask)
{
	struct fs_context *c = fs_current();
	uint32_t old = c->umask;
	c->umask = mask & 0777;
	return old;
}
