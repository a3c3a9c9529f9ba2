// SPDX-License-Identifier: MIT
//
// The network card (abi/link.h): frames out of kernel memory and into it. It tells its news in memory, as
// sched_watch_device() has it; frames_poll() takes them.
#ifndef WHELK_DRIVERS_FRAMES_H
#define WHELK_DRIVERS_FRAMES_H

#include <linux/virtio_net.h>

#include "base/api.h"
#include "drivers/virtq.h"

#define FRAMES_ROOM   64u   // of each buffer, in front: whoever takes it may use it
#define FRAMES_PIECES 64u   // of one frame
#define FRAMES_HEAD   144u  // bytes of a head: virtio's, and headers of protocols

// A frame that came, in pieces; the first begins with the head. Who gets it gives each piece's buffer back in the end.
struct frames_piece {
	void *buffer; // FRAMES_ROOM bytes, then the data
	uint32_t len;
};
struct frames_user {
	void (*came)(const struct virtio_net_hdr_v1 *head, const struct frames_piece *piece, unsigned count);
	void (*sent)(void *token); // what frames_send() was given is in nobody's use any more
};

API int frames_init(const struct frames_user *user SHARED); // -ENODEV, -ENOMEM
API void frames_give_back(void *buffer SHARED);
// A frame: a head (struct virtio_net_hdr_v1, and what of the frame follows it), which is copied, and `count` pieces, which
// are not; `sent` is told each token. -ENOBUFS: too much waits already; `sent` is not called then.
API int frames_send(const void *head IN(head_len), unsigned head_len, const struct virtq_buffer *piece IN(count),
		    unsigned count, void *const *token IN(tokens), unsigned tokens);
API bool frames_full(void); // what is sent now would have to wait
API bool frames_has_news(void); // needs no lock
API bool frames_poll(void); // whether there was any

#endif
