// SPDX-License-Identifier: MIT
//
// System-call sites that become jumps. A site is the program's `syscall` instruction and the instruction before it.
// When it has trapped a few times, the instruction before is overwritten with a jump to a stub, which holds a copy of
// that instruction, puts the return address where `syscall` would, and jumps to the kernel's entry. The `syscall`
// itself stays: whoever jumps at it finds it, and works by trap. One whole instruction is replaced by one whole
// instruction, so no boundary between instructions ever moves: a thread, a signal frame or an unwinder may hold any
// address it likes.
//
// A site is touched only when the instruction before it is proven to be one (function.c); without proof the trap stays.
// What is patched is a private copy of the page. When the code is unmapped, moved or becomes writable, the original
// bytes are put back first, so a program that writes code sees what it wrote.
// What it does not do: hide the jump from a program that reads its own text. Such a program wants --syscalls=trap.
#ifndef WHELK_PATCH_H
#define WHELK_PATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/api.h"

struct frame;
struct mm;

// A call came by the instruction before `pc` (the address it returns to), with the stack at `sp`. May sleep.
API void patch_trapped(struct mm *mm SHARED, uint64_t pc, uint64_t sp);

// An event has come: time to patch sites that no call has come from. May sleep.
API void patch_ahead(struct mm *mm SHARED);

// *frame is about to be shown to the program: a pc in a stub becomes the pc in the program's code it stands for.
API void patch_settle(struct mm *mm SHARED, struct frame *frame INOUT(1));

// Is `pc` the first instruction of a stub? There a single step has not yet done what the program stepped over.
API bool patch_stub_begins(struct mm *mm SHARED, uint64_t pc);

#endif
