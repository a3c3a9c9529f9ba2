// SPDX-License-Identifier: MIT
//
// Between the fuzzer of system calls and the program in the machine that makes them (syscall_args.c). A request: the
// number of calls, then so many; the answer: the number again, then for each of them which call ended how.
#ifndef WHELK_FUZZ_SYSCALLS_H
#define WHELK_FUZZ_SYSCALLS_H

#include <stdint.h>

#define CALLS_MAX    128
#define CALL_NUMBERS 462
#define RESULTS	     136 // 0, more, and the error numbers

struct call {
	uint32_t word[7]; // the number, and what the arguments are made of
};

#endif
