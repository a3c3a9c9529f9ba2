// SPDX-License-Identifier: MIT
//
// One block of ChaCha20 (RFC 8439, section 2.3).
#ifndef WHELK_DEVFS_CHACHA_H
#define WHELK_DEVFS_CHACHA_H

#include <stdint.h>

#define CHACHA_BLOCK 64

void chacha_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint32_t out[16]);

#endif
