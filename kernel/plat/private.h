// SPDX-License-Identifier: MIT
//
// Between shared.c, a platform's directory and the architecture's first instructions.
#ifndef WHELK_PLAT_PRIVATE_H
#define WHELK_PLAT_PRIVATE_H

#include <stdint.h>

struct abi_boot;
struct arch_cpu;

#define BOOT_STACK_SIZE 16384 // entry.S knows

// The platform's.
void bell_ring(unsigned offset, uint64_t value); // abi/doorbell.h: done when it returns
void cpu_prepare(struct arch_cpu *cpu);		 // its block is filled in, but for what the platform keeps there
void measure_trap(void (*probe)(void));		 // plat_trap_ns, by what goes the way of a trap and back
void cpu_enter(struct arch_cpu *cpu);		 // arch_cpu() is its block from now on
void cpu_launch(unsigned n);			 // makes CPU n arrive at cpu_entry

// Called by boot_entry and cpu_entry (arch): first C of each CPU.
extern uint8_t plat_boot_stack[];
extern uint64_t plat_cpu_stack[];
_Noreturn void plat_start(const struct abi_boot *b);
_Noreturn void plat_cpu_start_here(unsigned n);

#endif
