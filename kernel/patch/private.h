// SPDX-License-Identifier: MIT
//
// What patch's files share.
#ifndef WHELK_PATCH_PRIVATE_H
#define WHELK_PATCH_PRIVATE_H

#include "abi/report.h"
#include "arch/code.h"
#include "base/list.h"
#include "base/util.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "patch/patch.h"
#include "sched/sched.h"

// --- site.c -----------------------------------------------------------------------------------------
enum site_state { SITE_SEEN, SITE_PATCHED, SITE_REFUSED };

struct site {
	uint64_t at;   // the syscall instruction
	uint64_t stub; // SITE_PATCHED
	uint64_t hop;  // address of the padding that holds the jump, 0: the window does, or begins it (site_borrows)
	uint8_t state; // enum site_state
	uint8_t traps, tries; // SITE_SEEN
	uint8_t length; // of the window: the instruction before `at`
	uint8_t written; // bytes of it that are written over
	uint8_t original[5], padding[5]; // what the jumps lie on
};

// The jump begins in the window, and its last bytes are those that follow and stay: `syscall` and what comes after, or
// what of the window lies on the next page. It goes where they say, and a stub lies there.
static inline bool site_borrows(const struct site *s)
{
	return !s->hop && s->written < JUMP_SIZE;
}

// One for each address space that has sites.
struct patch {
	struct site *site; // sorted by `at`
	uint32_t count, room;
	struct list areas;
	uint32_t area_count;
	uint64_t frames_of, frames, frames_size, frame; // function.c: a module, its unwind information, the last used
	bool never_unwound; // that module is all of the program, and has none
	struct timer timer; // ahead.c
	uint64_t ahead;	    // all code below this has been searched
	bool ahead_due;	    // go on
};

// How far from `at` what belongs to a site may lie: its window and what a jump in it borrows, or padding that a hop reaches.
#define SITE_REACH 160u

struct site *site_from(const struct patch *p, uint64_t at); // the first at `at` or behind; one behind the last
// Puts what the program's code was before its sites were patched in place of what was read at `from`.
void site_original(const struct mm *mm, uint8_t *buf, uint64_t from, uint64_t size);
// Does a jump of a site lie in these bytes?
bool site_occupies(const struct mm *mm, uint64_t at, uint64_t len);

// A site that may be patched, and the instruction before it.
struct found {
	struct site site;
	uint8_t window[WINDOW_MAX];
};
// Everything about the site at `at` that needs reading. `sp`: the stack of the call that came from there; 0: none did.
// 0, or -errno: why it stays a trap. May sleep.
int site_examine(struct mm *mm, uint64_t at, uint64_t sp, struct found *out);
// Patches what was found, or counts the reason `err` why not. The jump is there after mm_text_flush(). Does not sleep.
void site_take(struct mm *mm, struct text_edit *edit, struct found *found, int err);

// --- ahead.c ------------------------------------------------------------------------------------------------
void ahead_start(struct patch *p); // the program has begun
void ahead_go_on(struct mm *mm, unsigned slices); // if it is time: so many at most, of some 0.3 ms. May sleep.

// --- area.c: stubs --------------------------------------------------------------------------------------
#define AREA_STUBS (PAGE_SIZE / STUB_SIZE - 1) // the first holds the entry's address
#define AREAS_MAX  128u

struct area {
	struct list link;
	uint64_t va;
	struct page *page;
	uint32_t used, live; // stubs given out, and not dead yet
};

// An area with room for a stub that reaches, and is reached from, everything within 1 GiB of `near`. NULL.
struct area *area_near(struct mm *mm, struct patch *p, uint64_t near);
// One whose next stub begins in [lo, hi], as the jump of a site demands. NULL.
struct area *area_between(struct mm *mm, struct patch *p, uint64_t lo, uint64_t hi);
bool area_overlaps(const struct patch *p, uint64_t start, uint64_t end); // is any in it?
struct area *area_of(struct patch *p, uint64_t va); // that contains va, or NULL
void area_stub_dead(struct mm *mm, struct patch *p, uint64_t stub); // the last one takes the area with it
void area_free(struct area *a); // its mapping is gone or going with the address space

// --- function.c: where instructions begin ---------------------------------------------------------------
struct function {
	uint64_t start, end;
	uint64_t before_start, before_end; // of the function before it; 0: not known
	uint64_t after;	 // start of what lies after it; 0: not known
};
// The function that contains `pc`, by the unwind table of the file mapped there. -ENOENT.
int function_find(struct mm *mm, uint64_t pc, struct function *out);
// The function that reached `pc` by a call whose return address is near `sp`: its start, and `end` right behind the
// syscall instruction at pc. -ENOENT.
int function_from_stack(struct mm *mm, uint64_t sp, uint64_t pc, struct function *out);

// --- <arch>/code.c: instructions --------------------------------------------------------------------------
// Does a call instruction end at `ret`? Then what it calls, through a procedure linkage table too.
bool code_call_target(uint64_t ret, uint64_t *target);
// The instruction that ends at `at`, by decoding from `start`, in the function [start, end): its length and bytes.
// -ENOENT: none ends there; -EINVAL: it cannot be moved, or is entered in its middle; -ENOSPC: too much to decode.
int code_window(uint64_t start, uint64_t end, uint64_t at, uint8_t bytes[WINDOW_MAX], uint8_t *length);
// The offset of the first bytes in `code` that may be a syscall instruction, or len.
size_t code_scan(const uint8_t *code, size_t len);
// The function that an unwind table says begins a byte before it does, as the return from a signal handler: its start,
// when it is the one that every C library has; 0.
uint64_t code_signal_return(uint64_t early);
// Padding that nothing executes, JUMP_SIZE bytes of it, which a hop from `window` reaches: nops right after an
// instruction that never goes on, in the function [start, end) or behind it up to `limit`. 0: none.
uint64_t code_find_padding(uint64_t start, uint64_t end, uint64_t limit, uint64_t window);
// Writes the stub that lies at `va` (kernel's view: `out`): the window, moved from at - length, then on to the kernel
// as the syscall at `at` would. -EINVAL: what the instruction refers to is out of reach.
int code_make_stub(uint8_t out[STUB_SIZE], uint64_t va, uint64_t area_va, uint64_t at, const uint8_t *window,
		   uint8_t length);
void code_make_area(void *page); // what stubs need at the start of their page
// Where in the program's code a pc inside a stub is.
uint64_t code_settle(const uint8_t stub[STUB_SIZE], uint64_t stub_va, uint64_t pc);
// Where a jump whose first `written` bytes are ours can go to: bytes[written .. JUMP_SIZE) at `from` stay as they are.
void code_jump_range(const uint8_t bytes[JUMP_SIZE], uint8_t written, uint64_t from, uint64_t *lo, uint64_t *hi);
void code_make_jump(uint8_t out[JUMP_SIZE], uint64_t from, uint64_t to);
bool code_make_hop(uint8_t out[HOP_SIZE], uint64_t from, uint64_t to); // false: out of reach

#endif
