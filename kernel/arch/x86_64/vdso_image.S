// SPDX-License-Identifier: MIT
//
// The vDSO's ELF image (vdso/), page-aligned: its pages are mapped into the program as they are.
// Writable here for one word of it (exec/stack.c).
	.section .data.vdso, "aw", @progbits
	.balign 64 // the linker script gives it pages of its own
	.globl arch_vdso_start, arch_vdso_end
	.hidden arch_vdso_start, arch_vdso_end
arch_vdso_start:
	.incbin "vdso.so"
arch_vdso_end:
	.section .note.GNU-stack, "", @progbits
