// SPDX-License-Identifier: MIT
//
// What the monitor's portable files must know of the processor.
#ifndef WHELK_MONITOR_ARCH_H
#define WHELK_MONITOR_ARCH_H

#include <asm/prctl.h>
#include <elf.h>
#include <linux/audit.h>

#define ARCH_ELF_MACHINE EM_X86_64
#define ARCH_AUDIT	 AUDIT_ARCH_X86_64
#define ARCH_NAME	 "x86-64"
#define ARCH_MUSL	 "/lib/ld-musl-x86_64.so.1"
#define ARCH_POLL	 __NR_poll // the call behind poll(3)
#define ARCH_BASE_CALL	 __NR_arch_prctl
#define ARCH_BASE_CODES	 {ARCH_SET_FS, ARCH_SET_GS}
#define ARCH_REGISTERS                                                                                             \
	{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", \
	 "rip", "rflags", "fs_base", "gs_base", "cr2", "error"}

#endif
