// SPDX-License-Identifier: MIT
//
// Attributes of inodes: through the file system, or in the inode alone where it has no say in them.
#include <linux/errno.h>

#include "time/time.h"
#include "vfs/vfs.h"

int inode_getattr(struct inode *i) { return i->ops && i->ops->getattr ? i->ops->getattr(i) : 0; }

void inode_set_fields(struct inode *i, const struct iattr *a)
{
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	if (a->valid & ATTR_UID)
		i->uid = a->uid;
	if (a->valid & ATTR_GID)
		i->gid = a->gid;
	if (a->valid & ATTR_ATIME)
		i->atime_ns = a->atime_ns;
	if (a->valid & ATTR_MTIME)
		i->mtime_ns = a->mtime_ns;
	i->ctime_ns = time_wall_ns();
}

int inode_setattr(struct inode *i, const struct iattr *a)
{
	if (i->ops && i->ops->setattr)
		return i->ops->setattr(i, a);
	if (a->valid & ATTR_SIZE)
		return -EINVAL;
	inode_set_fields(i, a);
	return 0;
}

void inode_touch(struct inode *i, uint32_t which)
{
	uint64_t now = time_wall_ns();
	if (which & ATTR_ATIME)
		i->atime_ns = now;
	if (which & ATTR_MTIME)
		i->mtime_ns = i->ctime_ns = now;
}
