// SPDX-License-Identifier: MIT
#ifndef WHELK_DRIVERS_H
#define WHELK_DRIVERS_H

void drivers_init(void);	// boot, after the heap
void drivers_queue_event(void); // ABI_EVENT_QUEUE was taken: finishes asynchronous requests

#endif
