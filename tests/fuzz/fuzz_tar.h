// SPDX-License-Identifier: MIT
//
// What whelk build says and how it ends become the fuzzer's: forced in front of its sources (fuzz_tar.mk).
#include <stdio.h>
#include <stdlib.h>

extern FILE *fuzz_nowhere;
void fuzz_exit(int status) __attribute__((noreturn));
#define exit fuzz_exit
#undef stderr
#define stderr fuzz_nowhere
