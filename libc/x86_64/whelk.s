# SPDX-License-Identifier: MIT
#
# Where system calls go (whelk.h): to the kernel's entry once whelk_find() has seen it, until then and elsewhere to the
# `syscall` before the address in rcx.
	.data
	.balign 16
	.global whelk_call, whelk_words
	.hidden whelk_call, whelk_words
whelk_call:
	.quad trap
whelk_words:
	.quad 0
	.text
	.balign 16
trap:
	sub $2, %rcx
	jmp *%rcx
	.section .note.GNU-stack, "", @progbits
