// SPDX-License-Identifier: MIT
//
// whelk run --trace: one line per system call on standard error, in strace's form, decoded by the
// argument kinds of syscalls.def.
#ifndef WHELK_SYS_TRACE_H
#define WHELK_SYS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/format.h"
#include "sys/table.h"

struct frame;

extern bool trace_on;

// `filter`: comma-separated names and classes (file, desc, memory, signal, network, process, time); empty: all.
void trace_init(const char *filter);
// Before the handler: remembers the arguments that the call may overwrite. False: this call is not traced.
bool trace_enter(uint64_t nr, const struct frame *frame);
void trace_leave(uint64_t nr, const struct frame *frame, long result);
// A signal is about to be delivered.
void trace_signal(int sig, int code, uint64_t addr);
void trace_exit(int status);

// trace_decode.c: appends one argument.
void trace_decode(struct text *out, enum sys_arg kind, uint64_t value, uint64_t result, bool entering);

#endif
