// SPDX-License-Identifier: MIT
#ifndef WHELK_SYS_ERRNO_NAME_H
#define WHELK_SYS_ERRNO_NAME_H

const char *errno_name(int err);	// 2 -> "ENOENT"; NULL when it has none
const char *signal_name(int sig);	// 11 -> "SEGV"; "RT" for real-time signals

#endif
