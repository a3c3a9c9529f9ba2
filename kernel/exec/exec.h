// SPDX-License-Identifier: MIT
//
// Putting a program in place: execve(2), elf(5), the stack a program starts with. The Linux ABI
// at load time is here.
#ifndef WHELK_EXEC_H
#define WHELK_EXEC_H

#include "base/api.h"

// Boot: the program of the boot block. Runs on the first thread; ends the machine (126, 127) when it cannot be run.
_Noreturn void exec_first(void);

#endif
