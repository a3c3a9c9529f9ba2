// SPDX-License-Identifier: MIT
//
// Generated text files. See text_file.h.
#include "vfs/text_file.h"

#include "vfs/private.h"
#include "vfs/static_dir.h"

struct text_node { // inode->fs
	text_show_fn show;
	text_store_fn store;
	void *arg;
	void (*free_arg)(void *);
};

static int text_generate(struct file *f)
{
	struct text_node *n = f->inode->fs;
	struct text *t = f->fs;
	size_t size = t->size ? t->size : 1024;
	for (;;) {
		if (size != t->size) {
			heap_free(t->buf);
			t->size = 0;
			if (!(t->buf = heap_alloc(size)))
				return -ENOMEM;
			t->size = size;
		}
		t->len = 0;
		int err = n->show(t, n->arg);
		if (err)
			return err;
		if (t->len < t->size)
			return 0;
		size = ALIGN_UP(t->len + t->len / 4 + 1, (size_t)1024);
	}
}

static int64_t text_read(struct file *f, struct iter *to, int64_t *pos)
{
	struct text_node *n = f->inode->fs;
	if (!n->show)
		return -EIO;
	if (!f->fs && !(f->fs = heap_new(struct text)))
		return -ENOMEM;
	struct text *t = f->fs;
	if (*pos == 0 || !t->buf) {
		int err = text_generate(f);
		if (err)
			return err;
	}
	if ((uint64_t)*pos >= t->len)
		return 0;
	int64_t done = iter_write(to, t->buf + *pos, MIN(to->left, t->len - (size_t)*pos));
	if (done > 0)
		*pos += done;
	return done;
}

static int64_t text_write(struct file *f, struct iter *from, int64_t *pos)
{
	struct text_node *n = f->inode->fs;
	size_t len = MIN(from->left, PAGE_SIZE - 1);
	if (!n->store)
		return -EINVAL;
	char *buf = heap_alloc(len + 1);
	if (!buf)
		return -ENOMEM;
	int64_t done = iter_read(from, buf, len);
	if (done >= 0) {
		buf[done] = '\0';
		done = n->store(buf, (size_t)done, n->arg);
	}
	heap_free(buf);
	if (done > 0)
		*pos += done;
	return done;
}

static void text_release(struct file *f)
{
	struct text *t = f->fs;
	if (t)
		heap_free(t->buf);
	heap_free(t);
}

static const struct file_ops text_file_ops = {
	.read = text_read,
	.write = text_write,
	.release = text_release,
};

static void text_inode_release(struct inode *i)
{
	struct text_node *n = i->fs;
	if (n->free_arg)
		n->free_arg(n->arg);
	heap_free(n);
	inode_free(i);
}

static int text_setattr(struct inode *i, const struct iattr *a)
{
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	return 0; // truncation by O_TRUNC means nothing here
}

static const struct inode_ops text_inode_ops = {
	.setattr = text_setattr,
	.release = text_inode_release,
};

struct inode *vfs_text_file_rw(struct super *s, uint32_t mode, text_show_fn show, text_store_fn store, void *arg)
{
	struct text_node *n = heap_new(struct text_node);
	struct inode *i = n ? inode_alloc(s, S_IFREG | (mode & 07777)) : NULL;
	if (!i) {
		heap_free(n);
		return NULL;
	}
	*n = (struct text_node){.show = show, .store = store, .arg = arg};
	i->fs = n;
	i->ops = &text_inode_ops;
	i->fops = &text_file_ops;
	return i;
}

struct inode *vfs_text_file(struct super *s, uint32_t mode, text_show_fn show, void *arg)
{
	return vfs_text_file_rw(s, mode, show, NULL, arg);
}

static int show_fixed(struct text *t, void *arg)
{
	text_append(t, "%s\n", (const char *)arg);
	return 0;
}

int vfs_add_texts(struct inode *dir, const char *list)
{
	int err = 0;
	while (!err && *list) {
		const char *path = list, *fixed = path + strlen(path) + 1;
		err = static_dir_add_path(dir, path, vfs_text_file(dir->super, 0444, show_fixed, (void *)(uintptr_t)fixed));
		list = fixed + strlen(fixed) + 1;
	}
	return err;
}

void vfs_text_file_own(struct inode *i, void (*free_arg)(void *))
{
	struct text_node *n = i->fs;
	n->free_arg = free_arg;
}
