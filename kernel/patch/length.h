// SPDX-License-Identifier: MIT
//
// The length of an instruction, and what one must know to move it elsewhere. It needs nothing of the kernel, and tests
// on the host include it too.
//
// Any bytes may be given. An instruction that a processor executes gets its true length or is refused; bytes that raise
// #UD may get a length or be refused. Decoding a function from its start therefore finds the boundaries of its
// instructions up to the first refusal, and no further.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX 15 // bytes: longer ones raise #GP

enum insn_encoding { INSN_LEGACY, INSN_VEX, INSN_EVEX, INSN_XOP };

// As VEX, EVEX and XOP number them. 3DNow! is opcode 0f of map 0F, with its operation in the immediate.
enum insn_map {
	INSN_MAP_ONE_BYTE = 0,
	INSN_MAP_0F = 1,
	INSN_MAP_0F38 = 2,
	INSN_MAP_0F3A = 3,
	INSN_MAP_5 = 5, // EVEX only, like 6
	INSN_MAP_6 = 6,
	INSN_MAP_XOP8 = 8, // XOP only, like 9 and 10
	INSN_MAP_XOP9 = 9,
	INSN_MAP_XOPA = 10,
};

// Legacy prefixes. Of f2 and f3 the last one counts, and of the segments too.
enum insn_prefix {
	INSN_OPERAND_SIZE = 1 << 0, // 66
	INSN_ADDRESS_SIZE = 1 << 1, // 67
	INSN_LOCK = 1 << 2,	    // f0
	INSN_REPNE = 1 << 3,	    // f2
	INSN_REP = 1 << 4,	    // f3
	INSN_SEGMENT = 1 << 5,	    // 26, 2e, 36, 3e: ignored in 64-bit mode, or a hint
	INSN_FS = 1 << 6,	    // 64
	INSN_GS = 1 << 7,	    // 65
};

// Branches whose target is an offset from the end of the instruction.
enum insn_branch { INSN_NO_BRANCH, INSN_JMP, INSN_CALL, INSN_JCC, INSN_LOOP, INSN_JRCXZ, INSN_XBEGIN };

// Offsets count from the first byte, prefixes included. 0 stands for "has none": nothing but prefix or opcode is there.
struct insn {
	uint8_t length;
	uint8_t encoding; // enum insn_encoding
	uint8_t map;	  // enum insn_map
	uint8_t opcode;
	uint8_t prefixes; // enum insn_prefix
	uint8_t rex;	  // the REX byte, or 0
	uint8_t opcode_offset;
	uint8_t modrm_offset;
	uint8_t modrm;
	uint8_t disp_offset; // of the memory operand: 1 or 4 bytes, or an address of 4 or 8 (a0 to a3)
	uint8_t disp_size;
	uint8_t imm_offset; // of all immediates together; of the displacement if it is a branch
	uint8_t imm_size;
	uint8_t branch;	   // enum insn_branch
	// the memory operand is at RIP (EIP with INSN_ADDRESS_SIZE) + 4 bytes at disp_offset + length
	bool rip_relative;
	bool ends_flow;	   // never goes on behind it: jmp, ret and their like, hlt, ud0 to ud2
	int32_t target;	   // of a branch, from the end of the instruction
};

// Decodes the instruction at `code`, of which `len` bytes may be read (15 are enough), in 64-bit mode. Returns its
// length (1 to 15) and fills *out. -ENODATA: it goes on behind `len`. -EINVAL: undefined, too long, or processors
// disagree on it: a relative branch with prefix 66 and without REX.W. On an error *out says nothing.
int insn_length(const uint8_t *code, size_t len, struct insn *out);
