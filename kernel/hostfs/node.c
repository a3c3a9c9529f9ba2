// SPDX-License-Identifier: MIT
//
// Inodes of hostfs: identity, attributes and how long they are believed, handles, opening,
// extended attributes, mounting.
#define COMPONENT "hostfs"
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/stat.h>

#include "base/string.h"
#include "debug/debug.h"
#include "hostfs/private.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "plat/plat.h"
#include "time/time.h"

static struct hostfs_node **table;
static size_t table_size, node_count;
static struct list with_handles = LIST_INIT(with_handles);

// --- identity ------------------------------------------------------------------------------------------

static struct hostfs_node **slot(uint64_t id)
{
	return &table[(id * 0x9e3779b97f4a7c15ull) >> 32 & (table_size - 1)];
}

static int table_grow(void)
{
	size_t old_size = table_size;
	struct hostfs_node **old = table, **grown = heap_zalloc((old_size ? old_size * 2 : 128) * sizeof(*grown));

	if (!grown)
		return old_size ? 0 : -ENOMEM;
	table = grown;
	table_size = old_size ? old_size * 2 : 128;
	for (size_t i = 0; i < old_size; i++) {
		for (struct hostfs_node *n = old[i], *next; n; n = next) {
			next = n->hash_next;
			n->hash_next = *slot(n->id);
			*slot(n->id) = n;
		}
	}
	heap_free(old);
	return 0;
}

static void set_ops(struct inode *i)
{
	switch (i->mode & S_IFMT) {
	case S_IFDIR:
		i->ops = &hostfs_dir_ops;
		i->fops = &hostfs_dir_fops;
		break;
	case S_IFLNK:
		i->ops = &hostfs_link_ops;
		break;
	default:
		i->ops = &hostfs_file_ops;
		i->fops = &hostfs_file_fops;
	}
}

static uint64_t ns(uint64_t sec, uint32_t nsec) { return sec * NSEC_PER_SEC + nsec; }

void hostfs_apply(struct hostfs_node *n, const struct fuse_attr *a, bool change_is_ours)
{
	struct inode *i = n->inode;
	uint64_t mtime = ns(a->mtime, a->mtimensec);
	bool changed = i->mtime_ns != mtime || i->size != a->size;

	n->attr_until = time_mono_ns() + n->fs->valid_ns;
	i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = a->nlink;
	i->ino = a->ino;
	i->rdev = a->rdev;
	i->size = a->size;
	i->blocks = a->blocks;
	i->atime_ns = ns(a->atime, a->atimensec);
	i->mtime_ns = mtime;
	i->ctime_ns = i->btime_ns = ns(a->ctime, a->ctimensec);
	if (changed && !change_is_ours && !n->self_changed) {
		if (S_ISDIR(i->mode))
			n->negative_bad = true;
		if (S_ISREG(i->mode) && (n->block_count || n->in_flight)) {
			mm_unmap_inode(n->front, 0, ~0ull, false);
			hostfs_cache_drop(n);
		}
	}
	n->self_changed = false;
}

int hostfs_node_get(struct hostfs_super *fs, const struct fuse_entry_out *e, struct inode **out)
{
	struct hostfs_node *n;

	if (node_count >= table_size && table_grow())
		goto no_memory;
	for (n = *slot(e->nodeid); n && n->id != e->nodeid; n = n->hash_next)
		;
	if (n) {
		n->lookups++;
		inode_get(n->inode);
		hostfs_apply(n, &e->attr, false);
		n->entry_until = n->attr_until;
		*out = n->inode;
		return 0;
	}
	n = heap_new(struct hostfs_node);
	struct inode *i = n ? inode_alloc(&fs->super, e->attr.mode) : NULL;
	if (!i) {
		heap_free(n);
		goto no_memory;
	}
	n->inode = n->front = i;
	n->fs = fs;
	n->id = e->nodeid;
	n->lookups = 1;
	list_init(&n->blocks);
	list_init(&n->chunks);
	list_init(&n->handle_link);
	i->fs = n;
	set_ops(i);
	hostfs_apply(n, &e->attr, true);
	n->entry_until = n->attr_until;
	n->hash_next = *slot(n->id);
	*slot(n->id) = n;
	node_count++;
	*out = i;
	return 0;
no_memory:
	fuse_forget(e->nodeid, 1);
	return -ENOMEM;
}

void hostfs_release(struct inode *i)
{
	struct hostfs_node *n = hostfs_node(i), **p;

	hostfs_cache_drop(n);
	hostfs_dax_drop(n);
	hostfs_handles_drop(n, true, true);
	for (p = slot(n->id); *p != n; p = &(*p)->hash_next)
		;
	*p = n->hash_next;
	node_count--;
	fuse_forget(n->id, n->lookups);
	heap_free(n->link);
	heap_free(n);
	inode_free(i);
}

void hostfs_set_front(struct inode *inode, struct inode *front)
{
	if (inode->ops == &hostfs_file_ops)
		hostfs_node(inode)->front = front ? front : inode;
}

// --- attributes ----------------------------------------------------------------------------------------

int hostfs_refresh(struct hostfs_node *n, bool force)
{
	struct fuse_getattr_in in = {0};
	struct fuse_attr_out out;

	if (!force && time_mono_ns() < n->attr_until)
		return 0;
	int64_t got = fuse_call(&(struct fuse_call){.opcode = FUSE_GETATTR, .node = n->id, .arg = {{&in, sizeof(in)}},
						    .reply = &out, .reply_size = sizeof(out)});
	if (got < 0)
		return (int)got;
	if (got != sizeof(out) || ((out.attr.mode ^ n->inode->mode) & S_IFMT))
		return fail(-EIO);
	hostfs_apply(n, &out.attr, false);
	return 0;
}

int hostfs_getattr(struct inode *i) { return hostfs_refresh(hostfs_node(i), false); }

int hostfs_setattr(struct inode *i, const struct iattr *a)
{
	struct hostfs_node *n = hostfs_node(i);
	struct fuse_setattr_in in = {
		.size = a->size, .mode = a->mode, .uid = a->uid, .gid = a->gid,
		.atime = a->atime_ns / NSEC_PER_SEC, .atimensec = (uint32_t)(a->atime_ns % NSEC_PER_SEC),
		.mtime = a->mtime_ns / NSEC_PER_SEC, .mtimensec = (uint32_t)(a->mtime_ns % NSEC_PER_SEC),
	};
	static const struct {
		uint32_t ours, fuse;
	} bit[] = {{ATTR_MODE, FATTR_MODE}, {ATTR_UID, FATTR_UID}, {ATTR_GID, FATTR_GID}, {ATTR_SIZE, FATTR_SIZE},
		   {ATTR_ATIME, FATTR_ATIME}, {ATTR_MTIME, FATTR_MTIME}};
	struct fuse_attr_out out;
	uint64_t old = i->size;

	for (unsigned k = 0; k < ARRAY_SIZE(bit); k++)
		if (a->valid & bit[k].ours)
			in.valid |= bit[k].fuse;
	if ((a->valid & ATTR_SIZE) && n->has_write) {
		in.valid |= FATTR_FH;
		in.fh = n->write_fh;
	}
	if (a->valid & ATTR_SIZE)
		hostfs_cache_drop(n);
	int64_t got = fuse_call(&(struct fuse_call){.opcode = FUSE_SETATTR, .node = n->id, .arg = {{&in, sizeof(in)}},
						    .reply = &out, .reply_size = sizeof(out)});
	if (got < 0)
		return (int)got;
	hostfs_apply(n, &out.attr, true);
	if (a->valid & ATTR_SIZE) {
		// Pages of RAM that were mapped are no longer the file's, and a chunk ends elsewhere now.
		mm_unmap_inode(n->front, 0, ~0ull, false);
		if (a->size < old)
			mm_unmap_inode(n->front, ALIGN_UP(a->size, PAGE_SIZE) >> PAGE_SHIFT, ~0ull, true);
		hostfs_dax_drop(n);
	}
	return 0;
}

// --- handles -------------------------------------------------------------------------------------------

static void handle_close(struct hostfs_node *n, uint64_t fh)
{
	struct fuse_release_in in = {.fh = fh};

	fuse_call(&(struct fuse_call){.opcode = FUSE_RELEASE, .node = n->id, .arg = {{&in, sizeof(in)}}});
}

void hostfs_handles_drop(struct hostfs_node *n, bool read, bool write)
{
	if (read && n->has_read)
		handle_close(n, n->read_fh);
	if (write && n->has_write)
		handle_close(n, n->write_fh);
	n->has_read &= !read;
	n->has_write &= !write;
	if (!n->has_read && !n->has_write)
		list_remove(&n->handle_link);
}

// The host has only so many descriptors: those of files that are merely cached go.
static void handles_trim(void)
{
	struct hostfs_node *n, *next;

	list_for_each_safe(n, next, &with_handles, handle_link)
		if (n->opens == 0 && n->in_flight == 0)
			hostfs_handles_drop(n, true, true);
}

void hostfs_handle_kept(struct hostfs_node *n)
{
	if (list_empty(&n->handle_link))
		list_push_back(&with_handles, &n->handle_link);
}

static int handle_open(struct hostfs_node *n, uint32_t flags, uint64_t *fh)
{
	struct fuse_open_in in = {.flags = flags};
	struct fuse_open_out out;
	struct fuse_call c = {.opcode = FUSE_OPEN, .node = n->id, .arg = {{&in, sizeof(in)}},
			      .reply = &out, .reply_size = sizeof(out)};
	int64_t got = fuse_call(&c);

	if (got == -ENFILE) {
		handles_trim();
		got = fuse_call(&c);
	}
	if (got < 0)
		return (int)got;
	*fh = out.fh;
	hostfs_handle_kept(n);
	return 0;
}

int hostfs_handle(struct hostfs_node *n, bool write, uint64_t *fh)
{
	int err = 0;

	if (write && !n->has_write) {
		err = handle_open(n, O_RDWR, &n->write_fh);
		n->write_reads = err == 0;
		if (err == -EACCES)
			err = handle_open(n, O_WRONLY, &n->write_fh);
		n->has_write = err == 0;
	} else if (!write && !n->has_read && !(n->has_write && n->write_reads)) {
		err = handle_open(n, O_RDONLY, &n->read_fh);
		n->has_read = err == 0;
	}
	if (!err)
		*fh = write || !n->has_read ? n->write_fh : n->read_fh;
	return err;
}

int hostfs_open(struct inode *i, struct file *f)
{
	struct hostfs_node *n = hostfs_node(i);
	unsigned access = f->flags & O_ACCMODE;
	uint64_t fh;
	int err = hostfs_refresh(n, n->fs->check_open);

	if (err)
		return err;
	if (n->dax_written && list_empty(&n->front->mappings))
		n->dax_written = false; // nobody stores into it any more: blocks may be kept again
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		return -ENXIO; // a device or socket of the host: to be looked at only
	f->fs = heap_new(struct hostfs_file);
	if (!f->fs)
		return -ENOMEM;
	if (S_ISREG(i->mode)) {
		if (access != O_RDONLY)
			err = hostfs_handle(n, true, &fh);
		if (!err && access != O_WRONLY)
			err = hostfs_handle(n, false, &fh);
	}
	if (err) {
		heap_free(f->fs);
		f->fs = NULL;
		return err;
	}
	n->opens++;
	n->writers += access != O_RDONLY;
	return 0;
}

// --- extended attributes -------------------------------------------------------------------------------

#define XATTR_MAX 65536

// GETXATTR and LISTXATTR: the value goes through a heap buffer the server can reach.
static int64_t xattr_read(struct inode *i, uint32_t opcode, const char *name, void *buf, size_t size)
{
	struct fuse_getxattr_in in = {.size = (uint32_t)MIN(size, (size_t)XATTR_MAX)};
	struct fuse_getxattr_out out;
	struct fuse_call c = {.opcode = opcode, .node = hostfs_node(i)->id,
			      .arg = {{&in, sizeof(in)}, {name, name ? strlen(name) + 1 : 0}}};

	if (size == 0) {
		c.reply = &out;
		c.reply_size = sizeof(out);
		int64_t got = fuse_call(&c);
		return got < 0 ? got : (int64_t)out.size;
	}
	struct virtq_buffer v = {heap_alloc(in.size), in.size};
	if (!v.p)
		return -ENOMEM;
	c.out = &v;
	c.out_count = 1;
	int64_t got = fuse_call(&c);
	if (got > 0)
		memcpy(buf, v.p, (size_t)got);
	heap_free(v.p);
	return got;
}

int64_t hostfs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	return xattr_read(i, FUSE_GETXATTR, name, buf, size);
}

int64_t hostfs_listxattr(struct inode *i, char *buf, size_t size)
{
	int64_t got = xattr_read(i, FUSE_LISTXATTR, NULL, buf, size);
	return got == -EOPNOTSUPP ? 0 : got;
}

int hostfs_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags)
{
	struct fuse_setxattr_in in = {.size = (uint32_t)size, .flags = (uint32_t)flags};
	struct virtq_buffer v = {NULL, size};

	if (size > XATTR_MAX)
		return -E2BIG;
	v.p = size ? heap_alloc(size) : NULL;
	if (size && !v.p)
		return -ENOMEM;
	if (size)
		memcpy(v.p, buf, size);
	int64_t got = fuse_call(&(struct fuse_call){
		.opcode = FUSE_SETXATTR, .node = hostfs_node(i)->id,
		.arg = {{&in, FUSE_COMPAT_SETXATTR_IN_SIZE}, {name, strlen(name) + 1}},
		.data = &v, .data_count = size ? 1 : 0});
	heap_free(v.p);
	return (int)MIN(got, (int64_t)0);
}

int hostfs_removexattr(struct inode *i, const char *name)
{
	return (int)fuse_call(&(struct fuse_call){.opcode = FUSE_REMOVEXATTR, .node = hostfs_node(i)->id,
						  .arg = {{name, strlen(name) + 1}}});
}

// --- mounting ------------------------------------------------------------------------------------------

static int super_statfs(struct super *s, struct statfs_k *out)
{
	struct hostfs_super *fs = s->fs;
	struct fuse_statfs_out st;
	int64_t got = fuse_call(&(struct fuse_call){.opcode = FUSE_STATFS,
						    .node = plat_boot()->mount[fs->index].root_node,
						    .reply = &st, .reply_size = sizeof(st)});
	if (got < 0)
		return (int)got;
	*out = (struct statfs_k){
		.type = s->magic, .bsize = st.st.bsize, .blocks = st.st.blocks, .bfree = st.st.bfree,
		.bavail = st.st.bavail, .files = st.st.files, .ffree = st.st.ffree, .namelen = st.st.namelen,
		.frsize = st.st.frsize,
	};
	return 0;
}

int hostfs_mount(unsigned mount_index, struct super **s, struct inode **root)
{
	const struct abi_boot *boot = plat_boot();

	if (mount_index >= boot->mount_count)
		return -ENODEV;
	const struct abi_mount *m = &boot->mount[mount_index];
	struct hostfs_super *fs = heap_new(struct hostfs_super);
	if (!fs)
		return -ENOMEM;
	hostfs_cache_init();
	fs->super.dev = super_new_dev();
	fs->super.type = "fuse.whelk";
	fs->super.magic = 0x65735546; // FUSE_SUPER_MAGIC
	fs->super.readonly = m->flags & ABI_MOUNT_READONLY;
	fs->super.fs = fs;
	fs->super.statfs = super_statfs;
	fs->index = mount_index;
	fs->constant = m->flags & ABI_MOUNT_CONSTANT;
	fs->check_open = !(m->flags & ABI_MOUNT_OVERLAY);
	fs->valid_ns = fs->check_open ? NSEC_PER_SEC / 50 : NSEC_PER_SEC;

	struct fuse_getattr_in in = {0};
	struct fuse_attr_out out;
	struct fuse_entry_out e = {.nodeid = m->root_node};
	int64_t got = fuse_call(&(struct fuse_call){.opcode = FUSE_GETATTR,
						    .node = m->root_node,
						    .arg = {{&in, sizeof(in)}},
						    .reply = &out,
						    .reply_size = sizeof(out)});
	int err = got < 0 ? (int)got : 0;
	if (!err) {
		e.attr = out.attr;
		err = hostfs_node_get(fs, &e, root);
	}
	if (err) {
		heap_free(fs);
		return err;
	}
	*s = &fs->super;
	return 0;
}
