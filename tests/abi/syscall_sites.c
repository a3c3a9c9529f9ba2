// SPDX-License-Identifier: MIT
//
// System calls from sites of every shape, each often enough that a system which rewrites sites has rewritten it: the number
// set by the instruction before, two before, long before; jumps at the site and at the instruction before it; a stack with
// nothing below it. After each call all registers but rax, rcx and r11 are as before, vector registers, flags and the red
// zone included; rcx is the address after the instruction, r11 the flags.
// build: -mavx -mno-vzeroupper
#include "test.h"

#include <cpuid.h>

#define STATUS_FLAGS 0x8d5ul
#define ROUNDS 60

// What a site gets and leaves, in the order the code below knows.
struct state {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
	uint8_t red_zone[128];
	uint8_t vector[16][32];
};

// site(struct state *in, struct state *out): loads `in`, makes the call by the body, stores to `out`.
// rbp is loaded last and stored first; the two pointers wait on the stack, above what stands in for the red zone.
#define SITE(name, body)										\
	__asm__(".text\n.balign 16\n.type " #name ", @function\n" #name ":\n.cfi_startproc\n"		\
		"push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"			\
		"push %rdi\npush %rsi\nsub $136, %rsp\n"						\
		".set v, 0\n.rept 16\n.altmacro\nVLOAD %v\n.noaltmacro\n.set v, v+1\n.endr\n"		\
		".set v, 0\n.rept 16\nmov 128+v*8(%rdi), %rax\nmov %rax, v*8(%rsp)\n.set v, v+1\n.endr\n"\
		"push 120(%rdi)\npopfq\n"								\
		"mov (%rdi), %rax\nmov 8(%rdi), %rbx\nmov 24(%rdi), %rdx\nmov 32(%rdi), %rsi\n"		\
		"mov 48(%rdi), %rbp\nmov 56(%rdi), %r8\nmov 64(%rdi), %r9\nmov 72(%rdi), %r10\n"	\
		"mov 88(%rdi), %r12\nmov 96(%rdi), %r13\nmov 104(%rdi), %r14\nmov 112(%rdi), %r15\n"	\
		"mov 40(%rdi), %rdi\n"									\
		"lea 128(%rsp), %rsp\n" /* what is below is the red zone now */				\
		body											\
		".globl " #name "_after\n" #name "_after:\n"						\
		"lea -128(%rsp), %rsp\npushfq\npush %rdi\nmov 16+136(%rsp), %rdi\n"			\
		"mov %rax, (%rdi)\nmov %rbx, 8(%rdi)\nmov %rcx, 16(%rdi)\nmov %rdx, 24(%rdi)\n"		\
		"mov %rsi, 32(%rdi)\nmov %rbp, 48(%rdi)\nmov %r8, 56(%rdi)\nmov %r9, 64(%rdi)\n"	\
		"mov %r10, 72(%rdi)\nmov %r11, 80(%rdi)\nmov %r12, 88(%rdi)\nmov %r13, 96(%rdi)\n"	\
		"mov %r14, 104(%rdi)\nmov %r15, 112(%rdi)\n"						\
		"pop %rax\nmov %rax, 40(%rdi)\npop %rax\nmov %rax, 120(%rdi)\npush $0x202\npopfq\n"		\
		".set v, 0\n.rept 16\nmov v*8(%rsp), %rax\nmov %rax, 128+v*8(%rdi)\n.set v, v+1\n.endr\n"\
		".set v, 0\n.rept 16\n.altmacro\nVSTORE %v\n.noaltmacro\n.set v, v+1\n.endr\n"		\
		"add $152, %rsp\npop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n"	\
		".cfi_endproc\n.size " #name ", .-" #name "\n");					\
	extern void name(const struct state *, struct state *);						\
	extern const char name##_after[];

__asm__(".macro VLOAD n\nvmovdqu 256+32*\\n(%rdi), %ymm\\n\n.endm\n"
	".macro VSTORE n\nvmovdqu %ymm\\n, 256+32*\\n(%rdi)\n.endm\n");

// getpgrp (111) needs no argument and leaves none alone: what changes was changed by the way in or out.
SITE(site_mov, "mov $111, %eax\nsyscall\n")
SITE(site_mov_long, "mov $111, %rax\nsyscall\n")
SITE(site_register, "mov $111, %r8d\nmov %r8d, %eax\nsyscall\n")
SITE(site_low_register, "mov $111, %edx\nmov %edx, %eax\nsyscall\n")
SITE(site_early, "mov $111, %eax\nmov %rcx, %r10\nsyscall\n")
SITE(site_lea, "lea 111-0x40(%rax), %eax\nsyscall\n")
SITE(site_memory, "push $111\nmov (%rsp), %eax\nlea 8(%rsp), %rsp\nsyscall\n")
SITE(site_rip, "mov 1f(%rip), %eax\nsyscall\njmp 2f\n.balign 4\n1: .long 111\n2:\n")
SITE(site_push_pop, "lea -128(%rsp), %rsp\npush $111\npop %rax\nlea 128(%rsp), %rsp\nsyscall\n")
SITE(site_flags, "mov $110, %eax\ninc %eax\nsyscall\n")
SITE(site_jumped_at, "mov $111, %eax\njmp 1f\nmov $7777, %eax\n1: syscall\n")
SITE(site_jumped_before, "jmp 1f\nud2\n1: mov $111, %eax\nsyscall\n")
SITE(site_conditional, "mov $111, %eax\ntest %eax, %eax\njnz 1f\nud2\n1: syscall\n")
SITE(site_after_branch, "mov $111, %eax\ntest %eax, %eax\njz 1f\nsyscall\n1:\n")
SITE(site_padding, "jmp 1f\nret\n.balign 16\n1: mov $111, %ecx\nmov %ecx, %eax\nsyscall\n")
SITE(site_xor, "xor %eax, %eax\nsyscall\njmp 1f\n.balign 16\n1:\n") // read(2) of what the test sets up
SITE(site_store, "movl $111, -0x70(%rsp)\nmov $111, %eax\nsyscall\n")
SITE(site_quick, "mov $186, %eax\nsyscall\n") // gettid
// Short windows with no padding in reach: what follows says where a jump could go, forwards or back.
SITE(site_short_back, "mov $111, %edx\nmov %edx, %eax\nsyscall\njmp 1f\n1:\n")
SITE(site_three, "mov $111, %edx\nmov %rdx, %rax\nsyscall\n")
SITE(site_four, "mov $110, %r8d\nlea 1(%r8), %eax\nsyscall\n")
SITE(site_twice, "mov $111, %edx\nmov %edx, %eax\nsyscall\nmov %edx, %eax\nsyscall\n")
// The window lies on two pages, or the call on the second.
#define TO_PAGE_END(n) "jmp 1f\n.balign 4096, 0xf8\n.fill 4096-" #n ", 1, 0xf8\n1:\n"
SITE(site_page_two, TO_PAGE_END(2) "mov $111, %eax\nsyscall\n")
SITE(site_page_four, TO_PAGE_END(4) "mov $111, %rax\nsyscall\n")
SITE(site_page_one, TO_PAGE_END(1) "mov $111, %eax\nsyscall\n")
SITE(site_page_call, "mov $111, %edx\n" TO_PAGE_END(2) "mov %edx, %eax\nsyscall\n")
SITE(site_unknown, "mov $0x7ffffff0, %eax\nsyscall\n")

static const uint64_t flag_sets[] = {0x202, 0x246, 0x297, 0xa02, 0xad7, 0x602, 0x40202, 0x200202};

static uint64_t mix(uint64_t x) { return (x + 1) * 0x9e3779b97f4a7c15ull ^ x << 29; }

static void fill(struct state *s, uint64_t seed)
{
	uint64_t *word = (uint64_t *)s;
	for (size_t i = 0; i < sizeof *s / 8; i++)
		word[i] = mix(seed * 1000 + i);
}

struct site {
	const char *name;
	void (*call)(const struct state *, struct state *);
	const char *after;
	uint64_t (*expect)(void);
	unsigned changed; // bit n: register n of struct state is the body's own
};
enum { RDX = 3, R8 = 7, R10 = 9, FLAGS = 15 };

static uint64_t group(void) { return (uint64_t)getpgrp(); }
static uint64_t thread(void) { return (uint64_t)syscall(SYS_gettid); }
static uint64_t no_call(void) { return (uint64_t)-ENOSYS; }

#define S(name, expect, changed) {#name, site_##name, site_##name##_after, expect, changed}
static const struct site sites[] = {
	S(mov, group, 0), S(mov_long, group, 0), S(register, group, 1u << R8), S(low_register, group, 1u << RDX),
	S(early, group, 1u << R10), S(lea, group, 0), S(memory, group, 0), S(rip, group, 0), S(push_pop, group, 0),
	S(flags, group, 1u << FLAGS), S(jumped_at, group, 0), S(jumped_before, group, 0), S(conditional, group, 1u << FLAGS),
	S(short_back, group, 1u << RDX), S(three, group, 1u << RDX), S(four, group, 1u << R8), S(twice, group, 1u << RDX),
	S(page_two, group, 0), S(page_four, group, 0), S(page_one, group, 0), S(page_call, group, 1u << RDX),
	S(after_branch, group, 1u << FLAGS), S(padding, group, 0), S(store, group, 0), S(quick, thread, 0), S(unknown, no_call, 0),
};

static void check(const struct site *s, const struct state *in, const struct state *out)
{
	const uint64_t *a = (const uint64_t *)in, *b = (const uint64_t *)out;
	static const char *const name[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
					   "r15", "flags"};
	if (out->rax != s->expect())
		printf("%s: result %ld\n", s->name, (long)out->rax), test_failures++;
	// Where the body goes on after the call, `after` is behind that.
	if (out->rcx > (uint64_t)s->after || (uint64_t)s->after - out->rcx > 32 || memcmp((char *)out->rcx - 2, "\x0f\x05", 2))
		printf("%s: rcx is not behind the call\n", s->name), test_failures++;
	if (out->r11 != out->flags)
		printf("%s: r11 %lx, flags %lx\n", s->name, out->r11, out->flags), test_failures++;
	for (unsigned r = 1; r < 16; r++) {
		if (r == 2 || r == 10 || s->changed & 1u << r)
			continue;
		if (a[r] != b[r])
			printf("%s: %s was %lx, is %lx\n", s->name, name[r], a[r], b[r]), test_failures++;
	}
	bool stores = !strcmp(s->name, "memory") || !strcmp(s->name, "store");
	if (!stores && memcmp(in->red_zone, out->red_zone, sizeof in->red_zone))
		printf("%s: the red zone changed\n", s->name), test_failures++;
	if (memcmp(in->vector, out->vector, sizeof in->vector))
		printf("%s: vector registers changed\n", s->name), test_failures++;
}

static void *all_sites(void *arg)
{
	struct state in, out;
	for (int round = 0; round < ROUNDS && !test_failures; round++)
		for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
			fill(&in, round * 100 + i);
			in.flags = flag_sets[(round + i) % (sizeof flag_sets / sizeof flag_sets[0])];
			if (sites[i].call == site_lea)
				in.rax = 0x40;
			memset(&out, 0, sizeof out);
			sites[i].call(&in, &out);
			check(&sites[i], &in, &out);
		}
	return arg;
}

// read(2) by `xor %eax, %eax`, in a loop that a signal interrupts: the call fails or is made again, the registers hold.
static atomic_int signals;
static void on_alarm(int sig, siginfo_t *info, void *context) { signals++; }

struct interruption {
	atomic_int tid; // of the thread that reads
	int fd;		// where to write what it waits for; -1: nothing
	int before;	// signals
};

// A timer's signal for a thread that has fallen asleep: one that came sooner would interrupt nothing, and the read last for ever.
static void *interrupt(void *arg)
{
	struct interruption *in = arg;
	until_asleep(&in->tid);
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1, ._sigev_un._tid = in->tid};
	struct itimerspec in_5_ms = {.it_value = {0, 5000000}};
	timer_t timer;
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_EQ(timer_settime(timer, 0, &in_5_ms, NULL), 0);
	while (signals == in->before)
		sleep_ms(1);
	if (in->fd >= 0) {
		sleep_ms(10); // the read is on again
		CHECK_EQ(write(in->fd, "y", 1), 1);
	}
	timer_delete(timer);
	return NULL;
}

static uint64_t zero(void) { return 0; }

static void *interrupted(void *arg)
{
	int p[2], restart = *(int *)arg;
	struct state in, out;
	NEED(pipe(p) == 0);
	set_handler(SIGUSR1, on_alarm, restart ? SA_RESTART : 0);
	for (int round = 0; round < 30 && !test_failures; round++) {
		char c = 0;
		fill(&in, round);
		in.flags = 0x246;
		in.rdi = p[0], in.rsi = (uint64_t)&c, in.rdx = 1;
		static const struct site s = {"xor", site_xor, site_xor_after, NULL, 1u << FLAGS};
		NEED(write(p[1], "x", 1) == 1);
		site_xor(&in, &out);
		CHECK_EQ(out.rax, 1);
		CHECK_EQ(c, 'x');
		if (round < 25)
			continue;
		struct interruption how = {gettid(), restart ? p[1] : -1, signals};
		pthread_t other = start(interrupt, &how);
		site_xor(&in, &out);
		CHECK_EQ((long)out.rax, restart ? 1 : -EINTR);
		CHECK_EQ(signals, how.before + 1);
		out.rax = 0;
		struct site after = s;
		after.expect = zero;
		check(&after, &in, &out);
		join(other);
	}
	close(p[0]);
	close(p[1]);
	return NULL;
}
// A stack whose red zone ends where memory does: nothing may be pushed there.
static void small_stack(void)
{
	char *low = map_anon(2 * PAGE, PROT_READ | PROT_WRITE);
	CHECK_EQ(mprotect(low, PAGE, PROT_NONE), 0);
	for (int i = 0; i < ROUNDS; i++) {
		long r;
		__asm__ volatile("mov %%rsp, %%rbx\nmov %1, %%rsp\nmov $111, %%eax\nsyscall\nmov %%rbx, %%rsp"
				 : "=&a"(r) : "r"(low + PAGE) : "rbx", "rcx", "r11", "memory");
		CHECK_EQ(r, getpgrp());
	}
}

int main(void)
{
	unsigned a, b, c, d;
	__cpuid(1, a, b, c, d);
	NEED(c & bit_AVX);
	all_sites(NULL);
	small_stack();
	interrupted(&(int){0});
	interrupted(&(int){1});
	pthread_t t[4]; // the same sites from all sides
	for (int i = 0; i < 4; i++)
		t[i] = start(all_sites, NULL);
	for (int i = 0; i < 4; i++)
		join(t[i]);
	return test_end();
}
