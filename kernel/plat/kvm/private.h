// SPDX-License-Identifier: MIT
//
// nucleus.S: the gateway. root_set with the root in use flushes everything.
#ifndef WHELK_PLAT_KVM_PRIVATE_H
#define WHELK_PLAT_KVM_PRIVATE_H

#include <stdint.h>

void gateway_page_flush(uint64_t va);
void gateway_root_set(uint64_t root_gpa);
extern const char gateway_rip[];

#endif
