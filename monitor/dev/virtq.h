// SPDX-License-Identifier: MIT
//
// The device's side of a split virtqueue (virtio 1.2, section 2.7) in guest RAM. Nothing the
// guest wrote is trusted: every ring word is loaded once, every index, length and address is
// checked before use, chains are bounded by the ring's size, and a queue that breaks the rules
// is marked broken and never looked at again. One thread at a time uses a queue (the owner locks).
#ifndef WHELK_MONITOR_DEV_VIRTQ_H
#define WHELK_MONITOR_DEV_VIRTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "abi/boot.h"

#define VIRTQ_MAX_SIZE	   1024
#define VIRTQ_MAX_SEGMENTS 600 // of one chain, both directions

struct memory;
struct vring_desc;
struct vring_avail;
struct vring_used;

struct virtq {
	struct memory *memory;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint32_t size;
	uint16_t last_avail; // next entry of the avail ring to look at
	uint16_t used_index; // ours: never read back from the guest
	uint16_t told_index; // used_index at the last virtq_wants_event()
	bool broken;
};

// A request: pieces the device reads, then pieces it writes. All lie in guest RAM.
struct virtq_chain {
	uint16_t head;
	unsigned in_count, out_count;
	size_t in_len, out_len;
	struct iovec *in;  // device-readable
	struct iovec *out; // device-writable, follows `in` in the same array
	struct iovec segment[VIRTQ_MAX_SEGMENTS];
};

// 0, or -EINVAL when the rings do not lie in RAM or the size is no power of two.
int virtq_attach(struct virtq *q, struct memory *memory, const struct abi_queue *where);
// 1: *c is the next request. 0: none. -EPROTO: the guest broke the rules; the queue is dead.
int virtq_pop(struct virtq *q, struct virtq_chain *c);
// Gives a request back with `written` bytes in its writable pieces.
void virtq_push(struct virtq *q, uint16_t head, uint32_t written);

// Whether the guest has offered something not popped yet, or broken the rules (then there is nothing).
bool virtq_waiting(struct virtq *q);
void virtq_set_flags(struct virtq *q, uint16_t flags); // of the used ring
uint16_t virtq_offered(const struct virtq *q); // how much it says it has offered so far, modulo 65536; from any thread
// Tells the guest whether it need ring when it offers something (2.7.10).
void virtq_want_notify(struct virtq *q, bool want);
// Up to where the guest has taken what was pushed, as it says itself (used_event); compare with used_index.
uint16_t virtq_seen(const struct virtq *q);
// The same with event indices: whether the guest is to ring, once, when it offers something (avail_event, 2.7.10). Look
// again afterwards, behind a fence.
void virtq_want_bell(struct virtq *q, bool want);
// Whether the guest is to be told of what was pushed since this was last asked: not if it has yet to look at what it was
// told of before (used_event, 2.7.7). Ask behind a fence.
bool virtq_wants_event(struct virtq *q);

// Copies from the readable pieces (to the writable ones), `skip` bytes into them; bytes copied.
size_t virtq_copy_in(const struct virtq_chain *c, size_t skip, void *dst, size_t len);
size_t virtq_copy_out(const struct virtq_chain *c, size_t skip, const void *src, size_t len);
// The part [skip, skip + len) of `from` as pieces in `to` (room for `count`); pieces used.
unsigned virtq_slice(const struct iovec *from, unsigned count, size_t skip, size_t len, struct iovec *to);

#endif
