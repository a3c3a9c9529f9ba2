// SPDX-License-Identifier: MIT
//
// A look at an executable before a machine is made for it: says in one sentence why it cannot run.
// The kernel checks everything again; this is for the user, not for safety.
#ifndef WHELK_MONITOR_ELFCHECK_H
#define WHELK_MONITOR_ELFCHECK_H

#include <stddef.h>
#include <stdint.h>

struct elfcheck {
	char why[200];		// when it cannot be executed
	char interpreter[4096]; // PT_INTERP or the path after #!, or ""
};

// `head`: the first `len` bytes of a file of `size` bytes (at least 4 KiB of it where there are as many). 0 or
// -ENOEXEC.
int elfcheck(const uint8_t *head, size_t len, uint64_t size, struct elfcheck *out);
int elfcheck_file(int fd, struct elfcheck *out); // the same, reading

#endif
