// SPDX-License-Identifier: MIT
//
// What the monitor says: one line on standard error, "whelk: " before it. Text that may come from the
// guest has its control bytes escaped, so that it cannot drive the terminal.
#ifndef WHELK_MONITOR_MESSAGE_H
#define WHELK_MONITOR_MESSAGE_H

#include <stddef.h>

void message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void message_plain(const char *fmt, ...) __attribute__((format(printf, 1, 2))); // without the prefix: tables, dumps
// Copies at most `len` bytes of `text` (up to a NUL) with control bytes as \xNN; always terminated. Returns buf.
const char *message_escape(char *buf, size_t size, const char *text, size_t len);

extern int message_verbose; // 1 with --verbose
extern int message_fd;	    // where to: standard error, unless somebody keeps the caller's (atomic)

#endif
