// SPDX-License-Identifier: MIT
//
// The heap: a slab is one page of equal objects, found from an object by its page; whole blocks of
// pages above. A slab's header is at its start, so objects need none.
#define COMPONENT "mm"
#include "mm/heap.h"

#include "base/list.h"
#include "base/string.h"
#include "mm/page.h"
#include "debug/asan.h"
#include "debug/debug.h"

static const uint16_t class_size[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1008, 1344, 2016};
#define CLASSES ARRAY_SIZE(class_size)
#define LARGEST 2016
#define SLAB_MAGIC 0x62616c73

struct object {
	struct object *next;
};

struct slab {
	uint32_t magic;
	uint16_t class, used;
	struct object *free;
	uint16_t fresh; // offset of the first byte never handed out
	struct list link; // in partial[class] while it has room
	uint64_t pad;
};
_Static_assert(sizeof(struct slab) % 16 == 0, "objects are 16-byte aligned");

static struct list partial[CLASSES];

static unsigned class_of(size_t size)
{
	unsigned c = 0;
	while (class_size[c] < size)
		c++;
	return c;
}

static bool has_room(const struct slab *s)
{
	return s->free || s->fresh + class_size[s->class] <= (int)PAGE_SIZE;
}

static struct slab *slab_new(unsigned c)
{
	struct page *p = page_alloc(0, 0);
	if (!p)
		return NULL;
	struct slab *s = page_virt(p);
	*s = (struct slab){.magic = SLAB_MAGIC, .class = (uint16_t)c, .fresh = sizeof(struct slab)};
	list_push_front(&partial[c], &s->link);
	asan_forbid(s + 1, PAGE_SIZE - sizeof(*s));
	return s;
}

static void *alloc_pages(size_t size)
{
	unsigned order = 0;
	while (PAGE_SIZE << order < size)
		if (++order > 10)
			return NULL;
	struct page *p = page_alloc(order, 0);
	return p ? page_virt(p) : NULL;
}

void *heap_alloc(size_t wanted)
{
	size_t size = wanted + ASAN_REDZONE;
	if (size > LARGEST)
		return alloc_pages(size);
	unsigned c = class_of(size);
	if (!partial[c].next)
		list_init(&partial[c]);
	struct slab *s = list_empty(&partial[c]) ? slab_new(c) : list_first(&partial[c], struct slab, link);
	if (!s)
		return NULL;
	void *object = s->free;
	if (object) {
		s->free = s->free->next;
	} else {
		object = (char *)s + s->fresh;
		s->fresh = (uint16_t)(s->fresh + class_size[c]);
	}
	s->used++;
	if (!has_room(s))
		list_remove(&s->link);
	asan_allow(object, wanted);
	return object;
}

void *heap_zalloc(size_t size)
{
	void *p = heap_alloc(size);
	if (p)
		memset(p, 0, size);
	return p;
}

// Objects never start a page; blocks of pages always do.
static struct slab *slab_of(const void *p)
{
	struct slab *s = (struct slab *)ALIGN_DOWN((uint64_t)p, PAGE_SIZE);
	if ((const void *)s == p)
		return NULL;
	assert(s->magic == SLAB_MAGIC && s->class < CLASSES &&
	       ((uint64_t)p - (uint64_t)s - sizeof(*s)) % class_size[s->class] == 0);
	return s;
}

void heap_free(void *p)
{
	if (!p)
		return;
	struct slab *s = slab_of(p);
	if (!s) {
		page_put(page_from_virt(p));
		return;
	}
	bool was_full = !has_room(s);
	struct object *o = p;
	asan_forbid(p, class_size[s->class]);
	o->next = s->free;
	s->free = o;
	s->used--;
	if (was_full)
		list_push_front(&partial[s->class], &s->link);
	// One empty slab per class stays: allocation and freeing in turn should not fetch pages.
	if (s->used == 0 && partial[s->class].next != partial[s->class].prev) {
		list_remove(&s->link);
		s->magic = 0;
		asan_allow(s, PAGE_SIZE);
		page_put(page_from_virt(s));
	}
}

void *heap_realloc(void *p, size_t size)
{
	if (!p)
		return heap_alloc(size);
	struct slab *s = slab_of(p);
	size_t old = s ? class_size[s->class] : PAGE_SIZE << page_from_virt(p)->order;
	if (!ASAN_REDZONE && size <= old && size * 2 > old)
		return p;
	void *n = heap_alloc(size);
	if (!n)
		return NULL;
	memcpy(n, p, MIN(old, size));
	heap_free(p);
	return n;
}

char *heap_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = heap_alloc(n);
	if (copy)
		memcpy(copy, s, n);
	return copy;
}
