// SPDX-License-Identifier: MIT
//
// The dentry cache. A dentry holds its parent and its inode; one that nobody holds stays in the hash
// table and in the LRU list until there are more than DENTRY_IDLE_MAX of them. Names that do not
// exist are remembered too (negative dentries). A file system that changes by itself says so in
// inode_ops.revalidate; a directory changes only under its inode->lock.
#define COMPONENT "vfs"
#include "mm/page.h"
#include "sys/part.h"
#include "vfs/private.h"
#include "debug/debug.h" // after all that includes <assert.h>

unsigned notify_watches;

#define DENTRY_BUCKETS	1024
#define DENTRY_IDLE_MAX 8192

static struct list dentry_table[DENTRY_BUCKETS]; // an untouched bucket has next == NULL
static struct list dentry_lru = LIST_INIT(dentry_lru); // least recently used first
static size_t dentry_idle;

static uint32_t dentry_hash(const struct dentry *dir, const char *name, size_t len)
{
	uint64_t h = (uint64_t)(uintptr_t)dir >> 4;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ull;
	return (uint32_t)(h ^ h >> 32);
}

static struct list *dentry_bucket(uint32_t hash)
{
	struct list *b = &dentry_table[hash % DENTRY_BUCKETS];
	if (!b->next)
		list_init(b);
	return b;
}

static struct dentry *dentry_alloc(struct dentry *dir, const char *name, size_t len)
{
	struct dentry *d = heap_new(struct dentry);
	if (!d)
		return NULL;
	d->name = len <= sizeof d->short_name ? d->short_name : heap_alloc(len);
	if (!d->name) {
		heap_free(d);
		return NULL;
	}
	memcpy(d->name, name, len);
	d->len = (uint32_t)len;
	d->refs = 1;
	d->parent = dir ? dir : d;
	list_init(&d->children);
	list_init(&d->sibling);
	if (dir) {
		dentry_get(dir);
		list_push_back(&dir->children, &d->sibling);
	}
	list_init(&d->bucket);
	list_init(&d->lru);
	list_init(&d->alias);
	return d;
}

static void dentry_attach(struct dentry *d, struct inode *i)
{
	d->inode = i;
	list_push_back(&i->dentries, &d->alias);
}

// The dentry gives up its inode; with the last name of it gone, watchers hear so.
static void dentry_detach(struct dentry *d)
{
	struct inode *i = d->inode;
	if (!i)
		return;
	d->inode = NULL;
	list_remove(&d->alias);
	if (!i->nlink && unlikely(notify_watches))
		notify_inode_gone(i);
	inode_put(i);
}

static void dentry_free(struct dentry *d)
{
	list_remove(&d->bucket);
	list_remove(&d->sibling);
	dentry_detach(d);
	if (d->name != d->short_name)
		heap_free(d->name);
	heap_free(d);
}

struct dentry *dentry_create_root(struct inode *i)
{
	struct dentry *d = dentry_alloc(NULL, "/", 1);
	if (d)
		dentry_attach(d, i);
	return d;
}

struct dentry *dentry_create_unlinked(struct dentry *dir, const char *name, size_t len, struct inode *i)
{
	struct dentry *d = dentry_alloc(dir, name, len);
	if (!d)
		return NULL;
	d->unlinked = true;
	dentry_attach(d, i);
	return d;
}

void dentry_get(struct dentry *d)
{
	if (!d->refs++ && !list_empty(&d->lru)) {
		list_remove(&d->lru);
		dentry_idle--;
	}
}

void dentry_put(struct dentry *d)
{
	while (!--d->refs) {
		if (!list_empty(&d->bucket)) {
			list_push_back(&dentry_lru, &d->lru);
			if (++dentry_idle > DENTRY_IDLE_MAX)
				dentry_prune(DENTRY_IDLE_MAX / 8);
			return;
		}
		struct dentry *parent = d->parent;
		dentry_free(d);
		if (parent == d)
			return;
		d = parent;
	}
}

size_t dentry_prune(size_t want)
{
	size_t done = 0;
	while (done < want && !list_empty(&dentry_lru)) {
		struct dentry *d = list_first(&dentry_lru, struct dentry, lru), *parent = d->parent;
		list_remove(&d->lru);
		dentry_idle--;
		list_remove(&d->bucket);
		dentry_free(d);
		done++;
		if (!--parent->refs) { // not dentry_put: that would prune from in here
			list_push_back(&dentry_lru, &parent->lru);
			dentry_idle++;
		}
	}
	return done;
}

static struct dentry *dentry_find(struct dentry *dir, const char *name, size_t len, uint32_t hash)
{
	struct list *bucket = dentry_bucket(hash);
	struct dentry *d;
	list_for_each(d, bucket, bucket)
		if (d->hash == hash && d->parent == dir && d->len == len && !memcmp(d->name, name, len)) {
			dentry_get(d);
			return d;
		}
	return NULL;
}

void dentry_invalidate(struct dentry *d)
{
	list_remove(&d->bucket);
	if (!list_empty(&d->lru)) { // idle and now unreachable: let it go
		dentry_get(d);
		dentry_put(d);
	}
}

// What the cache knows, if that may still be used.
static struct dentry *dentry_cached(struct dentry *dir, const char *name, size_t len, uint32_t hash)
{
	struct dentry *d = dentry_find(dir, name, len, hash);
	if (!d)
		return NULL;
	const struct inode_ops *ops = dir->inode->ops;
	if (!ops->revalidate || d->mounted || ops->revalidate(dir->inode, name, len, d->inode))
		return d;
	dentry_invalidate(d);
	dentry_put(d);
	return NULL;
}

static int dentry_lookup_slow(struct dentry *dir, const char *name, size_t len, uint32_t hash, struct dentry **out)
{
	struct dentry *d = dentry_cached(dir, name, len, hash);
	if (d) {
		*out = d;
		return 0;
	}
	struct inode *i = NULL;
	int err = dir->inode->ops->lookup ? dir->inode->ops->lookup(dir->inode, name, len, &i) : -ENOENT;
	if (err && err != -ENOENT)
		return err;
	d = dentry_alloc(dir, name, len);
	if (!d) {
		if (!err)
			inode_put(i);
		return -ENOMEM;
	}
	if (!err)
		dentry_attach(d, i);
	d->hash = hash;
	if (!dir->unlinked) // a removed directory's children need not be found again
		list_push_front(dentry_bucket(hash), &d->bucket);
	*out = d;
	return 0;
}

int dentry_lookup(struct dentry *dir, const char *name, size_t len, bool locked, struct dentry **out)
{
	uint32_t hash = dentry_hash(dir, name, len);
	struct dentry *d = dentry_cached(dir, name, len, hash);
	if (likely(d)) {
		*out = d;
		return 0;
	}
	struct inode *i = dir->inode;
	if (!i)
		return -ENOENT;
	if (locked)
		return dentry_lookup_slow(dir, name, len, hash, out);
	mutex_lock(&i->lock);
	int err = dentry_lookup_slow(dir, name, len, hash, out);
	mutex_unlock(&i->lock);
	return err;
}

void dentry_instantiate(struct dentry *d, struct inode *i)
{
	assert(!d->inode);
	dentry_attach(d, i);
}

// What is only remembered of a directory (an empty one: names that do not exist) must not hold it.
static void dentry_forget_children(struct dentry *d)
{
	struct dentry *c, *next;
	list_for_each_safe(c, next, &d->children, sibling)
		if (!c->refs)
			dentry_invalidate(c);
}

void dentry_delete(struct dentry *d)
{
	dentry_forget_children(d);
	if (d->refs == 1 && !list_empty(&d->bucket)) { // only the caller's: turns negative
		dentry_detach(d);
		return;
	}
	list_remove(&d->bucket);
	d->unlinked = true;
}

static void dentry_rehash(struct dentry *d)
{
	list_remove(&d->bucket);
	d->hash = dentry_hash(d->parent, d->name, d->len);
	list_push_front(dentry_bucket(d->hash), &d->bucket);
}

void dentry_move(struct dentry *d, struct dentry *dir, const char *name, size_t len)
{
	char *text = len <= sizeof d->short_name ? d->short_name : heap_alloc(len);
	if (!text) { // the rename has happened: at worst the cache forgets
		list_remove(&d->bucket);
		return;
	}
	char *old = d->name != d->short_name ? d->name : NULL;
	memcpy(text, name, len);
	d->name = text;
	d->len = (uint32_t)len;
	heap_free(old);
	struct dentry *parent = d->parent;
	dentry_get(dir);
	d->parent = dir;
	list_remove(&d->sibling);
	list_push_back(&dir->children, &d->sibling);
	dentry_rehash(d);
	dentry_put(parent);
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
	char name[NAME_MAX_LEN];
	size_t len = a->len;
	struct dentry *dir = a->parent;
	memcpy(name, a->name, len);
	dentry_get(dir);
	dentry_move(a, b->parent, b->name, b->len);
	dentry_move(b, dir, name, len);
	dentry_put(dir);
}

bool dentry_is_below(struct dentry *d, struct dentry *ancestor)
{
	for (;; d = d->parent) {
		if (d == ancestor)
			return true;
		if (d->parent == d)
			return false;
	}
}

void vfs_forget(struct inode *dir, const char *name, size_t len)
{
	struct dentry *parent, *next;
	list_for_each_safe(parent, next, &dir->dentries, alias) {
		struct dentry *d = dentry_find(parent, name, len, dentry_hash(parent, name, len));
		if (!d)
			continue;
		list_remove(&d->bucket);
		dentry_put(d);
	}
}

static size_t dentry_reclaim(size_t want)
{
	dentry_prune(want * 16); // idle dentries hold inodes, and those hold cached pages
	return 0;		  // what that freed, the file systems count
}

void vfs_init(void)
{
	static struct page_reclaimer reclaimer = {.reclaim = dentry_reclaim};
	page_reclaimer_register(&reclaimer);
}
