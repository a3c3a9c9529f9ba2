// SPDX-License-Identifier: MIT
#define COMPONENT "drivers"
#include "drivers/virtq.h"

#include <asm/errno.h>
#include <linux/virtio_ring.h>

#include "debug/debug.h"
#include "mm/heap.h"
#include "plat/plat.h"

int virtq_init(struct virtq *q, unsigned queue)
{
	const struct abi_boot *boot = plat_boot();

	if (queue >= boot->queue_count || boot->queue[queue].size == 0)
		return -ENODEV;
	q->where = &boot->queue[queue];
	q->size = q->free_count = q->where->size;
	q->desc = plat_phys_to_virt(q->where->desc_gpa);
	q->avail = plat_phys_to_virt(q->where->avail_gpa);
	q->used = plat_phys_to_virt(q->where->used_gpa);
	q->token = heap_zalloc(q->size * sizeof(void *));
	if (!q->token)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->size; i++)
		q->desc[i].next = (uint16_t)(i + 1);
	return 0;
}

int virtq_add(struct virtq *q, const struct virtq_buffer *b, unsigned in_count, unsigned out_count, void *token)
{
	unsigned count = in_count + out_count;
	uint16_t at = q->free_head, last = at;

	if (count == 0 || count > q->free_count)
		return -ENOSPC;
	for (unsigned i = 0; i < count; i++) {
		struct vring_desc *d = &q->desc[at];
		d->addr = plat_virt_to_phys(b[i].p);
		d->len = (uint32_t)b[i].len;
		d->flags = (uint16_t)((i >= in_count ? VRING_DESC_F_WRITE : 0) |
				      (i + 1 < count ? VRING_DESC_F_NEXT : 0));
		last = at;
		at = d->next;
	}
	q->token[q->free_head] = token;
	q->avail->ring[q->avail_index & (q->size - 1)] = q->free_head;
	q->free_head = q->desc[last].next;
	q->free_count -= count;
	__atomic_store_n(&q->avail->idx, ++q->avail_index, __ATOMIC_RELEASE);
	return 0;
}

// The device looks once more after it has asked to be notified.
uint16_t virtq_flags(const struct virtq *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->used->flags, __ATOMIC_RELAXED);
}

void virtq_notify(struct virtq *q)
{
	if (!(virtq_flags(q) & VRING_USED_F_NO_NOTIFY))
		plat_queue_notify(q->where);
}

// avail_event lies behind the used ring (2.7.10).
void virtq_notify_event(struct virtq *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint16_t event = __atomic_load_n((uint16_t *)&q->used->ring[q->size], __ATOMIC_RELAXED);
	bool wanted = vring_need_event(event, q->avail_index, q->told_index);
	q->told_index = q->avail_index;
	if (wanted)
		plat_queue_notify(q->where);
}

// used_event (2.7.7)
static void ask_event(struct virtq *q)
{
	__atomic_store_n(&q->avail->ring[q->size], (uint16_t)(q->used_seen + q->event_ahead), __ATOMIC_RELAXED);
}

void virtq_want_event(struct virtq *q, bool want)
{
	q->event_ahead = want ? 0 : 0x8000; // half way round, where the device never is
	ask_event(q);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool virtq_has_done(const struct virtq *q) { return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->used_seen; }

void *virtq_take(struct virtq *q, uint32_t *len)
{
	if (!virtq_has_done(q))
		return NULL;
	const struct vring_used_elem *e = &q->used->ring[q->used_seen & (q->size - 1)];
	uint16_t head = (uint16_t)e->id, last = head;
	void *token = q->token[head];

	assert(token);
	*len = e->len;
	q->used_seen++;
	ask_event(q);
	q->token[head] = NULL;
	q->free_count++;
	for (; q->desc[last].flags & VRING_DESC_F_NEXT; last = q->desc[last].next)
		q->free_count++;
	q->desc[last].next = q->free_head;
	q->free_head = head;
	return token;
}
