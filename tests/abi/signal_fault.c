// SPDX-License-Identifier: MIT
//
// Faults of the processor as signals: si_code and si_addr, and a handler that edits the registers to go on.
#include "test.h"

static volatile uintptr_t skip_to;
static volatile siginfo_t got;
static volatile uintptr_t got_pc;
static volatile int count;

// Continues after the instruction.
static void skip(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	got = *info;
	got_pc = UC_PC(uc);
	UC_PC(uc) = skip_to;
	count++;
}

static void report(const char *name)
{
	printf("%s: signal %d code %d, %s\n", name, got.si_signo, got.si_code,
	       (uintptr_t)got.si_addr == got_pc ? "si_addr is the pc"
	       : got.si_addr			? "si_addr is another"
						: "si_addr is 0");
	CHECK_EQ(count, 1);
	count = 0;
}

static char *page;

// Makes the page writable, and the instruction runs again.
static void unprotect(int sig, siginfo_t *info, void *context)
{
	count++;
	CHECK(info->si_addr == page + 123);
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

int main(void)
{
	for (int s = 1; s < 16; s++)
		if (s == SIGSEGV || s == SIGFPE || s == SIGILL || s == SIGTRAP || s == SIGBUS)
			set_handler(s, skip, 0);

	SKIPPABLE(INSN_UNDEFINED);
	report("undefined instruction");
	SKIPPABLE(INSN_DIVIDE_BY_ZERO);
	report("division by zero");
	SKIPPABLE(INSN_BREAKPOINT);
	CHECK_EQ(got_pc, skip_to); // behind it already
	report("breakpoint");
	SKIPPABLE(INSN_PRIVILEGED);
	report("privileged instruction");
	SKIPPABLE(INSN_NON_CANONICAL);
	report("non-canonical address");
	SKIPPABLE("mov 0x10, %%rax");
	CHECK(got.si_addr == (void *)0x10);
	report("null pointer");
	SKIPPABLE("mov $0xffffffff80000000, %%rax; mov (%%rax), %%rax");
	CHECK((uintptr_t)got.si_addr == 0 || (uintptr_t)got.si_addr == 0xffffffff80000000ul);
	CHECK_EQ(got.si_signo, SIGSEGV);
	count = 0;

	// Jumping to nowhere: the pc of the frame is the address.
	page = map_anon(PAGE, PROT_READ | PROT_WRITE);
	void (*volatile nowhere)(void) = (void (*)(void))(void *)(page + 16);
	sigjmp_buf *jump = &fault_jump;
	set_handler(SIGSEGV, fault_handler, 0);
	int sig = sigsetjmp(*jump, 1);
	if (!sig)
		nowhere();
	CHECK_EQ(sig, SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK(fault_addr == page + 16);

	mprotect(page, PAGE, PROT_READ);
	set_handler(SIGSEGV, unprotect, 0);
	page[123] = 55;
	CHECK_EQ(count, 1);
	CHECK_EQ(page[123], 55);

	// Registers of the frame: change the result of the faulting code.
	set_handler(SIGILL, skip, 0);
	unsigned long kept[4] = {1, 2, 3, 4};
	__asm__ volatile("mov $11, %%rbx; mov $12, %%r12; mov $13, %%r15; lea 1f(%%rip), %%rax; mov %%rax, %4\n"
			 "stc; ud2; 1:\n"
			 "setc %%al; movzx %%al, %%rax; mov %%rax, %0; mov %%rbx, %1; mov %%r12, %2; mov %%r15, %3"
			 : "=m"(kept[0]), "=m"(kept[1]), "=m"(kept[2]), "=m"(kept[3]), "=m"(skip_to)
			 :
			 : "rax", "rbx", "r12", "r15", "cc", "memory");
	printf("kept %lu %lu %lu %lu\n", kept[0], kept[1], kept[2], kept[3]);
	return test_end();
}
