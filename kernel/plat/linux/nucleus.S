// SPDX-License-Identifier: MIT
//
// The nucleus of platform linux: the only code whose `syscall` reaches the host, and the place where the host's
// signals arrive. The host's filter knows one address, that after the instruction; what may be asked for there,
// with which arguments, is the filter's business (monitor/guest_filter.c) and not this code's: the program can
// jump here. The page is a private, read-only copy in the process.
#define GROUP_MASK -0x10000 // ABI_PROCESS_GROUP
#define GS_BY_CALL 8	    // host_cpu
#define CONTEXT_VECTOR 224  // uc_mcontext.fpstate
#define VECTOR_MAGIC   464  // struct _fpx_sw_bytes in it
#define VECTOR_FEATURES 472
#define MAGIC1 0x46505853

	.section .nucleus, "ax", @progbits
	.balign 64 // the linker script gives it pages of its own
	.globl nucleus_start, nucleus_end, nucleus_signal, nucleus_host_call, host_call
	.hidden nucleus_start, nucleus_end, nucleus_signal, nucleus_host_call, host_call
nucleus_start:

// long host_call(long nr, a, b, c, d, e, f)
host_call:
	mov %rdi, %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %r10
	mov %r9, %r8
	mov 8(%rsp), %r9
	syscall
nucleus_host_call:
	ret

// A signal: rdi number, rsi siginfo, rdx ucontext, rsp on the CPU's signal stack. GS may be the program's
// (not where no instruction writes it); vector registers have been reset by the host and go back to what they were
// at once: the kernel does not touch them.
	.balign 16
nucleus_signal:
	mov %rsp, %rcx
	and $GROUP_MASK, %rcx
	cmpl $0, GS_BY_CALL(%rcx)
	mov (%rcx), %rcx
	jne 2f
	wrgsbase %rcx
2:	mov CONTEXT_VECTOR(%rdx), %rcx
	test %rcx, %rcx
	jz 1f
	cmpl $MAGIC1, VECTOR_MAGIC(%rcx)
	jne 1f
	mov %rdx, %r8
	mov VECTOR_FEATURES(%rcx), %eax
	mov VECTOR_FEATURES + 4(%rcx), %edx
	xrstor64 (%rcx)
	mov %r8, %rdx
1:	and $-16, %rsp
	xor %ebp, %ebp
	push $2 // the host leaves AC and NT as the program had them
	popfq
	call signal_arrived
	ud2
nucleus_end:
	.section .note.GNU-stack, "", @progbits
