// SPDX-License-Identifier: MIT
//
// The calls an image's manifest allows (abi_boot.calls): others are not in the dispatch table.
#ifndef WHELK_SYS_MANIFEST_H
#define WHELK_SYS_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

void manifest_init(void); // boot, before the program makes a call
bool manifest_allows(uint64_t nr);

#endif
