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

static long xattr_set(struct inode *i, const char *name, const void *value, size_t size, int flags)
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
	err = xattr_permission(i, key, 2);
	if (err)
		return err;
	if (!i->ops || !i->ops->setxattr)
		return -EOPNOTSUPP;
	if (size && !(buf = heap_alloc(size)))
		return -ENOMEM;
	err = size && user_read(buf, value, size) ? -EFAULT : i->ops->setxattr(i, key, buf, size, flags);
	heap_free(buf);
	if (!err)
		notify_inode(i, IN_ATTRIB);
	return err;
}

static long xattr_get(struct inode *i, const char *name, void *value, size_t size)
{
	char key[XATTR_NAME_MAX + 1];
	void *buf = NULL;
	long n = xattr_name(key, name);
	if (n)
		return n;
	n = xattr_permission(i, key, 4);
	if (n)
		return n;
	if (!i->ops || !i->ops->getxattr)
		return -EOPNOTSUPP;
	size = MIN(size, (size_t)XATTR_VALUE_MAX);
	if (size && !(buf = heap_alloc(size)))
		return -ENOMEM;
	n = i->ops->getxattr(i, key, buf, size);
	if (n > 0 && size && user_write(value, buf, (size_t)n))
		n = -EFAULT;
	heap_free(buf);
	return n;
}

static long xattr_list(struct inode *i, void *list, size_t size)
{
	void *buf = NULL;
	if (!i->ops || !i->ops->listxattr)
		return 0;
	size = MIN(size, (size_t)XATTR_VALUE_MAX);
	if (size && !(buf = heap_alloc(size)))
		return -ENOMEM;
	long n = i->ops->listxattr(i, buf, size);
	if (n > 0 && size && user_write(list, buf, (size_t)n))
		n = -EFAULT;
	heap_free(buf);
	return n;
}

static long xattr_remove(struct inode *i, const char *name)
{
	char key[XATTR_NAME_MAX + 1];
	long err = xattr_name(key, name);
	if (!err)
		err = xattr_permission(i, key, 2);
	if (!err)
		err = i->ops && i->ops->removexattr ? i->ops->removexattr(i, key) : -EOPNOTSUPP;
	if (!err)
		notify_inode(i, IN_ATTRIB);
	return err;
}

// Each call comes by path, by path without following, by descriptor.
#define BY_PATH(path, flags, expr)                                         \
	do {                                                               \
		struct path p;                                             \
		long n = path_lookup_user(AT_FDCWD, path, flags, &p);      \
		if (n)                                                     \
			return n;                                          \
		struct inode *i = path_inode(&p);                          \
		n = (expr);                                                \
		path_put(&p);                                              \
		return n;                                                  \
	} while (0)
#define BY_FD(fd, expr)                                                    \
	do {                                                               \
		int err;                                                   \
		struct file *f = file_from_fd_mode(fd, 0, &err);           \
		if (!f)                                                    \
			return err;                                        \
		struct inode *i = f->inode;                                \
		long n = (expr);                                           \
		file_put(f);                                               \
		return n;                                                  \
	} while (0)

long sys_setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	BY_PATH(path, LOOKUP_FOLLOW, xattr_set(i, name, value, size, flags));
}

long sys_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
	BY_PATH(path, 0, xattr_set(i, name, value, size, flags));
}

long sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	BY_FD(fd, xattr_set(i, name, value, size, flags));
}

long sys_getxattr(const char *path, const char *name, void *value, size_t size)
{
	BY_PATH(path, LOOKUP_FOLLOW, xattr_get(i, name, value, size));
}

long sys_lgetxattr(const char *path, const char *name, void *value, size_t size)
{
	BY_PATH(path, 0, xattr_get(i, name, value, size));
}

long sys_fgetxattr(int fd, const char *name, void *value, size_t size) { BY_FD(fd, xattr_get(i, name, value, size)); }
long sys_listxattr(const char *path, void *list, size_t size)
{
	BY_PATH(path, LOOKUP_FOLLOW, xattr_list(i, list, size));
}
long sys_llistxattr(const char *path, void *list, size_t size) { BY_PATH(path, 0, xattr_list(i, list, size)); }
long sys_flistxattr(int fd, void *list, size_t size) { BY_FD(fd, xattr_list(i, list, size)); }
long sys_removexattr(const char *path, const char *name) { BY_PATH(path, LOOKUP_FOLLOW, xattr_remove(i, name)); }
long sys_lremovexattr(const char *path, const char *name) { BY_PATH(path, 0, xattr_remove(i, name)); }
long sys_fremovexattr(int fd, const char *name) { BY_FD(fd, xattr_remove(i, name)); }
