// SPDX-License-Identifier: MIT
//
// A system call leaves every register but RAX, RCX and R11, the flags and the stack around RSP as they were: from sites
// of many shapes, hundreds of times each, when it works and when it fails, and with a stack that is of no use.
#include "registers.h"

// getpid (39) takes no arguments, so that all of their registers hold anything; read (0) fails or reads a byte.
SITE(mov, 39, 0, "mov $39, %eax");
SITE(mov_long, 39, 0, ".byte 0x48, 0xc7, 0xc0, 39, 0, 0, 0");
SITE(mov_longest, 39, 0, "movabs $39, %rax");
SITE(mov_modrm, 39, 0, ".byte 0xc7, 0xc0, 39, 0, 0, 0");
SITE(mov_r8, 39, SITE_NUMBER_IN_R8, "mov %r8d, %eax");
SITE(mov_r8_long, 39, SITE_NUMBER_IN_R8, "movslq %r8d, %rax");
SITE(lea_r8, 39, SITE_NUMBER_IN_R8, "lea (%r8d), %eax");
SITE(xor_mov_al, 39, SITE_SETS_FLAGS, "xor %eax, %eax; mov $39, %al");
SITE(push_pop, 39, SITE_PUSHES, "push $39; pop %rax");
SITE(early, 39, 0, "mov $39, %eax; nop; lea 0(%rsi), %rsi; mov %r9, %r9; .fill 16, 1, 0x90; mov %rdi, %rdi");
SITE(early_before_one, 39, 0, "mov $39, %eax; mov %rdi, %rdi");
SITE(after_relative, 39, 0, "lea 1f(%rip), %rax; 1: mov $39, %eax");
SITE(at_mov, 39, 0, "jmp 1f; .byte 0xb8; 1: mov $39, %eax");
SITE(at_syscall, 39, 0, "mov $39, %eax; jmp 1f; mov $60, %eax; 1:");
SITE(prefixed, 39, 0, "mov $39, %eax; .byte 0x48");
SITE(segment_prefixed, 39, 0, "mov $39, %eax; .byte 0x2e");
SITE(read_xor, 0, SITE_SETS_FLAGS, "xor %eax, %eax");
SITE(read_xor_long, 0, SITE_SETS_FLAGS, "xor %rax, %rax");
SITE(read_sub, 0, SITE_SETS_FLAGS, "sub %eax, %eax");
SITE(read_and, 0, SITE_SETS_FLAGS, "and $0, %eax");
SITE(read_mov, 0, 0, "mov $0, %eax");
SITE(read_r8, 0, SITE_NUMBER_IN_R8, "mov %r8d, %eax");
SITE(nothing, 100000, 0, "mov $100000, %eax");
SITE(negative, -1, 0, "mov $-1, %eax");
SITE(negative_long, -1, 0, "mov $-1, %rax");

// One site with two entries: through its mov, and straight at the syscall with another number (102, getuid).
SITE_BARE(shared, 39, 0, ".globl shared_at\n mov $39, %eax\n shared_at: syscall");
SITE_BARE(shared_other, 102, 0, "mov $102, %eax; jmp shared_at");

// Across a page's end, with 1 to 6 bytes on the first page.
#define STRADDLE(n)											\
	SITE(straddle##n, 39, SITE_ODD, "jmp 1f; .p2align 12; .skip 4096 - " #n ", 0xcc; 1: mov $39, %eax")
STRADDLE(1);
STRADDLE(2);
STRADDLE(3);
STRADDLE(4);
STRADDLE(5);
STRADDLE(6);

static int zero;

static long expected(const struct site *s, long args[6], int round)
{
	registers_fill(args, 6 * sizeof(long));
	if (s->number == 0 && round % 2) {
		static char byte;
		args[0] = zero;
		args[1] = (long)&byte;
		args[2] = 1;
		return 1;
	}
	if (s->number == 0) { // no such descriptor, whose upper half is not looked at
		args[0] = (args[0] & ~(1l << 31)) | 1 << 30;
		args[1] &= 0x3fffffffffff;
		args[2] &= 0xffff;
	}
	switch (s->number) {
	case 0:
		return -EBADF;
	case 39:
		return getpid();
	case 102:
		return getuid();
	}
	return -ENOSYS;
}

static void all_rounds(const struct site *s)
{
	struct site other = *s; // the two entries of `shared` come back to one place
	if (s->number == 102)
		other.back = s[-1].back;
	stack_middle();
	for (int round = 0; round < (s->kind & SITE_ODD ? 100 : 300); round++) {
		long args[6], want = expected(s, args, round);
		CHECK_EQ(site_call(&other, args, stack_middle(), STACK_AROUND), want);
		if (s->kind & SITE_PUSHES)
			continue;
		CHECK_EQ(site_call(&other, args, stack_bottom, 0), want);
		void *wild = (void *[]){ NULL, (void *)8, (void *)(1ul << 46), (void *)-8l }[round % 4];
		CHECK_EQ(site_call(&other, args, wild, 0), want);
	}
}

// A site whose last byte is the last one before unmapped memory: `mov; syscall; jmp` backwards, to a jump away.
static void before_unmapped(void)
{
	uint8_t *page = map_anon(2 * PAGE, PROT_READ | PROT_WRITE), *at = page + PAGE - 9;
	static const uint8_t code[9] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xeb, 0x80 };
	memcpy(at, code, 9);
	memcpy(at + 9 - 128, (uint8_t[]){ 0xff, 0x25, 0, 0, 0, 0 }, 6); // jmp *(%rip)
	*(void **)(at + 9 - 128 + 6) = registers_after;
	NEED(mprotect(page, PAGE, PROT_READ | PROT_EXEC) == 0 && munmap(page + PAGE, PAGE) == 0);
	struct site s = { at, at + 7, 39, 0 };
	all_rounds(&s);
	CHECK(!memcmp(at + 5, code + 5, 4));
	munmap(page, PAGE);
}

// One entry of a site after the other in turn.
static void in_turn(const struct site *a)
{
	struct site b = a[1];
	b.back = a->back;
	for (int i = 0; i < 500; i++) {
		long args[6];
		registers_fill(args, sizeof args);
		CHECK_EQ(site_call(a, args, stack_middle(), STACK_AROUND), getpid());
		CHECK_EQ(site_call(&b, args, stack_middle(), STACK_AROUND), getuid());
	}
}

int main(void)
{
	registers_setup();
	zero = open("/dev/zero", O_RDONLY);
	NEED(zero >= 0);
	for (const struct site *s = __start_sites; s < __stop_sites; s++) {
		int failed = test_failures;
		all_rounds(s);
		if (test_failures != failed)
			printf("site %ld, number %d\n", (long)(s - __start_sites), s->number);
		if (s->number == 102)
			in_turn(s - 1);
	}
	before_unmapped();
	return test_end();
}
