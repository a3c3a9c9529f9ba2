// SPDX-License-Identifier: MIT
#include "monitor/dev/virtq.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "base/util.h"
#include "monitor/memory.h"

// The guest writes these words while we look: one load each, of known size.
#define load(x)	    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define load_acq(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)

int virtq_attach(struct virtq *q, struct memory *memory, const struct abi_queue *where)
{
	uint32_t n = where->size;

	memset(q, 0, sizeof(*q));
	q->broken = true;
	if (n == 0 || n > VIRTQ_MAX_SIZE || (n & (n - 1)))
		return -EINVAL;
	if (where->desc_gpa % 16 || where->avail_gpa % 2 || where->used_gpa % 4)
		return -EINVAL;
	q->memory = memory;
	q->size = n;
	q->desc = memory_range(memory, where->desc_gpa, n * sizeof(struct vring_desc));
	q->avail = memory_range(memory, where->avail_gpa, sizeof(struct vring_avail) + n * 2 + 2);
	q->used = memory_range(memory, where->used_gpa, sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) + 2);
	if (!q->desc || !q->avail || !q->used)
		return -EINVAL;
	q->broken = false;
	return 0;
}

static int broken(struct virtq *q)
{
	q->broken = true;
	return -EPROTO;
}

// Walks one chain. At most `size` descriptors: a loop ends there.
static int chain_read(struct virtq *q, uint16_t head, struct virtq_chain *c)
{
	uint32_t index = head;
	bool more = true;

	c->head = head;
	c->in_count = c->out_count = 0;
	c->in_len = c->out_len = 0;
	c->in = c->segment;
	for (uint32_t seen = 0; more; seen++) {
		if (index >= q->size || seen >= q->size || c->in_count + c->out_count >= VIRTQ_MAX_SEGMENTS)
			return broken(q);
		struct vring_desc *d = &q->desc[index];
		uint64_t addr = load(d->addr);
		uint32_t len = load(d->len);
		uint16_t flags = load(d->flags);

		index = load(d->next);
		more = flags & VRING_DESC_F_NEXT;
		if (flags & ~(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE))
			return broken(q);
		if (len == 0)
			continue;
		void *host = memory_range(q->memory, addr, len);
		if (!host)
			return broken(q);
		c->segment[c->in_count + c->out_count] = (struct iovec){host, len};
		if (flags & VRING_DESC_F_WRITE) {
			c->out_count++;
			c->out_len += len;
		} else if (c->out_count) {
			return broken(q); // readable pieces come first (2.7.4.2)
		} else {
			c->in_count++;
			c->in_len += len;
		}
	}
	c->out = c->segment + c->in_count;
	return 1;
}

int virtq_pop(struct virtq *q, struct virtq_chain *c)
{
	if (q->broken)
		return -EPROTO;
	uint16_t avail = load_acq(q->avail->idx);
	if (avail == q->last_avail)
		return 0;
	if ((uint16_t)(avail - q->last_avail) > q->size)
		return broken(q);
	uint16_t head = load(q->avail->ring[q->last_avail & (q->size - 1)]);
	if (head >= q->size)
		return broken(q);
	q->last_avail++;
	return chain_read(q, head, c);
}

void virtq_push(struct virtq *q, uint16_t head, uint32_t written)
{
	struct vring_used_elem *e = &q->used->ring[q->used_index & (q->size - 1)];

	__atomic_store_n(&e->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&e->len, written, __ATOMIC_RELAXED);
	q->used_index++;
	__atomic_store_n(&q->used->idx, q->used_index, __ATOMIC_RELEASE);
}

bool virtq_waiting(struct virtq *q) { return !q->broken && load_acq(q->avail->idx) != q->last_avail; }

uint16_t virtq_offered(const struct virtq *q) { return load_acq(q->avail->idx); }

void virtq_set_flags(struct virtq *q, uint16_t flags)
{
	if (!q->broken)
		__atomic_store_n(&q->used->flags, flags, __ATOMIC_RELAXED);
}

void virtq_want_notify(struct virtq *q, bool want) { virtq_set_flags(q, want ? 0 : VRING_USED_F_NO_NOTIFY); }

uint16_t virtq_seen(const struct virtq *q) { return q->broken ? q->used_index : load(q->avail->ring[q->size]); }

void virtq_want_bell(struct virtq *q, bool want)
{
	uint16_t event = (uint16_t)(q->last_avail + (want ? 0 : 0x8000)); // half way round, where the guest never is
	if (!q->broken)
		__atomic_store_n((uint16_t *)&q->used->ring[q->size], event, __ATOMIC_RELAXED);
}

bool virtq_wants_event(struct virtq *q)
{
	bool wants = !q->broken && vring_need_event(virtq_seen(q), q->used_index, q->told_index);
	q->told_index = q->used_index;
	return wants;
}

unsigned virtq_slice(const struct iovec *from, unsigned count, size_t skip, size_t len, struct iovec *to)
{
	unsigned used = 0;

	for (unsigned i = 0; i < count && len; i++) {
		if (skip >= from[i].iov_len) {
			skip -= from[i].iov_len;
			continue;
		}
		size_t take = MIN(from[i].iov_len - skip, len);
		to[used++] = (struct iovec){(char *)from[i].iov_base + skip, take};
		skip = 0;
		len -= take;
	}
	return used;
}

size_t virtq_copy_in(const struct virtq_chain *c, size_t skip, void *dst, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < c->in_count && done < len; i++) {
		if (skip >= c->in[i].iov_len) {
			skip -= c->in[i].iov_len;
			continue;
		}
		size_t take = MIN(c->in[i].iov_len - skip, len - done);
		memcpy((char *)dst + done, (char *)c->in[i].iov_base + skip, take);
		skip = 0;
		done += take;
	}
	return done;
}

size_t virtq_copy_out(const struct virtq_chain *c, size_t skip, const void *src, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < c->out_count && done < len; i++) {
		if (skip >= c->out[i].iov_len) {
			skip -= c->out[i].iov_len;
			continue;
		}
		size_t take = MIN(c->out[i].iov_len - skip, len - done);
		memcpy((char *)c->out[i].iov_base + skip, (const char *)src + done, take);
		skip = 0;
		done += take;
	}
	return done;
}
