# SPDX-License-Identifier: MIT
#
# Where system calls go (whelk.h): to the kernel's entries once whelk_find() has seen them, until then and elsewhere to Linux.
	.data
	.balign 16
	.global whelk_call, whelk_tell
	.hidden whelk_call, whelk_tell
whelk_call:
	.quad trap
whelk_tell:
	.quad trap_tell
	.text
	.balign 16
trap: # by the `syscall` before the address in rcx
	sub $2, %rcx
	jmp *%rcx
trap_tell:
	mov %rdi, %rax
	syscall
	ret
	.section .note.GNU-stack, "", @progbits
