// SPDX-License-Identifier: MIT
#include "tools/lib/decode.h"

void decode_init(ZydisDecoder *decoder)
{
	ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

static enum code_kind kind_of(const ZydisDecodedInstruction *i)
{
	switch (i->mnemonic) {
	case ZYDIS_MNEMONIC_SYSCALL:
		return CODE_SYSCALL;
	case ZYDIS_MNEMONIC_SYSENTER:
		return CODE_LEGACY;
	case ZYDIS_MNEMONIC_INT:
		return i->raw.imm[0].value.u == 0x80 ? CODE_LEGACY : CODE_PLAIN;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT3:
	case ZYDIS_MNEMONIC_IRETQ:
		return CODE_END;
	default:
		break;
	}
	switch (i->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return CODE_CALL;
	case ZYDIS_CATEGORY_UNCOND_BR:
		return CODE_JUMP;
	case ZYDIS_CATEGORY_COND_BR:
		return i->mnemonic == ZYDIS_MNEMONIC_XBEGIN ? CODE_PLAIN : CODE_BRANCH;
	case ZYDIS_CATEGORY_RET:
		return CODE_END;
	default:
		return CODE_PLAIN;
	}
}

bool decode(const ZydisDecoder *decoder, const uint8_t *bytes, size_t length, uint64_t at, struct code *code)
{
	ZydisDecodedInstruction i;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder, NULL, bytes, length, &i)))
		return false;
	*code = (struct code){.at = at, .length = i.length, .kind = kind_of(&i)};
	code->padding = i.meta.category == ZYDIS_CATEGORY_NOP || i.meta.category == ZYDIS_CATEGORY_WIDENOP ||
			i.mnemonic == ZYDIS_MNEMONIC_INT3 ||
			(length > 1 && !bytes[0] && !bytes[1]); // zeros, as an `add`
	code->ret = i.meta.category == ZYDIS_CATEGORY_RET || i.mnemonic == ZYDIS_MNEMONIC_IRETQ;
	code->endbr = i.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
	code->is_move = i.mnemonic == ZYDIS_MNEMONIC_MOV;
	if (i.raw.imm[0].size) {
		if (i.raw.imm[0].is_relative) {
			code->has_target = code->kind == CODE_CALL || code->kind == CODE_JUMP ||
					   code->kind == CODE_BRANCH;
			code->target = at + i.length + i.raw.imm[0].value.u;
		} else {
			code->has_immediate = true;
			code->immediate = i.raw.imm[0].value.u;
		}
	}
	if (i.attributes & ZYDIS_ATTRIB_HAS_MODRM && i.raw.modrm.mod == 0 && !code->padding) {
		bool rip = i.raw.modrm.rm == 5;
		bool absolute = i.raw.modrm.rm == 4 && i.raw.sib.base == 5;
		if (rip || absolute) {
			code->has_memory = true;
			code->indexed = absolute && (i.raw.sib.index != 4 || i.raw.rex.X);
			code->memory = (uint64_t)i.raw.disp.value + (rip ? at + i.length : 0);
			code->is_lea = i.mnemonic == ZYDIS_MNEMONIC_LEA;
			if (i.attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS))
				code->has_memory = false;
		}
	}
	if (i.attributes & ZYDIS_ATTRIB_HAS_MODRM && i.raw.modrm.mod == 2 && !code->padding) {
		code->has_displacement = true;
		code->displacement = (uint64_t)i.raw.disp.value;
	}
	return true;
}
