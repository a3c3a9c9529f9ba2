// SPDX-License-Identifier: MIT
//
// What futex keeps in each thread.
#ifndef WHELK_FUTEX_THREAD_H
#define WHELK_FUTEX_THREAD_H

#include <stddef.h>

struct thread_futex {
	void *robust_list; // USER, struct robust_list_head
	size_t robust_len;
};

#endif
