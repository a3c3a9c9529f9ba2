// SPDX-License-Identifier: MIT
//
// The driver's side of a split virtqueue (virtio 1.2, section 2.7). Buffers are heap or page
// memory: they lie in the direct map and are physically contiguous. Everything runs under the
// kernel lock.
#ifndef WHELK_DRIVERS_VIRTQ_H
#define WHELK_DRIVERS_VIRTQ_H

#include "abi/boot.h"
#include "base/api.h"
#include "base/util.h"

struct vring_desc;
struct vring_avail;
struct vring_used;

struct virtq_buffer {
	void *p;
	size_t len;
};

struct virtq {
	const struct abi_queue *where;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint32_t size, free_count;
	uint16_t free_head, avail_index, used_seen;
	uint16_t told_index;  // avail_index at the last virtq_notify_event()
	uint16_t event_ahead; // of used_seen: used_event
	void **token; // by head descriptor
};

// -ENOMEM; -ENODEV when the monitor offers no such queue.
API int virtq_init(struct virtq *q SHARED, unsigned queue);
// Offers in_count buffers for the device to read, then out_count for it to write; -ENOSPC.
API int virtq_add(struct virtq *q SHARED, const struct virtq_buffer *b IN(in_count + out_count), unsigned in_count,
		  unsigned out_count, void *token SHARED);
API void virtq_notify(struct virtq *q SHARED); // unless the device has said that it looks by itself
// The same of a queue with event indices: unless the device looks by itself, or was notified and has not looked yet.
API void virtq_notify_event(struct virtq *q SHARED);
// Of such a queue: whether the device is to tell of the next one that is finished, as it is at first. Look again afterwards.
API void virtq_want_event(struct virtq *q SHARED, bool want);
API uint16_t virtq_flags(const struct virtq *q SHARED); // what it has said: of the used ring
// Whether virtq_take() would find something. Needs no lock.
API bool virtq_has_done(const struct virtq *q SHARED);
API void *virtq_take(struct virtq *q SHARED, uint32_t *len OUT(1)); // the token of a finished one, or NULL

#endif
