// SPDX-License-Identifier: MIT
//
// The process's start. The monitor has made it, mapped guest RAM and the kernel, taken its rights away; what is left
// of the monitor in it goes first. Then signals, stacks, timers and the CPUs' threads, and at last the filter for
// all of them: from there on nothing but nucleus.S reaches the host.
#define COMPONENT "plat"
#include <asm/prctl.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/time.h>

#include "arch/arch.h"
#include "base/util.h"
#include "plat/linux/private.h"
#include "plat/private.h"

#define HOST_END 0x7ffffffff000ull // of a process's addresses

struct host_sigaction {
	uint64_t handler, flags, restorer, mask;
};

struct host_sigevent {
	uint64_t value;
	int signo, notify, tid, pad[11];
};
_Static_assert(sizeof(struct host_sigevent) == 64, "sigevent layout");

#define SA_RESTORER_FLAG 0x04000000
#define NOTIFY_THREAD_ID 4

static const struct abi_boot *boot; // plat_boot() is not there yet
static uint32_t threads_ready;

long host_clone(uint64_t flags, void *stack, unsigned n);
_Noreturn void host_cpu_enter(unsigned n);

static long host(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return host_call(nr, a, b, c, d, e, 0);
}

static void check(enum abi_process_step step, long result)
{
	struct abi_process *p = host_process(boot);
	if (result >= 0)
		return;
	p->step = step;
	p->error = (int32_t)result;
	__atomic_store_n(&p->state, ABI_PROCESS_FAILED, __ATOMIC_RELEASE);
	host_futex_wake(&p->state);
	for (;;)
		host(__NR_exit_group, 1, 0, 0, 0, 0);
}

static void unmap(uint64_t start, uint64_t end)
{
	if (start < end)
		check(ABI_STEP_UNMAP, host(__NR_munmap, start, end - start, 0, 0, 0));
}

static void take_signals(void)
{
	static const int ours[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, ABI_PROCESS_SIGNAL };
	uint64_t none = 0;
	struct host_sigaction sa = {
		.handler = (uint64_t)nucleus_signal,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER_FLAG,
		.restorer = (uint64_t)nucleus_signal, // asked for, never used
	};
	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
		check(ABI_STEP_SIGNALS, host(__NR_rt_sigaction, (uint64_t)ours[i], (uint64_t)&sa, 0, 8, 0));
	check(ABI_STEP_SIGNALS, host(__NR_rt_sigprocmask, SIG_SETMASK, (uint64_t)&none, 0, 8, 0));
}

// What belongs to one thread.
static void prepare_thread(unsigned n)
{
	struct host_cpu *h = host_cpu_of(boot, n);
	struct {
		uint64_t sp, flags, size;
	} stack = { (uint64_t)h + PAGE_SIZE, 0, ABI_PROCESS_GROUP - PAGE_SIZE };
	h->tid = (int32_t)host(__NR_gettid, 0, 0, 0, 0, 0);
	host_process(boot)->tid[n] = h->tid;
	struct host_sigevent ev = { .signo = ABI_PROCESS_SIGNAL, .notify = NOTIFY_THREAD_ID, .tid = h->tid };
	check(ABI_STEP_STACK, host(__NR_sigaltstack, (uint64_t)&stack, 0, 0, 0, 0));
	check(ABI_STEP_TIMER, host(__NR_timer_create, CLOCK_MONOTONIC, (uint64_t)&ev, (uint64_t)&h->timer, 0, 0));
	host(__NR_prctl, PR_SET_TIMERSLACK, 1, 0, 0, 0); // timers late by 50 us else
	if (host_process(boot)->bases == ABI_BASES_LENT)
		check(ABI_STEP_BASES, host(__NR_arch_prctl, ARCH_SET_FS, ABI_BASES_NOWHERE, 0, 0, 0));
	h->spin_ns = host_process(boot)->spin_ns;
	h->gs_by_call = host_process(boot)->bases == ABI_BASES_CALL;
}

_Noreturn void host_thread_main(unsigned n)
{
	struct host_cpu *h = host_cpu_of(boot, n);
	prepare_thread(n);
	__atomic_add_fetch(&threads_ready, 1, __ATOMIC_RELEASE);
	host_futex_wake(&threads_ready);
	while (!__atomic_load_n(&h->go, __ATOMIC_ACQUIRE))
		host_futex_wait(&h->go, 0, ~0ull);
	host_cpu_enter(n);
}

// Their stacks until they start are the upper parts of their groups' first pages.
static void make_threads(void)
{
	const uint64_t flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	uint32_t ready;
	for (unsigned n = 1; n < boot->cpu_count; n++)
		check(ABI_STEP_THREAD, host_clone(flags, (char *)host_cpu_of(boot, n) + PAGE_SIZE, n));
	while ((ready = __atomic_load_n(&threads_ready, __ATOMIC_ACQUIRE)) < boot->cpu_count - 1)
		host_futex_wait(&threads_ready, ready, ~0ull);
}

static void put_on_filter(void)
{
	struct abi_process *p = host_process(boot);
	struct sock_fprog prog = { .len = (unsigned short)p->filter_count, .filter = (struct sock_filter *)p->filter };
	const uint64_t flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	long r = host(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, (uint64_t)&prog, 0, 0);
	check(ABI_STEP_FILTER, r > 0 ? -ESRCH : r); // a thread that could not be brought in line
}

void host_start(const struct abi_boot *b)
{
	boot = b;
	struct abi_process *p = host_process(b);
	unmap(0, b->direct_va);
	unmap(b->direct_va + b->ram_size, b->kernel_va);
	unmap(b->kernel_va + b->kernel_size, HOST_END);
	take_signals();
	prepare_thread(0);
	make_threads();
	put_on_filter();
	__atomic_store_n(&p->state, ABI_PROCESS_READY, __ATOMIC_RELEASE);
	host_futex_wake(&p->state);
	while (__atomic_load_n(&p->state, __ATOMIC_ACQUIRE) != ABI_PROCESS_GO)
		host_futex_wait(&p->state, ABI_PROCESS_READY, ~0ull);
}

long host_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	struct {
		uint64_t sec, nsec;
	} ts = { deadline_ns / NSEC_PER_SEC, deadline_ns % NSEC_PER_SEC };
	return host_call(__NR_futex, (uint64_t)word, FUTEX_WAIT_BITSET, value, deadline_ns == ~0ull ? 0 : (uint64_t)&ts,
			 0, FUTEX_BITSET_MATCH_ANY);
}

void host_futex_wake(uint32_t *word)
{
	host_call(__NR_futex, (uint64_t)word, FUTEX_WAKE, 1, 0, 0, 0);
}
