// SPDX-License-Identifier: MIT
//
// The file server: FUSE messages (<linux/fuse.h>, virtio 1.2 section 5.11) over two virtqueues.
// It serves host directories, each a mount with its own root node. A guest reaches only what lies
// beneath those directories: every name is one component, opened relative to its parent with
// openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS). Kernel file systems of the
// host (/proc, /sys, ...) appear as empty directories. Devices, sockets and FIFOs can be looked at,
// never opened. Every message is untrusted.
//
// After fs_start() it looks up no path but relative to its descriptors.
#ifndef WHELK_MONITOR_DEV_FS_H
#define WHELK_MONITOR_DEV_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "abi/boot.h"

struct app;
struct fs;
struct memory;

struct fs_mount {
	int fd; // O_PATH directory; the server keeps its own copy
	const struct app *app; // or the files of an image, which stays open; one mount at most
	bool readonly;
};

struct fs_config {
	struct memory *memory;
	struct abi_queue sync, async;
	const struct fs_mount *mount;
	unsigned mount_count;
	void *dax_base;	   // reserved host addresses of the file window, 2 MiB aligned; NULL: no window
	uint64_t dax_size; // a multiple of 2 MiB
	// Instead of mapping files at dax_base: somebody else maps [offset, +len) of the window from fd; len 0: gives
	// it up. 0 or -errno. Any thread, one at a time.
	int (*window_map)(void *arg, uint64_t offset, uint64_t len, int fd, uint64_t file_off, bool write);
	void *window_arg;
	void (*event)(void *arg, uint32_t events); // gives ABI_EVENT_* to the guest; any thread
	void *event_arg;
	int (*worker_enter)(void *arg); // first act of the worker thread (its jail), or NULL; not 0: it serves nothing
	void *worker_arg;
};

// 0 or -errno. Raises RLIMIT_NOFILE to its hard limit and sets the umask to 0.
int fs_create(struct fs **out, const struct fs_config *config);
int fs_start(struct fs *fs); // the worker thread of ABI_QUEUE_FS_ASYNC
void fs_destroy(struct fs *fs);

uint64_t fs_root_node(const struct fs *fs, unsigned mount); // abi_mount.root_node

// The guest rang for ABI_QUEUE_FS_SYNC (served before it returns) or ABI_QUEUE_FS_ASYNC.
void fs_queue_notify(struct fs *fs, unsigned queue);

// KVM_RUN said -EFAULT: a mapped file may have shrunk. Puts zero pages where files ended.
// true: something was repaired (or a moment ago, for another vCPU): run again. false: the guest touched
// what it never mapped.
bool fs_dax_repair(struct fs *fs);

// One message, for tests: `in` as the guest sends it, the answer into `out`; its length.
size_t fs_message(struct fs *fs, const void *in, size_t in_len, void *out, size_t out_len);

#endif
