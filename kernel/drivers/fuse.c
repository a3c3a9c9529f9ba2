// SPDX-License-Identifier: MIT
//
// The transport of hostfs. Synchronous requests share one scratch area: a call never sleeps, so
// there is one at a time.
#define COMPONENT "drivers"
#include "drivers/fuse.h"

#include <asm/errno.h>

#include "base/string.h"
#include "debug/debug.h"
#include "drivers/drivers.h"
#include "mm/heap.h"
#include "plat/plat.h"

#define MAX_BUFFERS  260
#define FORGET_BATCH 128

static struct virtq sync_queue, async_queue;
static bool have_async, have_dax;
static uint64_t next_unique = 1;
static struct scratch {
	struct fuse_in_header in;
	uint8_t arg[FUSE_CALL_ARG];
	struct fuse_out_header out;
	uint8_t reply[FUSE_CALL_REPLY];
	struct virtq_buffer buffer[MAX_BUFFERS + 4];
} *scratch;
static struct {
	struct fuse_in_header in;
	struct fuse_batch_forget_in head;
	struct fuse_forget_one one[FORGET_BATCH];
} *forgets;

unsigned fuse_max_buffers(void) { return MIN((uint32_t)MAX_BUFFERS, sync_queue.size - 4); }
bool fuse_has_dax(void) { return have_dax; }

static void forget_flush(void)
{
	struct virtq_buffer b;
	uint32_t len;

	if (!forgets->head.count)
		return;
	forgets->in = (struct fuse_in_header){.opcode = FUSE_BATCH_FORGET, .unique = next_unique++};
	forgets->in.len = (uint32_t)(sizeof(forgets->in) + sizeof(forgets->head) +
				     forgets->head.count * sizeof(forgets->one[0]));
	b = (struct virtq_buffer){forgets, forgets->in.len};
	if (virtq_add(&sync_queue, &b, 1, 0, forgets) == 0) {
		virtq_notify(&sync_queue);
		virtq_take(&sync_queue, &len);
	}
	forgets->head.count = 0;
}

void fuse_forget(uint64_t node, uint64_t lookups)
{
	if (forgets->head.count == FORGET_BATCH)
		forget_flush();
	forgets->one[forgets->head.count++] = (struct fuse_forget_one){.nodeid = node, .nlookup = lookups};
}

int64_t fuse_call(const struct fuse_call *c)
{
	struct scratch *s = scratch;
	unsigned in = 0, out = 0;
	size_t len = 0, data_len = 0, out_len = 0;
	uint32_t used;

	if (c->data_count + c->out_count > fuse_max_buffers() || c->reply_size > FUSE_CALL_REPLY)
		return fail(-EINVAL);
	for (unsigned i = 0; i < ARRAY_SIZE(c->arg); i++) {
		if (c->arg[i].len > FUSE_CALL_ARG - len)
			return fail(-ENAMETOOLONG);
		if (c->arg[i].len)
			memcpy(s->arg + len, c->arg[i].p, c->arg[i].len);
		len += c->arg[i].len;
	}
	s->buffer[in++] = (struct virtq_buffer){&s->in, sizeof(s->in) + len};
	for (unsigned i = 0; i < c->data_count; i++) {
		s->buffer[in++] = c->data[i];
		data_len += c->data[i].len;
	}
	s->buffer[in + out++] = (struct virtq_buffer){&s->out, sizeof(s->out) + c->reply_size};
	for (unsigned i = 0; i < c->out_count; i++) {
		s->buffer[in + out++] = c->out[i];
		out_len += c->out[i].len;
	}
	s->in = (struct fuse_in_header){
		.len = (uint32_t)(sizeof(s->in) + len + data_len),
		.opcode = c->opcode,
		.unique = next_unique++,
		.nodeid = c->node,
	};
	s->out = (struct fuse_out_header){.error = -EIO};
	if (virtq_add(&sync_queue, s->buffer, in, out, s))
		return fail(-EIO);
	virtq_notify(&sync_queue);
	if (virtq_take(&sync_queue, &used) != s)
		panic("the file server did not answer request %u", c->opcode);
	if (s->out.error)
		return s->out.error < 0 && s->out.error > -4096 ? s->out.error : -EIO;
	if (s->out.len < sizeof(s->out) || s->out.len - sizeof(s->out) > c->reply_size + out_len)
		return fail(-EIO);
	size_t payload = s->out.len - sizeof(s->out);
	if (c->reply_size)
		memcpy(c->reply, s->reply, MIN(payload, c->reply_size));
	return (int64_t)payload;
}

int fuse_async_read(struct fuse_async *a, uint64_t node, uint64_t fh, uint64_t off, const struct virtq_buffer *out,
		    unsigned count)
{
	struct virtq_buffer *b = scratch->buffer;
	size_t len = 0;

	if (!have_async || count + 4 > fuse_max_buffers())
		return -EAGAIN;
	b[0] = (struct virtq_buffer){&a->in, sizeof(a->in) + sizeof(a->read)};
	b[1] = (struct virtq_buffer){&a->out, sizeof(a->out)};
	for (unsigned i = 0; i < count; i++) {
		b[2 + i] = out[i];
		len += out[i].len;
	}
	a->in = (struct fuse_in_header){
		.len = sizeof(a->in) + sizeof(a->read),
		.opcode = FUSE_READ,
		.unique = next_unique++,
		.nodeid = node,
	};
	a->read = (struct fuse_read_in){.fh = fh, .offset = off, .size = (uint32_t)len};
	a->out = (struct fuse_out_header){.error = -EIO};
	if (virtq_add(&async_queue, b, 1, count + 1, a))
		return -EAGAIN;
	virtq_notify(&async_queue);
	return 0;
}

void fuse_async_poll(void)
{
	struct fuse_async *a;
	uint32_t used;

	while (have_async && (a = virtq_take(&async_queue, &used)) != NULL) {
		int64_t result = a->out.error;
		if (!result)
			result = a->out.len < sizeof(a->out) ? -EIO : (int64_t)(a->out.len - sizeof(a->out));
		a->done(a, result);
	}
}

void drivers_queue_event(void) { fuse_async_poll(); }

int fuse_init(void)
{
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 36,
		.max_readahead = 1 << 20,
		.flags = FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | FUSE_MAX_PAGES | FUSE_MAP_ALIGNMENT,
	};
	struct fuse_init_out out = {0};

	scratch = heap_new(struct scratch);
	forgets = heap_zalloc(sizeof(*forgets));
	if (!scratch || !forgets)
		return -ENOMEM;
	int err = virtq_init(&sync_queue, ABI_QUEUE_FS_SYNC);
	if (err)
		return err;
	have_async = virtq_init(&async_queue, ABI_QUEUE_FS_ASYNC) == 0;
	int64_t n = fuse_call(&(struct fuse_call){
		.opcode = FUSE_INIT, .arg = {{&in, sizeof(in)}}, .reply = &out, .reply_size = sizeof(out)});
	if (n < 0)
		return (int)n;
	if (out.major != FUSE_KERNEL_VERSION)
		return -EPROTO;
	have_dax = (out.flags & FUSE_MAP_ALIGNMENT) && out.map_alignment == PAGE_SHIFT &&
		   plat_boot()->dax_size >= HUGE_SIZE;
	return 0;
}

void drivers_init(void)
{
	int err = plat_boot()->mount_count ? fuse_init() : 0;

	if (err)
		panic("no file server: error %d", -err);
}
