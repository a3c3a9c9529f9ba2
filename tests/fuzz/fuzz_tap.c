// SPDX-License-Identifier: MIT
//
// The network card's queues (monitor/dev/tap.c): the input is either what lies in guest memory, rings and all, or frames
// in rings that are in order. The interface is a pair of sockets of our own; at its other end is checked what of the
// frames' heads the host's kernel would be told.
#include "monitor/dev/tap.c" // its thread's steps, one by one

#include <linux/virtio_ring.h>
#include <sys/socket.h>

#include "monitor/memory.h"

#define RAM	  (512u << 10)
#define SIZE	  32 // the longest frame takes 17
#define PIECE	  0x1000u
#define RING(n)	  ((n) * 0x800u) // descriptors, and behind them
#define AVAIL(n)  (RING(n) + 0x400)
#define USED(n)	  (RING(n) + 0x600)
#define BUFFER(n) (0x1000u + (n) * PIECE) // of rx; those of tx are the next SIZE

static struct memory memory;

static void event(void *arg) { (void)arg; }
static bool idle(void *arg) { return arg != NULL; }
static int enter(void *arg) { return (void)arg, 0; }

static void set(uint32_t at, const void *what, size_t len) { memcpy(memory.ram + at, what, len); }

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
	uint16_t tx = 0, all = SIZE;
	for (uint16_t q = 0; q < 2; q++)
		for (uint16_t i = 0; i < SIZE; i++) {
			struct vring_desc d = {.addr = BUFFER(q * SIZE + i), .len = PIECE, .flags = q ? 0 : VRING_DESC_F_WRITE};
			set(RING(q) + i * sizeof(d), &d, sizeof(d));
			set(AVAIL(q) + 4 + i * 2, &i, 2);
		}
	set(AVAIL(0) + 2, &all, 2);
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
	if (!memory.ram) {
		memory.ram = malloc(RAM);
		memory.ram_size = RAM;
	}
	memset(memory.ram, 0, BUFFER(0));
	must(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd));
	struct tap_config c = {
		.memory = &memory,
		.rx = {.desc_gpa = RING(0), .avail_gpa = AVAIL(0), .used_gpa = USED(0), .size = SIZE},
		.tx = {.desc_gpa = RING(1), .avail_gpa = AVAIL(1), .used_gpa = USED(1), .size = SIZE},
		.fd = fd[0],
		.event = event, .idle = idle, .enter = enter, .arg = data[0] & 2 ? &memory : NULL,
	};
	must(!tap_create(&t, &c));
	if (data[0] & 1) {
		frames(t, fd[1], data + 1, size - 1);
	} else {
		memcpy(memory.ram, data + 1, MIN(size - 1, (size_t)RAM));
		for (unsigned i = 0; i < SIZE; i += 2)
			for (unsigned q = 0; q < 2; q++) {
				struct vring_desc *d = (struct vring_desc *)(memory.ram + RING(q)) + i;
				d->addr %= RAM;
				d->len %= 4096;
			}
		must(send(fd[1], "a frame of the host's, long enough to count", 43, 0) == 43);
		run(t, fd[1]);
	}
	tap_destroy(t);
	close(fd[0]);
	close(fd[1]);
	return 0;
}
