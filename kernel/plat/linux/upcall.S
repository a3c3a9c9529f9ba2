// SPDX-License-Identifier: MIT
//
// From the signal stack to a kernel stack and out by the exit window (arch entry.S); the first instructions of the
// process and its threads.
#define FRAME_SIZE 168
#define CPU_SHARED %gs:24
#define SHARED_ARMED 84

	.text
	.balign 16
	.globl trap_probe, trap_probe_end
	.hidden trap_probe, trap_probe_end

// void trap_probe(void): a system call that is not the host's, taken back by signal_arrived().
trap_probe:
	mov $-1, %eax
	syscall
trap_probe_end:
	nop // not to look like the gate to tests/attack
	ret

	.balign 16
	.globl upcall_call, upcall_trap, upcall_trap_kernel, upcall_events, upcall_resume
	.hidden upcall_call, upcall_trap, upcall_trap_kernel, upcall_events, upcall_resume
	.globl host_entry, host_clone, host_cpu_enter
	.hidden host_entry, host_clone, host_cpu_enter

// _Noreturn void upcall_call(struct frame *frame, void (*entry)(struct frame *))
upcall_call:
	mov CPU_SHARED, %rax
	movl $0, SHARED_ARMED(%rax)
	mov %rdi, %rbx
	lea -8(%rdi), %rsp
	xor %ebp, %ebp
	call *%rsi
	mov %rbx, %rsp
	jmp exit_window

// _Noreturn void upcall_trap(struct frame *frame, struct trap *trap): trap lies right below the frame
upcall_trap:
	mov CPU_SHARED, %rax
	movl $0, SHARED_ARMED(%rax)
	mov %rdi, %rbx
	mov %rsi, %rsp
	and $-16, %rsp
	xor %ebp, %ebp
	call entry_trap
	mov %rbx, %rsp
	jmp exit_window

upcall_trap_kernel:
	mov %rdi, %rbx
	mov %rsi, %rsp
	and $-16, %rsp
	call trap_kernel
	mov %rbx, %rdi
	jmp resume_kernel

upcall_events:
	mov %rdi, %rsp
	xor %ebp, %ebp
	jmp exit_events

// rdi: registers in the order of struct sigcontext
upcall_resume:
	push $0x2b
	push 120(%rdi)
	push 136(%rdi)
	push $0x33
	push 128(%rdi)
	mov (%rdi), %r8
	mov 8(%rdi), %r9
	mov 16(%rdi), %r10
	mov 24(%rdi), %r11
	mov 32(%rdi), %r12
	mov 40(%rdi), %r13
	mov 48(%rdi), %r14
	mov 56(%rdi), %r15
	mov 72(%rdi), %rsi
	mov 80(%rdi), %rbp
	mov 88(%rdi), %rbx
	mov 96(%rdi), %rdx
	mov 104(%rdi), %rax
	mov 112(%rdi), %rcx
	mov 64(%rdi), %rdi
	iretq

// First instruction of the process; rdi: boot block.
host_entry:
	lea plat_boot_stack + 16384(%rip), %rsp
	xor %ebp, %ebp
	mov %rdi, %rbx
	call host_start
	mov %rbx, %rdi
	xor %esi, %esi
	jmp boot_entry

// _Noreturn void host_cpu_enter(unsigned n)
host_cpu_enter:
	mov %edi, %esi
	jmp cpu_entry

// long host_clone(uint64_t flags, void *stack, unsigned n): the new thread goes to host_thread_main(n).
host_clone:
	mov %rdx, %r9
	mov $56, %eax
	xor %edx, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	syscall
	test %rax, %rax
	jz 1f
	ret
1:	xor %ebp, %ebp
	mov %r9d, %edi
	call host_thread_main
	ud2
	.section .note.GNU-stack, "", @progbits
