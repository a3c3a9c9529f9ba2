// SPDX-License-Identifier: MIT
//
// Pages of files as page faults want them. Small files give pages of the block cache; larger ones,
// and everything mapped shared and writable, are mapped by the monitor into the file window in
// chunks of 2 MiB, aligned in both, so a chunk may be mapped by one large entry. Chunks stay until
// their file goes or the window is full; one is taken away only from a file nobody maps.
#define COMPONENT "hostfs"
#include <asm/errno.h>
#include <linux/stat.h>

#include "debug/debug.h"
#include "hostfs/private.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "plat/plat.h"

struct chunk {
	struct list node_link, lru;
	struct hostfs_node *node;
	uint64_t index; // of the chunk in the file
	uint64_t slot;	// in the window
	uint64_t pages; // mapped, from the start
	bool writable;
	unsigned readers; // it must stay
};

static struct list lru = LIST_INIT(lru);
static uint64_t slot_next;    // never used from here on
static uint64_t *slot_unused; // stack of slots given back
static size_t unused_count, unused_room;

#define CHUNK_PAGES (HUGE_SIZE / PAGE_SIZE)

static void slot_give(uint64_t slot)
{
	if (unused_count == unused_room) {
		size_t room = unused_room ? unused_room * 2 : 32;
		uint64_t *grown = heap_realloc(slot_unused, room * sizeof(*grown));
		if (!grown)
			return; // 2 MiB of window are lost, of 2^30 and more
		slot_unused = grown;
		unused_room = room;
	}
	slot_unused[unused_count++] = slot;
}

static void chunk_free(struct chunk *c)
{
	struct {
		struct fuse_removemapping_in in;
		struct fuse_removemapping_one one;
	} arg = {{1}, {c->slot * HUGE_SIZE, HUGE_SIZE}};

	// The host may give up its own mapping, and the file.
	fuse_call(&(struct fuse_call){.opcode = FUSE_REMOVEMAPPING, .node = c->node->id, .arg = {{&arg, sizeof(arg)}}});
	slot_give(c->slot);
	list_remove(&c->node_link);
	list_remove(&c->lru);
	heap_free(c);
}

void hostfs_dax_drop(struct hostfs_node *n)
{
	struct chunk *c, *next;

	if (list_empty(&n->chunks))
		return;
	mm_unmap_inode(n->front, 0, ~0ull, false);
	list_for_each_safe(c, next, &n->chunks, node_link)
		chunk_free(c);
	n->dax_written = false;
}

static int slot_take(uint64_t *slot)
{
	struct chunk *c;

	if (!unused_count && slot_next == plat_boot()->dax_size / HUGE_SIZE) {
		list_for_each(c, &lru, lru) {
			if (!c->readers && list_empty(&c->node->front->mappings)) {
				chunk_free(c);
				break;
			}
		}
	}
	if (unused_count)
		*slot = slot_unused[--unused_count];
	else if (slot_next < plat_boot()->dax_size / HUGE_SIZE)
		*slot = slot_next++;
	else
		return -ENOSPC;
	return 0;
}

static struct chunk *chunk_find(struct hostfs_node *n, uint64_t index)
{
	struct chunk *c;

	list_for_each(c, &n->chunks, node_link)
		if (c->index == index)
			return c;
	return NULL;
}

// Asks the monitor to map the file's part into the chunk's slot.
static int chunk_map(struct chunk *c, bool write)
{
	struct hostfs_node *n = c->node;
	struct fuse_setupmapping_in in = {
		.foffset = c->index * HUGE_SIZE,
		.moffset = c->slot * HUGE_SIZE,
		.flags = FUSE_SETUPMAPPING_FLAG_READ | (write ? FUSE_SETUPMAPPING_FLAG_WRITE : 0),
	};
	int err = hostfs_handle(n, write, &in.fh);

	if (err)
		return err;
	in.len = MIN(ALIGN_UP(n->inode->size, PAGE_SIZE) - in.foffset, HUGE_SIZE);
	err = (int)fuse_call(
		&(struct fuse_call){.opcode = FUSE_SETUPMAPPING, .node = n->id, .arg = {{&in, sizeof(in)}}});
	if (err)
		return err;
	c->pages = in.len / PAGE_SIZE;
	c->writable = write;
	return 0;
}

static int chunk_get(struct hostfs_node *n, uint64_t index, uint64_t page, bool write, struct chunk **out)
{
	struct chunk *c = chunk_find(n, index);
	bool fresh = c == NULL;
	int err;

	if (fresh) {
		c = heap_new(struct chunk);
		if (!c)
			return -ENOMEM;
		err = slot_take(&c->slot);
		if (err) {
			heap_free(c);
			return err;
		}
		c->node = n;
		c->index = index;
	} else {
		list_remove(&c->node_link);
		list_remove(&c->lru);
	}
	list_push_front(&n->chunks, &c->node_link); // it will be looked for again
	list_push_back(&lru, &c->lru);
	if (fresh || page >= c->pages || (write && !c->writable)) {
		err = chunk_map(c, write || c->writable);
		if (err) {
			if (fresh)
				chunk_free(c);
			return err;
		}
	}
	*out = c;
	return 0;
}

static int page_from_chunk(struct hostfs_node *n, uint64_t index, bool write, struct fault_page *out)
{
	uint64_t at = index % CHUNK_PAGES;
	struct chunk *c;
	int err = chunk_get(n, index / CHUNK_PAGES, at, write, &c);

	if (err)
		return err;
	*out = (struct fault_page){
		.phys = ABI_GPA_DAX + c->slot * HUGE_SIZE + at * PAGE_SIZE,
		.before = at,
		.after = c->pages - at - 1,
		.writable = c->writable && n->dax_written,
	};
	return 0;
}

int64_t hostfs_window_read(struct hostfs_node *n, struct iter *to, int64_t *pos)
{
	int64_t done = 0, got = 0;

	if (n->dax_failed || !fuse_has_dax())
		return -ENXIO;
	while (to->left && (uint64_t)*pos < n->inode->size) {
		uint64_t off = (uint64_t)*pos % HUGE_SIZE, left = MIN(HUGE_SIZE - off, n->inode->size - (uint64_t)*pos);
		struct chunk *c;
		if (chunk_get(n, (uint64_t)*pos / HUGE_SIZE, off / PAGE_SIZE, false, &c))
			return done ? done : -ENXIO;
		left = MIN(left, (uint64_t)to->left);
		const void *from = plat_window(c->slot * HUGE_SIZE + off, left);
		if (!from)
			return done ? done : -ENXIO;
		c->readers++; // the copy may sleep
		got = iter_write(to, from, left);
		c->readers--;
		if (got <= 0)
			break;
		*pos += got;
		done += got;
		if ((uint64_t)got < left)
			break;
	}
	return done ? done : got;
}

static int page_from_cache(struct hostfs_node *n, uint64_t index, struct fault_page *out)
{
	for (unsigned tries = 0; tries < 4; tries++) {
		struct hostfs_block *b = hostfs_block_find(n, index);
		if (b && b->reading) {
			hostfs_cache_wait(n);
		} else if (b) {
			page_get(b->page);
			*out = (struct fault_page){.phys = page_phys(b->page), .page = b->page};
			return 0;
		} else {
			int err = hostfs_cache_fill(n, NULL, index);
			if (err)
				return err;
		}
	}
	return -EFAULT; // past the end after all
}

int hostfs_get_page(struct inode *i, uint64_t index, bool write, struct fault_page *out)
{
	struct hostfs_node *n = hostfs_node(i);

	if (index >= ALIGN_UP(i->size, PAGE_SIZE) / PAGE_SIZE) {
		int err = hostfs_refresh(n, true);
		if (err || index >= ALIGN_UP(i->size, PAGE_SIZE) / PAGE_SIZE)
			return -EFAULT;
	}
	if (write && n->fs->super.readonly)
		return -EACCES;
	if (!fuse_has_dax())
		n->dax_failed = true;
	if (write && !n->dax_written && !n->dax_failed) {
		// From now on the program's stores change the file: no copies in RAM any more.
		mm_unmap_inode(n->front, 0, ~0ull, false);
		hostfs_cache_drop(n);
		n->dax_written = true;
	}
	if (!n->dax_failed && (n->dax_written || i->size > SMALL_FILE)) {
		int err = page_from_chunk(n, index, write, out);
		if (!err || write || n->dax_written)
			return err;
		n->dax_failed = true; // e.g. a file system of the host that cannot be mapped
	}
	if (write)
		return -ENODEV;
	if (n->block_shift != 0 && (n->block_count || n->in_flight)) {
		hostfs_cache_drop(n);
		n->dax_failed |= i->size > SMALL_FILE;
	}
	return page_from_cache(n, index, out);
}

// What the window shows lies in the host's page cache, or is the host's to read: for the program it is memory.
bool hostfs_has_page(struct inode *i, uint64_t index)
{
	struct hostfs_node *n = hostfs_node(i);
	const struct chunk *c = chunk_find(n, index / CHUNK_PAGES);

	if (c && index % CHUNK_PAGES < c->pages)
		return true;
	const struct hostfs_block *b = hostfs_block_find(n, index >> n->block_shift);
	return b && !b->reading;
}
