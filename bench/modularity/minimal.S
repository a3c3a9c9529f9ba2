/* SPDX-License-Identifier: MIT */
/* exit_group(0), and nothing else. */
	.globl _start
_start:
	xor %edi, %edi
	mov $231, %eax
	syscall
	.section .note.GNU-stack, "", @progbits
