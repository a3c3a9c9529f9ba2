// SPDX-License-Identifier: MIT
//
// Extended attributes of tmpfs: a short list on each inode. Names were checked by the VFS.
#include <linux/xattr.h>

#include "time/time.h"
#include "tmpfs/private.h"

#define XATTR_TOTAL_MAX 65536 // a name list must fit xattr(7)'s limit

static struct tmpfs_xattr *xattr_find(struct inode *i, const char *name)
{
	struct tmpfs_xattr *x;
	list_for_each(x, &tmpfs_node(i)->xattrs, link)
		if (!strcmp(x->name, name))
			return x;
	return NULL;
}

int64_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct tmpfs_xattr *x = xattr_find(i, name);
	if (!x)
		return -ENODATA;
	if (size) {
		if (size < x->size)
			return -ERANGE;
		memcpy(buf, x->value, x->size);
	}
	return (int64_t)x->size;
}

static void xattr_free(struct tmpfs_xattr *x)
{
	list_remove(&x->link);
	heap_free(x->value);
	heap_free(x);
}

int tmpfs_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags)
{
	struct tmpfs_xattr *old = xattr_find(i, name);
	if (old && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!old && (flags & XATTR_REPLACE))
		return -ENODATA;
	if (!old && tmpfs_listxattr(i, NULL, 0) + (int64_t)strlen(name) >= XATTR_TOTAL_MAX)
		return -ENOSPC;
	size_t len = strlen(name) + 1;
	struct tmpfs_xattr *x = heap_zalloc(sizeof *x + len);
	void *value = heap_alloc(size ? size : 1);
	if (!x || !value) {
		heap_free(x);
		heap_free(value);
		return -ENOMEM;
	}
	memcpy(x->name, name, len);
	memcpy(value, buf ? buf : "", size);
	x->value = value;
	x->size = size;
	if (old)
		xattr_free(old);
	list_push_back(&tmpfs_node(i)->xattrs, &x->link);
	i->ctime_ns = time_wall_ns();
	return 0;
}

int64_t tmpfs_listxattr(struct inode *i, char *buf, size_t size)
{
	struct tmpfs_xattr *x;
	size_t at = 0;
	list_for_each(x, &tmpfs_node(i)->xattrs, link) {
		size_t len = strlen(x->name) + 1;
		if (size) {
			if (len > size - at)
				return -ERANGE;
			memcpy(buf + at, x->name, len);
		}
		at += len;
	}
	return (int64_t)at;
}

int tmpfs_removexattr(struct inode *i, const char *name)
{
	struct tmpfs_xattr *x = xattr_find(i, name);
	if (!x)
		return -ENODATA;
	xattr_free(x);
	i->ctime_ns = time_wall_ns();
	return 0;
}

void tmpfs_xattr_free(struct tmpfs_node *n)
{
	struct tmpfs_xattr *x, *next;
	list_for_each_safe(x, next, &n->xattrs, link)
		xattr_free(x);
}
