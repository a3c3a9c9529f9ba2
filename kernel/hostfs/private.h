// SPDX-License-Identifier: MIT
//
// What the files of hostfs share. One hostfs_node per FUSE node, found by its id, so that one
// host file is one inode under all its names.
//
// A regular file's contents are in one of two places: blocks in guest RAM (read, and mappings of
// small files), or chunks of the file window (mappings of larger ones, reading the larger ones of an
// image, and all shared writable mappings). Writes go to the host at once and into the blocks. While a file has writable chunks
// it has no blocks: the host's page cache is then the only copy.
#ifndef WHELK_HOSTFS_PRIVATE_H
#define WHELK_HOSTFS_PRIVATE_H

#include "drivers/fuse.h"
#include "hostfs/hostfs.h"

#define SMALL_FILE    (64u << 10) // up to here: blocks of one page, mappable
#define BLOCK_SHIFT   4		  // pages per block of larger files: 64 KiB
#define MAX_WINDOW    (1u << 20)
#define STREAM_FILE   (32ull << 20) // read in order, larger files keep only what is near
#define STREAM_BLOCKS 64
#define HEAD_READ     1024	 // bytes: no more of a file's first page, and its reader may want no more than that page

struct page;

struct hostfs_super {
	struct super super;
	unsigned index;
	uint64_t valid_ns; // how long names and attributes are believed
	bool check_open;   // ask again at every open
	bool keeps_owner;  // the monitor may not give files away
	bool constant;	   // an image: nothing in it changes
};

struct hostfs_node {
	struct inode *inode;
	struct inode *front; // where its VMAs are listed
	struct hostfs_super *fs;
	uint64_t id, lookups;
	struct hostfs_node *hash_next;
	uint64_t entry_until, attr_until; // CLOCK_MONOTONIC
	bool self_changed; // we wrote: a new mtime is no news
	bool negative_bad; // a directory that changed: missing names are asked again

	uint64_t read_fh, write_fh;
	bool has_read, has_write, write_reads; // write_fh may be read, too
	unsigned opens, writers;
	struct list handle_link; // all nodes with handles

	char *link; // text of a symbolic link
	size_t link_len;

	unsigned block_shift, block_count, in_flight;
	struct list blocks; // oldest first
	struct list chunks;
	bool dax_written;   // has had a writable chunk since it was last opened
	bool dax_failed;
};

struct hostfs_file { // file->fs
	uint64_t next;	 // block index up to which was read or asked for
	uint32_t window; // bytes
	uint8_t *dir;	 // READDIRPLUS buffer
	size_t dir_len, dir_at;
	uint64_t dir_fh;
	int64_t dir_pos; // position of dir_at
	bool dir_open;
};

struct hostfs_block {
	struct list node_link, lru;
	struct hostfs_block *hash_next;
	struct hostfs_node *node;
	uint64_t index;
	struct page *page;
	uint32_t valid; // bytes
	bool reading;	// being filled by the server
	bool mark;	// reaching it starts the next window
};

static inline struct hostfs_node *hostfs_node(struct inode *i) { return i->fs; }
extern const struct inode_ops hostfs_dir_ops, hostfs_file_ops, hostfs_link_ops;
extern const struct file_ops hostfs_dir_fops, hostfs_file_fops;

// node.c
int hostfs_node_get(struct hostfs_super *fs, const struct fuse_entry_out *e, struct inode **out); // takes the lookup
int hostfs_refresh(struct hostfs_node *n, bool force);
void hostfs_apply(struct hostfs_node *n, const struct fuse_attr *a, bool change_is_ours);
int hostfs_handle(struct hostfs_node *n, bool write, uint64_t *fh); // opens it when needed
void hostfs_handle_kept(struct hostfs_node *n); // it has got one otherwise
void hostfs_handles_drop(struct hostfs_node *n, bool read, bool write);
int hostfs_open(struct inode *i, struct file *f);
int hostfs_getattr(struct inode *i);
int hostfs_setattr(struct inode *i, const struct iattr *a);
void hostfs_release(struct inode *i);
int64_t hostfs_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int hostfs_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags);
int64_t hostfs_listxattr(struct inode *i, char *buf, size_t size);
int hostfs_removexattr(struct inode *i, const char *name);

// cache.c
void hostfs_cache_init(void);
struct hostfs_block *hostfs_block_find(struct hostfs_node *n, uint64_t index);
// Fills the block and a window after it. `f` may be NULL. -ENOMEM, or the server's error.
int hostfs_cache_fill(struct hostfs_node *n, struct hostfs_file *f, uint64_t index);
// Of a large file whose cache is empty: its first page alone. A loader looks there before it maps the file.
int hostfs_cache_fill_head(struct hostfs_node *n);
bool hostfs_cache_head_only(const struct hostfs_node *n);
void hostfs_cache_ahead(struct hostfs_node *n, struct hostfs_file *f);
void hostfs_cache_wait(struct hostfs_node *n); // until nothing is in flight
void hostfs_cache_drop(struct hostfs_node *n);
void hostfs_cache_update(struct hostfs_node *n, uint64_t pos, const uint8_t *src, size_t len);

// dax.c
int hostfs_get_page(struct inode *i, uint64_t index, bool write, struct fault_page *out);
// Reads from the window, of a file of an image. -ENXIO: it must be read otherwise.
int64_t hostfs_window_read(struct hostfs_node *n, struct iter *to, int64_t *pos);
bool hostfs_has_page(struct inode *i, uint64_t index);
void hostfs_dax_drop(struct hostfs_node *n);

#endif
