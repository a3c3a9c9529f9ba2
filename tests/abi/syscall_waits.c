// SPDX-License-Identifier: MIT
//
// Registers around calls that wait, time out, and are interrupted: with SA_RESTART the call goes on at the same
// `syscall`, without it fails with EINTR. A handler sees the PC of the program's own code, at the instruction it names,
// and its frame leaves the red zone alone. From sites of several shapes.
#include "registers.h"

#include <linux/futex.h>
#include <sys/time.h>

#define SHAPES(name, n)											\
	SITE(name##_mov, n, 0, "mov $" #n ", %eax");							\
	SITE(name##_mov_long, n, 0, ".byte 0x48, 0xc7, 0xc0; .long " #n);				\
	SITE(name##_r8, n, SITE_NUMBER_IN_R8, "mov %r8d, %eax");					\
	SITE(name##_early, n, 0, "mov $" #n ", %eax; mov %rdi, %rdi; .fill 9, 1, 0x90");		\
	SITE(name##_at_syscall, n, 0, "mov $" #n ", %eax; jmp 1f; mov $60, %eax; 1:");			\
	SITE(name##_push_pop, n, SITE_PUSHES | SITE_SETS_FLAGS,						\
	     "push $" #n " & 127; pop %rax; add $" #n " - (" #n " & 127), %eax")
SHAPES(read, 0);
SHAPES(nanosleep, 35);
SHAPES(futex, 202);
SITE(read_xor, 0, SITE_SETS_FLAGS, "xor %eax, %eax");
SITE(getpid, 39, 0, "mov $39, %eax");

static pthread_t waiter;
static int data[2], orders[2], answers[2];
static atomic_bool answered;
static atomic_int signals, restarts;
static const struct site *current;

static void handler(int sig, siginfo_t *info, void *context)
{
	char *sp = (char *)UC_SP((ucontext_t *)context), *pc = (char *)UC_PC((ucontext_t *)context);
	long result = UC_RESULT((ucontext_t *)context);
	char *entry = current->entry, *back = current->back;
	signals++;
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm15, %%xmm15; xor %%eax, %%eax; cpuid" ::
				 : "xmm0", "xmm15", "rax", "rbx", "rcx", "rdx", "cc");
	if (sp < stack_bottom || sp >= stack_bottom + 262144)
		return; // not at the site
	CHECK((pc >= entry && pc <= back) ||
	      (pc >= (char *)registers_enter && pc <= (char *)registers_after + 400));
	if (pc > entry && pc < back && back - entry == 7) // mov, syscall: no instruction begins inside of them
		CHECK_EQ(pc - entry, 5);
	if (pc == back - 2)
		CHECK_EQ(result & 0xffffffff, current->number);
	restarts += pc == back - 2;
}

static void answer(char c)
{
	NEED(write(data[1], &c, 1) == 1);
}

// Does to the waiter what it is told: b byte, i interrupt until the call is over, r interrupt thrice, then a byte.
static void *poker(void *arg)
{
	char order;
	while (read(orders[0], &order, 1) == 1) {
		struct timespec t = { 0, 300000 };
		for (int i = 0; order == 'i' ? !answered : order == 'r' && i < 3; i++) {
			nanosleep(&t, NULL);
			pthread_kill(waiter, SIGUSR1);
		}
		nanosleep(&t, NULL);
		if (order != 'i')
			answer('x');
		NEED(write(answers[1], &order, 1) == 1);
	}
	return NULL;
}

static void order(char what)
{
	answered = false;
	NEED(write(orders[1], &what, 1) == 1);
}
static void await(void)
{
	char c;
	answered = true;
	while (read(answers[0], &c, 1) != 1)
		NEED(errno == EINTR);
}

static void actions(int flags)
{
	set_handler(SIGUSR1, handler, flags);
	set_handler(SIGALRM, handler, flags);
}

static void check_read(const struct site *s)
{
	char byte;
	long args[6] = { data[0], (long)&byte, 1, 4, 5, 6 };
	for (int i = 0; i < 12; i++) {
		byte = 0;
		order('b');
		CHECK_EQ(site_call(s, args, stack_middle(), STACK_AROUND), 1);
		CHECK_EQ(byte, 'x');
		await();
	}
	actions(0);
	for (int i = 0; i < 12; i++) {
		int before = signals;
		order('i');
		CHECK_EQ(site_call(s, args, stack_middle(), 128), -EINTR);
		await();
		CHECK(signals > before);
	}
	actions(SA_RESTART);
	for (int i = 0; i < 12; i++) {
		int before = signals;
		byte = 0;
		order('r');
		CHECK_EQ(site_call(s, args, stack_middle(), 128), 1);
		CHECK_EQ(byte, 'x');
		await();
		CHECK(signals > before);
	}
}

static void check_nanosleep(const struct site *s)
{
	struct timespec t = { 0, 300000 }, left = { -1, -1 };
	long args[6] = { (long)&t, 0, 3, 4, 5, 6 };
	for (int i = 0; i < 12; i++) {
		int64_t start = clock_ns(CLOCK_MONOTONIC);
		CHECK_EQ(site_call(s, args, stack_middle(), STACK_AROUND), 0);
		CHECK(clock_ns(CLOCK_MONOTONIC) - start >= 300000);
		CHECK_EQ(site_call(s, args, stack_bottom + (s->kind & SITE_PUSHES ? 8 : 0), 0), 0);
	}
	t.tv_sec = 100;
	args[1] = (long)&left;
	order('i'); // SA_RESTART makes no difference
	CHECK_EQ(site_call(s, args, stack_middle(), 128), -EINTR);
	await();
	CHECK(left.tv_sec >= 0 && left.tv_sec <= 100);
}

static void check_futex(const struct site *s)
{
	int word = 7;
	struct timespec t = { 0, 300000 };
	long args[6] = { (long)&word, FUTEX_WAIT_PRIVATE, 7, (long)&t, 5, 6 };
	for (int i = 0; i < 12; i++)
		CHECK_EQ(site_call(s, args, stack_middle(), STACK_AROUND), -ETIMEDOUT);
	args[2] = 8;
	CHECK_EQ(site_call(s, args, stack_middle(), STACK_AROUND), -EAGAIN);
	args[2] = 7;
	t.tv_sec = 100;
	order('i');
	CHECK_EQ(site_call(s, args, stack_middle(), 128), -EINTR);
	await();
}

// Signals that come at any instruction around a call.
static void check_storm(const struct site *s)
{
	struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { 0 };
	int before = signals;
	long args[6];
	NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
	int64_t start = now_ms();
	for (int i = 0; i < 3000 || ((signals - before < 50 || now_ms() - start < 100) && now_ms() - start < 5000);
	     i++) {
		registers_fill(args, sizeof args);
		CHECK_EQ(site_call(s, args, stack_middle(), 128), getpid());
	}
	NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(signals - before >= 50);
}

int main(void)
{
	registers_setup();
	stack_middle();
	waiter = pthread_self();
	current = __start_sites;
	NEED(pipe(data) == 0 && pipe(orders) == 0 && pipe(answers) == 0);
	actions(SA_RESTART);
	pthread_t t = start(poker, NULL);
	for (const struct site *s = __start_sites; s < __stop_sites; s++) {
		current = s;
		if (s->number == 0)
			check_read(s);
		else if (s->number == 35)
			check_nanosleep(s);
		else if (s->number == 202)
			check_futex(s);
		else
			check_storm(s);
	}
	CHECK(restarts > 0);
	close(orders[1]);
	join(t);
	return test_end();
}
