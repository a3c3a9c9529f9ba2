// SPDX-License-Identifier: MIT
//
// kernel/patch/length.h against Zydis: one instruction, everything both of them say. For tests/unit and tests/fuzz.
#pragma once
#include <Zydis/Zydis.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "patch/length.h"

enum comparison {
	SAME,	 // both decode it, to the same
	REFUSED, // Zydis decodes it, we refuse on purpose: processors disagree on it
	BAD,	 // neither decodes it
	LENIENT, // we give a length to what Zydis says is undefined
	WRONG,	 // a message is in comparison_why
};

static char comparison_why[300];

static enum comparison comparison_wrong(const char *what, const uint8_t *code, size_t len, long ours, long theirs)
{
	int n = snprintf(comparison_why, sizeof(comparison_why), "%s: ours %ld, Zydis %ld:", what, ours, theirs);
	for (size_t i = 0; i < len && i < 16; i++)
		n += snprintf(comparison_why + n, sizeof(comparison_why) - n, " %02x", code[i]);
	return WRONG;
}

static unsigned comparison_prefixes(const ZydisDecodedInstruction *z)
{
	unsigned rep = 0, segment = 0, other = 0;
	for (int i = 0; i < z->raw.prefix_count; i++)
		switch (z->raw.prefixes[i].value) {
		case 0x66: other |= INSN_OPERAND_SIZE; break;
		case 0x67: other |= INSN_ADDRESS_SIZE; break;
		case 0xf0: other |= INSN_LOCK; break;
		case 0xf2: rep = INSN_REPNE; break;
		case 0xf3: rep = INSN_REP; break;
		case 0x64: segment = INSN_FS; break;
		case 0x65: segment = INSN_GS; break;
		case 0x26: case 0x2e: case 0x36: case 0x3e: segment = INSN_SEGMENT; break;
		}
	return rep | segment | other;
}

static enum insn_branch comparison_branch(const ZydisDecodedInstruction *z)
{
	if (!z->raw.imm[0].is_relative)
		return INSN_NO_BRANCH;
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_JMP: return INSN_JMP;
	case ZYDIS_MNEMONIC_CALL: return INSN_CALL;
	case ZYDIS_MNEMONIC_LOOP: case ZYDIS_MNEMONIC_LOOPE: case ZYDIS_MNEMONIC_LOOPNE: return INSN_LOOP;
	case ZYDIS_MNEMONIC_JCXZ: case ZYDIS_MNEMONIC_JECXZ: case ZYDIS_MNEMONIC_JRCXZ: return INSN_JRCXZ;
	case ZYDIS_MNEMONIC_XBEGIN: return INSN_XBEGIN;
	default: return INSN_JCC;
	}
}

static bool comparison_ends(const ZydisDecodedInstruction *z)
{
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_RET: case ZYDIS_MNEMONIC_JMP: case ZYDIS_MNEMONIC_HLT: case ZYDIS_MNEMONIC_RSM:
	case ZYDIS_MNEMONIC_IRET: case ZYDIS_MNEMONIC_IRETD: case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_SYSRET: case ZYDIS_MNEMONIC_SYSEXIT:
	case ZYDIS_MNEMONIC_UD0: case ZYDIS_MNEMONIC_UD1: case ZYDIS_MNEMONIC_UD2:
		return true;
	default:
		return false;
	}
}

static unsigned comparison_map(const ZydisDecodedInstruction *z)
{
	switch (z->opcode_map) {
	case ZYDIS_OPCODE_MAP_0F0F: return INSN_MAP_0F;
	case ZYDIS_OPCODE_MAP_XOP8: return INSN_MAP_XOP8;
	case ZYDIS_OPCODE_MAP_XOP9: return INSN_MAP_XOP9;
	case ZYDIS_OPCODE_MAP_XOPA: return INSN_MAP_XOPA;
	default: return z->opcode_map; // DEFAULT, 0F, 0F38, 0F3A, MAP5, MAP6 are numbered as in the encodings
	}
}

static unsigned comparison_encoding(const ZydisDecodedInstruction *z)
{
	switch (z->encoding) {
	case ZYDIS_INSTRUCTION_ENCODING_VEX: return INSN_VEX;
	case ZYDIS_INSTRUCTION_ENCODING_EVEX: return INSN_EVEX;
	case ZYDIS_INSTRUCTION_ENCODING_XOP: return INSN_XOP;
	default: return INSN_LEGACY;
	}
}

// Knights Corner, a coprocessor, reused bits of EVEX and had branches in VEX: undefined everywhere else.
static bool comparison_knc(const ZydisDecodedInstruction *z)
{
	return z->encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX || z->meta.isa_ext == ZYDIS_ISA_EXT_KNC ||
	       z->meta.isa_ext == ZYDIS_ISA_EXT_KNCE || z->meta.isa_ext == ZYDIS_ISA_EXT_KNCV;
}

#define COMPARE(what, ours, theirs)                                                           \
	do {                                                                                  \
		if ((long)(ours) != (long)(theirs))                                           \
			return comparison_wrong(what, code, len, (long)(ours), (long)(theirs)); \
	} while (0)

// Compares the first instruction of `code`; *length is how far to go on, 1 where neither knows.
static enum comparison compare(const ZydisDecoder *decoder, const uint8_t *code, size_t len, unsigned *length)
{
	ZydisDecoderContext context;
	ZydisDecodedInstruction z;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct insn in;
	ZyanStatus status = ZydisDecoderDecodeInstruction(decoder, &context, code, len, &z);
	int n = insn_length(code, len, &in);
	*length = ZYAN_SUCCESS(status) ? z.length : 1;

	if (n > 0) { // one byte less is too few
		struct insn part;
		COMPARE("length", n, in.length);
		COMPARE("length without the last byte", insn_length(code, n - 1, &part), -ENODATA);
	}
	if (!ZYAN_SUCCESS(status) || comparison_knc(&z)) {
		if (status == ZYDIS_STATUS_NO_MORE_DATA && n > 0)
			return comparison_wrong("goes on behind the end", code, len, n, -ENODATA);
		return n > 0 ? LENIENT : BAD;
	}
	if (n == -EINVAL && z.raw.imm[0].is_relative && (comparison_prefixes(&z) & INSN_OPERAND_SIZE) && !z.raw.rex.W)
		return REFUSED;
	COMPARE("length", n, z.length);
	COMPARE("encoding", in.encoding, comparison_encoding(&z));
	COMPARE("map", in.map, comparison_map(&z));
	COMPARE("prefixes", in.prefixes, comparison_prefixes(&z));
	COMPARE("rex", in.rex != 0, (z.attributes & ZYDIS_ATTRIB_HAS_REX) != 0);
	COMPARE("rex.w", (in.rex & 8) != 0, in.rex && z.raw.rex.W);
	COMPARE("modrm", in.modrm_offset, z.attributes & ZYDIS_ATTRIB_HAS_MODRM ? z.raw.modrm.offset : 0);
	COMPARE("displacement's size", in.disp_size * 8, z.raw.disp.size);
	COMPARE("displacement's offset", in.disp_offset, z.raw.disp.offset);
	if (z.opcode_map == ZYDIS_OPCODE_MAP_0F0F) { // for Zydis the last byte is the opcode
		COMPARE("3DNow! opcode", code[in.imm_offset], z.opcode);
	} else {
		COMPARE("opcode", in.opcode, z.opcode);
		COMPARE("immediate's size", in.imm_size * 8, z.raw.imm[0].size + z.raw.imm[1].size);
		COMPARE("immediate's offset", in.imm_offset, z.raw.imm[0].offset);
	}
	COMPARE("branch", in.branch, comparison_branch(&z));
	COMPARE("end of flow", in.ends_flow, comparison_ends(&z));

	// Targets and addresses relative to RIP as Zydis finds them in the operands, not in the encoding.
	const uint64_t at = 0x5555555500000000;
	bool relative = false;
	if (z.attributes & ZYDIS_ATTRIB_IS_RELATIVE) {
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeOperands(decoder, &context, &z, operands, z.operand_count)))
			return comparison_wrong("operands", code, len, 0, 0);
		for (int i = 0; i < z.operand_count; i++) {
			ZyanU64 target;
			if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
				relative |= operands[i].mem.base == ZYDIS_REGISTER_RIP ||
					    operands[i].mem.base == ZYDIS_REGISTER_EIP;
			else if (operands[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[i].imm.is_relative &&
				 ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&z, &operands[i], at, &target)))
				COMPARE("target", at + n + in.target, target);
		}
	}
	COMPARE("RIP-relative", in.rip_relative, relative);
	return SAME;
}
