// SPDX-License-Identifier: MIT
//
// Directories of hostfs: names, and listing them with READDIRPLUS, whose attributes answer the
// lookups that follow a listing without leaving the guest.
#define COMPONENT "hostfs"
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/stat.h>

#include "base/string.h"
#include "debug/debug.h"
#include "hostfs/private.h"
#include "mm/heap.h"
#include "proc/process.h"
#include "time/time.h"

#define DIR_BUFFER (64u << 10)
#define HINT_SETS  512 // entries of listings that wait for their lookup: four of each hash
#define HINT_WAYS  4

// --- entries a listing brought, until they are looked up or pushed out -----------------------------------

struct hint {
	uint64_t dir;	// node id of the directory; 0: unused
	uint64_t until; // CLOCK_MONOTONIC
	char *name;
	struct inode *inode; // one reference
};
static struct hint *hints;

// The first of the entries this name may be in.
static struct hint *hint_set(uint64_t dir, const char *name, size_t len)
{
	uint64_t h = dir * 0x9e3779b97f4a7c15ull;

	if (!hints && !(hints = heap_zalloc(HINT_SETS * HINT_WAYS * sizeof(*hints))))
		return NULL;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ull;
	return &hints[(h ^ h >> 32) % HINT_SETS * HINT_WAYS];
}

static struct hint *hint_find(uint64_t dir, const char *name, size_t len)
{
	struct hint *h = hints ? hint_set(dir, name, len) : NULL;

	for (unsigned i = 0; h && i < HINT_WAYS; i++, h++)
		if (h->dir == dir && strlen(h->name) == len && memcmp(h->name, name, len) == 0)
			return h;
	return NULL;
}

static void hint_clear(struct hint *h)
{
	struct inode *i = h->inode;

	heap_free(h->name);
	*h = (struct hint){0};
	if (i)
		inode_put(i);
}

static void hint_store(struct hostfs_node *dir, const char *name, size_t len, struct inode *inode)
{
	struct hint *set = hint_set(dir->id, name, len), *h = hint_find(dir->id, name, len);
	char *copy = set ? heap_alloc(len + 1) : NULL;

	if (!copy) {
		inode_put(inode);
		return;
	}
	memcpy(copy, name, len);
	copy[len] = 0;
	for (unsigned k = 0; k < HINT_WAYS && !h; k++)
		h = set[k].dir == 0 ? &set[k] : NULL;
	for (unsigned k = 0; k < HINT_WAYS && !h; k++) // the oldest goes
		if (set[k].until <= set[0].until && set[k].until <= set[1].until && set[k].until <= set[2].until &&
		    set[k].until <= set[3].until)
			h = &set[k];
	hint_clear(h);
	*h = (struct hint){.dir = dir->id, .until = time_mono_ns() + dir->fs->valid_ns, .name = copy, .inode = inode};
}

// The inode, with the hint's reference, or NULL. The hint is gone either way.
static struct inode *hint_take(struct hostfs_node *dir, const char *name, size_t len)
{
	struct hint *h = hint_find(dir->id, name, len);

	if (!h)
		return NULL;
	struct inode *i = NULL;
	if (time_mono_ns() < h->until) {
		i = h->inode;
		h->inode = NULL;
	}
	hint_clear(h);
	return i;
}

// --- names -----------------------------------------------------------------------------------------------

static int name_text(char text[256], const char *name, size_t len)
{
	if (len > 255)
		return -ENAMETOOLONG;
	memcpy(text, name, len);
	text[len] = 0;
	return 0;
}

static int entry_call(struct inode *dir, uint32_t opcode, const void *arg, size_t arg_len, const char *name, size_t len,
		      struct fuse_entry_out *e)
{
	char text[256];
	int err = name_text(text, name, len);

	if (err)
		return err;
	int64_t got = fuse_call(&(struct fuse_call){
		.opcode = opcode, .node = hostfs_node(dir)->id, .arg = {{arg, arg_len}, {text, len + 1}},
		.reply = e, .reply_size = e ? sizeof(*e) : 0});
	return got < 0 ? (int)got : e && got < (int64_t)sizeof(*e) ? -EIO : 0;
}

// A change of ours in the directory: its new mtime is expected.
static void dir_changed(struct inode *dir)
{
	hostfs_node(dir)->self_changed = true;
	hostfs_node(dir)->attr_until = 0;
}

static int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct hostfs_node *d = hostfs_node(dir);
	struct fuse_entry_out e;

	*out = hint_take(d, name, len);
	if (*out)
		return 0;
	int err = entry_call(dir, FUSE_LOOKUP, NULL, 0, name, len, &e);
	return err ? err : hostfs_node_get(d->fs, &e, out);
}

static bool dir_revalidate(struct inode *dir, const char *name, size_t len, struct inode *inode)
{
	struct hostfs_node *d = hostfs_node(dir), *n = inode ? hostfs_node(inode) : NULL;
	struct fuse_entry_out e;

	// A missing name stays missing as long as the directory has not changed.
	if (!n)
		return hostfs_refresh(d, false) == 0 && !d->negative_bad;
	if (time_mono_ns() < n->entry_until)
		return true;
	if (entry_call(dir, FUSE_LOOKUP, NULL, 0, name, len, &e))
		return false;
	if (e.nodeid != n->id) {
		fuse_forget(e.nodeid, 1);
		return false;
	}
	n->lookups++;
	hostfs_apply(n, &e.attr, false);
	n->entry_until = n->attr_until;
	return true;
}

// The server made it as whom the monitor runs. A program that has become another user owns what it makes, where the
// monitor may give files away (as root); else the file is the monitor's user's. A change of owner clears S_ISUID and S_ISGID.
static void give_away(struct inode *dir, struct inode *inode)
{
	struct hostfs_super *fs = hostfs_node(dir)->fs;
	const struct thread *t = thread_current();
	struct iattr a = {.valid = ATTR_UID | ATTR_GID, .mode = inode->mode & 07777};

	if (!t || !t->process || fs->keeps_owner)
		return;
	a.uid = t->process->cred.fsuid;
	a.gid = dir->mode & S_ISGID ? dir->gid : t->process->cred.fsgid;
	if (a.uid == inode->uid && a.gid == inode->gid)
		return;
	if (S_ISREG(inode->mode) && (inode->mode & (S_ISUID | S_ISGID)))
		a.valid |= ATTR_MODE;
	fs->keeps_owner = hostfs_setattr(inode, &a) == -EPERM;
}

static int made(struct inode *dir, int err, const struct fuse_entry_out *e, struct inode **out)
{
	if (err)
		return err;
	dir_changed(dir);
	err = hostfs_node_get(hostfs_node(dir)->fs, e, out);
	if (!err)
		give_away(dir, *out);
	return err;
}

static int dir_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct fuse_entry_out e;

	if (!S_ISREG(mode)) {
		struct fuse_mknod_in in = {.mode = mode, .rdev = (uint32_t)rdev};
		int err = entry_call(dir, FUSE_MKNOD, &in, sizeof(in), name, len, &e);
		return made(dir, err, &e, out);
	}
	// CREATE opens, too: the open(2) that follows finds the handle.
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} reply;
	struct fuse_create_in in = {.flags = O_RDWR | O_CREAT | O_EXCL, .mode = mode};
	char text[256];
	int err = name_text(text, name, len);
	if (err)
		return err;
	int64_t got = fuse_call(&(struct fuse_call){
		.opcode = FUSE_CREATE, .node = hostfs_node(dir)->id, .arg = {{&in, sizeof(in)}, {text, len + 1}},
		.reply = &reply, .reply_size = sizeof(reply)});
	err = made(dir, got < 0 ? (int)got : 0, &reply.entry, out);
	if (err)
		return err;
	struct hostfs_node *n = hostfs_node(*out);
	n->write_fh = reply.open.fh;
	n->has_write = n->write_reads = true;
	hostfs_handle_kept(n);
	return 0;
}

static int dir_mkdir(struct inode *dir, const char *name, size_t len, uint32_t mode, struct inode **out)
{
	struct fuse_mkdir_in in = {.mode = mode};
	struct fuse_entry_out e;
	int err = entry_call(dir, FUSE_MKDIR, &in, sizeof(in), name, len, &e);

	return made(dir, err, &e, out);
}

static int dir_symlink(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out)
{
	struct fuse_entry_out e;
	char text[256];
	int err = name_text(text, name, len);

	if (err)
		return err;
	int64_t got = fuse_call(&(struct fuse_call){
		.opcode = FUSE_SYMLINK, .node = hostfs_node(dir)->id,
		.arg = {{text, len + 1}, {target, strlen(target) + 1}}, .reply = &e, .reply_size = sizeof(e)});
	return made(dir, got < 0 ? (int)got : 0, &e, out);
}

static int dir_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	struct fuse_link_in in = {.oldnodeid = hostfs_node(target)->id};
	struct fuse_entry_out e;
	int err = entry_call(dir, FUSE_LINK, &in, sizeof(in), name, len, &e);

	if (err)
		return err;
	dir_changed(dir);
	if (e.nodeid != hostfs_node(target)->id) {
		fuse_forget(e.nodeid, 1);
		return 0;
	}
	hostfs_node(target)->lookups++;
	hostfs_apply(hostfs_node(target), &e.attr, true);
	return 0;
}

static int dir_remove(struct inode *dir, uint32_t opcode, const char *name, size_t len, struct inode *victim)
{
	struct inode *hinted = hint_take(hostfs_node(dir), name, len);
	int err = entry_call(dir, opcode, NULL, 0, name, len, NULL);

	if (hinted)
		inode_put(hinted);
	if (err)
		return err;
	dir_changed(dir);
	if (victim->nlink)
		victim->nlink = S_ISDIR(victim->mode) ? 0 : victim->nlink - 1;
	hostfs_node(victim)->attr_until = 0;
	return 0;
}

static int dir_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	return dir_remove(dir, FUSE_UNLINK, name, len, victim);
}

static int dir_rmdir(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	return dir_remove(dir, FUSE_RMDIR, name, len, victim);
}

static int dir_rename(struct inode *from, const char *fname, size_t flen, struct inode *to, const char *tname,
		      size_t tlen, unsigned flags)
{
	struct fuse_rename2_in in = {.newdir = hostfs_node(to)->id, .flags = flags};
	struct inode *hinted[2] = {hint_take(hostfs_node(from), fname, flen), hint_take(hostfs_node(to), tname, tlen)};
	char text[2][256];

	for (unsigned i = 0; i < 2; i++)
		if (hinted[i])
			inode_put(hinted[i]);
	if (flen > 255 || tlen > 255)
		return -ENAMETOOLONG;
	memcpy(text[0], fname, flen);
	memcpy(text[1], tname, tlen);
	text[0][flen] = text[1][tlen] = 0;
	int err = (int)fuse_call(&(struct fuse_call){
		.opcode = FUSE_RENAME2, .node = hostfs_node(from)->id,
		.arg = {{&in, sizeof(in)}, {text[0], flen + 1}, {text[1], tlen + 1}}});
	if (err)
		return err;
	dir_changed(from);
	dir_changed(to);
	return 0;
}

// --- symbolic links --------------------------------------------------------------------------------------

static int64_t link_read(struct inode *i, char *buf, size_t size)
{
	struct hostfs_node *n = hostfs_node(i);

	if (!n->link) {
		struct virtq_buffer v = {heap_alloc(4096), 4096};
		if (!v.p)
			return -ENOMEM;
		int64_t got = fuse_call(&(struct fuse_call){
			.opcode = FUSE_READLINK, .node = n->id, .out = &v, .out_count = 1});
		if (got < 0) {
			heap_free(v.p);
			return got;
		}
		char *fit = heap_realloc(v.p, MAX((size_t)got, 1ul));
		n->link = fit ? fit : v.p;
		n->link_len = (size_t)got;
	}
	memcpy(buf, n->link, MIN(size, n->link_len));
	return (int64_t)n->link_len;
}

// --- listing ---------------------------------------------------------------------------------------------

static int dir_fill(struct hostfs_node *n, struct hostfs_file *d, int64_t pos)
{
	if (!d->dir && !(d->dir = heap_alloc(DIR_BUFFER)))
		return -ENOMEM;
	if (!d->dir_open) {
		struct fuse_open_in in = {0};
		struct fuse_open_out out;
		int64_t got = fuse_call(&(struct fuse_call){.opcode = FUSE_OPENDIR,
							    .node = n->id,
							    .arg = {{&in, sizeof(in)}},
							    .reply = &out,
							    .reply_size = sizeof(out)});
		if (got < 0)
			return (int)got;
		d->dir_fh = out.fh;
		d->dir_open = true;
	}
	struct fuse_read_in in = {.fh = d->dir_fh, .offset = (uint64_t)pos, .size = DIR_BUFFER};
	struct virtq_buffer v = {d->dir, DIR_BUFFER};
	d->dir_len = d->dir_at = 0;
	int64_t got = fuse_call(&(struct fuse_call){
		.opcode = FUSE_READDIRPLUS, .node = n->id, .arg = {{&in, sizeof(in)}}, .out = &v, .out_count = 1});
	if (got < 0)
		return (int)got;
	d->dir_len = (size_t)got;
	d->dir_pos = pos;
	return 0;
}

// The references READDIRPLUS gave for entries nobody took.
static void dir_discard(struct hostfs_file *d)
{
	while (d->dir_at + sizeof(struct fuse_direntplus) <= d->dir_len) {
		struct fuse_direntplus *e = (struct fuse_direntplus *)(d->dir + d->dir_at);
		if (e->entry_out.nodeid)
			fuse_forget(e->entry_out.nodeid, 1);
		d->dir_at += FUSE_DIRENTPLUS_SIZE(e);
	}
	d->dir_len = d->dir_at = 0;
}

static int dir_readdir(struct file *f, struct dir_emit *emit, int64_t *pos)
{
	struct hostfs_node *n = hostfs_node(f->inode);
	struct hostfs_file *d = f->fs;

	if (d->dir_len && d->dir_pos != *pos)
		dir_discard(d);
	for (;;) {
		if (d->dir_at >= d->dir_len) {
			int err = dir_fill(n, d, *pos);
			if (err || d->dir_len == 0)
				return err;
		}
		struct fuse_direntplus *e = (struct fuse_direntplus *)(d->dir + d->dir_at);
		const struct fuse_dirent *de = &e->dirent;
		if (d->dir_len - d->dir_at < sizeof(*e) || de->namelen == 0 || de->namelen > 255 ||
		    FUSE_DIRENTPLUS_SIZE(e) > d->dir_len - d->dir_at) {
			d->dir_at = d->dir_len = 0;
			return fail(-EIO);
		}
		if (!emit->emit(emit, de->name, de->namelen, de->ino, de->type, (int64_t)de->off))
			return 0;
		struct inode *i;
		if (e->entry_out.nodeid && hostfs_node_get(n->fs, &e->entry_out, &i) == 0)
			hint_store(n, de->name, de->namelen, i);
		d->dir_at += FUSE_DIRENTPLUS_SIZE(e);
		*pos = d->dir_pos = (int64_t)de->off;
	}
}

static void dir_release(struct file *f)
{
	struct hostfs_node *n = hostfs_node(f->inode);
	struct hostfs_file *d = f->fs;

	dir_discard(d);
	if (d->dir_open) {
		struct fuse_release_in in = {.fh = d->dir_fh};
		fuse_call(&(struct fuse_call){.opcode = FUSE_RELEASEDIR, .node = n->id, .arg = {{&in, sizeof(in)}}});
	}
	n->opens--;
	n->writers -= (f->flags & O_ACCMODE) != O_RDONLY;
	heap_free(d->dir);
	heap_free(d);
}

static int dir_fsync(struct file *f, bool data_only)
{
	struct hostfs_file *d = f->fs;
	struct fuse_fsync_in in = {.fh = d->dir_fh, .fsync_flags = data_only};

	if (!d->dir_open)
		return 0; // nothing was done through it, and changes went to the host at once
	return (int)fuse_call(&(struct fuse_call){.opcode = FUSE_FSYNCDIR, .node = hostfs_node(f->inode)->id,
						  .arg = {{&in, sizeof(in)}}});
}

const struct inode_ops hostfs_dir_ops = {
	.lookup = dir_lookup, .create = dir_create, .mkdir = dir_mkdir, .symlink = dir_symlink, .link = dir_link,
	.unlink = dir_unlink, .rmdir = dir_rmdir, .rename = dir_rename, .revalidate = dir_revalidate,
	.getattr = hostfs_getattr, .setattr = hostfs_setattr, .open = hostfs_open, .release = hostfs_release,
	.getxattr = hostfs_getxattr, .setxattr = hostfs_setxattr, .listxattr = hostfs_listxattr,
	.removexattr = hostfs_removexattr,
};
const struct inode_ops hostfs_link_ops = {
	.readlink = link_read, .getattr = hostfs_getattr, .setattr = hostfs_setattr, .release = hostfs_release,
};
const struct file_ops hostfs_dir_fops = {.readdir = dir_readdir, .release = dir_release, .fsync = dir_fsync};
