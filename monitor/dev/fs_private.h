// SPDX-License-Identifier: MIT
//
// What the files of the file server share: nodes (inodes the guest knows), handles (files it
// has open), the window's slots, and one call in progress. fs->lock guards all tables; no host
// call on file data happens under it: nodes and handles are pinned instead.
#ifndef WHELK_MONITOR_DEV_FS_PRIVATE_H
#define WHELK_MONITOR_DEV_FS_PRIVATE_H

#include <linux/fuse.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/list.h"
#include "monitor/dev/fs.h"
#include "monitor/dev/virtq.h"

#define FS_MAX_NODES  (512u << 10)
#define FS_MAX_IO     (1u << 20) // bytes of one READ or WRITE
#define FS_ARG_MAX    (72u << 10)
#define FS_REPLY_MAX  (256u << 10)
#define FS_DAX_SLOT   (2ull << 20)
#define FS_REPAIR_GRACE_NS 100000000ull
#define FS_HASH_BITS  15

struct fs_node {
	uint64_t id;
	uint64_t dev, ino;
	int64_t btime_ns;	// with dev and ino: is it the same file when opened again?
	unsigned mount;
	uint32_t type;		// S_IFMT part of the mode
	bool empty;		// a kernel file system of the host: shown as an empty directory
	uint64_t lookups;	// references the guest holds
	unsigned pins;		// calls, handles and window slots using it now
	unsigned children;	// nodes that name it as parent
	int fd;			// O_PATH, or -1
	struct fs_node *parent; // where it can be opened again; NULL: fd stays open
	char *name;
	struct fs_node *hash_next;
	struct list lru;	// fd open, no pins, can be opened again
};

struct fs_handle {
	uint64_t id;
	int fd;
	bool writable, directory;
	unsigned pins;
	bool closed; // released while pinned
	struct fs_node *node;
	int64_t dir_off; // where the directory descriptor stands
	pthread_mutex_t dir_lock;
};

struct fs_slot { // one FS_DAX_SLOT of the window
	struct fs_node *node;
	uint64_t file_off;
	uint32_t start, len; // mapped part of the slot
};

// What a part of the window shows: bytes [base, base + size) of a file.
struct fs_source {
	struct fs_node *node;
	int fd;
	uint64_t base, size;
};

struct fs_server { // one queue and what serves it
	struct virtq q;
	pthread_mutex_t lock;
	struct virtq_chain chain;
	struct iovec slice[VIRTQ_MAX_SEGMENTS];
	uint8_t *arg, *reply;
};

struct fs {
	struct fs_config config;
	struct fs_server server[2];
	pthread_mutex_t lock;
	int proc_fd; // /proc/self/fd
	unsigned mount_count;
	struct {
		bool readonly;
		uint64_t node, dev;
	} mount[ABI_MAX_MOUNTS];

	struct fs_node **node; // by slot number
	unsigned node_slots, node_count;
	uint32_t *node_free; // slot numbers to use again
	unsigned node_free_count;
	uint32_t node_generation;
	struct fs_node *hash[1u << FS_HASH_BITS];
	struct list lru;
	unsigned fd_count, fd_max; // node descriptors

	struct fs_handle **handle;
	unsigned handle_slots, handle_count, handle_max;
	uint32_t handle_generation;

	struct fs_slot *slot;
	unsigned slot_count, slot_used_end;
	pthread_mutex_t dax_lock;
	uint64_t repaired_ns;

	const struct app *app;	  // the mount that is an image
	struct fs_node *app_node; // its file, which no name leads to
	unsigned app_mount;

	int worker_event;
	pthread_t worker;
	bool worker_running, stop;
};

struct fs_call {
	struct fs *fs;
	struct fs_server *server;
	struct fuse_in_header in; // a private copy
	const uint8_t *arg;	  // private copy of what follows it, zero-padded by 8 bytes
	size_t arg_len;		  // bytes copied (all of them, but for the data of WRITE)
	const struct virtq_chain *chain;
	size_t room;	// bytes of payload the guest has room for
	uint8_t *reply; // payload of up to FS_REPLY_MAX bytes
	size_t reply_len;
	size_t direct_len; // payload already in the guest's buffers
};

// fs_node.c. Pinned nodes have their descriptor open; fs_node_unpin() takes any node.
int fs_node_init(struct fs *fs);
void fs_node_destroy(struct fs *fs);
int fs_node_root(struct fs *fs, unsigned mount, int fd);
int fs_node_file(struct fs *fs, unsigned mount, int fd, struct fs_node **out); // one without a name
int fs_node_pin(struct fs *fs, uint64_t id, struct fs_node **out); // -ESTALE, -ENFILE
void fs_node_unpin(struct fs *fs, struct fs_node *n);
void fs_node_ref(struct fs *fs, struct fs_node *n); // another pin
void fs_node_forget(struct fs *fs, uint64_t id, uint64_t lookups);
// The child `name` of a pinned directory: one more lookup, attributes in *st. Opens nothing.
struct statx;
int fs_node_lookup(struct fs *fs, struct fs_node *dir, const char *name, struct statx *st, uint64_t *id);
// The name is about to go, or is now elsewhere. After a failed unlink nothing is lost.
void fs_node_unlinked(struct fs *fs, struct fs_node *dir, const char *name);
void fs_node_renamed(struct fs *fs, struct fs_node *from, const char *fname, struct fs_node *to, const char *tname);
int fs_node_open(struct fs *fs, struct fs_node *n, int flags); // a new descriptor for data, or -errno

// fs_handle.c
void fs_handle_destroy(struct fs *fs);
int fs_handle_create(struct fs *fs, struct fs_node *n, int fd, bool writable, bool directory, uint64_t *id); // takes fd
int fs_handle_pin(struct fs *fs, uint64_t id, struct fs_handle **out); // -EBADF
void fs_handle_unpin(struct fs *fs, struct fs_handle *h);
int fs_handle_release(struct fs *fs, uint64_t id);

// fs_attr.c
int fs_stat(int fd, const char *name, struct statx *st);
void fs_attr_fill(struct fs *fs, const struct fs_node *n, const struct statx *st, struct fuse_attr *a);
uint64_t fs_attr_ino(const struct fs *fs, unsigned mount, uint64_t dev, uint64_t ino);
int fs_reply_entry(struct fs_call *c, struct fs_node *dir, const char *name);

// fs_dax.c
int fs_dax_init(struct fs *fs);
void fs_dax_destroy(struct fs *fs);
int fs_dax_map(struct fs *fs, const struct fs_source *from, const struct fuse_setupmapping_in *in, bool write);

// fs_app.c: nodes with this bit are files of the image; what is open has the same number.
#define FS_APP_NODE (1ull << 63)
int fs_app_root(struct fs *fs, unsigned mount, const struct app *app);
int fs_app_call(struct fs_call *c);

// fs.c
// A file name at offset `off` of the arguments: one component, terminated; NULL when it is not.
const char *fs_name(const struct fs_call *c, size_t off, size_t *end);
size_t fs_serve(struct fs *fs, struct fs_server *s, struct virtq_chain *chain);

#define FS_OPS(X)                                                                                                  \
	X(INIT, init, 8, 0) X(DESTROY, nothing, 0, 0) X(LOOKUP, lookup, 2, 0)                                       \
	X(GETATTR, getattr, 0, 0) X(SETATTR, setattr, sizeof(struct fuse_setattr_in), FS_CHANGES)                   \
	X(READLINK, readlink, 0, 0) X(SYMLINK, symlink, 4, FS_CHANGES) X(MKNOD, mknod, 16, FS_CHANGES)              \
	X(MKDIR, mkdir, 8, FS_CHANGES) X(UNLINK, unlink, 2, FS_CHANGES) X(RMDIR, unlink, 2, FS_CHANGES)             \
	X(RENAME, rename, 8, FS_CHANGES) X(RENAME2, rename, 16, FS_CHANGES) X(LINK, link, 8, FS_CHANGES)            \
	X(OPEN, open, 8, 0) X(OPENDIR, open, 8, 0) X(CREATE, create, 16, FS_CHANGES)                                \
	X(READ, read, 40, 0) X(WRITE, write, 40, FS_CHANGES) X(STATFS, statfs, 0, 0)                                \
	X(RELEASE, release, 24, 0) X(RELEASEDIR, release, 24, 0) X(FSYNC, fsync, 16, 0) X(FSYNCDIR, fsync, 16, 0)   \
	X(FLUSH, nothing, 0, 0) X(SETXATTR, setxattr, 8, FS_CHANGES) X(GETXATTR, getxattr, 8, 0)                    \
	X(LISTXATTR, listxattr, 8, 0) X(REMOVEXATTR, removexattr, 2, FS_CHANGES) X(READDIR, readdir, 40, 0)         \
	X(READDIRPLUS, readdir, 40, 0) X(ACCESS, access, 8, 0) X(FALLOCATE, fallocate, 32, FS_CHANGES)              \
	X(LSEEK, lseek, 24, 0) X(COPY_FILE_RANGE, copy_file_range, 56, FS_CHANGES)                                  \
	X(SETUPMAPPING, setupmapping, 40, 0) X(REMOVEMAPPING, removemapping, 4, 0)                                  \
	X(FORGET, forget, 8, FS_NO_REPLY) X(BATCH_FORGET, batch_forget, 8, FS_NO_REPLY)                             \
	X(INTERRUPT, nothing, 0, FS_NO_REPLY)

#define FS_CHANGES  1u // refused with EROFS on read-only mounts
#define FS_NO_REPLY 2u

#define X(op, fn, min, flags) int fs_op_##fn(struct fs_call *c);
FS_OPS(X)
#undef X

#endif
