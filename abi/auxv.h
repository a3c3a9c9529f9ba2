// SPDX-License-Identifier: MIT
//
// What the kernel tells the program in its auxiliary vector beyond what Linux tells: where a C library that knows Whelk
// (libc/) may jump instead of executing `syscall`. Numbers are far above Linux's; who does not know them does not see
// them. They are absent where system calls shall trap, and on Linux: `syscall` is right everywhere.
//
// CALL, on x86-64: jump there as for `syscall`, but rcx = the address to return to, right before which lies a `syscall`
// instruction: the kernel goes there when the call is to be made again, after a signal handler. The stack is not
// touched.
// WORDS: 1. What some calls without arguments tell lies in the running thread's block of 64-bit words, whose address GS
// leads to; the thread may move to another CPU at any time and finds the same block there. One word is the address of
// counters by call number, for whoever reads to count what he did not call. They are to be read only, and each time
// anew.
#ifndef WHELK_ABI_AUXV_H
#define WHELK_ABI_AUXV_H

#define AT_WHELK_CALL  0x57480001
#define AT_WHELK_WORDS 0x57480002

#define AT_WHELK_WORDS_GS "16"
#define AT_WHELK_WORD_PID   0
#define AT_WHELK_WORD_TID   1
#define AT_WHELK_WORD_PPID  2
#define AT_WHELK_WORD_UID   3
#define AT_WHELK_WORD_EUID  4
#define AT_WHELK_WORD_GID   5
#define AT_WHELK_WORD_EGID  6
#define AT_WHELK_WORD_CALLS 7

#endif
