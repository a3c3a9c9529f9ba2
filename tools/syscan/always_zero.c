// SPDX-License-Identifier: MIT
//
// Arguments that are always zero: a function whose first decision is whether one is (`if (flag)`) runs only one half of itself when
// every call passes 0. glibc's endpwent() shares a function with endhostent() that way, which resolves names.
#include <string.h>

#include "base/util.h"
#include "tools/syscan/body.h"
#include "tools/syscan/query.h"

#define FIRST 32 // instructions at most before the decision
#define SEEN  96 // bytes before a call in which the argument is made

static bool is_argument(ZydisRegister r)
{
	return r == ZYDIS_REGISTER_RDI || r == ZYDIS_REGISTER_RSI || r == ZYDIS_REGISTER_RDX || r == ZYDIS_REGISTER_RCX ||
	       r == ZYDIS_REGISTER_R8 || r == ZYDIS_REGISTER_R9;
}

static bool writes(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o, ZydisRegister r)
{
	for (unsigned k = 0; k < i->operand_count; k++)
		if (o[k].type == ZYDIS_OPERAND_TYPE_REGISTER && o[k].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    register_whole(o[k].reg.value) == r)
			return true;
	return false;
}

// The instruction that decides: a branch behind `test %reg, %reg`, in a row with the function's start. 0: there is none.
static uint32_t first_decision(const struct module *m, const struct function *f, const struct body *b, ZydisRegister *reg)
{
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	uint32_t at = 0;
	while (at < b->count && at < FIRST && b->insn[at].kind == CODE_PLAIN)
		at++;
	if (at < 1 || at >= b->count || b->insn[at].kind != CODE_BRANCH || b->insn[0].at != f->start ||
	    body_entered(b, 0, at) || !body_decode(m, &b->insn[at - 1], &i, o) || i.mnemonic != ZYDIS_MNEMONIC_TEST ||
	    o[0].type != ZYDIS_OPERAND_TYPE_REGISTER || o[1].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    o[0].reg.value != o[1].reg.value || o[0].size < 32)
		return 0;
	*reg = register_whole(o[0].reg.value);
	if (!is_argument(*reg))
		return 0;
	for (uint32_t k = 0; k + 1 < at; k++)
		if (!body_decode(m, &b->insn[k], &i, o) || writes(&i, o, *reg))
			return 0;
	return at;
}

ZydisRegister argument_decided(const struct module *m, const struct function *f)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	struct code c = {0};
	uint64_t at = f->start, last = 0;
	decode_init(&decoder);
	for (unsigned k = 0; k < FIRST && at < f->end; k++, last = at, at += c.length) {
		const uint8_t *bytes = elf_at(&m->elf, at, f->end - at);
		if (!bytes || !decode(&decoder, bytes, f->end - at, at, &c))
			return ZYDIS_REGISTER_NONE;
		if (c.kind != CODE_PLAIN)
			break;
	}
	const uint8_t *bytes = last && c.kind == CODE_BRANCH ? elf_at(&m->elf, last, f->end - last) : NULL;
	if (!bytes || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, f->end - last, &i, o)) ||
	    i.mnemonic != ZYDIS_MNEMONIC_TEST || o[0].type != ZYDIS_OPERAND_TYPE_REGISTER)
		return ZYDIS_REGISTER_NONE;
	return is_argument(register_whole(o[0].reg.value)) ? register_whole(o[0].reg.value) : ZYDIS_REGISTER_NONE;
}

bool decides_by_argument(const struct module *m, struct function *f, ZydisRegister reg, struct range **dead, size_t *count)
{
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	ZydisRegister found;
	*dead = NULL;
	*count = 0;
	const struct body *b = body_of(m, f);
	uint32_t at = b->computeds ? 0 : first_decision(m, f, b, &found);
	if (!at || found != reg || !body_decode(m, &b->insn[at], &i, o) ||
	    (i.mnemonic != ZYDIS_MNEMONIC_JZ && i.mnemonic != ZYDIS_MNEMONIC_JNZ))
		return false;
	uint8_t *one_way = xrealloc(NULL, b->count, 1);
	memset(one_way, 0, b->count);
	one_way[at] = i.mnemonic == ZYDIS_MNEMONIC_JZ ? BRANCH_TAKEN : BRANCH_PASSED;
	body_dead(b, one_way, dead, count);
	free(one_way);
	return *count;
}

// Whether bytes before a call look like `xor %reg, %reg` or `mov $0, %reg`: most calls are not worth a body.
static bool may_pass_zero(const struct module *m, const struct function *f, uint64_t call, ZydisRegister reg)
{
	unsigned n = (unsigned)(reg - ZYDIS_REGISTER_RAX) & 7;
	uint64_t first = call - f->start > SEEN ? call - SEEN : f->start;
	const uint8_t *p = elf_at(&m->elf, first, call - first), move[] = {(uint8_t)(0xb8 | n), 0, 0, 0, 0};
	for (uint64_t i = 0; p && i + 2 <= call - first; i++)
		if (((p[i] == 0x31 || p[i] == 0x33) && p[i + 1] == (0xc0 | n << 3 | n)) ||
		    (i + sizeof(move) <= call - first && !memcmp(p + i, move, sizeof(move))))
			return true;
	return false;
}

// Others jump to one of these instructions.
static bool entered_from_outside(const struct module *m, uint64_t first, uint64_t last)
{
	size_t i = FIRST_FROM(m->entry, m->entries, , first);
	return i < m->entries && m->entry[i] <= last;
}

bool passes_zero(const struct module *m, struct function *f, uint64_t call, ZydisRegister reg)
{
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	if (!may_pass_zero(m, f, call, reg))
		return false;
	const struct body *b = body_of(m, f);
	uint32_t at = body_find(b, call);
	if (at == UINT32_MAX || b->computeds || b->insn[at].kind == CODE_PLAIN) // running on
		return false;
	while (at-- && !body_entered(b, at + 1, at + 1) && body_decode(m, &b->insn[at], &i, o) &&
	       b->insn[at].at + b->insn[at].length == b->insn[at + 1].at) {
		if (b->insn[at].kind != CODE_PLAIN && b->insn[at].kind != CODE_BRANCH)
			return false;
		if (!writes(&i, o, reg))
			continue;
		bool zero = (i.mnemonic == ZYDIS_MNEMONIC_XOR && o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			     o[0].reg.value == o[1].reg.value) ||
			    (i.mnemonic == ZYDIS_MNEMONIC_MOV && o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !o[1].imm.value.u);
		return zero && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && o[0].size >= 32 &&
		       !entered_from_outside(m, b->insn[at + 1].at, call);
	}
	return false;
}
