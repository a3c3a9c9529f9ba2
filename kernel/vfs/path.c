// SPDX-License-Identifier: MIT
//
// From names to dentries: path_resolution(7). A walk holds references to where it is and to its root; a
// symbolic link's text replaces the part of the name that is still to be walked.
#include <linux/openat2.h>

#include "vfs/private.h"

void path_get(struct path *p) { dentry_get(p->dentry); }

void path_put(struct path *p)
{
	if (p->dentry)
		dentry_put(p->dentry);
	p->dentry = NULL;
}

struct inode *path_inode(const struct path *p) { return p->dentry ? p->dentry->inode : NULL; }

static void path_replace(struct path *p, struct path by)
{
	path_put(p);
	*p = by;
}

static struct path vfs_root(void)
{
	struct fs_context *c = fs_current();
	struct path root = {mount_root, mount_root->root};
	if (c)
		root = c->root;
	path_get(&root);
	return root;
}

static int walk_start(int dirfd, struct path *out)
{
	struct fs_context *c = fs_current();
	if (dirfd == AT_FDCWD) {
		if (c) {
			*out = c->cwd;
			path_get(out);
		} else {
			*out = vfs_root();
		}
		return 0;
	}
	struct file *f = file_from_fd(dirfd);
	if (!f)
		return -EBADF;
	*out = f->path;
	int err = 0;
	if (out->dentry)
		path_get(out);
	else
		err = -ENOTDIR;
	file_put(f);
	return err;
}

int walk_begin(struct walk *w, int dirfd, const char *name, uint64_t resolve)
{
	*w = (struct walk){.p = name, .resolve = resolve};
	bool scoped = resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT);
	if (*name == '/' && (resolve & RESOLVE_BENEATH))
		return -EXDEV;
	if (*name == '/' && !scoped) {
		w->root = w->at = vfs_root();
		path_get(&w->at);
		return 0;
	}
	int err = walk_start(dirfd, &w->at);
	if (err)
		return err;
	if (scoped) {
		w->root = w->at;
		path_get(&w->root);
	} else {
		w->root = vfs_root();
	}
	return 0;
}

void walk_end(struct walk *w)
{
	path_put(&w->root);
	path_put(&w->at);
	heap_free(w->link_text);
	w->link_text = NULL;
}

static bool walk_at_root(struct walk *w) { return w->at.dentry == w->root.dentry && w->at.mount == w->root.mount; }

static int walk_up(struct walk *w)
{
	for (;;) {
		if (walk_at_root(w))
			return w->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
		if (!mount_cross_up(&w->at))
			break;
	}
	struct dentry *parent = w->at.dentry->parent;
	dentry_get(parent);
	dentry_put(w->at.dentry);
	w->at.dentry = parent;
	mount_cross_down(&w->at);
	return 0;
}

static int walk_may_search(struct walk *w)
{
	struct inode *i = w->at.dentry->inode;
	if (!i)
		return -ENOENT;
	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	return inode_permission(i, 1);
}

int walk_follow(struct walk *w, struct dentry *link)
{
	struct inode *i = link->inode;
	if (++w->links > SYMLINKS_MAX || (w->resolve & RESOLVE_NO_SYMLINKS))
		return -ELOOP;
	if (i->ops->follow) {
		struct path to;
		int err = w->resolve & (RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT)
				  ? -ELOOP
				  : i->ops->follow(i, &to.mount, &to.dentry);
		if (err != -ENOSYS) {
			if (!err)
				path_replace(&w->at, to);
			if (!err) { // what is left must not be looked at as a last component again
				while (*w->p == '/')
					w->p++;
			}
			return err;
		}
	}
	if (!i->ops->readlink)
		return -EINVAL;
	size_t rest = strlen(w->p);
	char *text = heap_alloc(PATH_MAX_SIZE + rest + 1);
	if (!text)
		return -ENOMEM;
	inode_get(i);
	int64_t len = i->ops->readlink(i, text, PATH_MAX_SIZE);
	inode_put(i);
	if (len <= 0 || len >= (int64_t)PATH_MAX_SIZE) {
		heap_free(text);
		return len < 0 ? (int)len : len ? -ENAMETOOLONG : -ENOENT;
	}
	memcpy(text + len, w->p, rest + 1);
	heap_free(w->link_text);
	w->p = w->link_text = text;
	if (*text == '/') {
		if (w->resolve & RESOLVE_BENEATH)
			return -EXDEV;
		path_get(&w->root);
		path_replace(&w->at, w->root);
	}
	return 0;
}

// One step to something that is not the end of the path.
static int walk_component(struct walk *w, const char *name, size_t len)
{
	int err = walk_may_search(w);
	if (err)
		return err;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return len == 2 ? walk_up(w) : 0;
	struct dentry *d;
	err = dentry_lookup(w->at.dentry, name, len, false, &d);
	if (err)
		return err;
	if (!d->inode)
		err = -ENOENT;
	else if (S_ISLNK(d->inode->mode))
		err = walk_follow(w, d);
	else {
		dentry_put(w->at.dentry);
		w->at.dentry = d;
		mount_cross_down(&w->at);
		return 0;
	}
	dentry_put(d);
	return err;
}

int walk_parent(struct walk *w)
{
	for (;;) {
		while (*w->p == '/')
			w->p++;
		if (!*w->p) {
			w->type = LAST_ROOT;
			return 0;
		}
		const char *name = w->p, *end = name;
		while (*end && *end != '/')
			end++;
		size_t len = (size_t)(end - name);
		if (len > NAME_MAX_LEN)
			return -ENAMETOOLONG;
		const char *rest = end;
		while (*rest == '/')
			rest++;
		w->p = end;
		if (!*rest) {
			w->last = name;
			w->len = len;
			w->slash = rest != end;
			w->type = name[0] != '.' || len > 2 || (len == 2 && name[1] != '.') ? LAST_NORM
				  : len == 1					       ? LAST_DOT
										       : LAST_DOTDOT;
			return walk_may_search(w);
		}
		int err = walk_component(w, name, len);
		if (err)
			return err;
	}
}

static int walk_done(struct walk *w, unsigned flags, struct path *out)
{
	struct inode *i = out->dentry->inode;
	if (((flags & LOOKUP_DIRECTORY) || w->slash) && !S_ISDIR(i->mode)) {
		path_put(out);
		return -ENOTDIR;
	}
	return 0;
}

int walk_last(struct walk *w, unsigned flags, struct path *out)
{
	if (w->type != LAST_NORM) {
		int err = w->type == LAST_DOTDOT ? walk_up(w) : 0;
		if (err)
			return err;
		*out = w->at;
		path_get(out);
		if (w->type == LAST_ROOT)
			w->slash = w->slash && w->links; // "link/" whose magic target was taken
		return walk_done(w, flags, out);
	}
	struct dentry *d;
	int err = dentry_lookup(w->at.dentry, w->last, w->len, false, &d);
	if (err)
		return err;
	if (!d->inode) {
		dentry_put(d);
		return -ENOENT;
	}
	if (S_ISLNK(d->inode->mode) && ((flags & LOOKUP_FOLLOW) || w->slash)) {
		err = walk_follow(w, d);
		dentry_put(d);
		return err ? err : WALK_AGAIN;
	}
	*out = (struct path){w->at.mount, d};
	mount_cross_down(out);
	return walk_done(w, flags, out);
}

int walk_lookup(int dirfd, const char *name, unsigned flags, uint64_t resolve, struct path *out)
{
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	struct walk w;
	int err = walk_begin(&w, dirfd, name, resolve);
	if (!err)
		do {
			err = walk_parent(&w);
			if (!err)
				err = walk_last(&w, flags, out);
		} while (err == WALK_AGAIN);
	walk_end(&w);
	return err;
}

int path_lookup(int dirfd, const char *name, unsigned flags, struct path *out)
{
	return walk_lookup(dirfd, name, flags, 0, out);
}

static int request_name(struct name *n, const char *user)
{
	unsigned i = (unsigned)((uintptr_t)NAME_REQUEST - (uintptr_t)user);
	const char *text = user == NAME_REQUEST || user == NAME_REQUEST_2 ? thread_current()->request_name[i] : NULL;
	if (!text)
		return -EFAULT;
	n->text = heap_strdup(text);
	n->len = (int64_t)strlen(text);
	return n->text ? 0 : -ENOMEM;
}

int name_get(struct name *n, const char *user)
{
	n->text = n->small;
	n->len = user_string(n->small, user, sizeof n->small);
	if (unlikely(n->len == -EFAULT))
		return request_name(n, user);
	if (n->len != -ENAMETOOLONG)
		return n->len < 0 ? (int)n->len : 0;
	n->text = heap_alloc(PATH_MAX_SIZE);
	if (!n->text)
		return -ENOMEM;
	n->len = user_string(n->text, user, PATH_MAX_SIZE);
	if (n->len < 0) {
		heap_free(n->text);
		return (int)n->len;
	}
	return 0;
}

void name_put(struct name *n)
{
	if (n->text != n->small)
		heap_free(n->text);
}

int path_lookup_user(int dirfd, const char *user, unsigned flags, struct path *out)
{
	struct name n;
	int err = name_get(&n, user);
	if (err)
		return err;
	err = path_lookup(dirfd, n.text, flags, out);
	name_put(&n);
	return err;
}

int64_t path_format(const struct path *p, char *buf, size_t size)
{
	struct path at = *p;
	struct path root = vfs_root();
	bool gone = at.dentry->unlinked;
	static const char deleted[] = " (deleted)";
	size_t start = size - 1, tail = gone ? sizeof deleted - 1 : 0;
	int64_t len = -ENAMETOOLONG;

	path_get(&at);
	if (start < tail + 1)
		goto out;
	buf[start] = '\0';
	start -= tail;
	memcpy(buf + start, deleted, tail);
	size_t end = start;
	while (at.dentry != root.dentry || at.mount != root.mount) {
		if (mount_cross_up(&at))
			continue;
		struct dentry *d = at.dentry, *parent = d->parent;
		if (parent == d)
			break;
		if (start < d->len + 1)
			goto out;
		start -= d->len;
		memcpy(buf + start, d->name, d->len);
		buf[--start] = '/';
		dentry_get(parent);
		dentry_put(d);
		at.dentry = parent;
	}
	if (start == end) {
		if (!start)
			goto out;
		buf[--start] = '/';
	}
	len = (int64_t)(size - 1 - start);
	memmove(buf, buf + start, size - start);
out:
	path_put(&at);
	path_put(&root);
	return len;
}

struct fs_context *fs_context_create(void)
{
	struct fs_context *c = heap_new(struct fs_context);
	if (!c)
		return NULL;
	c->refs = 1;
	c->umask = 022;
	c->root = c->cwd = (struct path){mount_root, mount_root->root};
	path_get(&c->root);
	path_get(&c->cwd);
	return c;
}

struct fs_context *fs_context_copy(struct fs_context *old)
{
	struct fs_context *c = heap_new(struct fs_context);
	if (!c)
		return NULL;
	*c = *old;
	c->refs = 1;
	path_get(&c->root);
	path_get(&c->cwd);
	return c;
}

void fs_context_put(struct fs_context *c)
{
	if (--c->refs)
		return;
	path_put(&c->root);
	path_put(&c->cwd);
	heap_free(c);
}
