// SPDX-License-Identifier: MIT
//
// The body of a function: its instructions, and who jumps to which inside of it. Made when it is asked for, and kept.
#ifndef WHELK_SYSCAN_BODY_H
#define WHELK_SYSCAN_BODY_H

#include "tools/syscan/scan.h"

struct insn {
	uint64_t at;
	uint8_t length, kind;
	bool padding;
};

struct edge {
	uint32_t to, from; // instructions of one function
};

struct body {
	struct insn *insn;
	uint32_t count;
	struct edge *edge; // sorted by to; running on to the next is not among them
	size_t edges;
	uint32_t *computed; // jumps through registers
	size_t computeds;
	uint8_t *live;	  // by instruction, when it was asked for
	bool stack_taken; // an address on the stack is in a register
};

struct body *body_of(const struct module *m, struct function *f);
// The number of the instruction at `at`, or UINT32_MAX.
uint32_t body_find(const struct body *b, uint64_t at);
// The first edge that leads to instruction `here`, or where it would be.
size_t body_first_edge(const struct body *b, uint32_t here);
// All operands of an instruction, hidden ones too; false: its bytes are not there.
bool body_decode(const struct module *m, const struct insn *n, ZydisDecodedInstruction *i, ZydisDecodedOperand *o);
// Marks what runs on or jumps from what is marked (by instruction). `one_way`, or NULL, says which branches go one way only.
enum { BRANCH_TAKEN = 1, BRANCH_PASSED };
void body_spread(const struct body *b, const uint8_t *one_way, uint8_t *live);
// Whether a jump inside of the function leads to one of these instructions.
bool body_entered(const struct body *b, uint32_t first, uint32_t last);
// What cannot be reached from the function's start then (appended).
void body_dead(const struct body *b, const uint8_t *one_way, struct range **dead, size_t *count);

#endif
