// SPDX-License-Identifier: MIT
//
// The nucleus: all of the guest's ring-0 code. One page, the same for every vCPU, mapped once per
// vCPU at the head of its group (abi/image.h), reaching its data page pc-relative. On hosts that
// emulate ring 0 each instruction costs about a microsecond, so a stub only notes what happened and
// continues in ring 3; the hardware's frame stays where it was pushed and is read there.
//
// Interrupts are off in here (interrupt gates; SFMASK where SYSCALL enters ring 0), and nothing in
// here can fault: the pages it touches are mapped from the start.
//
// struct abi_nucleus_data, at the next page:
#define TO_EXCEPTION 0x1000
#define TO_INTERRUPT 0x1028
#define SAVED_RAX    0x1050
#define FAULT_ADDR   0x1058
#define VECTOR	     0x1060
#define GATEWAY_RIP  0x1068

	.section .nucleus, "ax", @progbits
	.balign 64 // the linker script gives it pages of its own
	.globl nucleus_start, nucleus_end, nucleus_exception, nucleus_breakpoint, nucleus_interrupt
	.hidden nucleus_start, nucleus_end, nucleus_exception, nucleus_breakpoint, nucleus_interrupt
nucleus_start:

// One stub of 16 bytes per vector. The page-fault stub overlaps the slot of vector 15, which does not exist.
nucleus_exception:
	.set n, 0
	.rept 32
	.balign 16
	.if n == 14
	mov %rax, nucleus_start + SAVED_RAX(%rip)
	mov %cr2, %rax
	mov %rax, nucleus_start + FAULT_ADDR(%rip) // the vector is 14 already
	lea nucleus_start + TO_EXCEPTION(%rip), %rsp
	iretq
	.elseif n != 15
	movb $n, nucleus_start + VECTOR(%rip)
	lea nucleus_start + TO_EXCEPTION(%rip), %rsp
	iretq
	.endif
	.set n, n + 1
	.endr

// int3. From the gateway (gateway_page_flush, gateway_root_set): rdi is the argument, rax is free.
	.balign 16
nucleus_breakpoint:
	mov %rax, nucleus_start + SAVED_RAX(%rip)
	mov (%rsp), %rax
	sub nucleus_start + GATEWAY_RIP(%rip), %rax
	jne 1f
	invlpg (%rdi)
	iretq
1:	cmp $2, %rax
	jne 2f
	mov %rdi, %cr3
	iretq
2:	mov nucleus_start + SAVED_RAX(%rip), %rax
	movb $3, nucleus_start + VECTOR(%rip)
	lea nucleus_start + TO_EXCEPTION(%rip), %rsp
	iretq

	.balign 16
nucleus_interrupt:
	lea nucleus_start + TO_INTERRUPT(%rip), %rsp
	iretq
nucleus_end:

// The gateway's ring-3 side: void gateway_page_flush(uint64_t va), void gateway_root_set(uint64_t root).
	.text
	.globl gateway_page_flush, gateway_root_set, gateway_rip
	.hidden gateway_page_flush, gateway_root_set, gateway_rip
	.balign 16
gateway_page_flush:
	int3
gateway_rip:
	ret
gateway_root_set:
	int3
	ret
	.section .note.GNU-stack, "", @progbits
