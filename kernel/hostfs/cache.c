// SPDX-License-Identifier: MIT
//
// Blocks of file contents in guest RAM: one hash for all files, one LRU, a limit of a quarter of
// RAM. A block being filled (`reading`) is never freed; a page someone else holds is not either.
#define COMPONENT "hostfs"
#include <asm/errno.h>

#include "base/string.h"
#include "debug/debug.h"
#include "hostfs/private.h"
#include "mm/heap.h"
#include "mm/page.h"
#include "plat/plat.h"
#include "time/time.h"

static struct hostfs_block **hash;
static size_t hash_size, block_total;
static uint64_t page_total, page_limit;
static struct list lru = LIST_INIT(lru);
static struct waitq read_done = WAITQ_INIT(read_done);

static size_t block_bytes(const struct hostfs_node *n) { return PAGE_SIZE << n->block_shift; }

static struct hostfs_block **bucket(const struct hostfs_node *n, uint64_t index)
{
	uint64_t h = ((uint64_t)n >> 4 ^ index * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
	return &hash[h >> 32 & (hash_size - 1)];
}

struct hostfs_block *hostfs_block_find(struct hostfs_node *n, uint64_t index)
{
	struct hostfs_block *b = hash_size ? *bucket(n, index) : NULL;

	while (b && (b->node != n || b->index != index))
		b = b->hash_next;
	if (b) {
		list_remove(&b->lru);
		list_push_back(&lru, &b->lru);
	}
	return b;
}

static void hash_grow(void)
{
	size_t old_size = hash_size;
	struct hostfs_block **old = hash, **grown = heap_zalloc((old_size ? old_size * 2 : 256) * sizeof(*grown));

	if (!grown)
		return; // longer chains, nothing worse
	hash = grown;
	hash_size = old_size ? old_size * 2 : 256;
	for (size_t i = 0; i < old_size; i++) {
		for (struct hostfs_block *b = old[i], *next; b; b = next) {
			struct hostfs_block **at = bucket(b->node, b->index);
			next = b->hash_next;
			b->hash_next = *at;
			*at = b;
		}
	}
	heap_free(old);
}

static void block_free(struct hostfs_block *b)
{
	struct hostfs_block **p = bucket(b->node, b->index);
	unsigned pages = 1u << b->node->block_shift;

	while (*p != b)
		p = &(*p)->hash_next;
	*p = b->hash_next;
	list_remove(&b->lru);
	list_remove(&b->node_link);
	b->node->block_count--;
	block_total--;
	page_total -= pages;
	page_account_cached(-(int64_t)pages);
	page_put(b->page);
	heap_free(b);
}

static bool block_idle(const struct hostfs_block *b) { return !b->reading && b->page->refs == 1; }

// The page allocator wants memory, or the limit is reached: oldest first.
static size_t reclaim(size_t want)
{
	struct hostfs_block *b, *next;
	size_t got = 0;

	list_for_each_safe(b, next, &lru, lru) {
		if (got >= want)
			break;
		if (block_idle(b)) {
			got += 1ul << b->node->block_shift;
			block_free(b);
		}
	}
	return got;
}

static struct page_reclaimer reclaimer = {.reclaim = reclaim};

void hostfs_cache_init(void)
{
	if (page_limit)
		return;
	page_limit = MAX(plat_boot()->ram_size / PAGE_SIZE / 4, 64ul);
	list_init(&reclaimer.link);
	page_reclaimer_register(&reclaimer);
}

static struct hostfs_block *block_create(struct hostfs_node *n, uint64_t index)
{
	if (block_total >= hash_size * 2)
		hash_grow();
	if (!hash_size)
		return NULL;
	if (page_total >= page_limit)
		reclaim(MAX_WINDOW / PAGE_SIZE);
	struct hostfs_block *b = heap_new(struct hostfs_block);
	if (!b)
		return NULL;
	b->page = page_alloc(n->block_shift, 0);
	if (!b->page) {
		heap_free(b);
		return NULL;
	}
	struct hostfs_block **at = bucket(n, index);
	b->node = n;
	b->index = index;
	b->reading = true;
	b->hash_next = *at;
	*at = b;
	list_push_back(&lru, &b->lru);
	list_push_back(&n->blocks, &b->node_link);
	n->block_count++;
	block_total++;
	page_total += 1u << n->block_shift;
	page_account_cached(1 << n->block_shift);
	return b;
}

void hostfs_cache_wait(struct hostfs_node *n)
{
	// The server is usually done within microseconds: sleeping costs more than looking.
	uint64_t until = time_mono_ns() + 30000;

	while (n->in_flight) {
		fuse_async_poll();
		if (n->in_flight && time_mono_ns() >= until)
			waitq_sleep_uninterruptible(&read_done);
	}
}

void hostfs_cache_drop(struct hostfs_node *n)
{
	struct hostfs_block *b, *next;

	hostfs_cache_wait(n);
	list_for_each_safe(b, next, &n->blocks, node_link)
		block_free(b);
}

// --- filling -----------------------------------------------------------------------------------------

// `got` bytes arrived for `count` blocks in a row: what came is valid, the rest of its last page zero.
static void blocks_arrived(struct hostfs_block **b, unsigned count, int64_t got)
{
	for (unsigned i = 0; i < count; i++) {
		size_t size = block_bytes(b[i]->node);
		int64_t here = got - (int64_t)(i * size);

		b[i]->reading = false;
		if (here <= 0) {
			block_free(b[i]);
			continue;
		}
		b[i]->valid = (uint32_t)MIN((size_t)here, size);
		memset((uint8_t *)page_virt(b[i]->page) + b[i]->valid, 0,
		       ALIGN_UP(b[i]->valid, PAGE_SIZE) - b[i]->valid);
	}
}

#define MAX_BLOCKS 32

struct ahead {
	struct fuse_async async; // first: done() gets it
	struct hostfs_node *node;
	unsigned count;
	struct hostfs_block *block[MAX_BLOCKS];
};

static void ahead_done(struct fuse_async *async, int64_t result)
{
	struct ahead *a = (struct ahead *)async;

	blocks_arrived(a->block, a->count, result);
	a->node->in_flight--;
	waitq_wake_all(&read_done);
	heap_free(a);
}

// New blocks from `index` on for up to `bytes`, stopping at the first present one and at the file's end.
static unsigned blocks_make(struct hostfs_node *n, uint64_t index, size_t bytes, struct hostfs_block **b,
			    struct virtq_buffer *v)
{
	size_t size = block_bytes(n);
	uint64_t end = (n->inode->size + size - 1) / size;
	unsigned count = 0, max = (unsigned)MIN((bytes + size - 1) / size, (size_t)MAX_BLOCKS);

	for (; count < max && index + count < MAX(end, index + !count) && count < fuse_max_buffers(); count++) {
		if (hostfs_block_find(n, index + count))
			break;
		b[count] = block_create(n, index + count);
		if (!b[count])
			break;
		v[count] = (struct virtq_buffer){page_virt(b[count]->page), size};
	}
	return count;
}

// A long file read in order: what lies behind the reader will not be read again soon.
static void stream_trim(struct hostfs_node *n)
{
	struct hostfs_block *b, *next;

	if (n->inode->size < STREAM_FILE || n->block_count < STREAM_BLOCKS)
		return;
	list_for_each_safe(b, next, &n->blocks, node_link) {
		if (n->block_count < STREAM_BLOCKS)
			break;
		if (block_idle(b))
			block_free(b);
	}
}

void hostfs_cache_ahead(struct hostfs_node *n, struct hostfs_file *f)
{
	struct virtq_buffer v[MAX_BLOCKS];
	uint64_t fh, size = block_bytes(n);

	if (f->next * size >= n->inode->size || n->block_shift == 0 || hostfs_handle(n, false, &fh))
		return;
	stream_trim(n);
	struct ahead *a = heap_zalloc(sizeof(*a));
	if (!a)
		return;
	a->node = n;
	a->async.done = ahead_done;
	a->count = blocks_make(n, f->next, f->window, a->block, v);
	if (a->count == 0 || fuse_async_read(&a->async, n->id, fh, f->next * size, v, a->count)) {
		blocks_arrived(a->block, a->count, 0);
		heap_free(a);
		return;
	}
	n->in_flight++;
	a->block[0]->mark = true;
	f->next += a->count;
	f->window = MIN(f->window * 2, MAX_WINDOW);
}

// The server's answer, or -errno; the blocks have come or are gone.
static int64_t blocks_read(struct hostfs_node *n, uint64_t fh, uint64_t index, struct hostfs_block **b,
			   struct virtq_buffer *v, unsigned count)
{
	size_t size = block_bytes(n);
	struct fuse_read_in in = {.fh = fh, .offset = index * size, .size = (uint32_t)(count * size)};
	int64_t got = fuse_call(&(struct fuse_call){
		.opcode = FUSE_READ, .node = n->id, .arg = {{&in, sizeof(in)}}, .out = v, .out_count = count});
	blocks_arrived(b, count, got);
	return got;
}

int hostfs_cache_fill_head(struct hostfs_node *n)
{
	struct hostfs_block *b;
	struct virtq_buffer v;
	uint64_t fh;

	int err = hostfs_handle(n, false, &fh);
	if (err)
		return err;
	n->block_shift = 0;
	if (blocks_make(n, 0, PAGE_SIZE, &b, &v) == 0)
		return -ENOMEM;
	int64_t got = blocks_read(n, fh, 0, &b, &v, 1);
	return got < 0 ? (int)got : 0;
}

bool hostfs_cache_head_only(const struct hostfs_node *n)
{
	return n->block_count == 1 && n->block_shift == 0 && !n->in_flight && !n->dax_failed &&
	       n->inode->size > SMALL_FILE;
}

int hostfs_cache_fill(struct hostfs_node *n, struct hostfs_file *f, uint64_t index)
{
	struct hostfs_block *b[MAX_BLOCKS];
	struct virtq_buffer v[MAX_BLOCKS];
	uint64_t fh;

	if (n->block_count == 0 && n->in_flight == 0)
		n->block_shift = n->inode->size <= SMALL_FILE || n->dax_failed ? 0 : BLOCK_SHIFT;
	int err = hostfs_handle(n, false, &fh);
	if (err)
		return err;
	size_t size = block_bytes(n), window = MAX(size, (size_t)(n->block_shift ? 0 : SMALL_FILE));
	bool sequential = f && (index == 0 || index == f->next);
	if (sequential && f->window)
		window = MAX(window, (size_t)f->window);
	if (sequential)
		stream_trim(n);
	unsigned count = blocks_make(n, index, window, b, v);
	if (count == 0)
		return -ENOMEM;
	int64_t got = blocks_read(n, fh, index, b, v, count);
	if (got < 0)
		return (int)got;
	if (f) {
		f->next = index + count;
		f->window = sequential ? (uint32_t)MIN(MAX(window * 2, 2 * size), (size_t)MAX_WINDOW) : 0;
		if (sequential)
			hostfs_cache_ahead(n, f);
	}
	return 0;
}

void hostfs_cache_update(struct hostfs_node *n, uint64_t pos, const uint8_t *src, size_t len)
{
	size_t size = block_bytes(n);

	while (len && n->block_count) {
		size_t off = pos % size, take = MIN(size - off, len);
		struct hostfs_block *b = hostfs_block_find(n, pos / size);

		// A gap between what is valid and what is written cannot be known here: ask again later.
		if (b && off > b->valid) {
			if (block_idle(b))
				block_free(b);
			else
				b->valid = MIN(b->valid, (uint32_t)off);
		} else if (b) {
			memcpy((uint8_t *)page_virt(b->page) + off, src, take);
			b->valid = MAX(b->valid, (uint32_t)(off + take));
		}
		pos += take;
		src += take;
		len -= take;
	}
}
