// SPDX-License-Identifier: MIT
//
// Threads by clone and clone3 themselves: ids in memory, CLEARTID's futex, TLS, registers, refused flags.
#include "test.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static atomic_int ran;
static volatile int child_tid, parent_tid, seen_tid;

static int body(void *arg)
{
	// No C library here: there is no TLS of its own.
	seen_tid = (int)syscall(SYS_gettid);
	ran += (int)(long)arg;
	return 0;
}

static void wait_clear(void)
{
	for (int tid; (tid = child_tid) != 0;)
		syscall(SYS_futex, &child_tid, FUTEX_WAIT, tid, NULL, NULL, 0);
}

// clone3 with a stack: the child calls body and exits.
static long clone3_thread(struct clone_args *args)
{
	long r;
	register void *entry __asm__("r12") = (void *)body;
	__asm__ volatile("syscall; test %%rax, %%rax; jnz 1f\n"
			 "xor %%ebp, %%ebp; mov $100, %%edi; call *%%r12\n"
			 "xor %%edi, %%edi; mov %4, %%eax; syscall; hlt; 1:"
			 : "=a"(r)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args), "i"(SYS_exit), "r"(entry)
			 : "rcx", "r11", "memory");
	return r;
}

int main(void)
{
	char *stack = map_anon(64 << 10, PROT_READ | PROT_WRITE);
	child_tid = -1;
	int tid = clone(body, stack + (64 << 10), THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, (void *)1,
		&parent_tid, NULL, &child_tid);
	CHECK(tid > 0);
	CHECK_EQ(parent_tid, tid);
	wait_clear();
	CHECK_EQ(ran, 1);
	CHECK_EQ(seen_tid, tid);

	child_tid = parent_tid = 0;
	struct clone_args args = {
		.flags = THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
		.stack = (uintptr_t)stack,
		.stack_size = 64 << 10,
		.parent_tid = (uintptr_t)&parent_tid,
		.child_tid = (uintptr_t)&child_tid,
	};
	child_tid = -1;
	long r = clone3_thread(&args);
	CHECK(r > 0);
	wait_clear();
	CHECK_EQ(ran, 101);
	CHECK_EQ(parent_tid, r);

	CHECK_ERR(clone(body, stack + 4096, CLONE_THREAD | CLONE_VM, NULL), EINVAL);  // needs SIGHAND
	CHECK_ERR(clone(body, stack + 4096, CLONE_SIGHAND, NULL), EINVAL);	      // needs VM
	args.flags = THREAD;
	args.stack_size = 0;
	CHECK_ERR(syscall(SYS_clone3, &args, sizeof args), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, &args, 8), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, (void *)8, sizeof args), EFAULT);
	args.stack_size = 64 << 10;
	args.exit_signal = SIGCHLD;
	CHECK_ERR(syscall(SYS_clone3, &args, sizeof args), EINVAL);
	CHECK_EQ(syscall(SYS_set_tid_address, &seen_tid), gettid());
	return test_end();
}
