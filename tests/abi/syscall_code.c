// SPDX-License-Identifier: MIT
//
// Code around system calls that is not what its bytes look like: stores and moves that end in the bytes of
// `mov $n,%eax`, `syscall` inside immediates and data, instructions that overlap, jumps to each instruction of a site
// and past it, and faults beside one, whose address is the program's.
#include "test.h"

long lookalike_store(int *to), lookalike_r8(void), lookalike_r8_value(void), lookalike_movabs(void);
long lookalike_add(void), lookalike_xor(void), lookalike_ecx(void), lookalike_test(void), lookalike_ax(void);
long lookalike_modrm(int *to), prefix_skipped(int *to, int lock);
long overlap(long a, char *to, long b, char add), overlap_inside(void);
long immediate(void), immediate_inside(long number);
long loop(int rounds), past(long how, char *to), fault_before(void *p), fault_behind(void *p), undefined_behind(void);
extern char fault_before_at[], fault_behind_at[], undefined_behind_at[];
extern const unsigned char data_in_text[], data_in_text_end[];

#define CODE(name, code)										\
	__asm__(".pushsection .text\n .p2align 4\n .globl " #name "\n .type " #name ", @function\n"	\
		#name ":\n .cfi_startproc\n" code "\n .cfi_endproc\n .size " #name ", . - " #name "\n .popsection")

// 39 is getpid, 102 is getuid.
CODE(lookalike_store, "push %rbp; lea 0x48(%rdi), %rbp; mov $39, %eax\n"
		      ".byte 0xc7, 0x45, 0xb8, 102, 0, 0, 0\n syscall; pop %rbp; ret"); // movl $102, -0x48(%rbp)
CODE(lookalike_r8, "mov $39, %eax; .byte 0x41, 0xb8, 102, 0, 0, 0\n syscall; ret");     // mov $102, %r8d
CODE(lookalike_r8_value, "mov $39, %eax; .byte 0x41, 0xb8, 102, 0, 0, 0\n syscall; mov %r8, %rax; ret");
CODE(lookalike_movabs, ".byte 0x48, 0xb8, 0, 0, 0, 0xb8, 39, 0, 0, 0\n syscall; ret");
CODE(lookalike_add, "mov $0, %eax; add $39, %eax; syscall; ret");
CODE(lookalike_xor, "mov $63, %eax; xor $24, %eax; syscall; ret");
CODE(lookalike_ecx, "mov $39, %eax; mov $102, %ecx; syscall; ret");
CODE(lookalike_test, "mov $39, %eax; .byte 0xa9, 102, 0, 0, 0\n syscall; ret"); // test $102, %eax
CODE(lookalike_ax, "mov $0x10000, %eax; sub %ecx, %ecx; mov $39, %eax; .byte 0x66, 0xb8, 102, 0\n syscall; ret");
CODE(lookalike_modrm, "mov $39, %eax\n .byte 0x81, 0x8f, 0xb8, 0, 0, 0, 102, 0, 0, 0\n" // orl $102, 0xb8(%rdi)
		      "syscall; ret");
// As in libraries that take `lock` only when there are threads: the jump goes past a prefix, into an instruction.
CODE(prefix_skipped, "mov $39, %eax; test %esi, %esi; jz 1f; .byte 0xf0\n 1: addl $1, 0x220(%rdi); syscall; ret");

// From its start: cmp $0x27b8, %rax; add %cl, (%rdi); add $0x909090c3, %eax; ret.
// From 2 bytes on: mov $39, %eax; syscall; ret.
CODE(overlap, "mov %rsi, %r8; mov %rdi, %rax; mov %r8, %rdi\n"
	      ".byte 0x48, 0x3d\n .globl overlap_inside\n overlap_inside:\n"
	      ".byte 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3, 0x90, 0x90, 0x90, 0xc3");
// From its start: mov $0x90c3050f, %eax; syscall; ret. From 1 byte on, in that immediate: syscall; ret.
CODE(immediate, ".byte 0xb8, 0x0f, 0x05, 0xc3, 0x90, 0x0f, 0x05, 0xc3");
CODE(immediate_inside, "mov %edi, %eax; jmp immediate + 1");
CODE(loop, "xor %r8d, %r8d; mov $39, %eax\n 1: syscall\n add %rax, %r8; mov $102, %eax; dec %edi; jnz 1b\n"
	   "mov %r8, %rax; ret");
// read(-1, ...) or not: 0 falls through, 1 jumps behind it, 2 the same through a register, 3 through a return.
CODE(past, "push %rbx; mov %rsi, %rbx; movb $0, (%rbx); xor %r9d, %r9d; mov %rdi, %r8; mov $-1, %edi\n"
	   "cmp $1, %r8d; je 9f; lea 9f(%rip), %rcx; cmp $2, %r8d; je 8f; cmp $3, %r8d; je 7f\n"
	   "mov %r9, %rdx\n xor %eax, %eax\n syscall\n 9: incb (%rbx)\n mov $5, %edx; pop %rbx; ret\n"
	   "8: mov $-9, %rax; jmp *%rcx\n 7: mov $-9, %rax; push %rcx; ret");
CODE(fault_before, ".globl fault_before_at\n mov $-1, %edi\n fault_before_at: mov (%rdi), %edx\n"
		   "xor %eax, %eax; syscall; ret");
CODE(fault_behind, ".globl fault_behind_at\n mov %rdi, %r8; mov $-1, %edi; xor %edx, %edx; xor %eax, %eax; syscall\n"
		   "fault_behind_at: mov (%r8), %edx\n ret");
CODE(undefined_behind, ".globl undefined_behind_at\n mov $39, %eax; syscall\n undefined_behind_at: ud2\n ret");
__asm__(".pushsection .text\n .globl data_in_text, data_in_text_end\n data_in_text:\n"
	".byte 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3, 0xb8\n .ascii \"\\x0f\\x05\\x0f\\x05\"\n .byte 0x31, 0xc0, 0x0f, 0x05\n"
	"data_in_text_end:\n .popsection");

static char *volatile fault_pc;
static volatile long fault_result;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault_pc = (char *)UC_PC((ucontext_t *)context);
	fault_result = UC_RESULT((ucontext_t *)context);
	fault_addr = info->si_addr;
	siglongjmp(fault_jump, sig);
}

static void check_lookalikes(void)
{
	int room[256] = { 0 };
	long pid = getpid();
	CHECK_EQ(lookalike_store(room), pid);
	CHECK_EQ(room[0], 102);
	CHECK_EQ(lookalike_r8(), pid);
	CHECK_EQ(lookalike_r8_value(), 102);
	CHECK_EQ(lookalike_movabs(), -ENOSYS);
	CHECK_EQ(lookalike_add(), pid);
	CHECK_EQ(lookalike_xor(), pid);
	CHECK_EQ(lookalike_ecx(), pid);
	CHECK_EQ(lookalike_test(), pid);
	CHECK_EQ(lookalike_ax(), getuid());
	CHECK_EQ(lookalike_modrm(room), pid);
	CHECK_EQ(room[0xb8 / 4], 102);
	CHECK_EQ(prefix_skipped(room, 1), pid);
	CHECK_EQ(prefix_skipped(room, 0), pid);
	CHECK_EQ(room[0x220 / 4], 2);
}

static void check_overlaps(void)
{
	char byte = 1;
	CHECK_EQ(overlap(7, &byte, 0, 41), 7u + 0x909090c3);
	CHECK_EQ(byte, 42);
	CHECK_EQ(overlap_inside(), getpid());
	CHECK_EQ(immediate(), -ENOSYS);
	CHECK_EQ(immediate_inside(39), getpid());
	CHECK_EQ(loop(1), getpid());
	CHECK_EQ(loop(4), getpid() + 3l * getuid());
	for (int how = 0; how < 4; how++) {
		long r = past(how, &byte);
		CHECK(r == -EBADF || how == 1);
		CHECK_EQ(byte, 1);
	}
}

static void check_faults(void)
{
	int sig = sigsetjmp(fault_jump, 1);
	if (!sig)
		fault_before(NULL);
	CHECK(sig == SIGSEGV && fault_pc == fault_before_at && fault_addr == (void *)0xfffffffful);
	sig = sigsetjmp(fault_jump, 1);
	if (!sig)
		fault_behind((void *)16);
	CHECK(sig == SIGSEGV && fault_pc == fault_behind_at && fault_addr == (void *)16 && fault_result == -EBADF);
	CHECK_EQ(fault_behind(&sig), -EBADF);
	sig = sigsetjmp(fault_jump, 1);
	if (!sig)
		undefined_behind();
	CHECK(sig == SIGILL && fault_pc == undefined_behind_at && fault_result == getpid());
}

int main(void)
{
	static const unsigned char data[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3, 0xb8, 0x0f, 0x05, 0x0f, 0x05,
					      0x31, 0xc0, 0x0f, 0x05 };
	set_handler(SIGSEGV, on_fault, 0);
	set_handler(SIGILL, on_fault, 0);
	for (int i = 0; i < 1000 && !test_failures; i++) {
		check_lookalikes();
		check_overlaps();
		if (i % 10 == 0)
			check_faults();
		CHECK(data_in_text_end - data_in_text == sizeof data && !memcmp(data_in_text, data, sizeof data));
	}
	return test_end();
}
