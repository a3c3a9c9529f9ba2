// SPDX-License-Identifier: MIT
#include "sys/manifest.h"

#include <stddef.h>

#include "plat/plat.h"
#include "sys/table.h"

bool manifest_allows(uint64_t nr)
{
	const struct abi_boot *b = plat_boot();
	return !(b->flags & ABI_FLAG_ENFORCE) || (nr < ABI_CALLS && b->calls[nr / 64] >> nr % 64 & 1);
}

void manifest_init(void)
{
	for (uint64_t nr = 0; nr < sys_count; nr++)
		if (!manifest_allows(nr))
			sys_handlers[nr] = NULL;
}
