// SPDX-License-Identifier: MIT
//
// Sizes of instructions that kernel/patch writes and replaces.
#ifndef WHELK_ARCH_CODE_H
#define WHELK_ARCH_CODE_H

#define SYSCALL_SIZE 2u	 // 0f 05
#define JUMP_SIZE    5u	 // jmp rel32: reaches a stub
#define HOP_SIZE     2u	 // jmp rel8: reaches padding nearby
#define WINDOW_MAX   15u // the longest instruction
#define STUB_SIZE    32u // one of these moved, lea (7), jmp (6), and its length in the last byte

void call_entry(void); // entry.S: where stubs jump to

#endif
