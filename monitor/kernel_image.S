// SPDX-License-Identifier: MIT
//
// The kernels, one for each platform, inside the monitor's own executable.
	.macro KERNEL name file
	.balign 4096
	.globl \name, \name\()_end
	.hidden \name, \name\()_end
\name:
	.incbin "\file"
\name\()_end:
	.byte 0
	.endm

	.section .rodata.kernel, "a", @progbits
	KERNEL image_kvm "kernel.elf"
	KERNEL image_linux "kernel-linux.elf"
	.section .note.GNU-stack, "", @progbits
