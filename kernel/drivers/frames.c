// SPDX-License-Identifier: MIT
//
// Buffers of a page, as many as carry the longest frames several times. What finds no room in the ring waits in `held`.
#define COMPONENT "drivers"
#include "drivers/frames.h"

#include <linux/errno.h>

#include "base/list.h"
#include "base/string.h"
#include "debug/debug.h"
#include "mm/heap.h"

#define BUFFER	   4096u
#define BUFFERS	   96u
#define SPARE_MAX  64u
#define HELD_MAX   512u

struct sending {
	struct list link; // held
	unsigned count, tokens;
	void **token; // behind the pieces
	uint8_t head[FRAMES_HEAD];
	struct virtq_buffer piece[]; // the head is the first
};

static const struct frames_user *user;
static struct virtq tx, rx;
static struct list held = LIST_INIT(held);
static unsigned held_count;
static void *spare[SPARE_MAX];
static unsigned spare_count;

// Of the frame whose pieces are coming.
static struct frames_piece piece[FRAMES_PIECES];
static unsigned piece_count, piece_wanted, to_skip;

static bool offer(void *buffer)
{
	struct virtq_buffer b = {(char *)buffer + FRAMES_ROOM, BUFFER - FRAMES_ROOM};
	return !virtq_add(&rx, &b, 0, 1, buffer);
}

void frames_give_back(void *buffer)
{
	if (spare_count < SPARE_MAX)
		spare[spare_count++] = buffer;
	else
		heap_free(buffer);
}

static void *new_buffer(void) { return spare_count ? spare[--spare_count] : heap_alloc(BUFFER); }

int frames_init(const struct frames_user *u)
{
	int err = virtq_init(&tx, ABI_QUEUE_NET_TX);
	if (!err)
		err = virtq_init(&rx, ABI_QUEUE_NET_RX);
	if (err)
		return err;
	user = u;
	virtq_want_event(&tx, false);
	for (unsigned n = 0; n < MIN(BUFFERS, rx.size); n++) {
		void *buffer = new_buffer();
		if (!buffer)
			return -ENOMEM;
		offer(buffer);
	}
	virtq_notify_event(&rx);
	return 0;
}

// --- sending --------------------------------------------------------------------------------------------------------

static bool put(struct sending *s) { return !virtq_add(&tx, s->piece, s->count, 0, s); }

static bool take_sent(void)
{
	uint32_t unused;
	struct sending *s = virtq_take(&tx, &unused);
	if (!s)
		return false;
	for (; s; s = virtq_take(&tx, &unused)) {
		for (unsigned n = 0; n < s->tokens; n++)
			user->sent(s->token[n]);
		heap_free(s);
	}
	bool any = false;
	while (!list_empty(&held)) {
		s = list_first(&held, struct sending, link);
		if (!put(s))
			break;
		list_remove(&s->link);
		held_count--;
		any = true;
	}
	if (any)
		virtq_notify_event(&tx);
	if (any && list_empty(&held))
		virtq_want_event(&tx, false);
	return true;
}

bool frames_full(void)
{
	if (held_count)
		take_sent();
	return held_count;
}

int frames_send(const void *head, unsigned head_len, const struct virtq_buffer *from, unsigned count, void *const *token,
		unsigned tokens)
{
	assert(head_len <= FRAMES_HEAD);
	if (held_count >= HELD_MAX || count >= FRAMES_PIECES)
		return -ENOBUFS;
	struct sending *s = heap_alloc(sizeof *s + (count + 1) * sizeof *from + tokens * sizeof *token);
	if (!s)
		return -ENOBUFS;
	list_init(&s->link);
	s->count = count + 1;
	s->piece[0] = (struct virtq_buffer){s->head, head_len};
	memcpy(s->head, head, head_len);
	memcpy(s->piece + 1, from, count * sizeof *from);
	s->tokens = tokens;
	s->token = (void **)(s->piece + s->count);
	memcpy(s->token, token, tokens * sizeof *token);
	take_sent();
	if (list_empty(&held) && put(s)) {
		virtq_notify_event(&tx);
	} else {
		list_push_back(&held, &s->link);
		if (!held_count++) {
			virtq_want_event(&tx, true);
			take_sent();
		}
	}
	return 0;
}

// --- receiving ------------------------------------------------------------------------------------------------------

// Each buffer that is kept is replaced by another; without memory for one the frame is dropped.
static void took(void *buffer, uint32_t len)
{
	void *other = to_skip ? NULL : new_buffer();
	const struct virtio_net_hdr_v1 *head = (void *)((char *)buffer + FRAMES_ROOM);
	if (!piece_count && !to_skip)
		piece_wanted = len >= sizeof *head ? head->num_buffers : 0;
	bool good = other && piece_wanted && piece_wanted <= FRAMES_PIECES && len <= BUFFER - FRAMES_ROOM;
	offer(other ? other : buffer);
	if (to_skip) {
		to_skip--;
		return;
	}
	if (!good) {
		if (other)
			frames_give_back(buffer);
		to_skip = piece_wanted > piece_count ? piece_wanted - piece_count - 1 : 0;
		while (piece_count)
			frames_give_back(piece[--piece_count].buffer);
		return;
	}
	piece[piece_count++] = (struct frames_piece){buffer, len};
	if (piece_count < piece_wanted)
		return;
	unsigned count = piece_count;
	piece_count = 0;
	user->came((void *)((char *)piece[0].buffer + FRAMES_ROOM), piece, count);
}

bool frames_has_news(void) { return user && (virtq_has_done(&rx) || virtq_has_done(&tx)); }

bool frames_poll(void)
{
	uint32_t len;
	void *buffer;
	bool any = false;
	if (!user)
		return false;
	bool sent = take_sent();
	while ((buffer = virtq_take(&rx, &len)) != NULL) {
		took(buffer, len);
		any = true;
	}
	if (any)
		virtq_notify_event(&rx);
	return any || sent;
}
