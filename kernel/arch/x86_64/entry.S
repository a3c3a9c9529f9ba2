// SPDX-License-Identifier: MIT
//
// The way into the kernel and out of it. Everything here runs in ring 3 but the two instructions
// after a SYSCALL on hosts where that enters ring 0.
//
// What holds:
// - The program's stack is never touched. A thread's frame lies at the top of its kernel stack.
// - An exception upcall starts on the nucleus data page (rsp = its top); the hardware's frame is one
//   page further up. An interrupt upcall pushes nothing there: it may interrupt the exception upcall.
// - abi_cpu.armed is 1 only from the exit window on until the next entry; the monitor injects one interrupt
//   per arming. So the interrupt's hardware frame cannot be overwritten while the upcall reads it.
// - In the exit window the frame is complete in memory and only read: whoever arrives there (interrupt,
//   fault of the iretq on a frame the program made) drops what was interrupted and starts from the frame.
// - A call that came by a jump leaves `armed` at 1: clearing and setting it costs more than the rest. An interrupt that
//   finds it so in kernel text returns at once, and the way out looks at `pending`, last of all.
// - An interrupt in any other kernel text resumes at once: whoever set `pending` is answered in the window.
#define FRAME_SIZE 168
#define FRAME_R11  48
#define FRAME_RCX  88
#define FRAME_ORIG 120
#define FRAME_RIP  128
#define FRAME_FLAGS 144
// struct thread
#define THREAD_QUICK 0
#define FLAGS_STATUS 0x8d5 // OF SF ZF AF PF CF
// struct arch_cpu
#define CPU_SP	   %gs:8
#define CPU_THREAD %gs:16
#define CPU_SHARED %gs:24
#define CPU_SPILL0 %gs:32
#define CPU_SPILL1 %gs:40
#define CPU_SPILL2 %gs:48
// struct abi_cpu
#define SHARED_PENDING 0
#define SHARED_ARMED   84
// struct abi_nucleus_data and the hardware frames, from the top of the data page
#define SAVED_RAX  (0x50-0x1000)
#define FAULT_ADDR (0x58 - 0x1000)
#define VECTOR	   (0x60 - 0x1000)
#define SCRATCH(n) (0x70+8*(n)-0x1000)
#define EXCEPTION_TOP 0x1000
#define INTERRUPT_TOP 0x2000
#define FATAL_TOP     0x3000

#define FRAME_NO_CALL -0x80000000 // arch/frame.h
#define ERROR_VECTORS 0x60227d00 // vectors that push an error code
#define FATAL_VECTORS 0x00040104 // 2, 8, 18: frames on the page of IST2

	.text
	.balign 64
	.globl syscall_entry, call_entry, upcall_exception, upcall_interrupt
	.hidden syscall_entry, call_entry, upcall_exception, upcall_interrupt

.macro PUSH_REGS rax rcx r11
	push %rdi
	push %rsi
	push %rdx
	push \rcx
	push \rax
	push %r8
	push %r9
	push %r10
	push \r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
.endm

// The frame of an exception. rax: end of the hardware's frame, rcx: top of the data page
.macro PUSH_EXCEPTION_FRAME
	push -8(%rax)
	push -16(%rax)
	push -24(%rax)
	push -32(%rax)
	push -40(%rax)
	push $FRAME_NO_CALL
	mov SCRATCH(1)(%rcx), %rdx
	PUSH_REGS SAVED_RAX(%rcx), SCRATCH(0)(%rcx), %r11
.endm

.macro POP_REGS // changes no flag
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	lea 8(%rsp), %rsp
.endm

// The program's status flags out of \from, by way of rax and rcx; flags stand from here on.
.macro LOAD_STATUS from
	mov \from, %eax
	mov %eax, %ecx
	shr $11, %ecx
	and $1, %ecx
	mov %al, %ah
	mov %cl, %al
	add $0x7f, %al // OF
	sahf	       // SF ZF AF PF CF
.endm

syscall_entry:
	mov %rcx, CPU_SPILL0
	mov %r11, CPU_SPILL1
	mov %cs, %ecx
	test $3, %cl
	jz syscall_ring0
syscall_ring3:
	mov %rsp, CPU_SPILL2
	mov CPU_SP, %rsp
	push $0x2b
	push CPU_SPILL2
	push CPU_SPILL1
	push $0x33
	push CPU_SPILL0
	push %rax
	PUSH_REGS %rax, CPU_SPILL0, CPU_SPILL1
	mov CPU_SHARED, %rax
	movl $0, SHARED_ARMED(%rax)
	cld
	xor %ebp, %ebp
	mov %rsp, %rdi
	sub $8, %rsp
	call entry_syscall
	add $8, %rsp
	jmp exit_window
syscall_ring0:
	lea syscall_ring3(%rip), %rcx
	mov $0x202, %r11d
	sysretq

// A patched site (kernel/patch) jumps here: rax = number, rcx = address after its `syscall`, all else as the program left it.
// What costs is in docs/patching.md, instruction by instruction.
	.balign 64
call_entry:
	mov %rsp, CPU_SPILL2
	mov %rax, CPU_SPILL0
	mov CPU_SP, %rsp
	push $0x2b
	push CPU_SPILL2
	pushfq
	// Calls that only tell what the thread knows anyway (sys/quick.c).
	mov %eax, %r11d
	cmp quick_limit(%rip), %r11d
	jae call_full
	lea quick_slot(%rip), %rax
	movzbl (%rax, %r11), %eax
	test %eax, %eax
	jz call_not_quick
	mov %rcx, CPU_SPILL1
	mov quick_counts(%rip), %rcx
	incq (%rcx, %r11, 8)
	mov CPU_THREAD, %rcx
	mov THREAD_QUICK - 8(%rcx, %rax, 8), %r11
	.globl quick_window, quick_window_end, quick_interrupted
	.hidden quick_window, quick_window_end, quick_interrupted
quick_window: // whoever is interrupted in here makes the call again, the long way
	mov CPU_SHARED, %rcx
	cmpl $0, SHARED_PENDING(%rcx)
	jne quick_again
	LOAD_STATUS (%rsp)
	mov %r11, %rax
	mov (%rsp), %r11
	mov CPU_SPILL1, %rcx
	mov 8(%rsp), %rsp
	jmp *%rcx
quick_window_end:
quick_interrupted:
	mov CPU_SP, %rsp
	sub $24, %rsp
quick_again:
	mov CPU_SPILL1, %rcx
call_not_quick:
	mov CPU_SPILL0, %rax
call_full:
	push $0x33
	push %rcx
	push %rax
	mov 24(%rsp), %r11
	PUSH_REGS %rax, %rcx, %r11
	test $~(FLAGS_STATUS | 0x202), %r11d
	jnz call_clean_flags
1:	xor %ebp, %ebp
	mov %rsp, %rdi
	sub $8, %rsp
	call entry_call
	add $8, %rsp
	jmp call_exit
call_clean_flags: // TF, DF, AC and NT would matter in here, ID would be left to the next thread
	push $2
	popfq
	jmp 1b

// rsp = the frame, at CPU_SP - FRAME_SIZE
	.globl exit_events
	.hidden exit_events
exit_events:
	mov CPU_SHARED, %rax
	movl $0, SHARED_ARMED(%rax)
	mov %rsp, %rdi
	sub $8, %rsp
	call entry_events
	add $8, %rsp
	.globl exit_window
	.hidden exit_window
exit_window:
	jmp 1f
call_exit: // back by a jump, where the registers are those of a call that returned: an iretq costs ten times as much
	mov CPU_SHARED, %rcx
	cmpl $1, SHARED_ARMED(%rcx)
	jne 1f
	cmpl $0, SHARED_PENDING(%rcx)
	jne exit_events
	mov FRAME_FLAGS(%rsp), %rax
	mov FRAME_RIP(%rsp), %rcx
	mov %eax, %edx
	and $~FLAGS_STATUS, %edx
	cmp $0x202, %edx
	jne 1f
	cmp FRAME_R11(%rsp), %rax
	jne 1f
	cmp FRAME_RCX(%rsp), %rcx
	jne 1f
	LOAD_STATUS %eax
	POP_REGS
	mov 24(%rsp), %rsp
	jmp *%rcx
1:
	mov CPU_SHARED, %rcx
	mov $1, %eax
	xchg %eax, SHARED_ARMED(%rcx)
	cmpl $0, SHARED_PENDING(%rcx)
	jne exit_events
	POP_REGS
	iretq
	.globl exit_window_end
	.hidden exit_window_end
exit_window_end:

// rsp = top of the nucleus data page
	.balign 16
upcall_interrupt:
	mov %rax, SCRATCH(4)(%rsp)
	mov %rcx, SCRATCH(5)(%rsp)
	mov INTERRUPT_TOP - 40(%rsp), %rax
	lea kernel_text_start(%rip), %rcx
	cmp %rcx, %rax
	jb 1f
	lea kernel_text_end(%rip), %rcx
	cmp %rcx, %rax
	jb interrupt_kernel
1:	mov %rsp, %rax
	mov CPU_SP, %rsp
	push INTERRUPT_TOP - 8(%rax)
	push INTERRUPT_TOP - 16(%rax)
	push INTERRUPT_TOP - 24(%rax)
	push INTERRUPT_TOP - 32(%rax)
	push INTERRUPT_TOP - 40(%rax)
	push $FRAME_NO_CALL
	PUSH_REGS SCRATCH(4)(%rax), SCRATCH(5)(%rax), %r11
	xor %ebp, %ebp
	jmp exit_events
interrupt_kernel:
	lea exit_window(%rip), %rcx
	sub %rcx, %rax
	cmp $exit_window_end - exit_window, %rax
	jae 2f
	mov CPU_SP, %rsp
	sub $FRAME_SIZE, %rsp
	jmp exit_events
2:	sub $quick_window - exit_window, %rax
	cmp $quick_window_end - quick_window, %rax
	jb quick_interrupted
	mov SCRATCH(4)(%rsp), %rax
	mov SCRATCH(5)(%rsp), %rcx
	lea INTERRUPT_TOP - 40(%rsp), %rsp
	iretq

// rsp = top of the nucleus data page. SCRATCH: 0 rcx, 1 rdx, 2 vector, 3 error code
	.balign 16
upcall_exception:
	mov %rcx, SCRATCH(0)(%rsp)
	mov %rdx, SCRATCH(1)(%rsp)
	mov VECTOR(%rsp), %ecx
	mov %rcx, SCRATCH(2)(%rsp)
	cmp $14, %ecx
	je 1f
	mov %rax, SAVED_RAX(%rsp)
	movl $14, VECTOR(%rsp)
1:	lea EXCEPTION_TOP(%rsp), %rax // rax: end of the hardware's frame
	mov $FATAL_VECTORS, %edx
	bt %ecx, %edx
	jnc 2f
	lea FATAL_TOP(%rsp), %rax
2:	mov $ERROR_VECTORS, %edx
	bt %ecx, %edx
	mov $0, %edx
	jnc 3f
	mov -48(%rax), %rdx
3:	mov %rdx, SCRATCH(3)(%rsp)
	mov -40(%rax), %rcx
	lea kernel_text_start(%rip), %rdx
	cmp %rdx, %rcx
	jb 4f
	lea kernel_text_end(%rip), %rdx
	cmp %rdx, %rcx
	jb exception_kernel
4:	mov %rsp, %rcx // rcx: top of the data page
	testb $3, -32(%rax)
	jz exception_kernel_at // ring 0: a bug, but where is it?
	mov CPU_SP, %rsp
	PUSH_EXCEPTION_FRAME
	mov CPU_SHARED, %rax
	movl $0, SHARED_ARMED(%rax)
	mov %rsp, %rdi
	xor %ebp, %ebp
exception_program: // rdi: frame, rcx: top of the data page
	push FAULT_ADDR(%rcx)
	push SCRATCH(3)(%rcx)
	push SCRATCH(2)(%rcx)
	mov %rsp, %rsi
	sub $16, %rsp
	call entry_trap
	add $16 + 24, %rsp
	jmp exit_window

exception_kernel:
	lea exit_window(%rip), %rdx
	sub %rdx, %rcx
	cmp $exit_window_end - exit_window, %rcx
	mov %rsp, %rcx
	jae exception_kernel_at
	// The program's frame could not be resumed: that is an exception of the program.
	mov CPU_SP, %rsp
	sub $FRAME_SIZE, %rsp
	mov %rsp, %rdi
	movq $FRAME_NO_CALL, FRAME_ORIG(%rsp)
	mov CPU_SHARED, %rax
	movl $0, SHARED_ARMED(%rax)
	xor %ebp, %ebp
	jmp exception_program

// The frame goes below what was interrupted (the kernel has no red zone).
exception_kernel_at:
	mov -16(%rax), %rsp
	and $-16, %rsp
	PUSH_EXCEPTION_FRAME
	mov %rsp, %rdi
	push FAULT_ADDR(%rcx)
	push SCRATCH(3)(%rcx)
	push SCRATCH(2)(%rcx)
	mov %rsp, %rsi
	cld
	call trap_kernel
	add $24, %rsp
	POP_REGS
	iretq

// _Noreturn void resume_kernel(struct frame *frame): continues the kernel text that was interrupted.
	.globl resume_kernel
	.hidden resume_kernel
resume_kernel:
	mov %rdi, %rsp
	POP_REGS
	iretq

// void switch_stacks(uint64_t *save_sp, uint64_t sp)
	.globl switch_stacks
	.hidden switch_stacks
switch_stacks:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

// A new thread's first steps: rbx = function, r12 = argument (thread.c).
	.globl thread_first_kernel, thread_first_user, resume_frame
	.hidden thread_first_kernel, thread_first_user, resume_frame
thread_first_kernel:
	xor %ebp, %ebp
	mov %r12, %rdi
	call *%rbx
	ud2
thread_first_user: // rsp is right below the frame
	xor %ebp, %ebp
	push %rbp
	call thread_begin_user
	add $8, %rsp
	jmp exit_window

// _Noreturn void resume_frame(void): the frame is at the top of the running thread's stack.
resume_frame:
	mov CPU_SP, %rsp
	sub $FRAME_SIZE, %rsp
	jmp exit_window

// First instructions of the machine (plat/kvm/plat.c). rdi: boot block, rsi: CPU number.
	.globl boot_entry, cpu_entry
	.hidden boot_entry, cpu_entry
boot_entry:
	lea plat_boot_stack + 16384(%rip), %rsp
	xor %ebp, %ebp
	call plat_start
	ud2
cpu_entry:
	lea plat_cpu_stack(%rip), %rax
	mov (%rax, %rsi, 8), %rsp
	xor %ebp, %ebp
	mov %esi, %edi
	call plat_cpu_start_here
	ud2
	.section .note.GNU-stack, "", @progbits
