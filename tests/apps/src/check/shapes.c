// SPDX-License-Identifier: MIT
//
// System calls in ways that whelk check must see through: a wrapper of one's own, one that passes the number on the
// stack, a choice of two, a table of functions, an operation. What it makes natively, it says.
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((noinline)) static long wrapped(long unused, long nr)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(0), "S"(0), "d"(0) : "rcx", "r11", "memory");
	return result + unused;
}

long pushed(long nr);
__asm__(".globl pushed\npushed: push %rdi\n sub $24, %rsp\n nop\n mov 24(%rsp), %rax\n add $32, %rsp\n syscall\n ret\n");

static long from_table(void)
{
	return wrapped(0, SYS_getppid);
}

static long (*const table[])(void) = { from_table };

int main(int argc, char **argv)
{
	long sum = wrapped(0, argc > 1 ? SYS_getuid : SYS_getgid);
	sum += pushed(SYS_geteuid);
	sum += table[argc / 100]();
	sum += syscall(SYS_getegid);
	sum += fcntl(0, F_GETFL);
	(void)argv;
	return printf("shapes %d\n", sum != -1) < 0;
}
