// SPDX-License-Identifier: MIT
//
// The file window: host files mapped into guest-physical memory at ABI_GPA_DAX. It is cut in slots of
// 2 MiB, one mapping each. Only pages the file has are mapped, the rest of a slot is reserved address
// space; a guest that touches that, or a page whose file shrank, makes KVM_RUN fail with EFAULT, and
// fs_dax_repair() puts zero pages where files ended.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/util.h"
#include "monitor/dev/fs_private.h"
#include "monitor/memory.h"

int fs_dax_init(struct fs *fs)
{
	uint64_t base = (uint64_t)(uintptr_t)fs->config.dax_base, size = fs->config.dax_size;

	if ((!base && !fs->config.window_map) || !size)
		return 0;
	if (base % FS_DAX_SLOT || size % FS_DAX_SLOT || size / FS_DAX_SLOT > 1u << 20)
		return -EINVAL;
	fs->slot = calloc(size / FS_DAX_SLOT, sizeof(*fs->slot));
	if (!fs->slot)
		return -ENOMEM;
	fs->slot_count = (unsigned)(size / FS_DAX_SLOT);
	return 0;
}

static void *slot_addr(struct fs *fs, unsigned i) { return (char *)fs->config.dax_base + i * FS_DAX_SLOT; }

static int slot_reserve(struct fs *fs, unsigned i, uint64_t start, uint64_t len)
{
	if (fs->config.window_map)
		return fs->config.window_map(fs->config.window_arg, i * FS_DAX_SLOT + start, 0, -1, 0, false);
	void *p = mmap((char *)slot_addr(fs, i) + start, len, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return p == MAP_FAILED ? -errno : 0;
}

static int slot_clear(struct fs *fs, unsigned i)
{
	struct fs_slot *s = &fs->slot[i];

	if (!s->node)
		return 0;
	int err = slot_reserve(fs, i, 0, FS_DAX_SLOT);
	if (err)
		return err;
	fs_node_unpin(fs, s->node);
	memset(s, 0, sizeof(*s));
	return 0;
}

void fs_dax_destroy(struct fs *fs)
{
	for (unsigned i = 0; i < fs->slot_used_end; i++)
		slot_clear(fs, i);
	free(fs->slot);
}

static int slot_place(struct fs *fs, unsigned i, uint64_t start, uint64_t len, int fd, uint64_t file_off, bool write)
{
	if (fs->config.window_map)
		return fs->config.window_map(fs->config.window_arg, i * FS_DAX_SLOT + start, len, fd, file_off, write);
	void *p = mmap((char *)slot_addr(fs, i) + start, len, PROT_READ | (write ? PROT_WRITE : 0),
		       MAP_SHARED | MAP_FIXED, fd, (off_t)file_off);
	return p == MAP_FAILED ? -errno : 0;
}

static int slot_map(struct fs *fs, unsigned i, const struct fs_source *from, const struct fuse_setupmapping_in *in,
		    bool write)
{
	struct fs_slot *s = &fs->slot[i];
	uint32_t start = (uint32_t)(in->moffset % FS_DAX_SLOT);
	uint64_t file_off = from->base + in->foffset, size = ALIGN_UP(from->size, PAGE_SIZE);

	uint64_t len = in->foffset < size ? MIN(ALIGN_UP(in->len, PAGE_SIZE), size - in->foffset) : 0;
	if (len == 0)
		return -ERANGE;
	int err = fs->config.window_map ? 0 : memory_dax_grow(fs->config.memory, (i + 1) * FS_DAX_SLOT);
	if (err)
		return err;
	// The same file at the same place may be replaced in one step: the guest may be using it.
	if (s->node && (s->node != from->node || s->file_off != file_off || s->start != start || s->len > len)) {
		err = slot_clear(fs, i);
		if (err)
			return err;
	}
	err = slot_place(fs, i, start, len, from->fd, file_off, write);
	if (err) {
		return slot_clear(fs, i) ? -EIO : err;
	}
	if (!s->node)
		fs_node_ref(fs, from->node);
	*s = (struct fs_slot){.node = from->node, .file_off = file_off, .start = start, .len = (uint32_t)len};
	fs->slot_used_end = MAX(fs->slot_used_end, i + 1);
	return 0;
}

int fs_dax_map(struct fs *fs, const struct fs_source *from, const struct fuse_setupmapping_in *in, bool write)
{
	uint64_t end, limit;

	if (!fs->slot_count)
		return -ENOSYS;
	if ((in->moffset | in->foffset | from->base) % PAGE_SIZE || in->len == 0 || in->len > FS_DAX_SLOT ||
	    add_overflow(from->base, in->foffset, &limit) || limit > INT64_MAX - FS_DAX_SLOT)
		return -EINVAL;
	if (add_overflow(in->moffset, in->len, &end) || end > fs->slot_count * FS_DAX_SLOT ||
	    in->moffset / FS_DAX_SLOT != (end - 1) / FS_DAX_SLOT)
		return -EINVAL;
	pthread_mutex_lock(&fs->dax_lock);
	int err = slot_map(fs, (unsigned)(in->moffset / FS_DAX_SLOT), from, in, write);
	pthread_mutex_unlock(&fs->dax_lock);
	return err;
}

int fs_op_setupmapping(struct fs_call *c)
{
	struct fs *fs = c->fs;
	struct fuse_setupmapping_in in;
	struct fs_handle *h;
	struct stat st;

	memcpy(&in, c->arg, sizeof(in));
	bool write = in.flags & FUSE_SETUPMAPPING_FLAG_WRITE;
	int err = fs_handle_pin(fs, in.fh, &h);
	if (err)
		return err;
	if (h->directory)
		err = -EISDIR;
	else if (write && (!h->writable || fs->mount[h->node->mount].readonly))
		err = -EACCES;
	if (!err && fstat(h->fd, &st))
		err = -errno;
	if (!err)
		err = fs_dax_map(fs, &(struct fs_source){h->node, h->fd, 0, (uint64_t)st.st_size}, &in, write);
	fs_handle_unpin(fs, h);
	return err;
}

int fs_op_removemapping(struct fs_call *c)
{
	struct fs *fs = c->fs;
	struct fuse_removemapping_in in;
	struct fuse_removemapping_one one;
	int err = 0;

	memcpy(&in, c->arg, sizeof(in));
	if (in.count > (c->arg_len - sizeof(in)) / sizeof(one))
		return -EINVAL;
	pthread_mutex_lock(&fs->dax_lock);
	for (uint32_t i = 0; i < in.count && !err; i++) {
		memcpy(&one, c->arg + sizeof(in) + i * sizeof(one), sizeof(one));
		uint64_t slot = one.moffset / FS_DAX_SLOT;
		err = slot < fs->slot_count ? slot_clear(fs, (unsigned)slot) : -EINVAL;
	}
	pthread_mutex_unlock(&fs->dax_lock);
	return err;
}

static bool slot_repair(struct fs *fs, unsigned i)
{
	struct fs_slot *s = &fs->slot[i];
	struct stat st;

	if (fstat(s->node->fd, &st))
		return false;
	uint64_t size = ALIGN_UP((uint64_t)st.st_size, PAGE_SIZE);
	uint64_t good = size > s->file_off ? MIN(size - s->file_off, (uint64_t)s->len) : 0;
	if (good == s->len)
		return false;
	void *p = mmap((char *)slot_addr(fs, i) + s->start + good, s->len - good, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED)
		return false;
	s->len = (uint32_t)good;
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

bool fs_dax_repair(struct fs *fs)
{
	bool any = false;

	pthread_mutex_lock(&fs->dax_lock);
	for (unsigned i = 0; i < fs->slot_used_end; i++)
		if (fs->slot[i].node)
			any |= slot_repair(fs, i);
	if (any)
		fs->repaired_ns = now_ns();
	else // two vCPUs may fault on one page, and the other one has seen to it
		any = fs->repaired_ns && now_ns() - fs->repaired_ns < FS_REPAIR_GRACE_NS;
	pthread_mutex_unlock(&fs->dax_lock);
	return any;
}
