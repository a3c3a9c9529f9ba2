// SPDX-License-Identifier: MIT
//
// The kernel, inside the monitor's own executable.
	.section .rodata.kernel, "a", @progbits
	.balign 4096
	.globl image_builtin, image_builtin_end
	.hidden image_builtin, image_builtin_end
image_builtin:
	.incbin "kernel.elf"
image_builtin_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
