// SPDX-License-Identifier: MIT
//
// The virtual file system: inodes and their operations (what a file system implements),
// dentries and paths, open files, file tables. path_resolution(7), open(2).
#ifndef WHELK_VFS_H
#define WHELK_VFS_H

#include "base/api.h"
#include "base/list.h"
#include "mm/uaccess.h"
#include "sched/sched.h"
#include "time/time.h"
#include "vfs/mode.h"

struct file;
struct inode;
struct dentry;
struct mount;
struct page;
struct poller;
struct statfs_k;
struct vma;
struct iattr;
struct dir_emit;
struct text;

// --- inodes: what a file system implements ----------------------------------------------------------

struct super { // a mounted file system instance
	uint64_t dev;	      // st_dev
	const char *type;     // "tmpfs", "proc", "fuse.whelk" as /proc/mounts prints it
	uint32_t magic;	      // statfs f_type
	bool readonly;
	void *fs;	      // the file system's own
	int (*statfs)(struct super *s, struct statfs_k *out);
};

struct statfs_k {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize, flags;
};

struct inode {
	struct super *super;
	const struct inode_ops *ops;
	const struct file_ops *fops; // of files opened on it
	uint32_t refs;
	uint32_t mode, uid, gid, nlink; // mode: S_IF* | permissions
	uint64_t ino, rdev, size, blocks; // blocks of 512 bytes
	uint64_t atime_ns, mtime_ns, ctime_ns, btime_ns; // since the epoch
	void *fs;		     // the file system's own
	struct list mappings;	     // VMAs that map it (vma.inode_link)
	struct list locks;	     // POSIX, OFD and flock locks (vfs/lock.c)
	struct list watches;	     // inotify
	void *pipe;		     // FIFO state
	uint32_t write_count;	     // open for writing (ETXTBSY)
	uint32_t deny_write;	     // being executed
	uint32_t seals;		     // memfd
	struct list dentries;	     // its names in the dentry cache (vfs/private.h)
	struct mutex lock;	     // directories: names do not change while held; regular files of tmpfs: one writer
	const char *name;	     // anonymous inodes: what /proc/self/fd/N shows; static or the file system's own
};

// Bits of iattr.valid.
#define ATTR_MODE  (1u << 0)
#define ATTR_UID   (1u << 1)
#define ATTR_GID   (1u << 2)
#define ATTR_SIZE  (1u << 3)
#define ATTR_ATIME (1u << 4)
#define ATTR_MTIME (1u << 5)
struct iattr {
	uint32_t valid;
	uint32_t mode, uid, gid;
	uint64_t size, atime_ns, mtime_ns;
};

// A file page as a fault wants it.
struct fault_page {
	uint64_t phys;	   // of the page asked for
	struct page *page; // with a reference for the caller, or NULL: not RAM (file window), stays valid while mapped
	// how many more pages lie physically contiguous before and after it and may be mapped too (0 is fine)
	uint64_t before, after;
	bool writable;	   // may be mapped writable (shared)
};

struct inode_ops {
	// Directory operations: name is not NUL-terminated, never "." or "..". Results have a reference.
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out); // -ENOENT
	// files, FIFOs, devices, sockets: S_IF* in mode
	int (*create)(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev,
		      struct inode **out);
	int (*mkdir)(struct inode *dir, const char *name, size_t len, uint32_t mode, struct inode **out);
	int (*symlink)(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out);
	int (*link)(struct inode *dir, const char *name, size_t len, struct inode *target);
	int (*unlink)(struct inode *dir, const char *name, size_t len, struct inode *victim);
	int (*rmdir)(struct inode *dir, const char *name, size_t len, struct inode *victim);
	int (*rename)(struct inode *from, const char *fname, size_t flen, struct inode *to, const char *tname,
		      size_t tlen, unsigned flags);
	int (*tmpfile)(struct inode *dir, uint32_t mode, struct inode **out);
	// Symbolic links: the target's length (may exceed size), text not terminated.
	int64_t (*readlink)(struct inode *inode, char *buf, size_t size);
	// Magic links (/proc/PID/fd/N, exe, cwd): gives the object itself; caller owns the references. -ENOSYS: use
	// readlink.
	int (*follow)(struct inode *inode, struct mount **mount, struct dentry **dentry);
	int (*getattr)(struct inode *inode); // refreshes the fields of *inode; NULL: they are right
	int (*setattr)(struct inode *inode, const struct iattr *attr); // does the change and the fields
	int (*open)(struct inode *inode, struct file *file);	       // may replace file->ops, set file->fs
	// -EFAULT past the end (SIGBUS)
	int (*get_page)(struct inode *inode, uint64_t index, bool write, struct fault_page *out);
	bool (*has_page)(struct inode *inode, uint64_t index); // get_page would find it in memory; with get_page
	int64_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *buf, size_t size, int flags);
	int64_t (*listxattr)(struct inode *inode, char *buf, size_t size);
	int (*removexattr)(struct inode *inode, const char *name);
	// may a cached lookup still be used? NULL: always. inode NULL: a negative one
	bool (*revalidate)(struct inode *dir, const char *name, size_t len, struct inode *inode);
	void (*release)(struct inode *inode); // last reference dropped: free it
};

API struct inode *inode_alloc(struct super *s SHARED, uint32_t mode); // refs 1, times now, ops NULL
API void inode_get(struct inode *i SHARED);
API void inode_put(struct inode *i SHARED);
API void inode_free(struct inode *i SHARED); // for release(): the struct itself
API uint64_t super_new_dev(void);

// --- open files ---------------------------------------------------------------------------------------

struct path {
	struct mount *mount;
	struct dentry *dentry;
};

struct file {
	uint32_t refs;
	const struct file_ops *ops;
	struct inode *inode;   // one reference; anonymous inodes for pipes, eventfds, ...
	struct path path;      // what was opened; dentry NULL for anonymous files
	uint32_t flags;	       // O_* as fcntl(F_GETFL) shows them
	int64_t pos;
	struct mutex pos_lock; // read, write and lseek of one file do not interleave
	void *fs;	       // the implementation's own
	struct list epoll_items; // epoll entries watching it
	int owner_pid, owner_sig; // F_SETOWN, F_SETSIG
	uint64_t dir_cookie;
	uint8_t mode;		  // FILE_*
};

#define FILE_READ  (1u << 0) // opened for reading
#define FILE_WRITE (1u << 1)
#define FILE_PATH  (1u << 2) // O_PATH: only names the object
#define FILE_SEEK  (1u << 3) // the position counts: pos_lock is taken
#define FILE_COUNTED (1u << 4) // counted in inode->write_count

struct dir_emit { // readdir hands each entry to emit(); false: buffer full, stop (the entry was not taken)
	bool (*emit)(struct dir_emit *d, const char *name, size_t len, uint64_t ino, unsigned type, int64_t next_pos);
};

struct file_ops {
	// Byte counts or -errno. *pos is advanced by the implementation. -EAGAIN rather than sleeping when file->flags
	// & O_NONBLOCK.
	int64_t (*read)(struct file *f, struct iter *to, int64_t *pos);
	int64_t (*write)(struct file *f, struct iter *from, int64_t *pos); // O_APPEND handled here by regular files
	int (*readdir)(struct file *f, struct dir_emit *d, int64_t *pos);
	// NULL: regular rules on inode->size; file_seek_none: -ESPIPE
	int64_t (*seek)(struct file *f, int64_t off, int whence);
	// EPOLL* now; registers with poll_wait(). NULL: always readable and writable
	unsigned (*poll)(struct file *f, struct poller *p);
	int64_t (*ioctl)(struct file *f, unsigned cmd, uint64_t arg);
	int (*mmap)(struct file *f, struct vma *vma); // NULL: inode->ops->get_page decides; -ENODEV
	int (*fsync)(struct file *f, bool data_only);
	int (*fallocate)(struct file *f, int mode, int64_t off, int64_t len);
	int (*fcntl)(struct file *f, int cmd, uint64_t arg); // pipes: F_SETPIPE_SZ, memfd seals; -EINVAL
	int (*flush)(struct file *f);	// at every close(2)
	void (*release)(struct file *f); // last reference
	void (*describe)(struct file *f, struct text *t); // extra lines of /proc/PID/fdinfo/N
};

// "." and ".." at positions 0 and 1, for directories whose entries start at 2; false: the buffer is full.
API bool dir_emit_dots(struct file *f SHARED, struct dir_emit *d SHARED, int64_t *pos INOUT(1));
// readdir in the order of names is up to the file system, but every readdir gives "." and ".." too.

// The offset that `off` means after SEEK_SET, SEEK_CUR or SEEK_END: 0, -EINVAL (another whence, or below 0),
// -EOVERFLOW.
API int file_offset(struct file *f SHARED, int64_t off, int whence, int64_t *out OUT(1));
API int64_t file_seek_none(struct file *f SHARED, int64_t off, int whence);
API static inline void file_get(struct file *f SHARED) { f->refs++; }
API void file_put_last(struct file *f SHARED);
API static inline void file_put(struct file *f SHARED)
{
	if (unlikely(f->refs <= 1))
		file_put_last(f);
	else
		f->refs--;
}
// A file on an anonymous inode ("anon_inode:[eventfd]" is the name readlink shows). *out has one reference.
API int file_create_anonymous(const char *name IN(strlen), const struct file_ops *ops SHARED, void *fs SHARED,
			      uint32_t flags, struct file **out OUT(1));
// An open file on an inode without a name (memfd, shared anonymous memory). Takes a reference of its own.
API int file_create_inode(struct inode *i SHARED, uint32_t flags, struct file **out OUT(1));
// From kernel code, at a position; -errno or bytes.
API int64_t file_read_kernel(struct file *f SHARED, void *buf OUT(len), size_t len, int64_t pos);
API int64_t file_write_kernel(struct file *f SHARED, const void *buf IN(len), size_t len, int64_t pos);

// What read(2) and write(2) do, at *pos; `rwf` as preadv2(2). The file's own position and its lock are the caller's.
API int64_t file_transfer(struct file *f SHARED, struct iter *it SHARED, int64_t *pos INOUT(1), bool write, int rwf);
// An iovec of the program, checked: segments in `fast` or on the heap (*heap, to be freed). Bytes, -EINVAL, -EFAULT,
// -ENOMEM.
#define IOV_FAST 8
API int64_t iter_from_iovec(struct iter *it SHARED, const void *iov USER, unsigned count,
			    struct iter_segment *fast SHARED, void **heap OUT(1));

// Execution and writing exclude each other (ETXTBSY): 0 or -ETXTBSY; undone with inode_allow_write.
API int inode_deny_write(struct inode *i SHARED);
API void inode_allow_write(struct inode *i SHARED);
// Changes attributes through the file system or, when it has no setattr, in the inode alone.
API int inode_setattr(struct inode *i SHARED, const struct iattr *attr IN(1));
// For a file system's setattr: the fields of the inode that `attr` names, except the size, and ctime.
API void inode_set_fields(struct inode *i SHARED, const struct iattr *attr IN(1));
// Before its contents change: a regular file loses S_ISUID, and S_ISGID where its group may execute it, unless the
// writer has CAP_FSETID.
API int inode_drop_privileges(struct inode *i SHARED);
API int inode_getattr(struct inode *i SHARED); // fields are fresh afterwards
// ATTR_ATIME|ATTR_MTIME now (ctime with mtime), in memory only
API void inode_touch(struct inode *i SHARED, uint32_t which);
#define ATIME_AGE_NS (24 * 3600 * NSEC_PER_SEC)
// It was read: atime, as every mount here has `relatime` (mount(8)): when it is older than the last change, or than a day.
API static inline void inode_accessed(struct inode *i SHARED)
{
	uint64_t changed = MAX(i->mtime_ns, i->ctime_ns);
	if (unlikely(i->atime_ns <= changed || time_wall_coarse_ns() > i->atime_ns + ATIME_AGE_NS))
		inode_touch(i, ATTR_ATIME);
}

// --- devices ---------------------------------------------------------------------------------------------
// Which driver a character device node opens. `major` one of DEVICE_MAX registered; open() sets file->ops.
API void device_register(unsigned major, int (*open)(struct inode *inode, struct file *f));
#define DEVICE(major, minor) (((uint64_t)(major) << 8 & 0xfff00) | ((minor) & 0xff)) // as new_encode_dev, minors < 256

// --- paths -----------------------------------------------------------------------------------------------

struct fs_context { // CLONE_FS shares it
	uint32_t refs;
	struct path root, cwd;
	uint32_t umask;
};
API struct fs_context *fs_context_create(void);
API struct fs_context *fs_context_copy(struct fs_context *old SHARED);
API struct fs_context *fs_current(void); // the running thread's; NULL before the first program
API void fs_context_put(struct fs_context *c SHARED);

API void path_get(struct path *p SHARED);
API void path_put(struct path *p SHARED);
API struct inode *path_inode(const struct path *p SHARED); // no reference added; NULL when negative

#define LOOKUP_FOLLOW	 (1u << 0) // follow a symbolic link in the last place
#define LOOKUP_DIRECTORY (1u << 1) // -ENOTDIR otherwise
#define LOOKUP_EMPTY	 (1u << 2) // AT_EMPTY_PATH
// `name`: kernel memory. dirfd as openat(2).
API int path_lookup(int dirfd, const char *name IN(strlen), unsigned flags, struct path *out OUT(1));
// Opens as openat(2) does (creation, truncation, permissions); *out has one reference.
API int vfs_open(int dirfd, const char *name IN(strlen), int flags, uint32_t mode, struct file **out OUT(1));
// mknod(2); `out` may be NULL, else the new inode with a reference.
API int vfs_mknod(int dirfd, const char *name IN(strlen), uint32_t mode, uint64_t dev, struct inode **out OUT(1));
API int vfs_mkdir(int dirfd, const char *name IN(strlen), uint32_t mode);
// The text of a path as getcwd shows it ("... (deleted)" when gone): length, -ENAMETOOLONG.
API int64_t path_format(const struct path *p SHARED, char *buf OUT(size), size_t size);
// Where a magic link to an open file (/proc/PID/fd/N, for inode_ops.follow) leads; files without a path too.
// References.
API int file_path(struct file *f SHARED, struct mount **mount OUT(1), struct dentry **dentry OUT(1));
// "pipe:[3]", "/x/y", "anon_inode:..."
API int64_t file_format_path(struct file *f SHARED, char *buf OUT(size), size_t size);
// mask: 4 read 2 write 1 execute; of the running process
API int inode_permission(struct inode *i SHARED, unsigned mask);

// --- mounts ------------------------------------------------------------------------------------------------
// A file system type registers nothing: boot code creates supers and mounts them.
API int vfs_mount_root(struct super *s SHARED, struct inode *root SHARED);
// creates missing directories in the overlay
API int vfs_mount(const char *path IN(strlen), struct super *s SHARED, struct inode *root SHARED,
		  const char *source IN(strlen), const char *options IN(strlen));
API void vfs_format_locks(struct text *t SHARED); // /proc/locks
API void vfs_format_mounts(struct text *t SHARED, bool mountinfo);

// --- file tables ----------------------------------------------------------------------------------------------
struct files;
API struct files *files_create(void);
API struct files *files_copy(struct files *old SHARED);
// unshare(2): the running thread gets its own; -ENOMEM.
API int vfs_unshare(bool fs, bool files);
API void vfs_thread_leaving(struct thread *t SHARED);
API void vfs_thread_inherit(struct thread *t SHARED); // a new thread shares what the running one has of its own
API void vfs_thread_promote(struct thread *t SHARED); // execve: its own becomes the process's
API void files_get(struct files *t SHARED);
API void files_put(struct files *t SHARED);
API void files_close_on_exec(struct files *t SHARED);
// Numbers that file_from_fd() knows beside the table's: thread_current()->request_file[].
#define FD_REQUEST    (-0x7fffffff - 1)
#define FD_REQUEST_IN (FD_REQUEST + 1)
// The same for names, which were copied when the request was taken: thread_current()->request_name[].
#define NAME_REQUEST   ((const char *)-1ul)
#define NAME_REQUEST_2 ((const char *)-2ul)
// Of the running process. The result has a reference (file_put); NULL: -EBADF.
API struct file *file_from_fd(int fd);
// lowest free number; takes over the reference; flags: O_CLOEXEC; -EMFILE (reference dropped)
API int fd_install(struct file *f SHARED, unsigned flags);
API int fd_install_from(struct file *f SHARED, unsigned flags, int lowest);
API int fd_close(int fd);
// for procfs: with a reference, or NULL
API struct file *files_at(struct files *t SHARED, int fd, bool *cloexec OUT(1));
// At that number, which is free; takes over the reference.
API int files_install_at(struct files *t SHARED, int fd, struct file *f SHARED);
API int files_max(struct files *t SHARED); // highest number in use + 1

// --- locks, notification (called by exit, close, and operations) -------------------------------------------------
API void lock_release_posix(struct inode *i SHARED, struct files *owner SHARED);
API void lock_release_file(struct file *f SHARED); // flock and OFD
// inotify events on the inode itself and, with its name, on its parent
API void notify_inode(struct inode *i SHARED, uint32_t mask);
API void notify_dir(struct inode *dir SHARED, uint32_t mask, const char *name IN(len), size_t len, uint32_t cookie);

// A name appeared in or went from `dir` behind the VFS's back (devpts, procfs): cached dentries of it are dropped.
API void vfs_forget(struct inode *dir SHARED, const char *name IN(len), size_t len);

void vfs_init(void);

#endif
