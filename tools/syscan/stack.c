// SPDX-License-Identifier: MIT
//
// A word of the stack, one instruction backwards: where it was before, or what was put there.
#include "tools/syscan/query.h"

void query_stack(struct query *q, struct item it, const ZydisDecodedInstruction *i, const ZydisDecodedOperand *o,
			uint64_t at)
{
	struct place *p = &it.place;
	const struct body *b = it.function->body;
	bool rsp = p->reg == ZYDIS_REGISTER_RSP;
	uint8_t kind = b->insn[it.insn].kind;
	if ((kind == CODE_CALL || kind == CODE_SYSCALL) && b->stack_taken) {
		query_unknown(q, &it, at, "it comes from memory that others may write");
		return;
	}
	if (kind == CODE_CALL || kind == CODE_SYSCALL) {
		query_ask(q, it);
		return;
	}
	if (i->mnemonic == ZYDIS_MNEMONIC_PUSH) {
		if (rsp && !p->offset) {
			query_source(q, it, &o[0], at);
			return;
		}
		p->offset -= rsp ? 8 : 0;
		query_ask(q, it);
		return;
	}
	for (unsigned k = 0; k < i->operand_count; k++) {
		if (!(o[k].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (o[k].type == ZYDIS_OPERAND_TYPE_REGISTER && register_whole(o[k].reg.value) == p->reg) {
			bool constant = i->operand_count > 1 && o[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !k;
			if (i->mnemonic == ZYDIS_MNEMONIC_SUB && constant) {
				p->offset -= o[1].imm.value.s;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_ADD && constant) {
				p->offset += o[1].imm.value.s;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_POP && rsp &&
				   o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
				   register_whole(o[0].reg.value) != ZYDIS_REGISTER_RSP) {
				p->offset += 8;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_MOV && !k &&
				   o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
				   (o[1].reg.value == ZYDIS_REGISTER_RSP || o[1].reg.value == ZYDIS_REGISTER_RBP)) {
				p->reg = o[1].reg.value;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_LEA && o[1].mem.index == ZYDIS_REGISTER_NONE &&
				   (o[1].mem.base == ZYDIS_REGISTER_RSP || o[1].mem.base == ZYDIS_REGISTER_RBP)) {
				p->reg = o[1].mem.base;
				p->offset += o[1].mem.disp.value;
			} else if (i->mnemonic == ZYDIS_MNEMONIC_LEAVE && rsp) {
				p->reg = ZYDIS_REGISTER_RBP;
				p->offset += 8;
			} else {
				query_unknown(q, &it, at, "it comes from a stack that is not understood");
				return;
			}
			query_ask(q, it);
			return;
		}
		if (o[k].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		bool mine = o[k].mem.base == p->reg && o[k].mem.index == ZYDIS_REGISTER_NONE;
		int64_t size = o[k].size / 8;
		if (mine && o[k].mem.disp.value == p->offset && o[k].size >= p->width &&
		    i->mnemonic == ZYDIS_MNEMONIC_MOV && !k) {
			query_source(q, it, &o[1], at);
			return;
		}
		if (mine ? o[k].mem.disp.value < p->offset + (int64_t)p->width / 8 &&
				    o[k].mem.disp.value + size > p->offset
			 : b->stack_taken || o[k].mem.base == ZYDIS_REGISTER_RSP ||
				    o[k].mem.base == ZYDIS_REGISTER_RBP) {
			query_unknown(q, &it, at, "it comes from memory that is written in a way not understood");
			return;
		}
	}
	query_ask(q, it);
}

