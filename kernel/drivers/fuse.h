// SPDX-License-Identifier: MIT
//
// FUSE requests to the monitor's file server. A synchronous one is served by the exit it makes:
// when fuse_call() returns, it is done and no other thread has run. Asynchronous reads finish in
// drivers_queue_event() or fuse_async_poll().
#ifndef WHELK_DRIVERS_FUSE_H
#define WHELK_DRIVERS_FUSE_H

#include <linux/fuse.h>

#include "base/api.h"
#include "drivers/virtq.h"

#define FUSE_CALL_ARG	(8192 - 256) // bytes of arguments and names of one call
#define FUSE_CALL_REPLY 512	     // bytes of a small reply

struct fuse_part {
	const void *p;
	size_t len;
};

struct fuse_call {
	uint32_t opcode;
	uint64_t node;
	struct fuse_part arg[3]; // copied; anywhere in kernel memory
	const struct virtq_buffer *data; // read by the server where they are (heap or page memory)
	unsigned data_count;
	void *reply; // copied out, up to reply_size <= FUSE_CALL_REPLY bytes; or NULL
	size_t reply_size;
	const struct virtq_buffer *out; // filled by the server where they are, after `reply`
	unsigned out_count;
};

// Bytes of payload (reply and out together), or -errno.
API int64_t fuse_call(const struct fuse_call *c IN(1));
API unsigned fuse_max_buffers(void); // of `data` or `out`
API bool fuse_has_dax(void);

// Drops references on a node; sent later, in batches.
API void fuse_forget(uint64_t node, uint64_t lookups);

struct fuse_async {
	struct fuse_in_header in; // the server reads these two in one piece
	struct fuse_read_in read;
	struct fuse_out_header out;
	void (*done)(struct fuse_async *a, int64_t result); // bytes or -errno; under the kernel lock, may not sleep
};
// A heap object. -EAGAIN: no room now.
API int fuse_async_read(struct fuse_async *a SHARED, uint64_t node, uint64_t fh, uint64_t off,
			const struct virtq_buffer *out IN(count), unsigned count);
API void fuse_async_poll(void); // finishes what is finished, without waiting

int fuse_init(void);

#endif
