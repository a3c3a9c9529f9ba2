// SPDX-License-Identifier: MIT
//
// The vDSO's ELF image (vdso/), page-aligned: its pages are mapped into the program as they are.
	.section .rodata.vdso, "a", @progbits
	.balign 4096
	.globl arch_vdso_start, arch_vdso_end
	.hidden arch_vdso_start, arch_vdso_end
arch_vdso_start:
	.incbin "vdso.so"
arch_vdso_end:
	.balign 4096
	.section .note.GNU-stack, "", @progbits
