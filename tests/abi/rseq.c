// SPDX-License-Identifier: MIT
//
// Restartable sequences: glibc has registered one for each thread, the CPU number in it is right, and a sequence
// that is preempted goes to its abort handler. membarrier.
#include "test.h"

#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <sched.h>
#include <sys/rseq.h>

static struct rseq *mine(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static atomic_int aborted, finished, stop;

// Counts to a large number inside a sequence. Whether it got through depends on preemption.
static bool sequence(void)
{
	bool through;
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

int main(void)
{
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
	CHECK_ERR(syscall(SYS_membarrier, 1 << 30, 0, 0), EINVAL);
	return test_end();
}
