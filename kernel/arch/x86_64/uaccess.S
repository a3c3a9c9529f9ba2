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

// From the front, sixteen bytes at a time until `end`; the labels are of the moves.
.macro BY_16 end, a, b, c, d
	xor %r11d, %r11d
\a:	mov (%rsi, %r11), %rax
\b:	mov 8(%rsi, %r11), %r9
\c:	mov %rax, (%rdi, %r11)
\d:	mov %r9, 8(%rdi, %r11)
	add $16, %r11d
	cmp \end, %r11d
	jb \a\()b
.endm

	.text
// int arch_copy_fault(void *dst, const void *src, size_t len, size_t *done)
// Up to 128 bytes by moves, which may overlap: `rep movsb` takes twenty cycles to begin. Words of four and eight bytes
// are one load (futexes). Of more the last 64 are: `rep movsb` reads ahead of itself, and where a page ends and the next is not
// mapped that takes 100 ns. What faults by moves is done again by bytes: a part may be there.
FUNCTION arch_copy_fault
	cmp $16, %rdx
	ja 30f
	cmp $8, %edx
	jb 20f
10:	mov (%rsi), %rax
11:	mov -8(%rsi, %rdx), %r9
12:	mov %rax, (%rdi)
13:	mov %r9, -8(%rdi, %rdx)
1:	xor %eax, %eax
	test %rcx, %rcx
	jz 2f
	mov %rdx, (%rcx)
2:	ret
20:	cmp $4, %edx
	jb 25f
21:	mov (%rsi), %eax
22:	mov -4(%rsi, %rdx), %r9d
23:	mov %eax, (%rdi)
24:	mov %r9d, -4(%rdi, %rdx)
	jmp 1b
25:	test %edx, %edx
	jz 1b
	mov %edx, %r10d
	shr %r10d
26:	movzbl (%rsi), %eax // the first, the middle one, the last
27:	movzbl (%rsi, %r10), %r9d
28:	movzbl -1(%rsi, %rdx), %r11d
29:	mov %al, (%rdi)
19:	mov %r9b, (%rdi, %r10)
18:	mov %r11b, -1(%rdi, %rdx)
	jmp 1b
30:	cmp $128, %rdx
	ja 40f
	lea -16(%rdx), %r10 // the last 16 first, the rest from the front
31:	mov (%rsi, %r10), %rax
32:	mov 8(%rsi, %r10), %r9
33:	mov %rax, (%rdi, %r10)
34:	mov %r9, 8(%rdi, %r10)
	BY_16 %r10d, 35, 36, 37, 38
	jmp 1b
40:	mov %rcx, %r8
	lea -64(%rdx), %rcx
41:	rep movsb
	BY_16 $64, 45, 46, 47, 48
	xor %ecx, %ecx
	xor %eax, %eax
42:	test %r8, %r8
	jz 43f
	sub %rcx, %rdx
	mov %rdx, (%r8)
43:	ret
49:	mov %rcx, %r8
	mov %rdx, %rcx
	jmp 51f
50:	mov $64, %ecx
51:	rep movsb
	xor %eax, %eax
	jmp 42b
53:	add $64, %rcx
44:	mov $-14, %eax
	jmp 42b
	FIXUP 41b, 53b
	FIXUP 51b, 44b
	.irp n, 45, 46, 47, 48
	FIXUP \n\()b, 50b
	.endr
	.irp n, 10, 11, 12, 13, 21, 22, 23, 24, 26, 27, 28, 29, 19, 18, 31, 32, 33, 34, 35, 36, 37, 38
	FIXUP \n\()b, 49b
	.endr

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
