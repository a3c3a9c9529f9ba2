// SPDX-License-Identifier: MIT
//
// The inodes the guest knows. A node is (device, inode, mount); it remembers a parent and a name by
// which it can be opened, so that looking at a directory of thousands opens nothing and idle
// descriptors can be closed. Opening again checks that it is the same file. A node whose name went
// away keeps its descriptor. No node is ever opened by more than one path component.
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/fs_private.h"

static uint64_t stat_dev(const struct statx *st) { return makedev(st->stx_dev_major, st->stx_dev_minor); }

static int64_t stat_btime(const struct statx *st)
{
	if (!(st->stx_mask & STATX_BTIME))
		return 0;
	return (int64_t)((uint64_t)st->stx_btime.tv_sec * 1000000000u + st->stx_btime.tv_nsec);
}

static bool node_is(const struct fs_node *n, const struct statx *st, unsigned mount)
{
	return n->ino == st->stx_ino && n->dev == stat_dev(st) && n->mount == mount &&
	       n->type == (st->stx_mode & S_IFMT) && n->btime_ns == stat_btime(st);
}

static unsigned node_hash(uint64_t dev, uint64_t ino, unsigned mount)
{
	uint64_t h = (ino ^ dev * 0x9e3779b97f4a7c15ull ^ mount) * 0xff51afd7ed558ccdull;
	return (unsigned)(h >> (64 - FS_HASH_BITS));
}

static struct fs_node *node_find(struct fs *fs, const struct statx *st, unsigned mount)
{
	struct fs_node *n = fs->hash[node_hash(stat_dev(st), st->stx_ino, mount)];

	while (n && !node_is(n, st, mount))
		n = n->hash_next;
	return n;
}

static struct fs_node *node_by_id(struct fs *fs, uint64_t id)
{
	uint32_t slot = (uint32_t)id;

	if (slot >= fs->node_slots || !fs->node[slot] || fs->node[slot]->id != id)
		return NULL;
	return fs->node[slot];
}

static void node_close(struct fs *fs, struct fs_node *n)
{
	if (n->fd < 0)
		return;
	close(n->fd);
	n->fd = -1;
	fs->fd_count--;
}

// Frees a node nobody needs, and then its parents as far as they were kept for it.
static void node_reap(struct fs *fs, struct fs_node *n)
{
	while (n && !n->lookups && !n->pins && !n->children) {
		struct fs_node **p = &fs->hash[node_hash(n->dev, n->ino, n->mount)];
		struct fs_node *parent = n->parent;
		uint32_t slot = (uint32_t)n->id;

		while (*p != n)
			p = &(*p)->hash_next;
		*p = n->hash_next;
		list_remove(&n->lru);
		node_close(fs, n);
		fs->node[slot] = NULL;
		fs->node_free[fs->node_free_count++] = slot;
		fs->node_count--;
		free(n->name);
		free(n);
		if (parent)
			parent->children--;
		n = parent;
	}
}

static int slots_grow(struct fs *fs)
{
	unsigned want = fs->node_slots ? fs->node_slots * 2 : 256;
	struct fs_node **node = realloc(fs->node, want * sizeof(*node));

	if (!node)
		return -ENOMEM;
	fs->node = node;
	uint32_t *unused = realloc(fs->node_free, want * sizeof(*unused));
	if (!unused)
		return -ENOMEM;
	fs->node_free = unused;
	for (unsigned i = want; i-- > fs->node_slots;) {
		node[i] = NULL;
		if (i > 0) // no node has id 0
			unused[fs->node_free_count++] = i;
	}
	fs->node_slots = want;
	return 0;
}

static int node_create(struct fs *fs, const struct statx *st, unsigned mount, struct fs_node **out)
{
	if (fs->node_count >= FS_MAX_NODES)
		return -ENFILE;
	if (!fs->node_free_count && slots_grow(fs))
		return -ENOMEM;
	struct fs_node *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	uint32_t slot = fs->node_free[--fs->node_free_count];
	unsigned h = node_hash(stat_dev(st), st->stx_ino, mount);

	// The first root gets FUSE_ROOT_ID, as the protocol wants; generations tell reused slots apart.
	n->id = (uint64_t)fs->node_generation << 32 | slot;
	if (fs->node_count >= fs->config.mount_count)
		fs->node_generation = (fs->node_generation + 1) & 0x7fffffff;
	n->dev = stat_dev(st);
	n->ino = st->stx_ino;
	n->btime_ns = stat_btime(st);
	n->mount = mount;
	n->type = st->stx_mode & S_IFMT;
	n->fd = -1;
	list_init(&n->lru);
	n->hash_next = fs->hash[h];
	fs->hash[h] = n;
	fs->node[slot] = n;
	fs->node_count++;
	*out = n;
	return 0;
}

static void evict(struct fs *fs)
{
	while (fs->fd_count >= fs->fd_max && !list_empty(&fs->lru)) {
		struct fs_node *n = list_first(&fs->lru, struct fs_node, lru);
		list_remove(&n->lru);
		node_close(fs, n);
	}
}

static int open_component(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	// O_NOFOLLOW with O_PATH gives the link itself; RESOLVE_NO_SYMLINKS would refuse that too.
	long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

// Opens the node's descriptor, its parents' first (as deep as they were closed).
static int node_open(struct fs *fs, struct fs_node *n)
{
	struct statx st;

	if (n->fd >= 0)
		return 0;
	if (!n->parent)
		return -ESTALE;
	// The chain of closed parents: found by walking up, opened downwards. Bounded by path depth.
	while (n->parent->fd < 0) {
		struct fs_node *top = n->parent;
		while (top->parent && top->parent->fd < 0)
			top = top->parent;
		int err = node_open(fs, top); // its parent is open: no further recursion
		if (err)
			return err;
		list_remove(&top->lru);
		list_push_back(&fs->lru, &top->lru);
	}
	n->parent->pins++; // not to be evicted now
	list_remove(&n->parent->lru);
	evict(fs);
	int fd = fs->fd_count < fs->fd_max ? open_component(n->parent->fd, n->name) : -ENFILE;
	n->parent->pins--;
	if (n->parent->parent && !n->parent->pins)
		list_push_back(&fs->lru, &n->parent->lru);
	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP || fd == -EXDEV ? -ESTALE : fd == -EMFILE ? -ENFILE : fd;
	if (fs_stat(fd, "", &st) || !node_is(n, &st, n->mount)) {
		close(fd);
		return -ESTALE;
	}
	n->fd = fd;
	fs->fd_count++;
	return 0;
}

int fs_node_pin(struct fs *fs, uint64_t id, struct fs_node **out)
{
	pthread_mutex_lock(&fs->lock);
	struct fs_node *n = node_by_id(fs, id);
	int err = n ? node_open(fs, n) : -ESTALE;
	if (!err) {
		n->pins++;
		list_remove(&n->lru);
		*out = n;
	}
	pthread_mutex_unlock(&fs->lock);
	return err;
}

void fs_node_ref(struct fs *fs, struct fs_node *n)
{
	pthread_mutex_lock(&fs->lock);
	n->pins++;
	pthread_mutex_unlock(&fs->lock);
}

void fs_node_unpin(struct fs *fs, struct fs_node *n)
{
	pthread_mutex_lock(&fs->lock);
	if (--n->pins == 0 && n->parent && n->fd >= 0)
		list_push_back(&fs->lru, &n->lru);
	node_reap(fs, n);
	pthread_mutex_unlock(&fs->lock);
}

void fs_node_forget(struct fs *fs, uint64_t id, uint64_t lookups)
{
	pthread_mutex_lock(&fs->lock);
	struct fs_node *n = node_by_id(fs, id);
	// Roots keep the reference of fs_node_root(): they have no parent and one lookup too many.
	if (n && id != fs->mount[n->mount].node) {
		n->lookups -= MIN(n->lookups, lookups);
		node_reap(fs, n);
	}
	pthread_mutex_unlock(&fs->lock);
}

// What the host's kernel makes up is not for guests: /proc/PID/mem of the monitor, above all.
static bool is_kernel_fs(int fd)
{
	static const uint32_t magic[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC, DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC,
		0x62656570 /* configfs */, BPF_FS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, PSTOREFS_MAGIC,
		EFIVARFS_MAGIC, 0x19800202 /* mqueue */, BINFMTFS_MAGIC, SELINUX_MAGIC, NSFS_MAGIC, AUTOFS_SUPER_MAGIC,
		0x65735543 /* fusectl */, SMACK_MAGIC, 0x5a3c69f0 /* apparmorfs */,
	};
	struct statfs sf;

	if (fstatfs(fd, &sf))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(magic); i++)
		if ((uint32_t)sf.f_type == magic[i])
			return true;
	return false;
}

static void node_set_name(struct fs_node *n, struct fs_node *parent, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return; // it keeps the old name, or its descriptor
	free(n->name);
	n->name = copy;
	if (n->parent)
		n->parent->children--;
	n->parent = parent;
	parent->children++;
}

static bool is_beneath(const struct fs_node *n, const struct fs_node *top)
{
	while (n && n != top)
		n = n->parent;
	return n != NULL;
}

static int lookup_locked(struct fs *fs, struct fs_node *dir, const char *name, const struct statx *st, uint64_t *id)
{
	struct fs_node *n = node_find(fs, st, dir->mount);

	if (!n) {
		int err = node_create(fs, st, dir->mount, &n);
		if (err)
			return err;
		node_set_name(n, dir, name);
		if (!n->name) {
			node_reap(fs, n);
			return -ENOMEM;
		}
		if (n->dev != dir->dev) {
			err = node_open(fs, n);
			if (err) {
				node_reap(fs, n);
				return err;
			}
			n->empty = is_kernel_fs(n->fd);
			list_push_back(&fs->lru, &n->lru);
		}
	} else if (n->parent && n->fd < 0 && n->parent != dir && !is_beneath(dir, n)) {
		node_set_name(n, dir, name); // the newest name is the likeliest to be still there
	} else if (n->parent == dir && strcmp(n->name, name) != 0 && n->fd < 0) {
		node_set_name(n, dir, name);
	}
	n->lookups++;
	*id = n->id;
	return 0;
}

int fs_node_lookup(struct fs *fs, struct fs_node *dir, const char *name, struct statx *st, uint64_t *id)
{
	if (dir->empty)
		return -ENOENT;
	int err = fs_stat(dir->fd, name, st);
	if (err)
		return err;
	pthread_mutex_lock(&fs->lock);
	err = lookup_locked(fs, dir, name, st, id);
	pthread_mutex_unlock(&fs->lock);
	return err;
}

void fs_node_unlinked(struct fs *fs, struct fs_node *dir, const char *name)
{
	struct statx st;

	if (fs_stat(dir->fd, name, &st))
		return;
	pthread_mutex_lock(&fs->lock);
	struct fs_node *n = node_find(fs, &st, dir->mount);
	if (n && n->parent == dir && strcmp(n->name, name) == 0 && node_open(fs, n) == 0) {
		list_remove(&n->lru);
		n->parent = NULL; // the descriptor is all that is left
		dir->children--;
	}
	pthread_mutex_unlock(&fs->lock);
}

void fs_node_renamed(struct fs *fs, struct fs_node *from, const char *fname, struct fs_node *to, const char *tname)
{
	struct statx st;

	if (fs_stat(to->fd, tname, &st))
		return;
	pthread_mutex_lock(&fs->lock);
	struct fs_node *n = node_find(fs, &st, to->mount);
	if (n && n->parent == from && strcmp(n->name, fname) == 0 && !is_beneath(to, n))
		node_set_name(n, to, tname);
	pthread_mutex_unlock(&fs->lock);
}

int fs_node_open(struct fs *fs, struct fs_node *n, int flags)
{
	char number[16];

	if (n->type != S_IFREG && n->type != S_IFDIR)
		return n->type == S_IFLNK ? -ELOOP : -ENXIO;
	if (n->empty)
		return -EACCES;
	snprintf(number, sizeof(number), "%d", n->fd);
	int fd = openat(fs->proc_fd, number, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? (errno == EMFILE ? -ENFILE : -errno) : fd;
}

// A node that no name leads to: it stays, with a descriptor of its own.
static int node_keep(struct fs *fs, unsigned mount, int fd, uint32_t type, struct fs_node **out)
{
	struct statx st;
	int err = fs_stat(fd, "", &st);

	if (!err && (st.stx_mode & S_IFMT) != type)
		err = type == S_IFDIR ? -ENOTDIR : -EINVAL;
	if (!err)
		err = node_create(fs, &st, mount, out);
	if (err)
		return err;
	(*out)->lookups = 1;
	(*out)->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if ((*out)->fd < 0)
		return -errno;
	fs->fd_count++;
	return 0;
}

int fs_node_root(struct fs *fs, unsigned mount, int fd)
{
	struct fs_node *n;
	int err = node_keep(fs, mount, fd, S_IFDIR, &n);

	if (err)
		return err;
	fs->mount[mount].node = n->id;
	fs->mount[mount].dev = n->dev;
	return 0;
}

int fs_node_file(struct fs *fs, unsigned mount, int fd, struct fs_node **out)
{
	int err = node_keep(fs, mount, fd, S_IFREG, out);

	if (!err)
		(*out)->pins = 1;
	return err;
}

int fs_node_init(struct fs *fs) { return slots_grow(fs); }

void fs_node_destroy(struct fs *fs)
{
	for (unsigned i = 0; i < fs->node_slots; i++) {
		if (!fs->node[i])
			continue;
		node_close(fs, fs->node[i]);
		free(fs->node[i]->name);
		free(fs->node[i]);
	}
	free(fs->node);
	free(fs->node_free);
}
