// SPDX-License-Identifier: MIT
//
// Between plat.c, nucleus.S and the architecture's first instructions.
#ifndef WHELK_PLAT_KVM_PRIVATE_H
#define WHELK_PLAT_KVM_PRIVATE_H

#include <stdint.h>

struct abi_boot;

#define BOOT_STACK_SIZE 16384 // entry.S knows

// nucleus.S: the gateway. root_set with the root in use flushes everything.
void gateway_page_flush(uint64_t va);
void gateway_root_set(uint64_t root_gpa);
extern const char gateway_rip[];

// Called by boot_entry and cpu_entry (arch): first C of each CPU.
extern uint8_t plat_boot_stack[];
extern uint64_t plat_cpu_stack[];
_Noreturn void plat_start(const struct abi_boot *b);
_Noreturn void plat_cpu_start_here(unsigned n);

#endif
