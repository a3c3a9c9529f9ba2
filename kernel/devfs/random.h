// SPDX-License-Identifier: MIT
//
// The kernel's random numbers: ChaCha20 keyed from the boot seed and the CPU's generator, with the key
// replaced after every request, so that a later look at memory does not tell earlier output.
#ifndef WHELK_DEVFS_RANDOM_H
#define WHELK_DEVFS_RANDOM_H

#include "base/api.h"
#include "base/util.h"

API void random_bytes(void *dst OUT(len), size_t len); // usable from the first instruction of main()
API uint64_t random_u64(void);
API void random_mix(const void *src IN(len), size_t len); // writes to /dev/random

#endif
