// SPDX-License-Identifier: MIT
//
// Threads, the kernel lock, sleeping and waking.
//
// One lock covers the whole kernel: it is taken on entry from the program and dropped on exit
// and while idle, and kernel code is never preempted. So between two points that may sleep,
// kernel code owns every kernel data structure; what it checked still holds. Code that sleeps
// re-checks its condition. No other lock is needed except to keep something across a sleep
// (struct mutex).
#ifndef WHELK_SCHED_H
#define WHELK_SCHED_H

#include "abi/auxv.h"
#include "abi/boot.h"
#include "arch/arch.h"
#include "base/api.h"
#include "base/list.h"
#include "base/tree.h"
#include "base/util.h"
#include "futex/thread.h"
#include "signal/thread.h"

struct process;
struct files;
struct fs_context;

enum thread_state {
	THREAD_NEW,
	THREAD_RUNNABLE, // running or in a run queue
	THREAD_SLEEPING, // wakes for events and signals
	THREAD_BLOCKED,	 // wakes for events only (short, uninterruptible)
	THREAD_DEAD,
};

#define KERNEL_STACK_SIZE 16384

// What a thread's calls that only tell something tell, and where they are counted: kept where entry.S finds it
// (sys/quick.c),
// and C libraries too.
enum quick {
	QUICK_PID = AT_WHELK_WORD_PID,
	QUICK_TID = AT_WHELK_WORD_TID,
	QUICK_PPID = AT_WHELK_WORD_PPID,
	QUICK_UID = AT_WHELK_WORD_UID,
	QUICK_EUID = AT_WHELK_WORD_EUID,
	QUICK_GID = AT_WHELK_WORD_GID,
	QUICK_EGID = AT_WHELK_WORD_EGID,
	QUICK_CALLS = AT_WHELK_WORD_CALLS,
	QUICK_COUNT
};

struct thread {
	uint64_t quick[QUICK_COUNT]; // first: entry.S, abi/auxv.h
	struct arch_thread arch;
	void *kernel_stack;	// KERNEL_STACK_SIZE bytes; struct frame at its top
	struct frame *frame;	// the program's registers
	struct process *process;
	struct list process_link; // in process->threads
	int tid;
	struct thread *hash_next;
	uint32_t refs;

	// sched's own
	enum thread_state state;
	struct list run_link;
	unsigned cpu;		// last or current CPU
	bool on_cpu;		// running now
	uint64_t affinity;	// mask of CPUs
	int policy;		// SCHED_*
	int rt_priority;	// 1..99 for FIFO and RR
	int lent_priority;	// 1..99 while a PI futex lends it
	int nice;		// -20..19
	uint64_t vruntime_ns;	// weighted run time (SCHED_OTHER)
	uint64_t slice_start_ns;
	uint64_t run_ns;	// CPU time, all of it
	uint64_t kernel_ns;	// of it, in the kernel: an estimate (times.c)
	uint64_t user_told_ns;	// the rest, as last told: it never goes back
	unsigned calls_measured, calls_to_skip, calls_skipped; // times.c
	uint64_t wake_result;	// what the waker passed: 0 event, 1 timeout, 2 signal
	uint64_t switches_voluntary, switches_involuntary;
	uint64_t start_ns;

	struct thread_signal signal; // signal/thread.h
	struct thread_futex futex;   // futex/thread.h: robust list, PI state

	// While an asynchronous request is done through its system call's handler: what FD_REQUEST, FD_REQUEST_IN,
	// NAME_REQUEST and NAME_REQUEST_2 (vfs.h) stand for. NULL: nothing.
	struct file *request_file[2];
	const char *request_name[2];

	struct files *own_files;     // after unshare(2); NULL: the process's
	struct fs_context *own_fs;

	char comm[16];
	uint32_t *clear_child_tid; // USER
	void *rseq;		   // USER, struct rseq
	uint32_t rseq_len, rseq_sig;
	bool rseq_stale;	   // it was switched away, or interrupted so that a sequence is to end
	bool exiting;
	int exit_status;	   // of this thread's exit(2)
	uint64_t timer_slack_ns, timer_slack_first_ns; // prctl(2); the second: when the thread began

	// restart_syscall(2): what to go on with after a signal without a handler
	long (*restart)(struct thread *t);
	uint64_t restart_arg[6];
};

API static inline struct thread *thread_current(void) { return arch_current(); }

// --- the kernel lock -----------------------------------------------------------------------------
extern struct sched_lock {
	uint32_t held;
	uint32_t next;	 // 0, or 1 + the number of the CPU that has waited long: no other takes the lock
	uint32_t parked; // CPUs that wait asleep
	uint32_t news;	 // grows when it is free or somebody is called
	bool contended;	 // a second CPU was started, once: until then nobody is there to wait for
} sched_lock;
API void sched_lock_wait(void);
API void sched_unpark(void); // one who waits asleep

API static inline void sched_lock_kernel(void)
{
	if (likely(!sched_lock.contended))
		sched_lock.held = 1;
	else if (unlikely(__atomic_load_n(&sched_lock.next, __ATOMIC_RELAXED) ||
			  __atomic_exchange_n(&sched_lock.held, 1, __ATOMIC_ACQUIRE)))
		sched_lock_wait();
}

API static inline void sched_unlock_kernel(void)
{
	__atomic_store_n(&sched_lock.held, 0, __ATOMIC_RELEASE);
	if (unlikely(__atomic_load_n(&sched_lock.parked, __ATOMIC_RELAXED)))
		sched_unpark();
}

// --- wait queues ---------------------------------------------------------------------------------
// A waiter is woken by calling its function under the kernel lock. The usual one wakes a thread.
struct waiter {
	struct list link; // in a waitq; list_init'ed when in none
	bool (*wake)(struct waiter *w, unsigned key); // true: counts against `n` of waitq_wake
	struct thread *thread;
	bool exclusive;
};
struct waitq {
	struct list waiters;
};
#define WAITQ_INIT(name) {LIST_INIT((name).waiters)}
API void waitq_init(struct waitq *q SHARED);
// Wakes up to n exclusive waiters and all others. `key`: poll events (0: any). Count woken.
API int waitq_wake_some(struct waitq *q SHARED, int n, unsigned key);
API static inline int waitq_wake(struct waitq *q SHARED, int n, unsigned key)
{
	return list_empty(&q->waiters) ? 0 : waitq_wake_some(q, n, key);
}
#define waitq_wake_all(q) waitq_wake(q, 0x7fffffff, 0)
// Sleeps until woken, deadline (CLOCK_MONOTONIC ns, TIME_NEVER) or signal:
// 0 woken, -ETIMEDOUT, -EINTR (a signal is pending that must be handled). Re-check and loop.
API int waitq_sleep(struct waitq *q SHARED, uint64_t deadline_ns);
API int waitq_sleep_uninterruptible(struct waitq *q SHARED);
// Add/remove a caller-made waiter (poll, epoll, futex).
API void waitq_add(struct waitq *q SHARED, struct waiter *w SHARED);
API void waitq_remove(struct waiter *w SHARED);
// Sleeps with no queue: until sched_wake(), deadline, signal. Same results as waitq_sleep.
API int sched_sleep(uint64_t deadline_ns);
API void sched_wake(struct thread *t SHARED);	       // makes it runnable if it sleeps
// a signal arrived: wakes only interruptible sleep, kicks a running one
API void sched_wake_signal(struct thread *t SHARED);

struct mutex {
	struct thread *owner;
	struct waitq q;
};
API void mutex_init(struct mutex *m SHARED);
API void mutex_wait(struct mutex *m SHARED);	// until it is free
API void mutex_hand_on(struct mutex *m SHARED); // frees it for the next
API static inline void mutex_lock(struct mutex *m SHARED) // uninterruptible
{
	if (unlikely(m->owner))
		mutex_wait(m);
	m->owner = thread_current();
}
API static inline void mutex_unlock(struct mutex *m SHARED)
{
	if (unlikely(m->owner != thread_current() || !list_empty(&m->q.waiters)))
		mutex_hand_on(m);
	m->owner = NULL;
}

// --- threads -------------------------------------------------------------------------------------
// A thread of `process`, not yet runnable; tid chosen. -ENOMEM, -EAGAIN.
API int thread_create(struct process *process SHARED, struct thread **out OUT(1));
// of the kernel's own: its process no longer knows it, nor does thread_find()
API void thread_hide(struct thread *t SHARED);
API void thread_start(struct thread *t SHARED);
API struct thread *thread_find(int tid); // NULL when there is none
API void thread_rename(struct thread *t SHARED, int tid); // execve from another thread: it becomes the leader
API void thread_get(struct thread *t SHARED);
API void thread_put(struct thread *t SHARED);
API _Noreturn void thread_exit(int status); // the running thread; the last one ends the process (proc/process.h)
API void sched_yield_thread(void);
API void sched_poll(void);		      // long kernel work calls this: lets others run when it is time
extern bool sched_resched[ABI_MAX_CPUS]; // by CPU: what runs there should yield on its way out
API static inline bool sched_should_yield(void) { return sched_resched[arch_cpu_number()]; }
API void sched_tick(void);		      // events were taken: timers, preemption (entry.c calls it)
// last act before the program goes on: rseq, accounting; may not sleep
API void sched_rseq_leave(struct thread *t SHARED);
API static inline void sched_leave_kernel(struct thread *t SHARED)
{
	if (unlikely(t->rseq_stale))
		sched_rseq_leave(t);
}
API void sched_set_affinity(struct thread *t SHARED, uint64_t mask);
API int sched_priority(const struct thread *t SHARED); // real-time priority in effect, 0: none
API void sched_lend_priority(struct thread *t SHARED, int priority); // 0: takes it back
API bool sched_alone(void);		      // no other CPU was ever started
API uint64_t sched_cpu_mask(void);	      // CPUs of this machine
API unsigned sched_cpu(void);
API void sched_stats(uint64_t *runnable OUT(1), uint64_t load[3] OUT(3)); // load averages, fixed point 1/65536
API uint64_t sched_idle_ns(unsigned cpu);
API uint64_t thread_run_ns(struct thread *t SHARED); // CPU time up to now
// CPU time in the program and in the kernel, up to now. Their sum is exact, neither ever goes back.
struct cpu_times {
	uint64_t user_ns, kernel_ns;
};
API struct cpu_times thread_times(struct thread *t SHARED);
// The same of a sum: `run_ns` of it all, `kernel_ns` as estimated, *user_told_ns is kept for the next time.
API struct cpu_times sched_times(uint64_t run_ns, uint64_t kernel_ns, uint64_t *user_told_ns INOUT(1));
// Around a system call: true when this one is measured, from *start_ns on.
API static inline bool sched_measure_call(struct thread *t SHARED, uint64_t *start_ns OUT(1))
{
	if (likely(t->calls_to_skip)) {
		t->calls_to_skip--;
		return false;
	}
	*start_ns = thread_run_ns(t);
	return true;
}
// `t` came into the kernel when its CPU time was start_ns, and leaves. `call`: sched_measure_call() said so.
API void sched_measured(struct thread *t SHARED, uint64_t start_ns, bool call);
// Runs fn on every other CPU that is in the program or idle, and waits until all did (TLB shoot-down).
API void sched_call_others(void (*fn)(void *), void *arg SHARED);

// A device that tells its news in memory, and wakes a CPU only when all sleep: they are looked for before a CPU sleeps,
// and where a program asks what is ready. `news` needs no lock; `take`, and `settle`, which may be NULL and is called before
// a CPU sleeps, have it and may not sleep. One device.
API void sched_watch_device(bool (*news)(void), void (*take)(void), void (*settle)(void));
// What is not told in memory has to be looked for, which takes a call of the host's. `now`: at any rate; else, as it
// thinks right, because the CPU may sleep next and would see it then.
API void sched_watch_look(void (*look)(bool now));
API void sched_take_news(bool now);
API uint64_t sched_idle_cpus(void);

void sched_init(void);
_Noreturn void sched_cpu_main(void); // idle loop of the calling CPU

// --- timers --------------------------------------------------------------------------------------
// One heap per CPU; the function runs under the kernel lock, may not sleep.
struct timer {
	struct tree_node node;
	uint64_t deadline_ns; // CLOCK_MONOTONIC
	void (*fn)(struct timer *t);
	bool armed;
	unsigned cpu;
};
API void timer_start(struct timer *t SHARED, uint64_t deadline_ns); // (re)arms; t->fn set by the caller
API bool timer_stop(struct timer *t SHARED);			   // true when it was armed

#endif
