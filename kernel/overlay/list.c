// SPDX-License-Identifier: MIT
//
// Listing directories of the overlay. One without entries of its own is listed straight from the lower
// directory. Otherwise both are merged into a list in memory when reading starts, and positions
// are indices into it: they stay right while names come and go.
#define COMPONENT "overlay"
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/stat.h>

#include "base/string.h"
#include "debug/debug.h"
#include "mm/heap.h"
#include "overlay/private.h"

static bool is_dots(const char *name, size_t len) { return len <= 2 && name[0] == '.' && (len == 1 || name[1] == '.'); }

// Hands the lower directory's entries on, without those that the overlay's own hide.
struct filter {
	struct dir_emit emit; // first
	struct overlay_node *dir;
	struct dir_emit *to; // straight listing
	struct overlay_file *collect;
	bool found; // any name but dots
	int err;
};

static int collect(struct overlay_file *of, const char *name, size_t len, uint64_t ino, unsigned type)
{
	if (of->item_count == of->item_room) {
		size_t room = of->item_room ? of->item_room * 2 : 64;
		struct overlay_item *grown = heap_realloc(of->items, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		of->items = grown;
		of->item_room = room;
	}
	char *copy = heap_alloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, len);
	of->items[of->item_count++] = (struct overlay_item){copy, ino, (uint16_t)len, (uint8_t)type};
	return 0;
}

static bool filter_emit(struct dir_emit *d, const char *name, size_t len, uint64_t ino, unsigned type, int64_t next_pos)
{
	struct filter *f = (struct filter *)d;
	bool dots = is_dots(name, len);

	if (!dots && overlay_entry_find(f->dir, name, len))
		return true;
	f->found |= !dots;
	if (f->collect)
		f->err = collect(f->collect, name, len, ino, type);
	if (f->to)
		return f->to->emit(f->to, name, len, ino, type, next_pos);
	return !f->err && (f->collect || !f->found);
}

static int lower_list(struct file *real, struct filter *f, int64_t *pos)
{
	f->emit.emit = filter_emit;
	int err = real->ops->readdir(real, &f->emit, pos);
	return f->err ? f->err : err;
}

int overlay_dir_empty(struct overlay_node *dir)
{
	struct filter f = {.dir = dir};
	struct overlay_entry *e;
	struct file *real;
	int64_t pos = 0;

	list_for_each(e, &dir->entries, link)
		if (e->inode)
			return -ENOTEMPTY;
	if (!dir->lower)
		return 0;
	int err = file_create_inode(dir->lower, O_RDONLY | O_DIRECTORY, &real);
	if (err)
		return err;
	err = lower_list(real, &f, &pos);
	file_put(real);
	return err ? err : f.found ? -ENOTEMPTY : 0;
}

static void items_free(struct overlay_file *of)
{
	for (size_t i = 0; i < of->item_count; i++)
		heap_free(of->items[i].name);
	heap_free(of->items);
	of->items = NULL;
	of->item_count = of->item_room = 0;
}

static int merge(struct overlay_node *n, struct overlay_file *of)
{
	struct filter f = {.dir = n, .collect = of};
	struct overlay_entry *e;
	int64_t pos = 0;
	int err = 0;

	items_free(of);
	if (of->real) {
		err = lower_list(of->real, &f, &pos);
	} else {
		err = collect(of, ".", 1, n->inode->ino, S_IFDIR >> 12);
		if (!err)
			err = collect(of, "..", 2, n->inode->ino, S_IFDIR >> 12);
	}
	list_for_each(e, &n->entries, link) {
		if (err)
			return err;
		if (e->inode)
			err = collect(of, e->name, e->len, e->inode->ino, (e->inode->mode & S_IFMT) >> 12);
	}
	return err;
}

static int dir_readdir(struct file *f, struct dir_emit *d, int64_t *pos)
{
	struct overlay_node *n = overlay_node(f->inode);
	struct overlay_file *of = f->fs;

	if (*pos == 0) {
		of->merged = !of->real || !list_empty(&n->entries);
		int err = of->merged ? merge(n, of) : 0;
		if (err)
			return err;
	}
	if (!of->merged) {
		struct filter through = {.dir = n, .to = d};
		return of->real ? lower_list(of->real, &through, pos) : 0;
	}
	for (; *pos >= 0 && (uint64_t)*pos < of->item_count; (*pos)++) {
		const struct overlay_item *i = &of->items[*pos];
		if (!d->emit(d, i->name, i->len, i->ino, i->type, *pos + 1))
			break;
	}
	return 0;
}

int overlay_dir_open(struct inode *i, struct file *f)
{
	struct overlay_node *n = overlay_node(i);
	struct overlay_file *of = heap_new(struct overlay_file);
	int err = of ? 0 : -ENOMEM;

	if (!err && n->lower)
		err = file_create_inode(n->lower, O_RDONLY | O_DIRECTORY, &of->real);
	if (err) {
		heap_free(of);
		return err;
	}
	f->fs = of;
	return 0;
}

static void dir_release(struct file *f)
{
	struct overlay_file *of = f->fs;

	items_free(of);
	if (of->real)
		file_put(of->real);
	heap_free(of);
}

static int dir_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return 0;
}

const struct file_ops overlay_dir_fops = {.readdir = dir_readdir, .release = dir_release, .fsync = dir_fsync};
