// SPDX-License-Identifier: MIT
//
// memcpy, memset and memcmp: pages are zeroed and copied with them. `rep` takes some twenty cycles to begin; what is
// short is moved by words, which may overlap. A kernel that checks its heap has base/copy.c instead (Makefile).
	.macro FUNCTION name
	.globl \name
	.hidden \name
	.type \name, @function
	.balign 16
\name:
	.endm

	.text
// void *memcpy(void *dst, const void *src, size_t n)
FUNCTION memcpy
	mov %rdi, %rax
	cmp $16, %rdx
	ja 3f
	cmp $8, %edx
	jb 1f
	mov (%rsi), %rcx
	mov -8(%rsi, %rdx), %r8
	mov %rcx, (%rdi)
	mov %r8, -8(%rdi, %rdx)
	ret
1:	cmp $4, %edx
	jb 2f
	mov (%rsi), %ecx
	mov -4(%rsi, %rdx), %r8d
	mov %ecx, (%rdi)
	mov %r8d, -4(%rdi, %rdx)
	ret
2:	test %edx, %edx
	jz 6f
	mov %edx, %r10d
	shr %r10d
	movzbl (%rsi), %ecx // the first, the middle one, the last
	movzbl (%rsi, %r10), %r8d
	movzbl -1(%rsi, %rdx), %r9d
	mov %cl, (%rdi)
	mov %r8b, (%rdi, %r10)
	mov %r9b, -1(%rdi, %rdx)
	ret
3:	cmp $128, %rdx
	ja 5f
	lea -16(%rdx), %r9
	xor %r10d, %r10d
4:	mov (%rsi, %r10), %rcx
	mov 8(%rsi, %r10), %r8
	mov %rcx, (%rdi, %r10)
	mov %r8, 8(%rdi, %r10)
	add $16, %r10d
	cmp %r9d, %r10d
	jb 4b
	mov (%rsi, %r9), %rcx // the last 16
	mov 8(%rsi, %r9), %r8
	mov %rcx, (%rdi, %r9)
	mov %r8, 8(%rdi, %r9)
	ret
5:	mov %rdx, %rcx
	rep movsb
6:	ret

// void *memset(void *dst, int c, size_t n)
FUNCTION memset
	mov %rdi, %r9
	movzbl %sil, %eax
	cmp $64, %rdx
	ja 4f
	mov $0x0101010101010101, %rcx
	imul %rcx, %rax
	cmp $8, %edx
	jb 2f
	lea -8(%rdx), %r10
	xor %ecx, %ecx
1:	mov %rax, (%rdi, %rcx)
	add $8, %ecx
	cmp %r10d, %ecx
	jb 1b
	mov %rax, (%rdi, %r10)
	mov %r9, %rax
	ret
2:	lea (%rdi, %rdx), %rdx
	jmp 21f
20:	mov %al, (%rdi)
	inc %rdi
21:	cmp %rdx, %rdi
	jb 20b
	mov %r9, %rax
	ret
4:	mov %rdx, %rcx
	rep stosb
	mov %r9, %rax
	ret

// int memcmp(const void *a, const void *b, size_t n)
FUNCTION memcmp
	xor %ecx, %ecx
	sub $8, %rdx
	jb 2f
1:	mov (%rdi, %rcx), %rax
	mov (%rsi, %rcx), %r8
	cmp %r8, %rax
	jne 4f
	add $8, %rcx
	cmp %rdx, %rcx
	jbe 1b
2:	add $8, %rdx // what is left: fewer than 8
3:	cmp %rdx, %rcx
	jae 5f
	movzbl (%rdi, %rcx), %eax
	movzbl (%rsi, %rcx), %r8d
	inc %rcx
	sub %r8d, %eax
	jz 3b
	ret
4:	bswap %rax // the first byte decides
	bswap %r8
	cmp %r8, %rax
	sbb %eax, %eax
	or $1, %eax
	ret
5:	xor %eax, %eax
	ret
	.section .note.GNU-stack, "", @progbits
