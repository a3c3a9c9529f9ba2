// SPDX-License-Identifier: MIT
//
// In-memory directories of kernel file systems. See static_dir.h.
#include "vfs/static_dir.h"

#include "vfs/private.h"

struct static_entry {
	struct list link;
	struct inode *inode; // one reference
	int64_t cookie;	     // position in readdir, rising
	size_t len;
	char name[];
};

struct static_dir { // inode->fs
	struct list entries;
	int64_t next_cookie;
	const struct static_dir_hooks *hooks;
	void *arg;
};

static struct static_entry *entry_find(struct inode *dir, const char *name, size_t len)
{
	struct static_dir *sd = dir->fs;
	struct static_entry *e;
	list_for_each(e, &sd->entries, link)
		if (e->len == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

struct inode *static_dir_find(struct inode *dir, const char *name, size_t len)
{
	struct static_entry *e = entry_find(dir, name, len);
	if (!e)
		return NULL;
	inode_get(e->inode);
	return e->inode;
}

static int static_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct static_dir *sd = dir->fs;
	*out = static_dir_find(dir, name, len);
	if (*out)
		return 0;
	return sd->hooks && sd->hooks->lookup ? sd->hooks->lookup(dir, name, len, out) : -ENOENT;
}

static bool static_revalidate(struct inode *dir, const char *name, size_t len, struct inode *inode)
{
	struct static_dir *sd = dir->fs;
	struct static_entry *e = entry_find(dir, name, len);
	if (e)
		return e->inode == inode;
	if (!sd->hooks)
		return !inode;
	return inode && sd->hooks->still && sd->hooks->still(dir, name, len, inode);
}

static int static_readdir(struct file *f, struct dir_emit *d, int64_t *pos)
{
	struct static_dir *sd = f->inode->fs;
	struct static_entry *e;
	if (!dir_emit_dots(f, d, pos))
		return 0;
	list_for_each(e, &sd->entries, link) {
		if (e->cookie < *pos)
			continue;
		if (!d->emit(d, e->name, e->len, e->inode->ino, (e->inode->mode & S_IFMT) >> 12, e->cookie + 1))
			return 0;
		*pos = e->cookie + 1;
	}
	if (!sd->hooks || !sd->hooks->readdir)
		return 0;
	if (*pos < STATIC_DIR_DYNAMIC)
		*pos = STATIC_DIR_DYNAMIC;
	return sd->hooks->readdir(f->inode, d, pos);
}

static void static_release(struct inode *i)
{
	struct static_dir *sd = i->fs;
	struct static_entry *e, *next;
	list_for_each_safe(e, next, &sd->entries, link) {
		inode_put(e->inode);
		heap_free(e);
	}
	if (sd->hooks && sd->hooks->release)
		sd->hooks->release(i);
	heap_free(sd);
	inode_free(i);
}

static const struct inode_ops static_dir_ops = {
	.lookup = static_lookup,
	.revalidate = static_revalidate,
	.release = static_release,
};
static const struct file_ops static_dir_fops = {
	.readdir = static_readdir,
};

struct inode *static_dir_create(struct super *s, uint32_t mode, const struct static_dir_hooks *hooks, void *arg)
{
	struct static_dir *sd = heap_new(struct static_dir);
	struct inode *i = sd ? inode_alloc(s, S_IFDIR | (mode & 07777)) : NULL;
	if (!i) {
		heap_free(sd);
		return NULL;
	}
	list_init(&sd->entries);
	sd->next_cookie = 2;
	sd->hooks = hooks;
	sd->arg = arg;
	i->fs = sd;
	i->nlink = 2;
	i->ops = &static_dir_ops;
	i->fops = &static_dir_fops;
	return i;
}

void *static_dir_arg(struct inode *dir) { return ((struct static_dir *)dir->fs)->arg; }

static int add(struct inode *dir, const char *name, size_t len, struct inode *child)
{
	struct static_dir *sd = dir->fs;
	if (!child)
		return -ENOMEM;
	struct static_entry *e = heap_zalloc(sizeof *e + len);
	if (!e) {
		inode_put(child);
		return -ENOMEM;
	}
	e->inode = child;
	e->cookie = sd->next_cookie++;
	e->len = len;
	memcpy(e->name, name, len);
	list_push_back(&sd->entries, &e->link);
	if (S_ISDIR(child->mode))
		dir->nlink++;
	vfs_forget(dir, name, len);
	return 0;
}

int static_dir_add(struct inode *dir, const char *name, struct inode *child)
{
	return add(dir, name, strlen(name), child);
}

int static_dir_add_path(struct inode *dir, const char *path, struct inode *child)
{
	const char *slash;
	int err = child ? 0 : -ENOMEM;
	for (; !err && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		struct static_entry *e = entry_find(dir, path, (size_t)(slash - path));
		struct inode *next = e ? e->inode : static_dir_create(dir->super, 0555, NULL, NULL);
		if (!e)
			err = add(dir, path, (size_t)(slash - path), next);
		dir = next;
	}
	if (!err && *path)
		return static_dir_add(dir, path, child);
	if (child)
		inode_put(child);
	return err;
}

void static_dir_remove(struct inode *dir, const char *name)
{
	struct static_entry *e = entry_find(dir, name, strlen(name));
	if (!e)
		return;
	list_remove(&e->link);
	vfs_forget(dir, e->name, e->len);
	if (S_ISDIR(e->inode->mode))
		dir->nlink--;
	inode_put(e->inode);
	heap_free(e);
}

static int64_t static_readlink(struct inode *i, char *buf, size_t size)
{
	const char *target = i->fs;
	size_t len = strlen(target);
	memcpy(buf, target, MIN(len, size));
	return (int64_t)len;
}

static const struct inode_ops static_link_ops = {
	.readlink = static_readlink,
};

struct inode *static_link_create(struct super *s, const char *target)
{
	struct inode *i = inode_alloc(s, S_IFLNK | 0777);
	if (!i)
		return NULL;
	i->ops = &static_link_ops;
	i->fs = (void *)(uintptr_t)target;
	i->size = strlen(target);
	return i;
}
