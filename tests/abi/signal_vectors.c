// SPDX-License-Identifier: MIT
//
// Vector and floating-point registers survive handlers that use them, are in the frame, and survive preemption.
// build: -lm
#include "test.h"

#include <fenv.h>
#include <math.h>

typedef double wide __attribute__((vector_size(32)));
static volatile int runs;
static volatile double seen;

static __attribute__((noinline)) void handler(int sig, siginfo_t *info, void *context)
{
	volatile double x = 1.5;
	for (int i = 0; i < 50; i++)
		x = sqrt(x * 3.7 + i);
	runs++;
	struct _libc_fpstate *fp = ((ucontext_t *)context)->uc_mcontext.fpregs;
	CHECK(fp != NULL);
	if (fp)
		memcpy((void *)&seen, &fp->_xmm[15], 8);
	fesetround(FE_UPWARD);
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm15, %%xmm15" ::: "xmm0",
		"xmm7", "xmm15");
}

static __attribute__((noinline)) __attribute__((target("avx"))) void check_avx(void)
{
	wide a = {1, 2, 3, 4}, out[2];
	__asm__ volatile("vmovupd %2, %%ymm6; vaddpd %%ymm6, %%ymm6, %%ymm14; \n"
			 "mov %3, %%edi; mov %4, %%esi; mov %5, %%eax; syscall\n" // kill(getpid(), SIGUSR1)
			 "vmovupd %%ymm6, %0; vmovupd %%ymm14, %1"
			 : "=m"(out[0]), "=m"(out[1])
			 : "m"(a), "r"(getpid()), "i"(SIGUSR1), "i"(SYS_kill)
			 : "xmm6", "xmm14", "rax", "rcx", "r11", "rdi", "rsi", "memory");
	for (int i = 0; i < 4; i++) {
		CHECK(out[0][i] == i + 1);
		CHECK(out[1][i] == 2 * (i + 1));
	}
}

static atomic_int stop;

// Its registers hold one number all the time; whoever is preempted must find them again.
static void *spin(void *arg)
{
	double want = (double)(long)arg, got[4];
	unsigned long rounds = 0;
	while (!stop) {
		__asm__ volatile("movsd %4, %%xmm1; movsd %4, %%xmm9; movsd %4, %%xmm13; fldl %4\n"
				 "mov $20000, %%ecx; 1: dec %%ecx; jnz 1b\n"
				 "movsd %%xmm1, %0; movsd %%xmm9, %1; movsd %%xmm13, %2; fstpl %3"
				 : "=m"(got[0]), "=m"(got[1]), "=m"(got[2]), "=m"(got[3])
				 : "m"(want)
				 : "xmm1", "xmm9", "xmm13", "ecx", "cc");
		for (int i = 0; i < 4; i++)
			if (got[i] != want)
				return (void *)-1l;
		rounds++;
	}
	return (void *)(long)(rounds > 0);
}

int main(void)
{
	set_handler(SIGUSR1, handler, 0);
	double in = 42.25, out[3];
	__asm__ volatile("movsd %3, %%xmm0; movsd %3, %%xmm7; movsd %3, %%xmm15\n"
			 "mov %4, %%edi; mov %5, %%esi; mov %6, %%eax; syscall\n"
			 "movsd %%xmm0, %0; movsd %%xmm7, %1; movsd %%xmm15, %2"
			 : "=m"(out[0]), "=m"(out[1]), "=m"(out[2])
			 : "m"(in), "r"(getpid()), "i"(SIGUSR1), "i"(SYS_kill)
			 : "xmm0", "xmm7", "xmm15", "rax", "rcx", "r11", "rdi", "rsi", "memory");
	CHECK(out[0] == 42.25 && out[1] == 42.25 && out[2] == 42.25);
	CHECK(seen == 42.25);
	CHECK_EQ(runs, 1);
	CHECK_EQ(fegetround(), FE_TONEAREST);
	if (__builtin_cpu_supports("avx"))
		check_avx();

	// The handler starts with the rounding of the interrupted code, and what it sets is undone.
	fesetround(FE_DOWNWARD);
	raise(SIGUSR1);
	CHECK_EQ(fegetround(), FE_DOWNWARD);
	fesetround(FE_TONEAREST);

	pthread_t t[4];
	for (long i = 0; i < 4; i++)
		t[i] = start(spin, (void *)(i + 1000));
	for (int i = 0; i < 20; i++) {
		pthread_kill(t[i % 4], SIGUSR1);
		sleep_ms(5);
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		CHECK_EQ((long)join(t[i]), 1);
	return test_end();
}
