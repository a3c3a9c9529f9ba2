// SPDX-License-Identifier: MIT
//
// The network card's queues (monitor/dev/tap.c): the input is either what lies in guest memory, rings and all, or frames
// in rings that are in order. The interface is a pair of sockets of our own; at its other end is checked what of the
// frames' heads the host's kernel would be told.
#include "monitor/dev/tap.c" // its thread's steps, one by one

#include <sys/socket.h>

#define RAM   (512u << 10)
#define SIZE  32 // the longest frame takes 17
#define PIECE 0x1000u
#include "tests/fuzz/net_queues.h"

static void event(void *arg) { (void)arg; }
static bool idle(void *arg) { return arg != NULL; }
static int enter(void *arg) { return (void)arg, 0; }

static void must(bool holds)
{
	if (!holds)
		abort();
}

// What tap.c and virtio say of a frame that reaches the host.
static void frame_came(const uint8_t *frame, size_t len)
{
	struct virtio_net_hdr_v1 h;
	must(len > sizeof(h) && len <= sizeof(h) + ABI_LINK_FRAME_MAX);
	memcpy(&h, frame, sizeof(h));
	len -= sizeof(h);
	must(!(h.flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	must(!h.flags || (size_t)h.csum_start + h.csum_offset + 2 <= len);
	if (h.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		must(h.flags && (h.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 || h.gso_type == VIRTIO_NET_HDR_GSO_TCPV6) && h.hdr_len <= len &&
		     h.gso_size >= ABI_LINK_SEGMENT_MIN);
}

static void run(struct tap *t, int host)
{
	static uint8_t frame[sizeof(struct virtio_net_hdr_v1) + ABI_LINK_FRAME_MAX + 64];
	uint64_t since = 0;
	for (int i = 0; i < 4; i++) {
		t->readable = true;
		send_all(t);
		receive(t);
		announce(t, &since);
		for (ssize_t n; (n = recv(host, frame, sizeof(frame), MSG_DONTWAIT)) >= 0;)
			if (n)
				frame_came(frame, (size_t)n);
	}
}

// Records of a length and as many bytes: odd lengths are frames from the host, even ones the guest's.
static void frames(struct tap *t, int host, const uint8_t *data, size_t size)
{
	uint16_t tx = 0;
	rings_in_order();
	while (size) {
		size_t take = MIN((size_t)*data++, --size);
		if (take & 1) {
			if (send(host, data, take, MSG_DONTWAIT) < 0)
				return; // the interface is full: nothing reads it
		} else {
			set(BUFFER(SIZE + tx % SIZE), data, take);
			tx++;
			set(AVAIL(1) + 2, &tx, 2);
		}
		data += take;
		size -= take;
		run(t, host);
		uint16_t offered = (uint16_t)(t->rx.used_index + SIZE);
		set(AVAIL(0) + 2, &offered, 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd[2];
	struct tap *t;
	if (!size)
		return 0;
	memory_begin(BUFFER(0));
	must(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd));
	struct tap_config c = {
		QUEUES,
		.fd = fd[0],
		.event = event, .idle = idle, .enter = enter, .arg = data[0] & 2 ? &memory : NULL,
	};
	must(!tap_create(&t, &c));
	if (data[0] & 1) {
		frames(t, fd[1], data + 1, size - 1);
	} else {
		memory_from_input(data + 1, size - 1);
		must(send(fd[1], "a frame of the host's, long enough to count", 43, 0) == 43);
		run(t, fd[1]);
	}
	tap_destroy(t);
	close(fd[0]);
	close(fd[1]);
	return 0;
}
