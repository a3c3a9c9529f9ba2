// SPDX-License-Identifier: MIT
//
// The bytes of a pipe: a ring of page-sized buffers. In packet mode each write is a buffer of its own
// and a read never crosses one. No sleeping, no wakeups: pipe.c does those.
#ifndef WHELK_PIPE_RING_H
#define WHELK_PIPE_RING_H

#include "mm/page.h"

struct pipe_buffer {
	struct page *page; // NULL: none yet
	uint32_t off, len; // what is in it
	bool packet;
};

struct pipe_ring {
	struct pipe_buffer *buffer;
	unsigned slots;	      // a power of two
	unsigned head, count; // the first used slot, how many are used
	size_t bytes;
	struct page *spare;   // kept for the next write: a ping-pong never meets the allocator
};

int ring_init(struct pipe_ring *r, unsigned slots);
void ring_free(struct pipe_ring *r);
int ring_resize(struct pipe_ring *r, unsigned slots); // -EBUSY: more is in it
size_t ring_room(const struct pipe_ring *r);	      // bytes a write can add
// Where the next bytes go: a buffer with room; NULL: full (*err 0) or no memory.
struct pipe_buffer *ring_writable(struct pipe_ring *r, bool packet, int *err);
void ring_wrote(struct pipe_ring *r, struct pipe_buffer *b, size_t len);
void ring_drop_last(struct pipe_ring *r); // the one ring_writable just added, when nothing came
struct pipe_buffer *ring_readable(struct pipe_ring *r); // the first, NULL: empty
void ring_consume(struct pipe_ring *r, size_t len);	// from the first; an emptied one leaves
bool ring_push_front(struct pipe_ring *r, const void *buf, size_t len); // false: no slot

#endif
