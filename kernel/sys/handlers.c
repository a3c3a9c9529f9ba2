// SPDX-License-Identifier: MIT
//
// The dispatch table. Nothing else names the handlers: a specialised kernel (whelk build --specialise) has a table of
// its own
// instead, as long as this one, and keeps of the kernel what that leads to.
#include "base/util.h"
#include "sys/refuse.h"
#include "sys/syscalls.h"
#include "sys/table.h"

// A handler takes what it declares of the six argument registers; both ABIs allow the call.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-function-type"
sys_handler sys_handlers[] = {
#define ROW(name, handler, ...) [__NR_##name] = (sys_handler)(handler),
#include "sys/rows.inc"
#undef ROW
};
#pragma GCC diagnostic pop
