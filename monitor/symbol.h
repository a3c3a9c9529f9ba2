// SPDX-License-Identifier: MIT
//
// Names for addresses, from a program's .symtab or, if it is stripped, .dynsym. The file is the guest's: hostile,
// and read with pread(2), since it may shrink at any time.
#ifndef WHELK_MONITOR_SYMBOL_H
#define WHELK_MONITOR_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

// "name+0x12" for the code at offset `off` of the ELF file. 0, or -ENOENT (out is "") when nothing is known.
int symbol_find(int fd, uint64_t off, char *out, size_t size);

#endif
