// SPDX-License-Identifier: MIT
//
// The vDSO's ELF image (vdso/), page-aligned: its pages are mapped into the program as they are.
// Writable here for one word of it (exec/stack.c).
	.section .data.vdso, "aw", @progbits
	.balign 4096
	.globl arch_vdso_start, arch_vdso_end
	.hidden arch_vdso_start, arch_vdso_end
arch_vdso_start:
	.incbin "vdso.so"
arch_vdso_end:
	.balign 4096
	.section .note.GNU-stack, "", @progbits
