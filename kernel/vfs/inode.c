// SPDX-License-Identifier: MIT
//
// Inodes: reference counts, permissions. A file system embeds nothing here: it hangs
// its own data on inode->fs and frees it in ops->release.
#define COMPONENT "vfs"
#include "vfs/vfs.h"

#include <linux/capability.h>

#include "debug/debug.h"
#include "time/time.h"
#include "vfs/private.h"

uint64_t super_new_dev(void)
{
	static uint64_t next = 16; // as Linux's anonymous devices: major 0
	return next++;
}

struct inode *inode_alloc(struct super *s, uint32_t mode)
{
	static uint64_t next_ino = 1;
	struct inode *i = heap_new(struct inode);
	if (!i)
		return NULL;
	i->super = s;
	i->refs = 1;
	i->mode = mode;
	i->nlink = 1;
	i->ino = next_ino++;
	i->atime_ns = i->mtime_ns = i->ctime_ns = i->btime_ns = time_wall_ns();
	list_init(&i->mappings);
	list_init(&i->locks);
	list_init(&i->watches);
	list_init(&i->dentries);
	mutex_init(&i->lock);
	return i;
}

void inode_get(struct inode *i) { i->refs++; }

void inode_put(struct inode *i)
{
	assert(i->refs > 0);
	if (--i->refs)
		return;
	if (i->ops && i->ops->release)
		i->ops->release(i);
	else
		inode_free(i);
}

void inode_free(struct inode *i) { heap_free(i); }

static bool in_group(const struct credentials *c, uint32_t gid)
{
	if (c->fsgid == gid)
		return true;
	for (uint32_t n = 0; n < c->group_count; n++)
		if (c->groups[n] == gid)
			return true;
	return false;
}

int inode_permission(struct inode *i, unsigned mask)
{
	struct process *p = vfs_process();
	if (!p || !p->fs)
		return 0; // boot code, which has no directories of its own yet
	if ((mask & 2) && i->super->readonly && (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		return -EROFS;
	unsigned bits = i->mode;
	if (i->uid == p->cred.fsuid)
		bits >>= 6;
	else if (in_group(&p->cred, i->gid))
		bits >>= 3;
	if (!(mask & ~bits & 7))
		return 0;
	if (S_ISDIR(i->mode)) {
		if (process_capable(CAP_DAC_OVERRIDE) || (!(mask & 2) && process_capable(CAP_DAC_READ_SEARCH)))
			return 0;
	} else {
		// Even root executes only what is executable for somebody.
		if ((!(mask & 1) || (i->mode & 0111)) && process_capable(CAP_DAC_OVERRIDE))
			return 0;
		if (mask == 4 && process_capable(CAP_DAC_READ_SEARCH))
			return 0;
	}
	return -EACCES;
}

bool inode_is_owner(struct inode *i)
{
	struct process *p = vfs_process();
	return !p || p->cred.fsuid == i->uid || process_capable(CAP_FOWNER);
}

int inode_drop_privileges(struct inode *i)
{
	struct iattr a = {.valid = ATTR_MODE, .mode = i->mode & 07777 & ~(uint32_t)S_ISUID};
	if (i->mode & 0010)
		a.mode &= ~(uint32_t)S_ISGID;
	if (a.mode == (i->mode & 07777) || !S_ISREG(i->mode) || process_capable(CAP_FSETID))
		return 0;
	return inode_setattr(i, &a);
}

int inode_may_delete(struct inode *dir, struct inode *victim)
{
	int err = inode_permission(dir, 2 | 1);
	if (err)
		return err;
	if ((dir->mode & S_ISVTX) && !inode_is_owner(victim)) {
		struct process *p = vfs_process();
		if (p->cred.fsuid != dir->uid)
			return -EPERM;
	}
	return 0;
}

int inode_deny_write(struct inode *i)
{
	if (i->write_count)
		return -ETXTBSY;
	i->deny_write++;
	return 0;
}

void inode_allow_write(struct inode *i)
{
	assert(i->deny_write > 0);
	i->deny_write--;
}
