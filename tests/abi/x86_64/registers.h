// SPDX-License-Identifier: MIT
//
// System calls from sites of any shape, with every register known before and looked at after.
//
// SITE(name, number, kind, code) makes a function of the code, a `syscall` and a jump back; all of them are in `sites`.
// site_call() fills general and vector registers, flags, MXCSR, the x87 control word and the stack around RSP with new
// numbers, makes the call there, and checks what Linux promises: RAX is the result, RCX the address behind `syscall`,
// R11 the flags, and nothing else has changed. For one thread at a time.
#pragma once
#include <cpuid.h>

#include "test.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

// Kinds of sites: macros, for the assembler sees them too.
#define SITE_NUMBER_IN_R8 1
#define SITE_PUSHES 2	  // uses 8 bytes below RSP
#define SITE_SETS_FLAGS 4
#define SITE_ODD 8	  // one of many that differ in their place only: fewer rounds

struct site {
	void *entry, *back;
	int number, kind;
};
extern const struct site __start_sites[], __stop_sites[];

#define SITE_TEXT(x) #x
#define SITE_VALUE(x) SITE_TEXT(x)
#define SITE_BARE(name, number, kind, code)								\
	__asm__(".pushsection .text\n .type site_" #name ", @function\n"				\
		"site_" #name ":\n .cfi_startproc\n" code "\n9: jmp registers_after\n"			\
		".cfi_endproc\n .size site_" #name ", . - site_" #name "\n .popsection\n"		\
		".pushsection sites, \"aw\"\n .quad site_" #name ", 9b\n .long " #number ", " SITE_VALUE(kind) "\n .popsection\n")
#define SITE(name, number, kind, code) SITE_BARE(name, number, kind, code "\n syscall")

uint64_t registers_in[16], registers_out[16], registers_host_sp;
void *registers_target, *registers_area_in, *registers_area_out;
uint32_t registers_mask, registers_host_mxcsr;
struct {
	char room[65536]; // a signal between two of the instructions around popf must find a stack
	uint64_t value, end;
} registers_flags;
void registers_enter(void);
extern char registers_after[];

__asm__(".pushsection .text\n"
	"registers_enter:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"mov %rsp, registers_host_sp(%rip)\n"
	"stmxcsr registers_host_mxcsr(%rip)\n"
	"mov registers_area_in(%rip), %rdi; mov registers_mask(%rip), %eax; xor %edx, %edx\n"
	"xrstor64 (%rdi)\n"
	"lea registers_flags+65536(%rip), %rsp; popfq\n"
	".macro each op, which\n"
	"\\op rax, 0, \\which; \\op rcx, 1, \\which; \\op rdx, 2, \\which; \\op rbx, 3, \\which; \\op rsp, 4, \\which\n"
	"\\op rbp, 5, \\which; \\op rsi, 6, \\which; \\op rdi, 7, \\which; \\op r8, 8, \\which; \\op r9, 9, \\which\n"
	"\\op r10, 10, \\which; \\op r11, 11, \\which; \\op r12, 12, \\which; \\op r13, 13, \\which\n"
	"\\op r14, 14, \\which; \\op r15, 15, \\which\n .endm\n"
	".macro get reg, n, from\n mov \\from+8*\\n(%rip), %\\reg\n .endm\n"
	".macro put reg, n, to\n mov %\\reg, \\to+8*\\n(%rip)\n .endm\n"
	"each get, registers_in\n"
	"jmp *registers_target(%rip)\n"
	".globl registers_after\n registers_after:\n"
	"each put, registers_out\n"
	"lea registers_flags+65544(%rip), %rsp; pushfq\n"
	"mov registers_host_sp(%rip), %rsp\n"
	"mov registers_area_out(%rip), %rdi; mov registers_mask(%rip), %eax; xor %edx, %edx\n"
	"xsave64 (%rdi)\n"
	"fninit; ldmxcsr registers_host_mxcsr(%rip)\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
	".popsection\n");

// --- new numbers each time

static uint64_t registers_seed = 0x9e3779b97f4a7c15;

static uint64_t registers_random(void)
{
	registers_seed ^= registers_seed << 13;
	registers_seed ^= registers_seed >> 7;
	return registers_seed ^= registers_seed << 17;
}
static void registers_fill(void *p, size_t size)
{
	for (uint64_t *w = p; (char *)w < (char *)p + size; w++)
		*w = registers_random();
}

// --- the XSAVE area: x87, SSE, AVX and AVX-512, as far as the machine has them

static struct {
	unsigned at, size;
} registers_parts[8];

static void registers_setup(void)
{
	unsigned a, b, c, d, size;
	NEED(__get_cpuid_count(0xd, 0, &a, &size, &c, &d));
	registers_mask = a & 0xe7;
	NEED((registers_mask & 3) == 3);
	for (int i = 2; i < 8; i++)
		if (registers_mask >> i & 1 && __get_cpuid_count(0xd, i, &a, &b, &c, &d)) {
			registers_parts[i].at = b;
			registers_parts[i].size = a;
		}
	registers_area_in = aligned_alloc(64, (size + 4095) & ~63);
	registers_area_out = aligned_alloc(64, (size + 4095) & ~63);
	memset(registers_area_in, 0, size);
	memset(registers_area_out, 0, size);
}

static void registers_fill_area(void)
{
	char *area = registers_area_in;
	*(uint16_t *)area = 0x037f & ~(registers_random() & 0xc00); // x87: all exceptions masked, some rounding
	area[4] = (char)0xff;					     // all eight registers in use
	*(uint32_t *)(area + 24) = 0x1f80 | (registers_random() & 0xe03f);
	for (int i = 0; i < 8; i++)
		registers_fill(area + 32 + 16 * i, 8), *(uint16_t *)(area + 40 + 16 * i) = registers_random();
	registers_fill(area + 160, 256);
	*(uint64_t *)(area + 512) = registers_mask;
	for (int i = 2; i < 8; i++)
		registers_fill(area + registers_parts[i].at, registers_parts[i].size);
}

static bool registers_area_same(void)
{
	const char *in = registers_area_in, *out = registers_area_out;
	bool same = !memcmp(in, out, 2) && in[4] == out[4] && !memcmp(in + 24, out + 24, 4);
	for (int i = 0; i < 8; i++)
		same &= !memcmp(in + 32 + 16 * i, out + 32 + 16 * i, 10);
	same &= !memcmp(in + 160, out + 160, 256);
	for (int i = 2; i < 8; i++)
		same &= !memcmp(in + registers_parts[i].at, out + registers_parts[i].at, registers_parts[i].size);
	return same;
}

// --- the stack

#define STACK_AROUND 256 // bytes below and above RSP that are looked at: more than the red zone's 128

static char *stack_bottom; // of 256 KiB; there is nothing below

static void *stack_middle(void)
{
	if (!stack_bottom) {
		char *p = map_anon(PAGE + 262144, PROT_NONE);
		NEED(mprotect(stack_bottom = p + PAGE, 262144, PROT_READ | PROT_WRITE) == 0);
	}
	return stack_bottom + 131072 - registers_random() % 16;
}

// Makes a call at the site with RSP at `sp`, and checks the registers. Its result. `looked` says how many bytes below
// RSP must stay: 128 if a signal's frame may come, 0 if nothing is mapped there.
static long site_call(const struct site *s, const long args[6], void *sp, size_t looked)
{
	static const int order[6] = { RDI, RSI, RDX, R10, R8, R9 };
	uint8_t before[2 * STACK_AROUND], *stack = sp;
	bool mapped = stack >= (uint8_t *)stack_bottom && stack < (uint8_t *)stack_bottom + 262144 - STACK_AROUND;
	registers_fill(registers_in, sizeof registers_in);
	for (int i = 0; i < 6; i++)
		registers_in[order[i]] = args[i];
	if (s->kind & SITE_NUMBER_IN_R8)
		registers_in[R8] = (registers_in[R8] & ~0xffffffffull) | s->number;
	registers_in[RSP] = (uintptr_t)sp;
	registers_fill_area();
	registers_flags.value = 0x202 | (registers_random() & 0x2008d5);
	uint64_t flags = registers_flags.value;
	if (mapped) {
		registers_fill(before, sizeof before);
		memcpy(stack - looked, before, looked + STACK_AROUND);
	}
	registers_target = s->entry;
	registers_enter();

	for (int i = 0; i < 16; i++)
		if (i != RAX && i != RCX && i != R11 && registers_out[i] != registers_in[i])
			test_fail("register", i, "is preserved", registers_out[i]);
	CHECK_EQ(registers_out[RCX], s->back);
	if (!(s->kind & SITE_SETS_FLAGS))
		CHECK_EQ(registers_out[R11], flags);
	CHECK_EQ(registers_flags.value, registers_out[R11]);
	CHECK(registers_area_same());
	if (mapped) {
		if (s->kind & SITE_PUSHES)
			memcpy(stack - 8, before + looked - 8, 8);
		CHECK(!memcmp(stack - looked, before, looked + STACK_AROUND));
	}
	return registers_out[RAX];
}
