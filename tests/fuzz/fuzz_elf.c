// SPDX-License-Identifier: MIT
//
// The look at an executable before a machine is made for it (monitor/elfcheck.c): any bytes, any claimed size.
#include <stdlib.h>
#include <string.h>

#include "monitor/elfcheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct elfcheck c;
	uint64_t size = len;
	if (len > 8 && data[len - 1] & 1) // a file that goes on behind what was read
		memcpy(&size, data + len - 8, sizeof(size));
	uint8_t *copy = malloc(len ? len : 1); // of exactly this size: the sanitizer sees one byte too many
	memcpy(copy, data, len);
	int err = elfcheck(copy, len, size < len ? len : size, &c);
	if (!err == !!c.why[0] || strnlen(c.interpreter, sizeof(c.interpreter)) == sizeof(c.interpreter))
		abort(); // a reason for each refusal and only for those; the path is terminated
	free(copy);
	return 0;
}
