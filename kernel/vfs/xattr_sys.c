// SPDX-License-Identifier: MIT
//
// Extended attributes: xattr(7). Values pass through a kernel buffer.
#include <linux/capability.h>
#include <linux/inotify.h>
#include <linux/limits.h>
#include <linux/xattr.h>

#include "sys/syscalls.h"
#include "vfs/private.h"

#define XATTR_VALUE_MAX 65536

static bool has_prefix(const char *name, const char *prefix) { return !strncmp(name, prefix, strlen(prefix)); }

// Which names may be used on which files; xattr(7), "Extended attribute namespaces".
static int xattr_permission(struct inode *i, const char *name, unsigned mask)
{
	if (mask == 2 && i->super->readonly)
		return -EROFS;
	if (has_prefix(name, XATTR_TRUSTED_PREFIX))
		return process_capable(CAP_SYS_ADMIN) ? 0 : mask == 2 ? -EPERM : -ENODATA;
	if (has_prefix(name, XATTR_SECURITY_PREFIX))
		return mask == 2 && !process_capable(CAP_SYS_ADMIN) ? -EPERM : 0;
	if (has_prefix(name, XATTR_SYSTEM_PREFIX))
		return -EOPNOTSUPP;
	if (!has_prefix(name, XATTR_USER_PREFIX))
		return -EOPNOTSUPP;
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		return mask == 2 ? -EPERM : -ENODATA;
	return inode_permission(i, mask);
}

static int xattr_name(char *buf, const char *user)
{
	int64_t n = user_string(buf, user, XATTR_NAME_MAX + 1);
	return n == -ENAMETOOLONG || n == 0 ? -ERANGE : n < 0 ? (int)n : 0;
}

// Whose attributes: by a path or by a descriptor. The call's other arguments are looked at first, as Linux does.
struct target {
	bool by_fd;
	int fd;
	unsigned lookup;
	const char *path;
	struct inode *inode; // from target_open to target_close
	struct file *file;
	struct path found;
};

#define BY_FD(n)	      (&(struct target){.by_fd = true, .fd = (n)})
#define BY_PATH(name, flags) (&(struct target){.path = (name), .lookup = (flags)})

static int target_open(struct target *t)
{
	int err;
	if (t->by_fd) {
		t->file = file_from_fd_mode(t->fd, 0, &err);
		if (t->file)
			t->inode = t->file->inode;
		return err;
	}
	err = path_lookup_user(AT_FDCWD, t->path, t->lookup, &t->found);
	if (!err)
		t->inode = path_inode(&t->found);
	return err;
}

static void target_close(struct target *t)
{
	if (t->by_fd)
		file_put(t->file);
	else
		path_put(&t->found);
}

static long xattr_set(struct target *t, const char *name, const void *value, size_t size, int flags)
{
	char key[XATTR_NAME_MAX + 1];
	void *buf = NULL;
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	long err = xattr_name(key, name);
	if (err)
		return err;
	if (size > XATTR_VALUE_MAX)
		return -E2BIG;
	if (size && !(buf = heap_alloc(size)))
		return -ENOMEM;
	err = size && user_read(buf, value, size) ? -EFAULT : target_open(t);
	if (err)
		goto out;
	struct inode *i = t->inode;
	err = xattr_permission(i, key, 2);
	if (!err)
		err = i->ops && i->ops->setxattr ? i->ops->setxattr(i, key, buf, size, flags) : -EOPNOTSUPP;
	if (!err && unlikely(notify_watches))
		notify_inode(i, IN_ATTRIB);
	target_close(t);
out:
	heap_free(buf);
	return err;
}

static long xattr_get(struct target *t, const char *name, void *value, size_t size)
{
	char key[XATTR_NAME_MAX + 1];
	void *buf = NULL;
	long n = xattr_name(key, name);
	if (n || (n = target_open(t)))
		return n;
	struct inode *i = t->inode;
	n = xattr_permission(i, key, 4);
	if (n)
		goto out;
	n = -EOPNOTSUPP;
	if (!i->ops || !i->ops->getxattr)
		goto out;
	size = MIN(size, (size_t)XATTR_VALUE_MAX);
	n = -ENOMEM;
	if (size && !(buf = heap_alloc(size)))
		goto out;
	n = i->ops->getxattr(i, key, buf, size);
	if (n > 0 && size && user_write(value, buf, (size_t)n))
		n = -EFAULT;
	heap_free(buf);
out:
	target_close(t);
	return n;
}

static long xattr_list(struct target *t, void *list, size_t size)
{
	void *buf = NULL;
	long n = target_open(t);
	if (n)
		return n;
	struct inode *i = t->inode;
	if (!i->ops || !i->ops->listxattr)
		goto out;
	size = MIN(size, (size_t)XATTR_VALUE_MAX);
	n = -ENOMEM;
	if (size && !(buf = heap_alloc(size)))
		goto out;
	n = i->ops->listxattr(i, buf, size);
	if (n > 0 && size && user_write(list, buf, (size_t)n))
		n = -EFAULT;
	heap_free(buf);
out:
	target_close(t);
	return n;
}

static long xattr_remove(struct target *t, const char *name)
{
	char key[XATTR_NAME_MAX + 1];
	long err = xattr_name(key, name);
	if (err || (err = target_open(t)))
		return err;
	struct inode *i = t->inode;
	err = xattr_permission(i, key, 2);
	if (!err)
		err = i->ops && i->ops->removexattr ? i->ops->removexattr(i, key) : -EOPNOTSUPP;
	if (!err && unlikely(notify_watches))
		notify_inode(i, IN_ATTRIB);
	target_close(t);
	return err;
}

long sys_setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	return xattr_set(BY_PATH(path, LOOKUP_FOLLOW), name, value, size, flags);
}

long sys_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	return xattr_set(BY_PATH(path, 0), name, value, size, flags);
}

long sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	return xattr_set(BY_FD(fd), name, value, size, flags);
}

long sys_getxattr(const char *path, const char *name, void *value, size_t size)
{
	return xattr_get(BY_PATH(path, LOOKUP_FOLLOW), name, value, size);
}

long sys_lgetxattr(const char *path, const char *name, void *value, size_t size)
{
	return xattr_get(BY_PATH(path, 0), name, value, size);
}

long sys_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	return xattr_get(BY_FD(fd), name, value, size);
}

long sys_listxattr(const char *path, void *list, size_t size)
{
	return xattr_list(BY_PATH(path, LOOKUP_FOLLOW), list, size);
}

long sys_llistxattr(const char *path, void *list, size_t size)
{
	return xattr_list(BY_PATH(path, 0), list, size);
}

long sys_flistxattr(int fd, void *list, size_t size)
{
	return xattr_list(BY_FD(fd), list, size);
}

long sys_removexattr(const char *path, const char *name)
{
	return xattr_remove(BY_PATH(path, LOOKUP_FOLLOW), name);
}

long sys_lremovexattr(const char *path, const char *name)
{
	return xattr_remove(BY_PATH(path, 0), name);
}

long sys_fremovexattr(int fd, const char *name)
{
	return xattr_remove(BY_FD(fd), name);
}
