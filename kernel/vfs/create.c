// SPDX-License-Identifier: MIT
//
// What open(2) makes: files that are not there yet (O_CREAT) and files without a name (O_TMPFILE).
#include <linux/inotify.h>
#include <linux/magic.h>

#include "base/format.h"
#include "vfs/private.h"

// The new file in the negative dentry d of directory `dir`, whose lock is held.
static int open_create(struct path *dir, struct dentry *d, uint32_t mode)
{
	struct fs_context *c = fs_current();
	struct inode *i = dir->dentry->inode, *made;
	int err = dir->dentry->unlinked ? -ENOENT : inode_permission(i, 2 | 1);
	if (err)
		return err;
	if (!i->ops->create)
		return i->super->magic == PROC_SUPER_MAGIC ? -ENOENT : i->super->readonly ? -EROFS : -EACCES;
	mode &= 07777 & ~(c ? c->umask : 0);
	err = i->ops->create(i, d->name, d->len, S_IFREG | mode, 0, &made);
	if (!err)
		dentry_instantiate(d, made);
	return err;
}

int open_last_create(struct walk *w, int flags, uint32_t mode, struct file **out)
{
	struct path target = {w->at.mount, NULL};
	bool created = false;
	struct inode *dir = w->at.dentry->inode;
	int err;

	if (w->type != LAST_NORM || w->slash)
		return flags & O_EXCL && w->type != LAST_NORM ? -EEXIST : -EISDIR;
	for (int tries = 0;; tries++) {
		mutex_lock(&dir->lock);
		err = dentry_lookup(w->at.dentry, w->last, w->len, true, &target.dentry);
		if (!err && !target.dentry->inode) {
			err = open_create(&w->at, target.dentry, mode);
			created = !err;
		}
		mutex_unlock(&dir->lock);
		if (!err)
			break;
		if (target.dentry) { // it may have appeared behind the cache: look again, once
			dentry_invalidate(target.dentry);
			path_put(&target);
		}
		if (err != -EEXIST || tries)
			return err;
	}
	if (created) {
		notify_dentry(target.dentry, IN_CREATE);
	} else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
		err = -EEXIST;
	} else if (S_ISLNK(target.dentry->inode->mode) && !(flags & O_NOFOLLOW)) {
		err = walk_follow(w, target.dentry);
		path_put(&target);
		return err ? err : WALK_AGAIN;
	} else {
		mount_cross_down(&target);
	}
	if (!err)
		err = open_path(&target, flags, created, out);
	path_put(&target);
	return err;
}

int open_tmpfile(int dirfd, const char *name, int flags, uint32_t mode, uint64_t resolve, struct file **out)
{
	struct fs_context *c = fs_current();
	struct path dir, p;
	struct inode *made;
	char text[32];
	int err = walk_lookup(dirfd, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, resolve, &dir);
	if (err)
		return err;
	struct inode *i = path_inode(&dir);
	err = inode_permission(i, 2 | 1);
	if (!err)
		err = i->ops->tmpfile ? 0 : -EOPNOTSUPP;
	if (!err)
		err = i->ops->tmpfile(i, S_IFREG | (mode & 07777 & ~(c ? c->umask : 0)), &made);
	if (err)
		goto out;
	int len = format(text, sizeof text, "#%lu", made->ino);
	p.mount = dir.mount;
	p.dentry = dentry_create_unlinked(dir.dentry, text, (size_t)len, made);
	if (!p.dentry) {
		inode_put(made);
		err = -ENOMEM;
		goto out;
	}
	err = open_path(&p, flags & ~O_DIRECTORY, true, out);
	path_put(&p);
out:
	path_put(&dir);
	return err;
}
