// SPDX-License-Identifier: MIT
//
// One instruction backwards: where the value that it leaves in a register comes from.
#include "tools/syscan/query.h"

#include <string.h>

enum operation { ADD, MUL, AND, OR, XOR, SHL, SHR, NEG, NOT, LOW };

// The values of `inner` at the item's instruction, each changed by an operation; that of MUL is a factor and, in its
// lower half, what is added; LOW has a mask there and the bits that replace it.
static void calculate(struct query *q, struct item it, struct place inner, enum operation op, uint64_t with)
{
	uint64_t at = it.function->body->insn[it.insn].at;
	for (const struct query *o = q; o; o = o->outer)
		if (o->outer_at == at && o->outer) {
			query_unknown(q, &it, at, "it is computed in a loop");
			return;
		}
	struct values v = {0};
	struct query sub = {.scope = q->scope, .out = &v, .steps = q->steps, .outer = q, .outer_at = at};
	it.place = inner;
	query_ask(&sub, it);
	query_run(&sub);
	for (unsigned i = 0; i < v.count; i++) {
		uint64_t x = v.value[i];
		x = op == ADD	? x + with
		    : op == MUL ? x * (with >> 32) + (uint64_t)(int64_t)(int32_t)with
		    : op == AND ? x & with
		    : op == OR	? x | with
		    : op == XOR ? x ^ with
		    : op == SHL ? x << (with & 63)
		    : op == SHR ? x >> (with & 63)
		    : op == NEG ? -x
		    : op == LOW ? (x & ~(with >> 32)) | (with & 0xffffffff)
				: ~x;
		query_value(q, x);
	}
	if (v.unknown && !q->out->unknown) {
		q->out->unknown = v.unknown;
		memcpy(q->out->where, v.where, sizeof(v.where));
	}
}

ZydisRegister register_whole(ZydisRegister r)
{
	return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
}

static bool is_high(ZydisRegister r)
{
	return r == ZYDIS_REGISTER_AH || r == ZYDIS_REGISTER_BH || r == ZYDIS_REGISTER_CH || r == ZYDIS_REGISTER_DH;
}

static bool caller_saved(ZydisRegister r)
{
	return r == ZYDIS_REGISTER_RAX || r == ZYDIS_REGISTER_RCX || r == ZYDIS_REGISTER_RDX ||
	       r == ZYDIS_REGISTER_RSI || r == ZYDIS_REGISTER_RDI ||
	       (r >= ZYDIS_REGISTER_R8 && r <= ZYDIS_REGISTER_R11);
}

void query_source(struct query *q, struct item it, const ZydisDecodedOperand *o, uint64_t at)
{
	if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		query_value(q, it.place.width <= 32 ? o->imm.value.u & 0xffffffff : o->imm.value.u);
	} else if (o->type == ZYDIS_OPERAND_TYPE_REGISTER && !is_high(o->reg.value) &&
		   register_whole(o->reg.value) >= ZYDIS_REGISTER_RAX && register_whole(o->reg.value) <= ZYDIS_REGISTER_R15) {
		it.place.stack = false;
		it.place.reg = register_whole(o->reg.value);
		it.place.offset = 0;
		if (o->size < it.place.width)
			it.place.width = o->size;
		query_ask(q, it);
	} else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		   (o->mem.base == ZYDIS_REGISTER_RSP || o->mem.base == ZYDIS_REGISTER_RBP) &&
		   o->mem.index == ZYDIS_REGISTER_NONE && o->mem.segment != ZYDIS_REGISTER_FS) {
		it.place.stack = true;
		it.place.reg = o->mem.base;
		it.place.offset = o->mem.disp.value;
		if (o->size < it.place.width)
			it.place.width = o->size;
		query_ask(q, it);
	} else {
		query_unknown(q, &it, at, "it comes from memory");
	}
}

static void lea(struct query *q, struct item it, const ZydisDecodedOperand *o, uint64_t next)
{
	struct place p = {.reg = o->mem.base, .width = 64};
	bool one = o->mem.base == ZYDIS_REGISTER_NONE || o->mem.base == o->mem.index;
	if (o->mem.base == ZYDIS_REGISTER_RIP)
		query_value(q, next + (uint64_t)o->mem.disp.value);
	else if (o->mem.index != ZYDIS_REGISTER_NONE && one && register_whole(o->mem.index) <= ZYDIS_REGISTER_R15)
		p.reg = register_whole(o->mem.index),
		calculate(q, it, p, MUL,
			  (o->mem.scale + (uint64_t)(o->mem.base != ZYDIS_REGISTER_NONE)) << 32 |
				  (uint32_t)o->mem.disp.value);
	else if (o->mem.index != ZYDIS_REGISTER_NONE)
		query_unknown(q, &it, it.function->body->insn[it.insn].at, "it is computed");
	else if (o->mem.base == ZYDIS_REGISTER_NONE)
		query_value(q, (uint64_t)o->mem.disp.value);
	else
		p.reg = register_whole(p.reg), calculate(q, it, p, ADD, (uint64_t)o->mem.disp.value);
}

// The value of register it.place.reg after the instruction, which writes it.
static void written(struct query *q, struct item it, const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o,
		    uint64_t at)
{
	struct place self = it.place;
	bool same = i->operand_count > 1 && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && o[0].reg.value == o[1].reg.value;
	bool constant = i->operand_count > 1 && o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	uint64_t with = constant ? o[1].imm.value.u : 0;
	enum operation op = ADD;
	// It sets eight bits; of the others, those of before.
	if (i->meta.category == ZYDIS_CATEGORY_SETCC && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    !is_high(o[0].reg.value) && it.place.width > 8) {
		self.width = 64;
		calculate(q, it, self, LOW, 0xffull << 32);
		calculate(q, it, self, LOW, 0xffull << 32 | 1);
		return;
	}
	if (i->mnemonic == ZYDIS_MNEMONIC_MOV && constant && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    !is_high(o[0].reg.value) && o[0].size < 32 && o[0].size < it.place.width) {
		uint64_t mask = (1ull << o[0].size) - 1;
		self.width = 64;
		calculate(q, it, self, LOW, mask << 32 | (with & mask));
		return;
	}
	// 32 bits clear the upper half; fewer leave the rest.
	if (o[0].type != ZYDIS_OPERAND_TYPE_REGISTER || register_whole(o[0].reg.value) != it.place.reg ||
	    is_high(o[0].reg.value) || (o[0].size < 32 && o[0].size < it.place.width)) {
		if (i->mnemonic == ZYDIS_MNEMONIC_XCHG && !is_high(o[1].reg.value) && o[0].size >= 32) {
			query_source(q, it, &o[0], at);
			return;
		}
		query_unknown(q, &it, at, "a part of it is computed");
		return;
	}
	if (i->meta.category == ZYDIS_CATEGORY_SETCC) {
		query_value(q, 0);
		query_value(q, 1);
		return;
	}
	if (i->meta.category == ZYDIS_CATEGORY_CMOV) {
		query_source(q, it, &o[1], at);
		query_ask(q, it);
		return;
	}
	self.width = 64;
	switch (i->mnemonic) {
	case ZYDIS_MNEMONIC_MOVZX:
		if (o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && !is_high(o[1].reg.value)) {
			self.reg = register_whole(o[1].reg.value);
			self.width = o[1].size;
			calculate(q, it, self, AND, (1ull << o[1].size) - 1);
			return;
		}
		query_source(q, it, &o[1], at);
		return;
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_XCHG:
		query_source(q, it, &o[1], at);
		return;
	case ZYDIS_MNEMONIC_LEA:
		lea(q, it, &o[1], at + i->length);
		return;
	case ZYDIS_MNEMONIC_POP:
		it.place = (struct place){true, ZYDIS_REGISTER_RSP, 0, it.place.width};
		query_ask(q, it);
		return;
	case ZYDIS_MNEMONIC_XOR:
		if (same) {
			query_value(q, 0);
			return;
		}
		op = XOR;
		break;
	case ZYDIS_MNEMONIC_SBB:
		if (same) {
			query_value(q, 0);
			query_value(q, it.place.width <= 32 ? 0xffffffff : ~0ull);
			return;
		}
		constant = false;
		break;
	case ZYDIS_MNEMONIC_SUB:
		if (same) {
			query_value(q, 0);
			return;
		}
		with = -with;
		break;
	case ZYDIS_MNEMONIC_ADD:
		break;
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		with = i->mnemonic == ZYDIS_MNEMONIC_INC ? 1 : ~0ull;
		constant = true;
		break;
	case ZYDIS_MNEMONIC_AND:
		if (constant && !with) {
			query_value(q, 0);
			return;
		}
		op = AND;
		break;
	case ZYDIS_MNEMONIC_OR:
		if (constant && with == ~0ull) {
			query_value(q, it.place.width <= 32 ? 0xffffffff : ~0ull);
			return;
		}
		op = OR;
		break;
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHR:
		op = i->mnemonic == ZYDIS_MNEMONIC_SHL ? SHL : SHR;
		break;
	case ZYDIS_MNEMONIC_NEG:
	case ZYDIS_MNEMONIC_NOT:
		op = i->mnemonic == ZYDIS_MNEMONIC_NEG ? NEG : NOT;
		constant = true;
		break;
	default:
		constant = false;
	}
	if (constant)
		calculate(q, it, self, op, with);
	else
		query_unknown(q, &it, at, "it is computed");
}

// The value of it.place after instruction it.insn.
void query_after(struct query *q, struct item it)
{
	const struct module *m = q->scope->module[it.module];
	const struct insn *n = &it.function->body->insn[it.insn];
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	if (!body_decode(m, n, &i, o)) {
		query_unknown(q, &it, n->at, "its code is not understood");
		return;
	}
	if (it.place.stack) {
		query_stack(q, it, &i, o, n->at);
		return;
	}
	if (n->kind == CODE_CALL && caller_saved(it.place.reg)) {
		query_unknown(q, &it, n->at,
			it.place.reg == ZYDIS_REGISTER_RAX ? "a function returned it" : "it is what a call left");
		return;
	}
	if (n->kind == CODE_SYSCALL && (it.place.reg == ZYDIS_REGISTER_RAX || it.place.reg == ZYDIS_REGISTER_RCX ||
					it.place.reg == ZYDIS_REGISTER_R11)) {
		query_unknown(q, &it, n->at, "a system call returned it");
		return;
	}
	for (unsigned k = 0; k < i.operand_count && n->kind != CODE_CALL && n->kind != CODE_SYSCALL; k++)
		if (o[k].type == ZYDIS_OPERAND_TYPE_REGISTER && o[k].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    register_whole(o[k].reg.value) == it.place.reg && !(i.meta.category == ZYDIS_CATEGORY_NOP)) {
			written(q, it, &i, o, n->at);
			return;
		}
	query_ask(q, it);
}

