// SPDX-License-Identifier: MIT
//
// Calls that have no handler.
#ifndef WHELK_SYS_REFUSE_H
#define WHELK_SYS_REFUSE_H

#include <stdint.h>

struct frame;

long sys_refuse(void); // rows of level eperm
// -ENOSYS; the user is told once per number, by name and with the caller's address, unless the row says absent.
long sys_missing(uint64_t nr, const struct frame *frame);
// As sys_missing, for an operation of a call that is otherwise there ("clone of a new process").
void sys_report_missing(uint64_t nr, const char *what);

#endif
