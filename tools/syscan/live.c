// SPDX-License-Identifier: MIT
//
// Data that looks like code: what stands outside of .eh_frame, and nobody runs.
#include <string.h>

#include "tools/syscan/body.h"

static bool entered(const struct scope *s, uint32_t module, uint64_t at)
{
	size_t low = scope_first_xref(s, module, at);
	return low < s->xrefs && s->xref[low].to_module == module && s->xref[low].to == at;
}

bool is_live(const struct scope *s, struct module *m, struct function *f, uint64_t at)
{
	uint32_t module = 0;
	struct body *b = body_of(m, f);
	uint32_t wanted = body_find(b, at);
	while (s->module[module] != m)
		module++;
	if (wanted == UINT32_MAX)
		return true;
	if (!b->live) {
		b->live = xrealloc(NULL, b->count, 1);
		for (uint32_t i = 0; i < b->count; i++)
			b->live[i] = b->insn[i].at == f->start || entered(s, module, b->insn[i].at);
		body_spread(b, NULL, b->live);
	}
	for (size_t i = 0; i < b->computeds; i++)
		if (b->live[b->computed[i]])
			return true; // it may lead anywhere
	return b->live[wanted];
}

