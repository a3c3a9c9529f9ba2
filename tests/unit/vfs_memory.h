// SPDX-License-Identifier: MIT
//
// Included before everything: in these tests the program's memory is this program's, stack and all.
#include "abi/boot.h"
#undef ABI_VA_USER_END
#define ABI_VA_USER_END 0x800000000000ull
