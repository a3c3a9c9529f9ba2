// SPDX-License-Identifier: MIT
//
// Guest memory for fuzzers of devices with two queues: rx, whose buffers the device fills, and tx. Who includes this says
// before: RAM, bytes of memory; SIZE, of each ring; PIECE, bytes of a buffer.
#ifndef WHELK_FUZZ_NET_QUEUES_H
#define WHELK_FUZZ_NET_QUEUES_H

#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "monitor/memory.h"

#define RING(n)	  ((n) * 0x800u) // rx, tx: descriptors, and behind them
#define AVAIL(n)  (RING(n) + 0x400)
#define USED(n)	  (RING(n) + 0x600)
#define BUFFER(n) (0x1000u + (n) * PIECE) // of rx; those of tx are the next SIZE
// In a device's configuration.
#define QUEUES                                                                                                     \
	.memory = &memory, .rx = {.desc_gpa = RING(0), .avail_gpa = AVAIL(0), .used_gpa = USED(0), .size = SIZE}, \
	.tx = {.desc_gpa = RING(1), .avail_gpa = AVAIL(1), .used_gpa = USED(1), .size = SIZE}

static struct memory memory;

static void set(uint32_t at, const void *what, size_t len) { memcpy(memory.ram + at, what, len); }

// The first `zeroes` bytes are anew, the others as the last input left them.
static void memory_begin(size_t zeroes)
{
	if (!memory.ram) {
		memory.ram = malloc(RAM);
		memory.ram_size = RAM;
	}
	memset(memory.ram, 0, zeroes);
}

// Whatever the input says; half of the descriptors' addresses are brought into RAM, so that chains reach the device.
static void memory_from_input(const uint8_t *data, size_t size)
{
	memcpy(memory.ram, data, MIN(size, (size_t)RAM));
	for (unsigned i = 0; i < SIZE; i += 2)
		for (unsigned q = 0; q < 2; q++) {
			struct vring_desc *d = (struct vring_desc *)(memory.ram + RING(q)) + i;
			d->addr %= RAM;
			d->len %= 4096;
		}
}

// A buffer in each descriptor; all of rx are offered.
static void rings_in_order(void)
{
	uint16_t all = SIZE;
	for (uint16_t q = 0; q < 2; q++)
		for (uint16_t i = 0; i < SIZE; i++) {
			struct vring_desc d = {.addr = BUFFER(q * SIZE + i), .len = PIECE, .flags = q ? 0 : VRING_DESC_F_WRITE};
			set(RING(q) + i * sizeof(d), &d, sizeof(d));
			set(AVAIL(q) + 4 + i * 2, &i, 2);
		}
	set(AVAIL(0) + 2, &all, 2);
}

#endif
