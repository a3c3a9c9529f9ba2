// SPDX-License-Identifier: MIT
//
// A question about a value, and the places that it has led to so far: between resolve.c, which goes from one instruction to those
// before it, step.c and stack.c, which go backwards through one.
#ifndef WHELK_SYSCAN_QUERY_H
#define WHELK_SYSCAN_QUERY_H

#include "tools/syscan/body.h"

struct place {
	bool stack; // the word at reg + offset, reg is rsp or rbp
	ZydisRegister reg;
	int64_t offset;
	unsigned width; // bits that count
};

struct item {
	uint32_t module, insn;
	struct function *function;
	struct place place;
	unsigned depth;
};

struct query {
	const struct scope *scope;
	struct values *out;
	struct item *item; // all that were ever asked; [done, items) are open
	size_t items, done;
	uint32_t *table; // hash of items
	size_t table_size;
	unsigned *steps;
	const struct query *outer; // arithmetic asks for the values of its operand
	uint64_t outer_at;
};

// One more value; one more place to look at (if it is new). Why the answer is not complete: the first reason stays.
void query_value(struct query *q, uint64_t value);
void query_ask(struct query *q, struct item it);
void query_unknown(struct query *q, const struct item *it, uint64_t at, const char *why);
void query_run(struct query *q); // until no place is open

// step.c: the value of it.place after instruction it.insn.
void query_after(struct query *q, struct item it);
// The place becomes that of a source operand.
void query_source(struct query *q, struct item it, const ZydisDecodedOperand *o, uint64_t at);
ZydisRegister register_whole(ZydisRegister r);

// stack.c: a word of the stack after an instruction: where it was before, or what was put there.
void query_stack(struct query *q, struct item it, const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o, uint64_t at);

#endif
