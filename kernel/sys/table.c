// SPDX-License-Identifier: MIT
//
// What is known of each call: rows.inc, generated from syscalls.def, read three times.
#include "sys/table.h"

#include <stddef.h>

#include "base/util.h"

// The names, one after another in one object, so that a row needs two bytes and no relocation.
static const struct names {
#define ROW(name, ...) char name##_text[sizeof(#name)];
#include "sys/rows.inc"
#undef ROW
} names = {
#define ROW(name, ...) #name,
#include "sys/rows.inc"
#undef ROW
};

_Static_assert(sizeof(names) < 1 << 13, "struct sys_row");

#define PACK(a, b, c, d, e, f, ...) \
	((uint64_t)(a) | (uint64_t)(b) << 6 | (uint64_t)(c) << 12 | (uint64_t)(d) << 18 | (uint64_t)(e) << 24 | (uint64_t)(f) << 30)

const struct sys_row sys_rows[] = {
#define ROW(name_, handler, level_, class_, ...)                                                         \
	[__NR_##name_] = {.name = offsetof(struct names, name_##_text), .level = level_, .class = class_, \
			  .args = PACK(__VA_ARGS__, 0, 0, 0, 0, 0, 0)},
#include "sys/rows.inc"
#undef ROW
};

const unsigned sys_row_count = ARRAY_SIZE(sys_rows);

const char *sys_name(uint64_t nr)
{
	if (nr >= sys_row_count || !sys_rows[nr].level)
		return NULL;
	return (const char *)&names + sys_rows[nr].name;
}
