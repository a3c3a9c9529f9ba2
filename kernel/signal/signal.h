// SPDX-License-Identifier: MIT
//
// Signals: sending, queueing, delivery. signal(7), sigaction(2), sigaltstack(2).
#ifndef WHELK_SIGNAL_H
#define WHELK_SIGNAL_H

#include <asm/siginfo.h>
#include <asm/signal.h>

#include "base/api.h"
#include "sched/sched.h"
#include "signal/thread.h"

#define SIGNAL_MASK(sig) (1ull << ((sig) - 1))
#define SIGNAL_COUNT	 64

struct signal_action { // as rt_sigaction passes it
	uint64_t handler, flags, restorer;
	sigset mask;
};

struct sighand { // shared by CLONE_SIGHAND
	uint32_t refs;
	struct signal_action action[SIGNAL_COUNT];
	struct waitq signalfd_q; // signalfd readers and pollers
};

API struct sighand *sighand_create(void);
API void sighand_put(struct sighand *s SHARED);
API void sighand_reset_exec(struct sighand *s SHARED); // handlers to default, ignored stays

struct siginfo; // Linux's siginfo_t, 128 bytes: from <asm/siginfo.h>
typedef siginfo_t siginfo_k;

// Queues a signal. `info` may be NULL (SI_KERNEL). 0, -EAGAIN (real-time queue full).
API int signal_send_thread(struct thread *t SHARED, int sig, const siginfo_k *info IN(1));
API int signal_send_process(struct process *p SHARED, int sig, const siginfo_k *info IN(1));
// For faults: blocked or ignored means default action (kills). Sets si_code and si_addr.
API void signal_force_fault(struct thread *t SHARED, int sig, int code, uint64_t addr);
API bool signal_pending(struct thread *t SHARED); // one that would interrupt a sleep
API void signal_thread_exit(struct thread *t SHARED);   // frees what is queued to it

// A signal whose entry belongs to the sender (POSIX timers): queued at most once at a time. `taken` is called when
// it is delivered or dropped (info NULL), and may complete what the program gets to see.
struct signal_entry {
	struct list link; // in sigqueue.entries; list_init'ed when in none
	siginfo_k info;
	void (*taken)(struct signal_entry *e, siginfo_k *info); // NULL: from the heap, freed
};
// 0; 1 when it is still queued from last time. `t` NULL: to the process.
API int signal_send_entry(struct process *p SHARED, struct thread *t SHARED, struct signal_entry *e SHARED);
API void signal_cancel_entry(struct process *p SHARED, struct thread *t SHARED, struct signal_entry *e SHARED);
// On the way out to the program: delivers what is deliverable; may not return (fatal).
// `restart`: the frame is that of a system call which may be restarted.
API void signal_deliver(struct frame *frame SHARED);
API void signal_kill_process(struct process *p SHARED, int sig); // as SIGKILL would, with `sig` as the cause

// Return values inside the kernel only, as in Linux: signal_deliver turns them into a restart or -EINTR.
#define ERESTARTSYS	      512 // restart when SA_RESTART or no handler
#define ERESTARTNOINTR	      513 // always restart
#define ERESTARTNOHAND	      514 // restart when no handler
#define ERESTART_RESTARTBLOCK 516 // restart_syscall when no handler (thread->restart)

// ppoll and friends: sets a mask for one call; signal_deliver or signal_restore_mask puts the old one back.
API int signal_set_temporary_mask(const void *mask USER, size_t size);
API void signal_restore_mask(void);

#endif
