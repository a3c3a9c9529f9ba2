// SPDX-License-Identifier: MIT
//
// Sites that no call has come from yet. A program that has started makes its next calls from new places too, and one that
// makes few of them would trap at each. So when it has run for a while, the code of every file that a call came from is
// searched, a slice at a time, and what can be patched is. Programs that end sooner, as most do, pay nothing; the others
// some milliseconds, once.
#define COMPONENT "patch"
#include <asm/mman.h>

#include "base/util.h"
#include "mm/uaccess.h"
#include "patch/private.h"
#include "plat/plat.h"

#define BEGIN_NS 80000000ull // after the first call
#define PAUSE_NS 300000ull
#define PIECE	 512u // bytes
#define SLICE	 1000u // pieces searched: some 0.3 ms
#define SITE_COST 20u  // trying one takes as long as searching so many pieces
#define CODE_MAX (4ull << 20) // bytes of a mapping: more is not a C library's

#define TOGETHER 16u // sites: other CPUs are told once

static void due(struct timer *t)
{
	struct patch *p = container_of(t, struct patch, timer);
	p->ahead_due = true;
}

void ahead_start(struct patch *p)
{
	p->timer.fn = due;
	timer_start(&p->timer, plat_clock_mono_ns() + BEGIN_NS);
}

// The next mapping with an end above `at` that has code of a file, and a site.
static const struct vma *next_code(struct mm *mm, const struct patch *p, uint64_t at)
{
	const struct vma *v;
	for (; (v = mm_find(mm, at)) != NULL; at = v->end) {
		const struct site *s = site_from(p, v->start);
		if (v->file && v->prot & PROT_EXEC && v->end - v->start <= CODE_MAX && s < p->site + p->count &&
		    s->at < v->end)
			return v;
	}
	return NULL;
}

static void take(struct mm *mm, struct found *found, unsigned count)
{
	struct text_edit edit = {0};
	for (unsigned i = 0; i < count; i++)
		site_take(mm, &edit, &found[i], 0);
	mm_text_flush(mm, &edit);
}

void ahead_go_on(struct mm *mm, unsigned slices)
{
	struct patch *p = mm->patch;
	const struct vma *v;
	struct found found[TOGETHER];
	unsigned count = 0;
	uint8_t code[PIECE];
	if (!p || !p->ahead_due)
		return;
	p->ahead_due = false;
	unsigned work = 0;
	for (; work < slices * SLICE && (v = next_code(mm, p, p->ahead)) != NULL; work++) {
		uint64_t at = MAX(p->ahead, v->start), end = v->end; // reading may sleep, and v be gone
		int64_t n = user_read_some(code, (const void *)at, MIN(sizeof(code), end - at));
		size_t have = n < 0 ? 0 : (size_t)n, i = code_scan(code, have);
		if (i < have) {
			// what cannot be is left for the call that may come
			count += site_examine(mm, at + i, 0, &found[count]) == 0;
			if (count == TOGETHER || (count && found[count - 1].site.hop)) { // nobody else takes that padding
				take(mm, found, count);
				count = 0;
			}
			work += SITE_COST;
		}
		p->ahead = i < have ? at + i + SYSCALL_SIZE : n < PIECE ? end : at + have - (SYSCALL_SIZE - 1);
	}
	take(mm, found, count);
	if (work >= slices * SLICE)
		timer_start(&p->timer, plat_clock_mono_ns() + PAUSE_NS);
}

void patch_ahead(struct mm *mm)
{
	ahead_go_on(mm, 1);
}
