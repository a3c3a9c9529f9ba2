// SPDX-License-Identifier: MIT
//
// The life of a site: seen, patched or refused, put back. patch.h says what for. Reading the program's code may sleep,
// and then the world may have changed: all that is known is gathered first, and what is written is checked against the
// code as it is then, without sleeping.
#define COMPONENT "patch"
#include <asm/mman.h>
#include <linux/errno.h>

#include "arch/arch.h"
#include "base/string.h"
#include "debug/debug.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "patch/private.h"
#include "plat/plat.h"
#include "sched/sched.h"

// Patching a site costs as much as a few traps, and many a site is used once or twice while a program starts.
#define TRAPS_BEFORE 8u
#define TRAPS_BEFORE_LATER 1u // when it has started
#define AHEAD_MAX    512u // bytes of a function before a call came from it: most are shorter, and longer ones take longest
#define AHEAD_SLICES 8u // at a trap: a program that mostly sleeps does not leave the kernel by events
#define TRIES	     4u // when nothing proves where instructions begin
#define SITES_FIRST  64u
#define SITES_MAX    (1u << 16)

// --- the table: sorted by address ---------------------------------------------------------------------------

struct site *site_from(const struct patch *p, uint64_t at)
{
	return &p->site[FIRST_FROM(p->site, p->count, .at, at)];
}

static struct site *end_of(const struct patch *p) { return &p->site[p->count]; }

static int table_grow(struct patch *p)
{
	uint32_t room = p->room ? p->room * 2 : SITES_FIRST;
	struct site *grown = room <= SITES_MAX ? heap_alloc(room * sizeof(*grown)) : NULL;
	if (!grown)
		return -ENOMEM;
	if (p->count)
		memcpy(grown, p->site, p->count * sizeof(*grown));
	heap_free(p->site);
	p->site = grown;
	p->room = room;
	return 0;
}

static struct site *site_get(struct patch *p, uint64_t at)
{
	struct site *s = site_from(p, at);
	if (s < end_of(p) && s->at == at)
		return s;
	if (p->count == p->room && table_grow(p))
		return NULL;
	s = site_from(p, at); // the table may have moved
	memmove(s + 1, s, (size_t)((char *)end_of(p) - (char *)s));
	p->count++;
	plat_stats()->sites_seen++;
	*s = (struct site){.at = at, .state = SITE_SEEN};
	return s;
}

static void site_remove(struct patch *p, struct site *s)
{
	p->count--;
	memmove(s, s + 1, (size_t)((char *)end_of(p) - (char *)s));
}

// --- changing the code ------------------------------------------------------------------------------------

// Puts back what was there, if the jump still is (the program may have dropped the page: madvise(2)).
static void put_back(struct mm *mm, uint64_t at, const uint8_t *jump, const uint8_t *original, size_t len)
{
	if (mm_text_is(mm, at, jump, len))
		mm_text_write(mm, at, original, len);
}

static void jumps_of(const struct site *s, uint8_t window[JUMP_SIZE], uint8_t padding[JUMP_SIZE])
{
	uint64_t start = s->at - s->length;
	if (!s->hop) {
		code_make_jump(window, start, s->stub);
		return;
	}
	code_make_jump(padding, s->hop, s->stub);
	code_make_hop(window, start, s->hop);
}

static int install(struct mm *mm, struct text_edit *edit, const struct site *s)
{
	uint8_t window[JUMP_SIZE], padding[JUMP_SIZE];
	size_t len = s->written, all = site_borrows(s) ? JUMP_SIZE : len;
	jumps_of(s, window, padding);
	if (!mm_text_is(mm, s->at - s->length, s->original, all))
		return -EAGAIN; // changed while we looked elsewhere
	if (s->hop) { // the far end first
		mm_text_flush(mm, edit);
		int err = mm_text_is(mm, s->hop, s->padding, JUMP_SIZE) ? mm_text_write(mm, s->hop, padding, JUMP_SIZE)
									: -EAGAIN;
		if (err)
			return err;
	}
	return mm_text_edit(mm, edit, s->at - s->length, window, len);
}

static bool overlaps(uint64_t at, uint64_t len, uint64_t start, uint64_t end) { return at < end && start < at + len; }

// [start, end) is about to go: what lies there need not be put back.
static void forget(struct mm *mm, struct patch *p, struct site *s, uint64_t start, uint64_t end)
{
	uint8_t window[JUMP_SIZE], padding[JUMP_SIZE];
	uint64_t at = s->at - s->length, stub = s->stub;
	size_t len = s->written;
	jumps_of(s, window, padding);
	if (!overlaps(at, len, start, end))
		put_back(mm, at, window, s->original, len);
	if (s->hop && !overlaps(s->hop, JUMP_SIZE, start, end))
		put_back(mm, s->hop, padding, s->padding, JUMP_SIZE);
	site_remove(p, s);
	area_stub_dead(mm, p, stub);
}

static void destroy(struct mm *mm, struct patch *p)
{
	struct area *a, *next;
	list_for_each_safe(a, next, &p->areas, link)
		area_free(a);
	timer_stop(&p->timer);
	heap_free(p->site);
	heap_free(p);
	mm->patch = NULL;
	mm->text_changes = NULL;
}

static void text_changes(struct mm *mm, uint64_t start, uint64_t end, enum mm_change change)
{
	struct patch *p = mm->patch;
	if (change == MM_DESTROYS) {
		destroy(mm, p);
		return;
	}
	bool stubs = area_overlaps(p, start, end);
	for (struct site *s = stubs ? p->site : site_from(p, MAX(start, SITE_REACH) - SITE_REACH);
	     s < end_of(p);) {
		if (!stubs && s->at >= end + SITE_REACH)
			break;
		bool code = overlaps(s->at - s->length, MAX(s->length + SYSCALL_SIZE, JUMP_SIZE), start, end);
		bool padding = s->hop && overlaps(s->hop, JUMP_SIZE, start, end);
		bool stub = overlaps(s->stub, STUB_SIZE, start, end);
		if (s->state == SITE_PATCHED && (code || padding || stub))
			forget(mm, p, s, start, change == MM_UNMAPS ? end : start);
		else if (s->state != SITE_PATCHED && code)
			site_remove(p, s); // whatever is there next has its own chance
		else
			s++;
	}
}

// --- deciding -----------------------------------------------------------------------------------------------

static uint64_t find_padding(const struct function *f, uint64_t window)
{
	uint64_t at = code_find_padding(f->start, f->end, MAX(f->after, f->end), window);
	if (!at && f->before_end && f->before_end <= f->start)
		at = code_find_padding(f->before_start, f->before_end, f->start, window);
	return at;
}

static int refusal(int err)
{
	switch (err) {
	case -EACCES: return ABI_SITE_WRITABLE;
	case -ENOENT: return ABI_SITE_UNPROVEN;
	case -EINVAL: return ABI_SITE_UNMOVABLE;
	case -ENOSPC: return ABI_SITE_NO_ROOM;
	default: return ABI_SITE_OTHER;
	}
}

static bool on_one_page(uint64_t at, uint64_t len) { return at / PAGE_SIZE == (at + len - 1) / PAGE_SIZE; }

static void put_piece(uint8_t *buf, uint64_t from, uint64_t size, const uint8_t *original, uint64_t at, uint64_t len)
{
	uint64_t first = MAX(at, from), last = MIN(at + len, from + size);
	if (first < last)
		memcpy(buf + (first - from), original + (first - at), last - first);
}

void site_original(const struct mm *mm, uint8_t *buf, uint64_t from, uint64_t size)
{
	const struct patch *p = mm->patch;
	const struct site *end = site_from(p, from + size + SITE_REACH);
	for (const struct site *s = site_from(p, from - SITE_REACH); s < end; s++) {
		if (s->state != SITE_PATCHED)
			continue;
		put_piece(buf, from, size, s->original, s->at - s->length, s->written);
		if (s->hop)
			put_piece(buf, from, size, s->padding, s->hop, JUMP_SIZE);
	}
}

bool site_occupies(const struct mm *mm, uint64_t at, uint64_t len)
{
	const struct patch *p = mm->patch;
	const struct site *end = site_from(p, at + len + SITE_REACH);
	for (const struct site *s = site_from(p, at - SITE_REACH); s < end; s++)
		if (s->state == SITE_PATCHED && (overlaps(s->at - s->length, s->written, at, at + len) ||
						 (s->hop && overlaps(s->hop, JUMP_SIZE, at, at + len))))
			return true;
	return false;
}

// Would the site's jumps lie on another's, borrow of one, or change what one borrows?
static bool disturbs(const struct mm *mm, const struct site *s)
{
	const struct patch *p = mm->patch;
	uint64_t start = s->at - s->length;
	if (site_occupies(mm, start, site_borrows(s) ? JUMP_SIZE : s->written) ||
	    (s->hop && site_occupies(mm, s->hop, JUMP_SIZE)))
		return true;
	const struct site *end = site_from(p, s->at + 2 * SITE_REACH);
	for (const struct site *o = site_from(p, s->at - 2 * SITE_REACH); o < end; o++) {
		uint64_t borrowed = o->at - o->length + o->written, stop = o->at - o->length + JUMP_SIZE;
		if (o->state == SITE_PATCHED && site_borrows(o) &&
		    (overlaps(start, s->written, borrowed, stop) ||
		     (s->hop && overlaps(s->hop, JUMP_SIZE, borrowed, stop))))
			return true;
	}
	return false;
}

// Code that only the kernel can change, and that is this program's own.
static bool may_be_patched(struct mm *mm, uint64_t at)
{
	const struct vma *v = mm_find(mm, at);
	return v && v->start <= at && !(v->flags & (VMA_SHARED | VMA_SPECIAL)) &&
	       (v->prot & (PROT_WRITE | PROT_EXEC)) == PROT_EXEC;
}

int site_examine(struct mm *mm, uint64_t at, uint64_t sp, struct found *found)
{
	struct function f;
	struct site *s = &found->site;
	uint8_t *window = found->window;
	*s = (struct site){.at = at};
	if (!may_be_patched(mm, at))
		return -EACCES;
	int err = function_find(mm, at, &f);
	if (err)
		err = function_from_stack(mm, sp, at, &f);
	if (!err && !sp && f.end - f.start > AHEAD_MAX)
		err = -ENOSPC;
	if (!err)
		err = code_window(f.start, f.end, at, window, &s->length);
	if (err)
		return err;
	uint64_t start = at - s->length;
	if (s->length < HOP_SIZE)
		return -EINVAL;
	s->written = (uint8_t)MIN(MIN(s->length, JUMP_SIZE), PAGE_SIZE - start % PAGE_SIZE);
	if (s->written < JUMP_SIZE) {
		s->hop = find_padding(&f, start);
		if (s->hop && (user_get(s->padding, (const void *)s->hop) || !on_one_page(s->hop, JUMP_SIZE)))
			s->hop = 0;
		if (s->hop)
			s->written = HOP_SIZE;
	}
	memcpy(s->original, window, MIN((size_t)s->length, sizeof(s->original)));
	if (site_borrows(s) &&
	    (!may_be_patched(mm, start + JUMP_SIZE - 1) || user_get(s->original, (const void *)start)))
		return -EACCES;
	return on_one_page(start, s->written) && s->written >= HOP_SIZE ? 0 : -ENOSPC;
}

// Does not sleep.
static int commit(struct mm *mm, struct text_edit *edit, struct site *s, const uint8_t *window)
{
	struct patch *p = mm->patch;
	struct area *a;
	if (disturbs(mm, s))
		return -ENOSPC;
	if (site_borrows(s)) {
		uint64_t lo, hi;
		code_jump_range(s->original, s->written, s->at - s->length, &lo, &hi);
		a = area_between(mm, p, lo, hi);
	} else {
		a = area_near(mm, p, s->at);
	}
	if (!a)
		return -ENOSPC;
	uint8_t *page = page_virt(a->page);
	uint64_t offset = (a->used + 1) * STUB_SIZE;
	s->stub = a->va + offset;
	int err = code_make_stub(page + offset, s->stub, a->va, s->at, window, s->length);
	if (!err) {
		// never used again, also when this fails: nobody can be in it, but it costs nothing to be sure
		a->used++;
		a->live++;
		err = install(mm, edit, s);
		if (err)
			area_stub_dead(mm, p, s->stub);
	}
	return err;
}

void site_take(struct mm *mm, struct text_edit *edit, struct found *found, int err)
{
	struct site *s = site_get(mm->patch, found->site.at);
	if (!s || s->state == SITE_PATCHED)
		return;
	if (!err)
		err = commit(mm, edit, &found->site, found->window);
	if (err == -EAGAIN || (err == -ENOENT && s->tries++ < TRIES))
		return; // another call comes from elsewhere, perhaps
	if (err) {
		s->state = SITE_REFUSED;
		plat_stats()->sites_refused[refusal(err)]++;
		return;
	}
	*s = found->site;
	s->state = SITE_PATCHED;
	plat_stats()->sites_patched++;
}

// A call has come from the site at `at`, with the stack pointer `sp`.
static void try(struct mm *mm, uint64_t at, uint64_t sp)
{
	struct text_edit edit = {0};
	struct found found;
	int err = site_examine(mm, at, sp, &found); // the table may move meanwhile
	site_take(mm, &edit, &found, err);
	mm_text_flush(mm, &edit);
}

void patch_trapped(struct mm *mm, uint64_t pc, uint64_t sp)
{
	if (plat_boot()->syscalls != ABI_SYSCALLS_PATCH)
		return;
	if (!mm->patch) {
		mm->patch = heap_new(struct patch);
		if (!mm->patch)
			return;
		list_init(&mm->patch->areas);
		mm->text_changes = text_changes;
		ahead_start(mm->patch);
	}
	ahead_go_on(mm, AHEAD_SLICES);
	struct site *s = site_get(mm->patch, pc - SYSCALL_SIZE);
	if (!s || s->state == SITE_REFUSED)
		return;
	if (s->state == SITE_PATCHED) { // somebody jumped at the instruction, or the page is the file's again
		struct text_edit edit = {0};
		install(mm, &edit, s);
		mm_text_flush(mm, &edit);
		return;
	}
	if (++s->traps >= (plat_stats()->early_calls ? TRAPS_BEFORE_LATER : TRAPS_BEFORE)) {
		s->traps = 0;
		try(mm, pc - SYSCALL_SIZE, sp);
	}
}

// --- seen from the program --------------------------------------------------------------------------------------

void patch_settle(struct mm *mm, struct frame *frame)
{
	struct area *a = mm->patch ? area_of(mm->patch, frame_pc(frame)) : NULL;
	if (!a)
		return;
	uint64_t offset = ALIGN_DOWN(frame_pc(frame) - a->va, STUB_SIZE);
	frame_set_pc(frame, code_settle((const uint8_t *)page_virt(a->page) + offset, a->va + offset, frame_pc(frame)));
}

bool patch_stub_begins(struct mm *mm, uint64_t pc)
{
	return mm->patch && area_of(mm->patch, pc) && IS_ALIGNED(pc, STUB_SIZE);
}
