// SPDX-License-Identifier: MIT
//
// Memory for tools, which end with a sentence when there is no more.
#ifndef WHELK_TOOLS_GROW_H
#define WHELK_TOOLS_GROW_H

#include <stddef.h>

void *xrealloc(void *p, size_t count, size_t size);

// One more in an array that has `count`: its room is 1, 2, 4, 8...
#define GROW(array, count)                                                                      \
	do {                                                                                    \
		if (!((count) & ((count)-1)))                                                   \
			(array) = xrealloc(array, (count) ? 2 * (count) : 1, sizeof(*(array))); \
	} while (0)

#endif
