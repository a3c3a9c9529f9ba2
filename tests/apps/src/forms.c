// SPDX-License-Identifier: MIT
//
// System calls from sites that leave little room for a jump, 4,000 from each: if one of them is not made by jumps, it shows.
// A signal handler's return is one of them, and unwinders know it by its bytes or by what its unwind table says.
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 4000

#define SITE(name, body) \
	__asm__(".text\n.balign 16\n.type " #name ", @function\n" #name ":\n.cfi_startproc\n" \
		".fill 140, 1, 0xf8\n" /* clc: no padding in reach */ body ".fill 140, 1, 0xf8\nret\n.cfi_endproc\n.size " #name ", .-" #name "\n"); \
	extern long name(long nr);
#define TO_PAGE_END(n) "jmp 1f\n.balign 4096, 0xf8\n.fill 4096-" #n ", 1, 0xf8\n1:\n"

// What follows the call says where the jump can go: 1.2 GB up; 350 MB down, where a program at a low address has nothing.
SITE(forward, "mov %edi, %eax\nsyscall\nmov %rax, %rax\n")
SITE(backward, "mov %edi, %eax\nsyscall\njmp 1f\n1:\n")
SITE(three, "mov %rdi, %rax\nsyscall\n")
SITE(four, "lea 0x7f(%rdi), %rax\nsyscall\n")
SITE(two_pages, TO_PAGE_END(3) "lea 0x3000(%rdi), %rax\nsyscall\n")
// Two in one function: the bytes of the first have changed when the second is looked at.
SITE(behind, "mov %rdi, %rax\nsyscall\n.fill 140, 1, 0xf8\nmov %rdi, %rax\nsyscall\n")

static volatile int handled, frames;

static void on_signal(int sig)
{
	void *at[32];
	(void)sig;
	if (++handled == ROUNDS)
		frames = backtrace(at, 32);
}

// The frames from the handler on: itself, the return, raise and what it calls, two here, main and what calls it.
static __attribute__((noinline)) void signals(void)
{
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < ROUNDS; i++)
		raise(SIGUSR1);
	__asm__ volatile("");
}

int main(void)
{
	long sum = 0, group = getpgrp();
	for (int i = 0; i < ROUNDS; i++) {
		sum += forward(SYS_getpgrp) == group;
		if ((unsigned long)backward > 1ul << 32)
			sum += backward(SYS_getpgrp) == group;
		sum += three(SYS_getpgrp) == group;
		sum += four(SYS_getpgrp - 0x7f) == group;
		sum += two_pages(SYS_getpgrp - 0x3000) == group;
		sum += behind(SYS_getpgrp) == group;
	}
	signals();
	printf("%ld calls, %d signals, %d frames\n", sum, handled, frames);
	return 0;
}
