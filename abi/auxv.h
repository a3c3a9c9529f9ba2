// SPDX-License-Identifier: MIT
//
// What the kernel tells the program in its auxiliary vector beyond what Linux tells: where a C library that knows Whelk
// (libc/) may jump instead of executing `syscall`. Numbers are far above Linux's; who does not know them does not see them.
// They are absent where system calls shall trap, and on Linux: `syscall` is right everywhere.
//
// CALL, on x86-64: jump there as for `syscall`, but rcx = the address to return to, right before which lies a `syscall`
// instruction: the kernel goes there when the call is to be made again, after a signal handler. The stack is not touched.
// TELL: long tell(long number), an ordinary function of the vDSO, for calls without arguments. Those that only tell what
// the kernel knows anyway (getpid) it answers without entering the kernel.
#ifndef WHELK_ABI_AUXV_H
#define WHELK_ABI_AUXV_H

#define AT_WHELK_CALL 0x57480001
#define AT_WHELK_TELL 0x57480002

#endif
