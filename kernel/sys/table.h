// SPDX-License-Identifier: MIT
//
// The dispatch table made from syscalls.def. Nothing outside sys/ knows call numbers.
#ifndef WHELK_SYS_TABLE_H
#define WHELK_SYS_TABLE_H

#include <asm/unistd.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/api.h"

#define SYS_MAX_ARGS 6

// Argument kinds; the tracer prints by them.
enum sys_arg {
	ARG_NONE,
	ARG_INT, ARG_UINT, ARG_FD, ARG_AT, ARG_SIZE, ARG_OFF, ARG_ULONG, ARG_ADDR, ARG_PATH, ARG_PTR, ARG_CPTR,
	ARG_SBUF, ARG_SIG, ARG_CLOCK, ARG_WHENCE, ARG_IDTYPE, ARG_FUTEXOP, ARG_OFLAGS, ARG_POLLT, ARG_PROT,
	ARG_MAPFLAGS, ARG_ATFLAGS, ARG_SOCKDOM, ARG_EPOLLOP, ARG_FCNTLOP, ARG_IOCTLOP, ARG_PRCTLOP, ARG_MADV,
	ARG_TID, ARG_PID, ARG_UID, ARG_GID, ARG_MODE, ARG_CLONEFLAGS, ARG_TIMESPEC,
};

enum sys_level { LEVEL_FULL = 1, LEVEL_PART, LEVEL_STUB, LEVEL_EPERM, LEVEL_ABSENT, LEVEL_NONE };

enum sys_class { CLASS_OTHER, CLASS_FILE, CLASS_DESC, CLASS_MEMORY, CLASS_SIGNAL, CLASS_NETWORK, CLASS_PROCESS,
	CLASS_TIME, CLASS_FUTEX, CLASS_SCHED };

// Every handler is called with six register arguments; it declares those it has.
typedef long (*sys_handler)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

struct __attribute__((packed)) sys_row { // seven bytes: there are more than 450
	uint64_t name : 13;		// offset into the names
	uint64_t level : 3, class : 4;
	uint64_t args : 6 * SYS_MAX_ARGS; // enum sys_arg, the first lowest; ARG_NONE ends
};

static inline enum sys_arg sys_row_arg(const struct sys_row *row, int n) { return row->args >> 6 * n & 63; }

extern sys_handler sys_handlers[];	 // NULL: no handler, or none for this program (manifest.c)

extern const unsigned sys_count;	 // of entries in sys_handlers
API const struct sys_row *sys_row(uint64_t nr); // NULL: no such call

API const char *sys_name(uint64_t nr); // "openat", or NULL

#endif
