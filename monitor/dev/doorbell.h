// SPDX-License-Identifier: MIT
//
// Stores to the doorbell page (abi/doorbell.h), served on the vCPU's thread.
#ifndef WHELK_MONITOR_DEV_DOORBELL_H
#define WHELK_MONITOR_DEV_DOORBELL_H

#include <stdint.h>

struct vcpu;

// A store of `value` at `offset` into the page. Both are the guest's: hostile.
void doorbell_store(struct vcpu *v, unsigned offset, uint64_t value);

#endif
