// SPDX-License-Identifier: MIT
//
// Restartable sequences: glibc has registered one for each thread, the CPU number in it is right, and a sequence
// that is preempted, gets a signal or is told to by membarrier goes to its abort handler. membarrier.
#include "test.h"

#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <sched.h>
#include <sys/rseq.h>
#include <sys/time.h>

#ifndef MEMBARRIER_CMD_GET_REGISTRATIONS
#define MEMBARRIER_CMD_GET_REGISTRATIONS (1 << 9)
#endif

static struct rseq *mine(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static atomic_int aborted, finished, stop, began;

// Counts to a large number inside a sequence. Whether it got through depends on preemption.
static bool sequence(void)
{
	bool through;
	began++;
	__asm__ volatile(".pushsection __rseq_cs, \"aw\"\n .balign 32\n 3: .long 0, 0\n .quad 1f, 2f - 1f, 4f\n"
			 ".popsection\n"
			 "lea 3b(%%rip), %%rax; mov %%rax, %1\n"
			 "1: mov $40000000, %%ecx\n 5: dec %%ecx\n jnz 5b\n 2:\n"
			 "mov $1, %0; jmp 6f\n"
			 ".byte 0x0f, 0xb9, 0x3d\n .long %c2\n 4: mov $0, %0\n 6:"
			 : "=r"(through), "=m"(mine()->rseq_cs)
			 : "i"(RSEQ_SIG)
			 : "rax", "rcx", "cc", "memory");
	return through;
}

static void *spin(void *arg)
{
	while (!stop)
		;
	return NULL;
}

static void *body(void *arg)
{
	CHECK_EQ(mine()->cpu_id, sched_getcpu());
	CHECK_ERR(syscall(SYS_rseq, mine(), 32, 0, RSEQ_SIG), EBUSY);
	for (int i = 0; i < 60 && !aborted; i++)
		if (sequence())
			finished++;
		else
			aborted++;
	return NULL;
}

static atomic_int handled;

static void handler(int sig, siginfo_t *info, void *context)
{
	handled++;
	CHECK_EQ(mine()->rseq_cs, 0); // the sequence has ended before the handler begins
}

// Nobody else is there to preempt: what ends the sequence is the signal.
static void signals(void)
{
	struct itimerval soon = {.it_value.tv_usec = 2000};
	int through = 1;
	set_handler(SIGALRM, handler, 0);
	for (int i = 0; i < 20; i++) {
		int before = handled;
		CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
		through = sequence();
		if (handled == before) {
			while (handled == before)
				;
			continue; // the timer was late
		}
		CHECK(!through);
		return;
	}
	CHECK(!"a signal came in a sequence");
}

static void *sequences(void *arg)
{
	for (int i = 0; i < 60 && !aborted; i++)
		aborted += !sequence();
	return NULL;
}

static void barrier(void)
{
	CHECK_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0), EPERM);
	CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0), 0);
	CHECK_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_FLAG_CPU, 0), EINVAL);
	CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0), 0);
	aborted = 0;
	began = 0;
	pthread_t t = start(sequences, NULL);
	while (!aborted && began < 60) {
		int now = began;
		sleep_ms(1);
		if (now)
			CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0), 0);
	}
	join(t);
	CHECK(aborted);
}

int main(void)
{
	signals();
	barrier();
	aborted = 0;
	CHECK(__rseq_size > 0);
	cpu_set_t set;
	sched_getaffinity(0, sizeof set, &set);
	for (int c = 0; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &set)) {
			cpu_set_t one;
			CPU_ZERO(&one);
			CPU_SET(c, &one);
			CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
			CHECK_EQ(mine()->cpu_id, c);
			CHECK_EQ(mine()->cpu_id_start, c);
		}
	// All on one CPU now: the counter is preempted sooner or later.
	pthread_t s = start(spin, NULL);
	join(start(body, NULL));
	stop = 1;
	join(s);
	CHECK(aborted > 0);

	CHECK_ERR(syscall(SYS_rseq, mine(), 32, 0, 0x1234), EPERM);
	CHECK_ERR(syscall(SYS_rseq, (char *)mine() + 32, 32, 0, RSEQ_SIG), EINVAL);
	CHECK_EQ(syscall(SYS_rseq, mine(), 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG), 0);
	CHECK_ERR(syscall(SYS_rseq, mine(), 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG), EINVAL);
	CHECK_EQ(syscall(SYS_rseq, mine(), 32, 0, RSEQ_SIG), 0);

	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	CHECK(commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED));
	CHECK_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), EPERM);
	CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0), 0);
	CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), 0);
	if (commands & MEMBARRIER_CMD_GET_REGISTRATIONS)
		CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0),
			 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ);
	CHECK_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_GLOBAL, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_membarrier, 1 << 30, 0, 0), EINVAL);
	return test_end();
}
