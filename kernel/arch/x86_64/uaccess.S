// SPDX-License-Identifier: MIT
//
// Access to the program's memory that survives a fault: each instruction that may fault has a row in
// the fixup table, {faulting instruction, where to go on}, both relative to the row's own words.
	.macro FIXUP insn landing
	.pushsection .fixup, "a", @progbits
	.balign 4
	.long \insn - .
	.long \landing - .
	.popsection
	.endm

	.macro FUNCTION name
	.globl \name
	.hidden \name
	.type \name, @function
	.balign 16
\name:
	.endm

	.text
// int arch_copy_fault(void *dst, const void *src, size_t len, size_t *done)
FUNCTION arch_copy_fault
	mov %rcx, %r8
	mov %rdx, %rcx
	// The commonest small sizes are one load and one store: futex words are read so.
	cmp $8, %rdx
	je 5f
	cmp $4, %rdx
	je 8f
1:	rep movsb
2:	xor %eax, %eax
3:	test %r8, %r8
	jz 4f
	sub %rcx, %rdx
	mov %rdx, (%r8)
4:	ret
5:	mov (%rsi), %rax
6:	mov %rax, (%rdi)
	xor %ecx, %ecx
	jmp 2b
8:	mov (%rsi), %eax
9:	mov %eax, (%rdi)
	xor %ecx, %ecx
	jmp 2b
7:	mov $-14, %eax
	jmp 3b
	FIXUP 1b, 7b
	FIXUP 5b, 1b // again by bytes: a part may be there
	FIXUP 6b, 1b
	FIXUP 8b, 1b
	FIXUP 9b, 1b

// int arch_zero_fault(void *dst, size_t len, size_t *done)
FUNCTION arch_zero_fault
	mov %rdx, %r8
	mov %rsi, %rcx
	xor %eax, %eax
1:	rep stosb
2:	test %r8, %r8
	jz 3f
	sub %rcx, %rsi
	mov %rsi, (%r8)
3:	ret
4:	mov $-14, %eax
	jmp 2b
	FIXUP 1b, 4b

// long arch_strnlen_fault(const char *s, size_t max)
FUNCTION arch_strnlen_fault
	xor %eax, %eax
1:	cmp %rsi, %rax
	jae 3f
2:	cmpb $0, (%rdi, %rax)
	je 3f
	inc %rax
	jmp 1b
3:	ret
4:	mov $-14, %rax
	ret
	FIXUP 2b, 4b

// int arch_cmpxchg32_fault(uint32_t *p, uint32_t expect, uint32_t want, uint32_t *old)
FUNCTION arch_cmpxchg32_fault
	mov %esi, %eax
1:	lock cmpxchg %edx, (%rdi)
	mov %eax, (%rcx)
	xor %eax, %eax
	ret
2:	mov $-14, %eax
	ret
	FIXUP 1b, 2b

// int xrstor_fault(const void *area, uint64_t mask): -EFAULT when the area is not well-formed
FUNCTION xrstor_fault
	mov %esi, %eax
	mov %rsi, %rdx
	shr $32, %rdx
1:	xrstor64 (%rdi)
	xor %eax, %eax
	ret
2:	mov $-14, %eax
	ret
	FIXUP 1b, 2b
	.section .note.GNU-stack, "", @progbits
