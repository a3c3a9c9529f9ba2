// SPDX-License-Identifier: MIT
//
// The ring of a pipe. See ring.h.
#include "pipe/ring.h"

#include <linux/errno.h>

#include "base/string.h"
#include "mm/heap.h"

int ring_init(struct pipe_ring *r, unsigned slots)
{
	*r = (struct pipe_ring){.slots = slots};
	r->buffer = heap_zalloc(slots * sizeof *r->buffer);
	return r->buffer ? 0 : -ENOMEM;
}

static struct pipe_buffer *ring_at(struct pipe_ring *r, unsigned n)
{
	return &r->buffer[(r->head + n) & (r->slots - 1)];
}

void ring_free(struct pipe_ring *r)
{
	for (unsigned n = 0; n < r->count; n++)
		page_put(ring_at(r, n)->page);
	if (r->spare)
		page_put(r->spare);
	heap_free(r->buffer);
}

int ring_resize(struct pipe_ring *r, unsigned slots)
{
	if (r->count > slots)
		return -EBUSY;
	struct pipe_buffer *buffer = heap_zalloc(slots * sizeof *buffer);
	if (!buffer)
		return -ENOMEM;
	for (unsigned n = 0; n < r->count; n++)
		buffer[n] = *ring_at(r, n);
	heap_free(r->buffer);
	r->buffer = buffer;
	r->slots = slots;
	r->head = 0;
	return 0;
}

static size_t buffer_room(const struct pipe_buffer *b) { return b->packet ? 0 : PAGE_SIZE - b->off - b->len; }

size_t ring_room(const struct pipe_ring *r)
{
	size_t room = (r->slots - r->count) * PAGE_SIZE;
	if (r->count)
		room += buffer_room(&r->buffer[(r->head + r->count - 1) & (r->slots - 1)]);
	return room;
}

struct pipe_buffer *ring_writable(struct pipe_ring *r, bool packet, int *err)
{
	*err = 0;
	if (r->count && !packet) {
		struct pipe_buffer *last = ring_at(r, r->count - 1);
		if (buffer_room(last))
			return last;
	}
	if (r->count == r->slots)
		return NULL;
	struct page *p = r->spare ? r->spare : page_alloc(0, 0);
	r->spare = NULL;
	if (!p) {
		*err = -ENOMEM;
		return NULL;
	}
	struct pipe_buffer *b = ring_at(r, r->count++);
	*b = (struct pipe_buffer){.page = p, .packet = packet};
	return b;
}

void ring_wrote(struct pipe_ring *r, struct pipe_buffer *b, size_t len)
{
	b->len += (uint32_t)len;
	r->bytes += len;
}

void ring_drop_last(struct pipe_ring *r)
{
	struct pipe_buffer *b = ring_at(r, --r->count);
	if (!r->spare)
		r->spare = b->page;
	else
		page_put(b->page);
	b->page = NULL;
}

struct pipe_buffer *ring_readable(struct pipe_ring *r) { return r->count ? ring_at(r, 0) : NULL; }

void ring_consume(struct pipe_ring *r, size_t len)
{
	struct pipe_buffer *b = ring_at(r, 0);
	b->off += (uint32_t)len;
	b->len -= (uint32_t)len;
	r->bytes -= len;
	if (b->len)
		return;
	if (!r->spare)
		r->spare = b->page;
	else
		page_put(b->page);
	b->page = NULL;
	r->head = (r->head + 1) & (r->slots - 1);
	r->count--;
}

bool ring_push_front(struct pipe_ring *r, const void *buf, size_t len)
{
	struct pipe_buffer *first = ring_readable(r);
	if (first && !first->packet && first->off >= len) { // where it was taken from
		first->off -= (uint32_t)len;
		first->len += (uint32_t)len;
		memcpy((char *)page_virt(first->page) + first->off, buf, len);
		r->bytes += len;
		return true;
	}
	if (r->count == r->slots)
		return false;
	struct page *p = r->spare ? r->spare : page_alloc(0, 0);
	if (!p)
		return false;
	r->spare = NULL;
	r->head = (r->head - 1) & (r->slots - 1);
	r->count++;
	struct pipe_buffer *b = ring_at(r, 0);
	*b = (struct pipe_buffer){.page = p, .off = (uint32_t)(PAGE_SIZE - len), .len = (uint32_t)len};
	memcpy((char *)page_virt(p) + b->off, buf, len);
	r->bytes += len;
	return true;
}
