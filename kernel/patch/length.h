// SPDX-License-Identifier: MIT
//
// How long an instruction is, and as much of what it does as moving it takes. x86-64, 64-bit mode only.
#ifndef WHELK_PATCH_LENGTH_H
#define WHELK_PATCH_LENGTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_map { MAP_ONE_BYTE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_OTHER };

enum insn_flow {
	INSN_NEXT,   // goes on to the next instruction (or traps)
	INSN_BRANCH, // may also go elsewhere: conditional jumps, loops
	INSN_CALL,
	INSN_ENDS,   // never goes on: ret, jmp, iret, ud2
};

struct insn {
	uint8_t length;
	uint8_t map;	// enum insn_map; also of VEX and EVEX encodings
	uint8_t opcode; // the last opcode byte
	uint8_t modrm;	// 0 when there is none
	uint8_t disp_offset; // of the displacement in the instruction, when rip_relative
	bool vex;	// VEX, EVEX or XOP
	bool prefixed;	// any legacy prefix or REX
	bool rip_relative; // has an operand in memory at a distance from the next instruction
	bool direct;	// a branch, call or jump whose target is target_distance from the next instruction
	enum insn_flow flow;
	int32_t target_distance;
};

// Decodes the instruction at code[0..len). Its length, or -EINVAL: not an instruction, one that processors disagree about,
// or not all of it there.
int insn_decode(const uint8_t *code, size_t len, struct insn *out);

#endif
