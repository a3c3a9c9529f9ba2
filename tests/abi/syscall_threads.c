// SPDX-License-Identifier: MIT
//
// Four threads run through one site from its first execution on, while a fifth sends them signals whose handlers run
// through it too; the same for code that is new each time. Breakpoints that the program sets at a site and removes.
#include "test.h"

#define THREADS 4
#define SITES	 48
#define ROUNDS	 200

// Sites in read-only text, 13 bytes apart, so that they cross cache lines in all ways. RBX keeps the thread's number.
extern const char sites[];
__asm__(".pushsection .text\n .macro one\n .type site\\@, @function\n site\\@: .cfi_startproc\n"
	"mov $186, %eax\n syscall\n ret\n .fill 5, 1, 0xcc\n .cfi_endproc\n .size site\\@, 8\n .endm\n"
	".globl sites\n .p2align 6\n sites:\n .rept 48\n one\n .endr\n .popsection");
#define SITE_SIZE 13
// The same, to be copied: a program that reads its own text may see what patching made of it.
static const uint8_t site_code[] = { 0xb8, 186, 0, 0, 0, 0x0f, 0x05, 0xc3 };

// The function at the site: gettid, with numbers in registers that must still be there. The thread, or -1.
static long call(const char *at)
{
	register long mark12 __asm__("r12") = (long)at, mark13 __asm__("r13") = ~(long)at;
	register long arg8 __asm__("r8") = 8 - (long)at, arg9 __asm__("r9") = (long)at * 3;
	long r;
	__asm__ volatile("sub $256, %%rsp; call *%[at]; add $256, %%rsp"
			 : "=a"(r), "+r"(mark12), "+r"(mark13), "+r"(arg8), "+r"(arg9)
			 : [at] "D"(at)
			 : "rcx", "r11", "rsi", "rdx", "r10", "memory", "cc");
	return mark12 == (long)at && mark13 == ~(long)at && arg8 == 8 - (long)at && arg9 == (long)at * 3 ? r : -1;
}

static const char *_Atomic now; // the site in use
static atomic_int handled, stop;
static __thread long me;
static pthread_barrier_t barrier;
static pthread_t threads[THREADS];

static void handler(int sig, siginfo_t *info, void *context)
{
	handled++;
	for (int i = 0; i < 3; i++)
		if (call(now) != me)
			CHECK(!"a handler's call");
}

static const char *next(const char *base, size_t step, int i)
{
	return base + step * i;
}

struct work {
	const char *base;
	size_t step;
	int count;
};

static void *runner(void *arg)
{
	const struct work *w = arg;
	me = syscall(SYS_gettid);
	for (int i = 0; i < w->count; i++) {
		pthread_barrier_wait(&barrier); // all are done with the last one
		now = next(w->base, w->step, i);
		pthread_barrier_wait(&barrier); // and all begin with this one at once
		for (int k = 0; k < ROUNDS; k++)
			if (call(next(w->base, w->step, i)) != me)
				CHECK(!"a thread's call");
	}
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void *sender(void *arg)
{
	struct timespec t = { 0, 50000 };
	for (unsigned i = 0; !stop; i++) {
		pthread_kill(threads[i % THREADS], SIGUSR1);
		if (i % THREADS == 0)
			nanosleep(&t, NULL);
	}
	return NULL;
}

static void race(const char *base, size_t step, int count)
{
	struct work w = { base, step, count };
	int before = handled;
	now = base;
	stop = 0;
	NEED(pthread_barrier_init(&barrier, NULL, THREADS + 1) == 0);
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(runner, &w);
	pthread_barrier_wait(&barrier); // they have set `me`: now signals may come
	pthread_t s = start(sender, NULL);
	for (int i = 0; i < 2 * count - 1; i++)
		pthread_barrier_wait(&barrier);
	int64_t until = now_ms() + 5000;
	while (handled - before < 20 && now_ms() < until)
		sleep_ms(1); // the threads wait at the barrier, where handlers run as well
	stop = 1;
	join(s);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	pthread_barrier_destroy(&barrier);
	CHECK(handled - before >= 20);
}

// The same with pages that are new each time, in code that a just-in-time compiler might have made.
static void race_new(void)
{
	for (int i = 0; i < 6; i++) {
		char *p = map_anon(2 * PAGE, PROT_READ | PROT_WRITE);
		for (int k = 0; k < 8; k++) // the last ones lie across the pages' border
			memcpy(p + PAGE - 6 * 11 - 4 + 11 * k, site_code, sizeof site_code);
		NEED(mprotect(p, 2 * PAGE, PROT_READ | PROT_EXEC) == 0);
		race(p + PAGE - 6 * 11 - 4, 11, 8);
		munmap(p, 2 * PAGE);
	}
}

// --- breakpoints

static uint8_t *volatile break_at, break_saved;
static volatile int breaks;
static void *volatile break_pc;

static void text_rights(const void *at, int prot)
{
	uintptr_t page = (uintptr_t)at & -PAGE;
	NEED(mprotect((void *)page, PAGE, prot) == 0);
}

// Removes the breakpoint and goes on at the instruction that was under it.
static void on_break(int sig, siginfo_t *info, void *context)
{
	break_pc = (void *)UC_PC((ucontext_t *)context);
	breaks++;
	text_rights(break_at, PROT_READ | PROT_WRITE | PROT_EXEC);
	*break_at = break_saved;
	text_rights(break_at, PROT_READ | PROT_EXEC);
	UC_PC((ucontext_t *)context) = (uintptr_t)break_at;
}

// A breakpoint at offset `at` of a site that has run often: 0 is the mov, 5 the syscall, 7 behind it.
static void check_breakpoint(uint8_t *site, int at, uint8_t want)
{
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < ROUNDS; k++)
			CHECK_EQ(call((char *)site), me);
		break_at = site + at;
		text_rights(break_at, PROT_READ | PROT_WRITE | PROT_EXEC); // this code may lie in the same page
		break_saved = *break_at;
		CHECK_EQ(break_saved, want);
		*break_at = 0xcc;
		text_rights(break_at, PROT_READ | PROT_EXEC);
		int before = breaks;
		CHECK_EQ(call((char *)site), me);
		CHECK_EQ(breaks, before + 1);
		CHECK(break_pc == site + at + 1);
		CHECK_EQ(call((char *)site), me);
		CHECK_EQ(breaks, before + 1);
	}
}

int main(void)
{
	me = getpid();
	set_handler(SIGUSR1, handler, SA_RESTART);
	set_handler(SIGTRAP, on_break, 0);
	race(sites, SITE_SIZE, SITES);
	race_new();
	uint8_t *page = map_anon(2 * PAGE, PROT_READ | PROT_WRITE);
	memset(page, 0xcc, SITES * SITE_SIZE);
	for (int i = 0; i < SITES; i++)
		memcpy(page + SITE_SIZE * i, site_code, sizeof site_code);
	text_rights(page, PROT_READ | PROT_EXEC);
	for (int at = 0; at < 8; at += at ? 2 : 5) {
		check_breakpoint(page + SITE_SIZE * (1 + at), at, site_code[at]);
		check_breakpoint((uint8_t *)(uintptr_t)sites + SITE_SIZE * at, at, site_code[at]);
	}
	return test_end();
}
