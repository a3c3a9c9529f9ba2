// SPDX-License-Identifier: MIT
#include "tools/lib/grow.h"

#include <stdio.h>
#include <stdlib.h>

void *xrealloc(void *p, size_t count, size_t size)
{
	size_t bytes;
	void *q = __builtin_mul_overflow(count, size, &bytes) ? NULL : realloc(p, bytes ? bytes : 1);
	if (!q) {
		fprintf(stderr, "whelk: there is not enough memory for this analysis\n");
		exit(125);
	}
	return q;
}
