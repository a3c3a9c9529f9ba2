// SPDX-License-Identifier: MIT
//
// SHA-256 (FIPS 180-4) of bytes that come in pieces.
#ifndef WHELK_BASE_SHA256_H
#define WHELK_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t length;
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, uint8_t hash[32]);

#endif
