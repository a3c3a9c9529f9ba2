// SPDX-License-Identifier: MIT
//
// Directories of the overlay: names. vfs holds the directory's lock around all of it.
#define COMPONENT "overlay"
#include <asm/errno.h>
#include <linux/fs.h>
#include <linux/stat.h>

#include "base/string.h"
#include "debug/debug.h"
#include "mm/heap.h"
#include "overlay/private.h"
#include "proc/process.h"
#include "time/time.h"

// --- a directory's own entries -----------------------------------------------------------------------------

static uint32_t name_hash(const char *name, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ull;
	return (uint32_t)(h ^ h >> 32);
}

struct overlay_entry *overlay_entry_find(struct overlay_node *dir, const char *name, size_t len)
{
	uint32_t h = name_hash(name, len);
	struct overlay_entry *e = dir->table_size ? dir->table[h & (dir->table_size - 1)] : NULL;

	while (e && (e->hash != h || e->len != len || memcmp(e->name, name, len) != 0))
		e = e->hash_next;
	return e;
}

static int entries_grow(struct overlay_node *dir)
{
	size_t size = dir->table_size ? dir->table_size * 2 : 8;
	struct overlay_entry **grown = heap_zalloc(size * sizeof(*grown)), *e;

	if (!grown)
		return dir->table_size ? 0 : -ENOMEM;
	heap_free(dir->table);
	dir->table = grown;
	dir->table_size = size;
	list_for_each(e, &dir->entries, link) {
		struct overlay_entry **at = &grown[e->hash & (size - 1)];
		e->hash_next = *at;
		*at = e;
	}
	return 0;
}

static int entry_reserve(struct overlay_node *dir, const char *name, size_t len, struct overlay_entry **out)
{
	if (len > 255)
		return -ENAMETOOLONG;
	if (dir->entry_count >= dir->table_size && entries_grow(dir))
		return -ENOMEM;
	struct overlay_entry *e = heap_alloc(sizeof(*e) + len);
	if (!e)
		return -ENOMEM;
	*e = (struct overlay_entry){.hash = name_hash(name, len), .len = (uint16_t)len};
	memcpy(e->name, name, len);
	*out = e;
	return 0;
}

static void entry_add(struct overlay_node *dir, struct overlay_entry *e, struct inode *inode)
{
	struct overlay_entry **at = &dir->table[e->hash & (dir->table_size - 1)];

	e->inode = inode;
	e->hash_next = *at;
	*at = e;
	list_push_back(&dir->entries, &e->link);
	dir->entry_count++;
}

static void entry_remove(struct overlay_node *dir, struct overlay_entry *e)
{
	struct overlay_entry **p = &dir->table[e->hash & (dir->table_size - 1)];

	while (*p != e)
		p = &(*p)->hash_next;
	*p = e->hash_next;
	list_remove(&e->link);
	dir->entry_count--;
	if (e->inode)
		inode_put(e->inode);
	heap_free(e);
}

void overlay_entries_free(struct overlay_node *dir)
{
	while (!list_empty(&dir->entries))
		entry_remove(dir, list_first(&dir->entries, struct overlay_entry, link));
	heap_free(dir->table);
}

// --- looking up ----------------------------------------------------------------------------------------------

static int lower_lookup(struct overlay_node *dir, const char *name, size_t len, struct inode **out)
{
	return dir->lower ? dir->lower->ops->lookup(dir->lower, name, len, out) : -ENOENT;
}

static int dir_lookup(struct inode *i, const char *name, size_t len, struct inode **out)
{
	struct overlay_node *dir = overlay_node(i);
	struct overlay_entry *e = overlay_entry_find(dir, name, len);
	struct inode *lower;

	if (e) {
		if (!e->inode)
			return -ENOENT;
		inode_get(e->inode);
		*out = e->inode;
		return 0;
	}
	int err = lower_lookup(dir, name, len, &lower);
	return err ? err : overlay_wrap(dir->fs, lower, out);
}

static bool dir_revalidate(struct inode *i, const char *name, size_t len, struct inode *inode)
{
	struct overlay_node *dir = overlay_node(i);
	struct overlay_entry *e = overlay_entry_find(dir, name, len);

	if (e)
		return e->inode == inode;
	if (!dir->lower)
		return inode == NULL;
	struct overlay_node *n = inode ? overlay_node(inode) : NULL;
	if (n && n->pinned)
		return true; // ours by now
	if (n && !n->lower)
		return false;
	bool (*ask)(struct inode *, const char *, size_t, struct inode *) = dir->lower->ops->revalidate;
	return !ask || ask(dir->lower, name, len, n ? n->lower : NULL);
}

// --- changes -------------------------------------------------------------------------------------------------

static void dir_touch(struct overlay_node *dir, int links)
{
	overlay_pin(dir);
	dir->inode->mtime_ns = dir->inode->ctime_ns = time_wall_ns();
	dir->inode->nlink = (uint32_t)((int)dir->inode->nlink + links);
}

// Puts `inode` (a reference is taken over) under a name that has nothing or a whiteout.
static int entry_set(struct overlay_node *dir, const char *name, size_t len, struct inode *inode)
{
	struct overlay_entry *e = overlay_entry_find(dir, name, len);

	if (e) {
		if (e->inode)
			return -EEXIST;
		e->inode = inode;
	} else {
		int err = entry_reserve(dir, name, len, &e);
		if (err)
			return err;
		entry_add(dir, e, inode);
	}
	dir_touch(dir, S_ISDIR(inode->mode));
	return 0;
}

// Takes a name away: a whiteout where the lower directory has it.
static int entry_clear(struct overlay_node *dir, const char *name, size_t len, int links)
{
	struct overlay_entry *e = overlay_entry_find(dir, name, len);
	struct inode *lower;
	int err = lower_lookup(dir, name, len, &lower);

	if (err == 0)
		inode_put(lower);
	else if (err != -ENOENT)
		return err;
	bool hide = err == 0;
	if (!e && hide) {
		err = entry_reserve(dir, name, len, &e);
		if (err)
			return err;
		entry_add(dir, e, NULL);
	} else if (e && hide) {
		struct inode *old = e->inode;
		e->inode = NULL;
		if (old)
			inode_put(old);
	} else if (e) {
		entry_remove(dir, e);
	}
	dir_touch(dir, -links);
	return 0;
}

static int made(struct inode *dir, const char *name, size_t len, struct inode *inode, struct inode **out)
{
	inode_get(inode);
	int err = entry_set(overlay_node(dir), name, len, inode);

	if (err) {
		inode_put(inode);
		inode_put(inode);
		return err;
	}
	*out = inode;
	return 0;
}

// The new inode belongs to whoever makes it, or to the group of a set-group-ID directory.
static int fresh(struct inode *dir, uint32_t mode, struct inode **out)
{
	struct thread *t = thread_current();
	struct process *p = t ? t->process : NULL; // none while the machine boots
	struct iattr a = {.valid = ATTR_UID | ATTR_GID, .uid = p ? p->cred.fsuid : 0, .gid = p ? p->cred.fsgid : 0};

	if (dir->mode & S_ISGID) {
		a.gid = dir->gid;
		mode |= S_ISDIR(mode) ? S_ISGID : 0;
	}
	int err = overlay_new(overlay_node(dir)->fs, mode, out);
	if (err)
		return err;
	err = overlay_setattr(*out, &a);
	if (err)
		inode_put(*out);
	return err;
}

static int dir_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct inode *inode;
	int err = fresh(dir, mode, &inode);

	if (err)
		return err;
	inode->rdev = rdev;
	return made(dir, name, len, inode, out);
}

static int dir_mkdir(struct inode *dir, const char *name, size_t len, uint32_t mode, struct inode **out)
{
	struct inode *inode;
	int err = fresh(dir, S_IFDIR | (mode & 07777), &inode);

	return err ? err : made(dir, name, len, inode, out);
}

static int dir_symlink(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out)
{
	struct inode *inode;
	int err = fresh(dir, S_IFLNK | 0777, &inode);

	if (err)
		return err;
	overlay_node(inode)->link = heap_strdup(target);
	if (!overlay_node(inode)->link) {
		inode_put(inode);
		return -ENOMEM;
	}
	inode->size = strlen(target);
	return made(dir, name, len, inode, out);
}

static int dir_tmpfile(struct inode *dir, uint32_t mode, struct inode **out)
{
	int err = fresh(dir, mode, out);

	if (!err)
		(*out)->nlink = 0;
	return err;
}

static int dir_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	inode_get(target);
	overlay_pin(overlay_node(target));
	int err = entry_set(overlay_node(dir), name, len, target);

	if (err) {
		inode_put(target);
		return err;
	}
	target->nlink++;
	target->ctime_ns = time_wall_ns();
	return 0;
}

static int dir_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	inode_get(victim);
	int err = entry_clear(overlay_node(dir), name, len, 0);
	if (!err)
		overlay_unlinked(overlay_node(victim));
	inode_put(victim);
	return err;
}

static int dir_rmdir(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	int err = overlay_dir_empty(overlay_node(victim));
	if (err)
		return err;
	inode_get(victim);
	err = entry_clear(overlay_node(dir), name, len, 1);
	if (!err)
		overlay_unlinked(overlay_node(victim));
	inode_put(victim);
	return err;
}

static int rename_over(struct inode *source, struct inode *target)
{
	if (S_ISDIR(target->mode) != S_ISDIR(source->mode))
		return S_ISDIR(target->mode) ? -EISDIR : -ENOTDIR;
	return S_ISDIR(target->mode) ? overlay_dir_empty(overlay_node(target)) : 0;
}

// Both names exist; each gets the other's inode.
static int exchange(struct overlay_node *a, const char *an, size_t al, struct inode *ai, struct overlay_node *b,
		    const char *bn, size_t bl, struct inode *bi)
{
	int err = entry_clear(a, an, al, S_ISDIR(ai->mode));

	if (!err)
		err = entry_clear(b, bn, bl, S_ISDIR(bi->mode));
	if (err)
		return err;
	inode_get(ai);
	inode_get(bi);
	overlay_pin(overlay_node(ai));
	overlay_pin(overlay_node(bi));
	err = entry_set(a, an, al, bi);
	return err ? err : entry_set(b, bn, bl, ai);
}

static int dir_rename(struct inode *from, const char *fname, size_t flen, struct inode *to, const char *tname,
		      size_t tlen, unsigned flags)
{
	struct overlay_node *f = overlay_node(from), *t = overlay_node(to);
	struct inode *source, *target = NULL;
	int err = dir_lookup(from, fname, flen, &source);

	if (err)
		return err;
	err = dir_lookup(to, tname, tlen, &target);
	if (err && err != -ENOENT)
		goto out;
	err = 0;
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		err = -EINVAL;
	else if (flags & RENAME_EXCHANGE)
		err = target ? exchange(f, fname, flen, source, t, tname, tlen, target) : -ENOENT;
	else if (target && (flags & RENAME_NOREPLACE))
		err = -EEXIST;
	else if (target)
		err = rename_over(source, target);
	if (err || (flags & RENAME_EXCHANGE) || source == target)
		goto out;

	// Room for the new entry first: after that only the whiteout over the old name can fail.
	struct overlay_entry *e = overlay_entry_find(t, tname, tlen), *room = NULL;
	if (!e) {
		err = entry_reserve(t, tname, tlen, &room);
		if (err)
			goto out;
	}
	err = entry_clear(f, fname, flen, S_ISDIR(source->mode));
	if (err) {
		heap_free(room);
		goto out;
	}
	overlay_pin(overlay_node(source));
	inode_get(source);
	if (room) {
		if (t->entry_count >= t->table_size)
			entries_grow(t);
		entry_add(t, room, source);
	} else {
		struct inode *old = e->inode;
		e->inode = source;
		if (old)
			inode_put(old);
	}
	dir_touch(t, S_ISDIR(source->mode) - (target && S_ISDIR(target->mode)));
	source->ctime_ns = time_wall_ns();
	if (target)
		overlay_unlinked(overlay_node(target));
out:
	inode_put(source);
	if (target)
		inode_put(target);
	return err;
}

const struct inode_ops overlay_dir_ops = {
	.lookup = dir_lookup, .create = dir_create, .mkdir = dir_mkdir, .symlink = dir_symlink, .link = dir_link,
	.unlink = dir_unlink, .rmdir = dir_rmdir, .rename = dir_rename, .tmpfile = dir_tmpfile,
	.revalidate = dir_revalidate, .getattr = overlay_getattr, .setattr = overlay_setattr, .open = overlay_dir_open,
	.release = overlay_release,
};
