// SPDX-License-Identifier: MIT
//
// The network card (monitor/dev/tap.c), its steps one by one, with a pair of sockets for the interface: which heads of
// the guest's frames the host's kernel sees, and a long frame that takes several of the guest's buffers.
#include "monitor/dev/tap.c"

#include <linux/virtio_ring.h>
#include <sys/socket.h>

#include "check.h"
#include "monitor/memory.h"

#define RAM	  (512u << 10)
#define SIZE	  32 // the longest frame takes 17
#define PIECE	  4096
#define RING(n)	  ((n) * 0x800u)
#define AVAIL(n)  (RING(n) + 0x400)
#define USED(n)	  (RING(n) + 0x600)
#define BUFFER(n) (0x1000u + (n) * PIECE) // SIZE of rx, then SIZE of tx

static uint8_t ram[RAM] __attribute__((aligned(16)));
static struct memory memory = {.ram = ram, .ram_size = RAM};
static struct tap *t;
static int host;
static uint16_t sent;

static void event(void *arg) { (void)arg; }
static bool idle(void *arg) { return (void)arg, true; }
static int enter(void *arg) { return (void)arg, 0; }

static void set16(uint32_t at, uint16_t value) { memcpy(ram + at, &value, 2); }

static void make_rings(void)
{
	for (uint16_t q = 0; q < 2; q++)
		for (uint16_t i = 0; i < SIZE; i++) {
			struct vring_desc d = {.addr = BUFFER(q * SIZE + i), .len = PIECE, .flags = q ? 0 : VRING_DESC_F_WRITE};
			memcpy(ram + RING(q) + i * sizeof(d), &d, sizeof(d));
			set16(AVAIL(q) + 4 + i * 2u, i);
		}
	set16(AVAIL(0) + 2, SIZE);
}

// Whether a frame of `len` bytes with this head reaches the interface.
static bool passes(struct virtio_net_hdr_v1 h, uint32_t len)
{
	uint8_t got[PIECE];
	uint32_t at = sent % SIZE;
	len += (uint32_t)sizeof(h);
	memcpy(ram + BUFFER(SIZE + at), &h, sizeof(h));
	memcpy(ram + RING(1) + at * sizeof(struct vring_desc) + 8, &len, 4);
	set16(AVAIL(1) + 2, ++sent);
	CHECK(send_all(t));
	ssize_t n = recv(host, got, sizeof(got), MSG_DONTWAIT);
	CHECK(n < 0 || ((uint32_t)n == len && !memcmp(got, &h, sizeof(h))));
	return n >= 0;
}

static void heads(void)
{
	struct virtio_net_hdr_v1 plain = {0}, sum = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16}, h;
	struct virtio_net_hdr_v1 cut = sum;
	cut.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, cut.gso_size = 1448, cut.hdr_len = 66;
	CHECK(passes(plain, 60) && passes(sum, 60) && passes(cut, 3000));
	CHECK(passes(sum, 52) && !passes(sum, 51)); // the sum's two bytes are the last, or beyond
	CHECK(passes(cut, 66) && !passes(cut, 65));
	h = sum, h.csum_start = 0xffff, h.csum_offset = 0xffff;
	CHECK(!passes(h, 60));
	h = sum, h.flags |= VIRTIO_NET_HDR_F_DATA_VALID;
	CHECK(!passes(h, 60));
	h = cut, h.flags = 0;
	CHECK(!passes(h, 3000));
	h = cut, h.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	CHECK(!passes(h, 3000));
	h = cut, h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	CHECK(!passes(h, 3000));
	h = cut, h.gso_size = ABI_LINK_SEGMENT_MIN;
	CHECK(passes(h, 3000));
	h.gso_size--;
	CHECK(!passes(h, 3000));
	h = cut, h.hdr_len = h.csum_start;
	CHECK(!passes(h, 3000));
}

// Of 10,000 bytes: three buffers, and the head says so.
static void long_frame(void)
{
	static uint8_t frame[10000];
	struct virtio_net_hdr_v1 h;
	for (size_t i = sizeof(h); i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7);
	CHECK_EQ(send(host, frame, sizeof(frame), 0), sizeof(frame));
	t->readable = true;
	CHECK(receive(t));
	CHECK_EQ(t->rx.used_index, 3);
	memcpy(&h, ram + BUFFER(0), sizeof(h));
	CHECK_EQ(h.num_buffers, 3);
	for (size_t i = sizeof(h); i < sizeof(frame); i++)
		CHECK_EQ(ram[BUFFER(0) + i], frame[i]); // the buffers lie side by side
}

int main(void)
{
	int fd[2];
	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd));
	host = fd[1];
	make_rings();
	struct tap_config c = {
		.memory = &memory,
		.rx = {.desc_gpa = RING(0), .avail_gpa = AVAIL(0), .used_gpa = USED(0), .size = SIZE},
		.tx = {.desc_gpa = RING(1), .avail_gpa = AVAIL(1), .used_gpa = USED(1), .size = SIZE},
		.fd = fd[0],
		.event = event, .idle = idle, .enter = enter,
	};
	CHECK(!tap_create(&t, &c));
	heads();
	long_frame();
	tap_destroy(t);
	printf("ok\n");
	return 0;
}
