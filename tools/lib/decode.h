// SPDX-License-Identifier: MIT
//
// One instruction of x86-64 as a scan of code needs it: how long, where it leads, what it names. Decoded by Zydis;
// tools that need operands one by one (tools/syscan/flow.c) ask Zydis themselves.
#ifndef WHELK_TOOLS_DECODE_H
#define WHELK_TOOLS_DECODE_H

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum code_kind {
	CODE_PLAIN,
	CODE_CALL,
	CODE_JUMP,   // without condition
	CODE_BRANCH, // with one
	CODE_END,    // ret, ud2, hlt, int3: what is behind is not reached from here
	CODE_SYSCALL,
	CODE_LEGACY, // int 0x80, sysenter: the 32-bit interface
};

struct code {
	uint64_t at;
	uint8_t length;
	enum code_kind kind;
	bool has_target; // call, jump, branch: `target` is where to; else it goes through a register or memory
	bool has_memory; // `memory` is the address of its memory operand (relative to rip, or absolute)
	bool indexed;	 // ... to which a register is added
	bool is_lea;	 // it takes that address, and not what is there
	bool is_move;	 // mov
	bool has_immediate;
	bool has_displacement; // a register and 32 bits: in code of fixed addresses, maybe one
	bool padding; // nop, int3
	bool endbr;
	bool ret;
	uint64_t target, memory, immediate, displacement;
};

void decode_init(ZydisDecoder *decoder);
// False: no instruction begins there, or it does not end within `length`.
bool decode(const ZydisDecoder *decoder, const uint8_t *bytes, size_t length, uint64_t at, struct code *code);

#endif
