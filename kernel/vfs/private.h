// SPDX-License-Identifier: MIT
//
// What the files of vfs/ share and nobody else sees: dentries, mounts, the path walk.
#ifndef WHELK_VFS_PRIVATE_H
#define WHELK_VFS_PRIVATE_H

#include <asm/fcntl.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/string.h"
#include "mm/heap.h"
#include "proc/process.h"
#include "vfs/mode.h"
#include "vfs/vfs.h"

#define NAME_MAX_LEN  255
#define PATH_MAX_SIZE 4096ul
#define SYMLINKS_MAX  40
#define RW_COUNT_MAX  0x7ffff000ul // MAX_RW_COUNT of Linux

#ifndef O_TMPFILE
#define O_TMPFILE (__O_TMPFILE | O_DIRECTORY)
#endif

// --- dentries: a name in a directory, and what it stands for -----------------------------------------

struct dentry {
	uint32_t refs;	       // 0: only cached, in the LRU list
	uint32_t hash;
	struct dentry *parent; // one reference; itself for a root
	struct inode *inode;   // one reference; NULL: known not to exist
	struct list bucket;    // in the hash table; list_init'ed when out of it
	struct list lru;       // when refs is 0
	struct list alias;     // in inode->dentries
	struct list children, sibling; // cached names in it; in parent->children
	char *name;
	uint32_t len;
	bool mounted;	       // a mount covers it
	bool unlinked;	       // the name is gone
	char short_name[32];
};

struct dentry *dentry_create_root(struct inode *i); // takes over the reference
struct dentry *dentry_create_unlinked(struct dentry *dir, const char *name, size_t len, struct inode *i);
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
// The child, perhaps negative, with a reference. `locked`: the caller holds the directory's inode->lock.
int dentry_lookup(struct dentry *dir, const char *name, size_t len, bool locked, struct dentry **out);
void dentry_instantiate(struct dentry *d, struct inode *i); // negative -> positive; takes over the reference
void dentry_delete(struct dentry *d);			    // the name was removed
void dentry_move(struct dentry *d, struct dentry *dir, const char *name, size_t len);
void dentry_exchange(struct dentry *a, struct dentry *b);
void dentry_invalidate(struct dentry *d); // out of the cache; those who hold it keep it
bool dentry_is_below(struct dentry *d, struct dentry *ancestor);
size_t dentry_prune(size_t want); // drops unused ones; how many

// --- mounts ------------------------------------------------------------------------------------------
// A mount lives as long as the machine: no reference counts.

struct mount {
	struct list link; // in mount_list
	struct super *super;
	struct dentry *root;
	struct mount *parent; // NULL: the root
	struct dentry *point; // in parent
	char *source, *options;
	int id;
};
extern struct list mount_list;
extern struct mount *mount_root;
void mount_cross_down(struct path *p);				     // to what covers p
bool mount_cross_up(struct path *p);				     // from a mount's root to its mount point

// --- walking ------------------------------------------------------------------------------------------

enum last_type { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk {
	struct path root, at; // references
	const char *p;	      // what is left
	char *link_text;      // the buffer p lies in after a symbolic link
	unsigned links;
	uint64_t resolve;     // RESOLVE_*
	const char *last;     // of walk_parent
	size_t len;
	enum last_type type;
	bool slash;	      // a slash followed the last component
};
int walk_begin(struct walk *w, int dirfd, const char *name, uint64_t resolve);
void walk_end(struct walk *w);
int walk_parent(struct walk *w);
#define WALK_AGAIN 1 // a link was followed: walk_parent once more
// What the last component names. *out gets references. -ENOENT; WALK_AGAIN.
int walk_last(struct walk *w, unsigned flags, struct path *out);
int walk_follow(struct walk *w, struct dentry *link); // goes on at a link's target
int walk_lookup(int dirfd, const char *name, unsigned flags, uint64_t resolve, struct path *out);

// Names from the program. Short ones stay on the stack.
struct name {
	char *text;
	int64_t len;
	char small[160];
};
int name_get(struct name *n, const char *user USER);
void name_put(struct name *n);
// name_get and path_lookup in one; AT_* flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW are understood.
int path_lookup_user(int dirfd, const char *user USER, unsigned lookup_flags, struct path *out);

// --- files ---------------------------------------------------------------------------------------------

struct file *file_alloc(struct inode *i, uint32_t flags); // takes a reference to i
int open_path(const struct path *p, int flags, bool created, struct file **out);
// create.c, a part (sys/part.h). open_last_create: O_CREAT, walk_parent is done; WALK_AGAIN after a link.
int open_last_create(struct walk *w, int flags, uint32_t mode, struct file **out);
int open_tmpfile(int dirfd, const char *name, int flags, uint32_t mode, uint64_t resolve, struct file **out);
int vfs_open_how(int dirfd, const char *name, int flags, uint32_t mode, uint64_t resolve, struct file **out);
struct file *file_from_fd_mode(int fd, unsigned mode, int *err); // with FILE_* bits; -EBADF

static inline bool file_is_readable(const struct file *f) { return f->mode & FILE_READ; }
static inline bool file_is_writable(const struct file *f) { return f->mode & FILE_WRITE; }

// The process whose rights and directories count; NULL before there is one.
static inline struct process *vfs_process(void)
{
	struct thread *t = thread_current();
	return t ? t->process : NULL;
}

int inode_may_delete(struct inode *dir, struct inode *victim); // sticky directories
bool inode_is_owner(struct inode *i);			       // or capable
int inode_truncate(struct inode *i, uint64_t size, struct file *f);
int file_lock_fcntl(struct file *f, int cmd, uint64_t arg, bool ofd);

struct files;
struct file **files_slot(struct files *t, int fd);
struct files *files_current(void);
int fd_dup_to(struct file *f, int fd, unsigned flags); // takes over the reference
bool fd_cloexec(int fd);
void fd_set_cloexec(int fd, bool on);

// --- notification -----------------------------------------------------------------------------------------

// Weak, as in sys/part.h: without inotify(7) there are no watches, and nobody calls these.
#pragma weak notify_dentry_slow
#pragma weak notify_inode
#pragma weak notify_inode_gone
#pragma weak notify_dir
extern unsigned notify_watches; // how many exist: nothing is done while 0
void notify_dentry_slow(struct dentry *d, struct inode *i, uint32_t mask);
void notify_inode_gone(struct inode *i);
static inline void notify_file(struct file *f, uint32_t mask)
{
	if (unlikely(notify_watches))
		notify_dentry_slow(f->path.dentry, f->inode, mask);
}
static inline void notify_dentry(struct dentry *d, uint32_t mask)
{
	if (unlikely(notify_watches))
		notify_dentry_slow(d, d->inode, mask);
}

#endif
