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

// Since 424 every architecture counts alike; what lies below of x86-64 ends long before.
#define GAP_START    (__NR_rseq + 3)
#define GAP	     (__NR_pidfd_send_signal - GAP_START)
#define INDEX_OF(nr) ((nr) < GAP_START ? (nr) : (nr) - GAP)

static const struct sys_row rows[] = {
#define ROW(name_, handler, level_, class_, ...)                                                         \
	[INDEX_OF(__NR_##name_)] = {.name = offsetof(struct names, name_##_text), .level = level_, .class = class_, \
			  .args = PACK(__VA_ARGS__, 0, 0, 0, 0, 0, 0)},
#include "sys/rows.inc"
#undef ROW
};

const unsigned sys_count = ARRAY_SIZE(rows) + GAP;

const struct sys_row *sys_row(uint64_t nr)
{
	if (nr >= GAP_START && nr < __NR_pidfd_send_signal)
		return NULL;
	const struct sys_row *row = &rows[INDEX_OF(nr)];
	return INDEX_OF(nr) < ARRAY_SIZE(rows) && row->level ? row : NULL;
}

const char *sys_name(uint64_t nr)
{
	const struct sys_row *row = sys_row(nr);
	return row ? (const char *)&names + row->name : NULL;
}
