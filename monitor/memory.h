// SPDX-License-Identifier: MIT
//
// Guest memory as the monitor sees it: RAM (anonymous memory, or a memfd to share; guest-physical 0 upwards) and the
// file window (reserved host addresses at ABI_GPA_DAX, where the file server maps host files). The guest is hostile:
// memory_range() is the one way from a guest-physical address to a pointer. What it returns may change
// under the reader at any time: load each word once, check the copy.
#ifndef WHELK_MONITOR_MEMORY_H
#define WHELK_MONITOR_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/boot.h"

#define MEMORY_DAX_STEP (256ull << 20) // the window grows by KVM slots of this size
#define MEMORY_HUGE	(2ull << 20)
#define MEMORY_SMALL	(8ull << 20) // RAM below is never backed by huge pages

struct memory {
	uint8_t *ram;
	uint64_t ram_size; // a multiple of 2 MiB
	int ram_fd;	   // memfd, or -1
	int vm_fd;	   // KVM's, for the slots; -1 before memory_attach()
	uint8_t *dax;	   // 2 MiB aligned; NULL: no window
	uint64_t dax_size; // a multiple of MEMORY_DAX_STEP, 0: no window
	uint64_t dax_end;  // bytes of it that have KVM slots (atomic)
	unsigned slot_next;
};

// [gpa, gpa + len) of RAM, or NULL when any byte lies outside.
static inline void *memory_range(const struct memory *m, uint64_t gpa, uint64_t len)
{
	if (gpa > m->ram_size || len > m->ram_size - gpa)
		return NULL;
	return m->ram + gpa;
}

// Reserves RAM and the window. 0 or -errno.
int memory_create(struct memory *m, uint64_t ram_size, uint64_t dax_size);
// RAM alone, as a memfd another process can map.
int memory_create_shared(struct memory *m, uint64_t ram_size);
int memory_attach(struct memory *m, int vm_fd); // gives RAM to the VM
void memory_destroy(struct memory *m);

// Makes [0, end) of the window reachable for the guest. 0 or -errno. Any thread, one at a time
// (the file server calls it with its window lock held).
int memory_dax_grow(struct memory *m, uint64_t end);

#endif
