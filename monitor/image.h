// SPDX-License-Identifier: MIT
//
// The kernel image (abi/image.h): what it is made of, and putting it into guest RAM.
#ifndef WHELK_MONITOR_IMAGE_H
#define WHELK_MONITOR_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/image.h"

#define IMAGE_SEGMENTS 6
#define IMAGE_SLOT     (64ull << 20) // the image is smaller than this

struct image_segment {
	uint64_t start, end; // link-time, page-aligned
	bool write, exec;
	const uint8_t *pages; // its bytes as they are to be, on pages of their own in the file; or NULL
};

struct image {
	const uint8_t *file;
	size_t file_size;
	struct abi_image head;
	uint64_t size; // link-time end, page-aligned
	struct image_segment segment[IMAGE_SEGMENTS];
	unsigned segment_count;
	uint64_t rela_off, rela_size, relr_off, relr_size;
};

extern const uint8_t image_kvm[], image_kvm_end[], image_linux[], image_linux_end[]; // built in (kernel_image.S)

// Checks the file and fills *image. 0 or -ENOEXEC.
int image_open(struct image *image, const void *file, size_t size);
// Puts it at `ram` (image->size bytes, zero), relocated to run at `va`; without the segments that have `pages`, if they
// are mapped from there. 0 or -ENOEXEC.
int image_load(const struct image *image, uint8_t *ram, uint64_t va, bool pages_mapped);
// The bytes of what is mapped like that, or NULL.
const uint8_t *image_pages(const struct image *image, uint64_t va);

#endif
