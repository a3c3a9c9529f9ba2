// SPDX-License-Identifier: MIT
//
// Mounts: which super's root covers which directory. They are made at boot and stay.
#include <linux/magic.h>

#include "base/format.h"
#include "sys/part.h"
#include "vfs/private.h"

struct list mount_list = LIST_INIT(mount_list); // in order of mounting
struct mount *mount_root;

static int mount_add(struct path *point, struct super *s, struct inode *root, const char *source, const char *options)
{
	static int next_id = 1;
	struct mount *m = heap_new(struct mount);
	if (!m)
		return -ENOMEM;
	m->super = s;
	m->source = heap_strdup(source);
	m->options = heap_strdup(options);
	m->root = dentry_create_root(root);
	if (!m->source || !m->options || !m->root) {
		heap_free(m->source);
		heap_free(m->options);
		heap_free(m);
		return -ENOMEM;
	}
	m->id = next_id++;
	if (point) {
		m->parent = point->mount;
		m->point = point->dentry;
		dentry_get(m->point);
		m->point->mounted = true;
	} else {
		mount_root = m;
	}
	list_push_back(&mount_list, &m->link);
	return 0;
}

int vfs_mount_root(struct super *s, struct inode *root)
{
	inode_get(root);
	int err = mount_add(NULL, s, root, s->type, "");
	if (err)
		inode_put(root);
	return err;
}

// The directory to mount on, made with its parents when missing.
static int mount_point(const char *name, struct path *out)
{
	char part[512];
	size_t len = strlen(name);
	if (len >= sizeof part)
		return -ENAMETOOLONG;
	int err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, out);
	if (err != -ENOENT || !vfs_mkdir)
		return err;
	for (size_t i = 1; i <= len; i++) {
		if (name[i] != '/' && name[i] != '\0')
			continue;
		memcpy(part, name, i);
		part[i] = '\0';
		err = vfs_mkdir(AT_FDCWD, part, 0755);
		if (err && err != -EEXIST)
			return err;
	}
	return path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, out);
}

int vfs_mount(const char *path, struct super *s, struct inode *root, const char *source, const char *options)
{
	struct path point;
	int err = mount_point(path, &point);
	if (err)
		return err;
	inode_get(root);
	err = mount_add(&point, s, root, source, options);
	if (err)
		inode_put(root);
	path_put(&point);
	return err;
}

static struct mount *mount_at(struct mount *parent, struct dentry *point)
{
	struct mount *m, *found = NULL;
	list_for_each(m, &mount_list, link)
		if (m->parent == parent && m->point == point)
			found = m; // the last one covers the others
	return found;
}

void mount_cross_down(struct path *p)
{
	while (p->dentry->mounted) {
		struct mount *m = mount_at(p->mount, p->dentry);
		if (!m)
			return;
		dentry_get(m->root);
		dentry_put(p->dentry);
		p->mount = m;
		p->dentry = m->root;
	}
}

bool mount_cross_up(struct path *p)
{
	if (p->dentry != p->mount->root || !p->mount->parent)
		return false;
	struct dentry *point = p->mount->point;
	dentry_get(point);
	dentry_put(p->dentry);
	p->mount = p->mount->parent;
	p->dentry = point;
	return true;
}

void vfs_format_mounts(struct text *t, bool mountinfo)
{
	static char where[PATH_MAX_SIZE]; // nothing here sleeps
	struct mount *m;
	list_for_each(m, &mount_list, link) {
		const char *rw = m->super->readonly ? "ro" : "rw", *more = m->options;
		if (!strncmp(more, "rw", 2) || !strncmp(more, "ro", 2)) // said already
			more += more[2] == ',' ? 3 : more[2] == '\0' ? 2 : 0;
		const char *comma = *more ? "," : "";
		struct path p = {m, m->root};
		if (path_format(&p, where, sizeof where) < 0)
			continue;
		if (mountinfo)
			text_append(t, "%d %d %u:%u / %s %s,relatime - %s %s %s%s%s\n", m->id,
				    m->parent ? m->parent->id : 0, (unsigned)(m->super->dev >> 8 & 0xfff),
				    (unsigned)(m->super->dev & 0xff), where, rw, m->super->type, m->source, rw, comma,
				    more);
		else
			text_append(t, "%s %s %s %s,relatime%s%s 0 0\n", m->source, where, m->super->type, rw, comma,
				    more);
	}
}
