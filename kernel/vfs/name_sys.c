// SPDX-License-Identifier: MIT
//
// Changing names: mkdir, mknod, link, symlink, unlink, rename. Each holds the lock of the directory
// it changes; a rename between two directories also holds rename_lock, so that no loop can arise.
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/inotify.h>

#include "sys/syscalls.h"
#include "vfs/private.h"

static struct mutex rename_lock;

// A place in a directory: the walked parent, its lock held, and the entry (perhaps negative).
struct place {
	struct walk w;
	struct dentry *d;
	struct inode *dir;
};

static int place_walk(struct place *pl, int dirfd, const char *name)
{
	if (!*name)
		return -ENOENT;
	int err = walk_begin(&pl->w, dirfd, name, 0);
	if (!err)
		err = walk_parent(&pl->w);
	if (err)
		walk_end(&pl->w);
	else
		pl->dir = pl->w.at.dentry->inode;
	return err;
}

static int place_lookup(struct place *pl)
{
	pl->d = NULL;
	return dentry_lookup(pl->w.at.dentry, pl->w.last, pl->w.len, true, &pl->d);
}

static void place_end(struct place *pl)
{
	mutex_unlock(&pl->dir->lock);
	if (pl->d)
		dentry_put(pl->d);
	walk_end(&pl->w);
}

// For a new name. `directory`: a trailing slash is allowed.
static int place_new(struct place *pl, int dirfd, const char *name, bool directory)
{
	int err = place_walk(pl, dirfd, name);
	if (err)
		return err;
	if (pl->w.type != LAST_NORM) {
		walk_end(&pl->w);
		return -EEXIST;
	}
	mutex_lock(&pl->dir->lock);
	err = place_lookup(pl);
	if (!err && pl->d->inode)
		err = -EEXIST;
	if (!err && pl->w.slash && !directory)
		err = -ENOENT;
	if (!err && pl->w.at.dentry->unlinked)
		err = -ENOENT;
	if (!err)
		err = inode_permission(pl->dir, 2 | 1);
	if (err)
		place_end(pl);
	return err;
}

// A made inode goes under its name; a stale negative entry does not stay.
static void place_made(struct place *pl, int err, struct inode *made, uint32_t event)
{
	if (!err) {
		dentry_instantiate(pl->d, made);
		notify_dentry(pl->d, event);
	} else if (err == -EEXIST) {
		dentry_invalidate(pl->d);
	}
}

static uint32_t mode_masked(uint32_t mode)
{
	struct fs_context *c = fs_current();
	return mode & ~(c ? c->umask : 0);
}

int vfs_mkdir(int dirfd, const char *name, uint32_t mode)
{
	struct place pl;
	struct inode *made = NULL;
	int err = place_new(&pl, dirfd, name, true);
	if (err)
		return err;
	const struct inode_ops *ops = pl.dir->ops;
	err = ops->mkdir ? ops->mkdir(pl.dir, pl.d->name, pl.d->len, S_IFDIR | mode_masked(mode & 01777), &made)
			 : -EPERM;
	place_made(&pl, err, made, IN_CREATE | IN_ISDIR);
	place_end(&pl);
	return err;
}

long sys_mkdirat(int dirfd, const char *path, unsigned mode)
{
	struct name n;
	long err = name_get(&n, path);
	if (err)
		return err;
	err = vfs_mkdir(dirfd, n.text, mode);
	name_put(&n);
	return err;
}

long sys_mkdir(const char *path, unsigned mode) { return sys_mkdirat(AT_FDCWD, path, mode); }

int vfs_mknod(int dirfd, const char *name, uint32_t mode, uint64_t dev, struct inode **out)
{
	struct place pl;
	struct inode *made = NULL;
	int err = place_new(&pl, dirfd, name, false);
	if (err)
		return err;
	const struct inode_ops *ops = pl.dir->ops;
	mode = (mode & S_IFMT) | mode_masked(mode & 07777);
	err = ops->create ? ops->create(pl.dir, pl.d->name, pl.d->len, mode, dev, &made) : -EPERM;
	if (!err && out)
		inode_get(*out = made);
	place_made(&pl, err, made, IN_CREATE);
	place_end(&pl);
	return err;
}

long sys_mknodat(int dirfd, const char *path, unsigned mode, uint64_t dev)
{
	struct name n;

	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (S_ISDIR(mode))
		return -EPERM;
	if (!S_ISREG(mode) && !S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
		return -EINVAL;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !process_capable(CAP_MKNOD))
		return -EPERM;
	long err = name_get(&n, path);
	if (err)
		return err;
	err = vfs_mknod(dirfd, n.text, mode, dev, NULL);
	name_put(&n);
	return err;
}

long sys_mknod(const char *path, unsigned mode, uint64_t dev) { return sys_mknodat(AT_FDCWD, path, mode, dev); }

long sys_symlinkat(const char *target, int newdirfd, const char *linkpath)
{
	struct name from, to;
	struct place pl;
	struct inode *made = NULL;
	long err = name_get(&from, target);
	if (err)
		return err;
	err = name_get(&to, linkpath);
	if (err)
		goto out_from;
	err = *from.text ? place_new(&pl, newdirfd, to.text, false) : -ENOENT;
	if (!err) {
		const struct inode_ops *ops = pl.dir->ops;
		err = ops->symlink ? ops->symlink(pl.dir, pl.d->name, pl.d->len, from.text, &made) : -EPERM;
		place_made(&pl, (int)err, made, IN_CREATE);
		place_end(&pl);
	}
	name_put(&to);
out_from:
	name_put(&from);
	return err;
}

long sys_symlink(const char *target, const char *linkpath) { return sys_symlinkat(target, AT_FDCWD, linkpath); }

static int link_to(struct inode *target, int newdirfd, const char *name)
{
	struct place pl;
	int err = place_new(&pl, newdirfd, name, false);
	if (err)
		return err;
	const struct inode_ops *ops = pl.dir->ops;
	if (target->super != pl.dir->super)
		err = -EXDEV;
	else if (S_ISDIR(target->mode) || !ops->link)
		err = -EPERM;
	else
		err = ops->link(pl.dir, pl.d->name, pl.d->len, target);
	if (!err)
		inode_get(target);
	if (!err && unlikely(notify_watches))
		notify_dentry_slow(NULL, target, IN_ATTRIB);
	place_made(&pl, err, target, IN_CREATE);
	place_end(&pl);
	return err;
}

long sys_linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)
{
	struct name n;
	struct path old;
	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	long err = path_lookup_user(
		olddirfd, oldpath,
		(flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &old);
	if (err)
		return err;
	err = name_get(&n, newpath);
	if (!err) {
		err = link_to(path_inode(&old), newdirfd, n.text);
		name_put(&n);
	}
	path_put(&old);
	return err;
}

long sys_link(const char *oldpath, const char *newpath) { return sys_linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0); }

// The name went: watchers of the directory and of the object hear, the cache forgets.
static void name_removed(struct place *pl, struct inode *victim, bool directory)
{
	uint32_t isdir = directory ? IN_ISDIR : 0;
	if (unlikely(notify_watches) && !directory)
		notify_dentry_slow(NULL, victim, IN_ATTRIB);
	dentry_delete(pl->d); // IN_DELETE_SELF
	if (unlikely(notify_watches))
		notify_dir(pl->dir, IN_DELETE | isdir, pl->d->name, pl->d->len, 0);
}

static int remove_name(int dirfd, const char *name, bool directory)
{
	struct place pl;
	int err = place_walk(&pl, dirfd, name);
	if (err)
		return err;
	if (pl.w.type != LAST_NORM) {
		int why = !directory		     ? -EISDIR
			  : pl.w.type == LAST_DOT    ? -EINVAL
			  : pl.w.type == LAST_DOTDOT ? -ENOTEMPTY
						     : -EBUSY;
		walk_end(&pl.w);
		return why;
	}
	mutex_lock(&pl.dir->lock);
	err = place_lookup(&pl);
	struct inode *victim = err ? NULL : pl.d->inode;
	const struct inode_ops *ops = pl.dir->ops;
	if (!err && !victim)
		err = -ENOENT;
	if (!err && !directory && pl.w.slash)
		err = S_ISDIR(victim->mode) ? -EISDIR : -ENOTDIR;
	if (!err)
		err = inode_may_delete(pl.dir, victim);
	if (!err && S_ISDIR(victim->mode) != directory)
		err = directory ? -ENOTDIR : -EISDIR;
	if (!err && pl.d->mounted)
		err = -EBUSY;
	if (!err) {
		int (*op)(struct inode *, const char *, size_t, struct inode *) = directory ? ops->rmdir : ops->unlink;
		inode_get(victim);
		err = op ? op(pl.dir, pl.d->name, pl.d->len, victim) : -EPERM;
		if (!err)
			name_removed(&pl, victim, directory);
		inode_put(victim);
	}
	place_end(&pl);
	return err;
}

long sys_unlinkat(int dirfd, const char *path, int flags)
{
	struct name n;
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	long err = name_get(&n, path);
	if (err)
		return err;
	err = remove_name(dirfd, n.text, flags & AT_REMOVEDIR);
	name_put(&n);
	return err;
}

long sys_unlink(const char *path) { return sys_unlinkat(AT_FDCWD, path, 0); }
long sys_rmdir(const char *path) { return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

// Both entries are looked up and both directories locked.
static int rename_check(struct place *from, struct place *to, unsigned flags)
{
	struct inode *src = from->d->inode, *dst = to->d->inode;
	bool exchange = flags & RENAME_EXCHANGE;
	int err;

	if (!src || (exchange && !dst))
		return -ENOENT;
	if (dst && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!S_ISDIR(src->mode) && (from->w.slash || (to->w.slash && !exchange)))
		return -ENOTDIR;
	if (exchange && to->w.slash && !S_ISDIR(dst->mode))
		return -ENOTDIR;
	if (dentry_is_below(to->w.at.dentry, from->d))
		return -EINVAL; // into itself
	if (dst && dentry_is_below(from->w.at.dentry, to->d))
		return exchange ? -EINVAL : -ENOTEMPTY;
	if (from->d->mounted || to->d->mounted)
		return -EBUSY;
	if (to->w.at.dentry->unlinked)
		return -ENOENT;
	if ((err = inode_may_delete(from->dir, src)))
		return err;
	if ((err = dst ? inode_may_delete(to->dir, dst) : inode_permission(to->dir, 2 | 1)))
		return err;
	if (dst && !exchange && S_ISDIR(src->mode) != S_ISDIR(dst->mode))
		return S_ISDIR(src->mode) ? -ENOTDIR : -EISDIR;
	if (!from->dir->ops->rename)
		return -EPERM;
	return 0;
}

static void rename_notify(struct place *from, struct place *to, const char *old_name, size_t old_len, struct inode *src)
{
	static uint32_t cookie;
	uint32_t isdir = S_ISDIR(src->mode) ? IN_ISDIR : 0;
	if (!notify_watches)
		return;
	cookie++;
	notify_dir(from->dir, IN_MOVED_FROM | isdir, old_name, old_len, cookie);
	notify_dir(to->dir, IN_MOVED_TO | isdir, to->w.last, to->w.len, cookie);
	notify_dentry_slow(NULL, src, IN_MOVE_SELF);
}

static int rename_locked(struct place *from, struct place *to, unsigned flags)
{
	int err = place_lookup(from);
	if (!err)
		err = place_lookup(to);
	if (!err)
		err = rename_check(from, to, flags);
	if (err)
		return err;
	struct inode *src = from->d->inode, *dst = to->d->inode;
	if (src == dst)
		return 0;
	err = from->dir->ops->rename(from->dir, from->d->name, from->d->len, to->dir, to->d->name, to->d->len, flags);
	if (err)
		return err;
	inode_get(src);
	if (flags & RENAME_EXCHANGE) {
		dentry_exchange(from->d, to->d);
		rename_notify(to, from, to->w.last, to->w.len, dst);
	} else {
		bool gone = dst != NULL;
		if (gone) {
			inode_get(dst);
			if (unlikely(notify_watches))
				notify_dentry_slow(NULL, dst, IN_ATTRIB);
			dentry_delete(to->d);
		}
		dentry_invalidate(to->d); // the moved one takes its place
		dentry_move(from->d, to->w.at.dentry, to->w.last, to->w.len);
		if (gone)
			inode_put(dst);
	}
	rename_notify(from, to, from->w.last, from->w.len, src);
	inode_put(src);
	return 0;
}

static int rename_names(int olddirfd, const char *oldname, int newdirfd, const char *newname, unsigned flags)
{
	struct place from = {0}, to = {0};
	int err = place_walk(&from, olddirfd, oldname);
	if (err)
		return err;
	err = place_walk(&to, newdirfd, newname);
	if (err)
		goto out_from;
	if (from.w.at.mount != to.w.at.mount || from.dir->super != to.dir->super) {
		err = -EXDEV;
		goto out_to;
	}
	if (from.w.type != LAST_NORM || to.w.type != LAST_NORM) {
		err = from.w.type == LAST_NORM && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
		goto out_to;
	}
	struct inode *first = MIN(from.dir, to.dir), *second = MAX(from.dir, to.dir);
	if (first != second)
		mutex_lock(&rename_lock);
	mutex_lock(&first->lock);
	if (first != second)
		mutex_lock(&second->lock);
	err = rename_locked(&from, &to, flags);
	if (first != second)
		mutex_unlock(&second->lock);
	mutex_unlock(&first->lock);
	if (first != second)
		mutex_unlock(&rename_lock);
	if (from.d)
		dentry_put(from.d);
	if (to.d)
		dentry_put(to.d);
out_to:
	walk_end(&to.w);
out_from:
	walk_end(&from.w);
	return err;
}

long sys_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned flags)
{
	struct name from, to;
	if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (!rename_lock.q.waiters.next)
		mutex_init(&rename_lock);
	long err = name_get(&from, oldpath);
	if (err)
		return err;
	err = name_get(&to, newpath);
	if (!err) {
		err = rename_names(olddirfd, from.text, newdirfd, to.text, flags);
		name_put(&to);
	}
	name_put(&from);
	return err;
}

long sys_renameat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath)
{
	return sys_renameat2(olddirfd, oldpath, newdirfd, newpath, 0);
}

long sys_rename(const char *oldpath, const char *newpath)
{
	return sys_renameat2(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}
