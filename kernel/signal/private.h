// SPDX-License-Identifier: MIT
//
// What signal's files share.
#ifndef WHELK_SIGNAL_PRIVATE_H
#define WHELK_SIGNAL_PRIVATE_H

#include "signal/signal.h"

#define SIGNALS_UNBLOCKABLE (SIGNAL_MASK(SIGKILL) | SIGNAL_MASK(SIGSTOP))
#define SIGNALS_STOP	    (SIGNAL_MASK(SIGSTOP) | SIGNAL_MASK(SIGTSTP) | SIGNAL_MASK(SIGTTIN) | SIGNAL_MASK(SIGTTOU))
// The instruction at pc caused them: delivered before others, lest pc has moved on (Linux's SYNCHRONOUS_MASK).
#define SIGNALS_FAULT                                                                                       \
	(SIGNAL_MASK(SIGSEGV) | SIGNAL_MASK(SIGBUS) | SIGNAL_MASK(SIGILL) | SIGNAL_MASK(SIGTRAP) |          \
	 SIGNAL_MASK(SIGFPE) | SIGNAL_MASK(SIGSYS))
#define SIGNALS_IGNORED (SIGNAL_MASK(SIGCONT) | SIGNAL_MASK(SIGCHLD) | SIGNAL_MASK(SIGWINCH) | SIGNAL_MASK(SIGURG))
#define SIGNALS_CORE                                                                                        \
	(SIGNALS_FAULT | SIGNAL_MASK(SIGQUIT) | SIGNAL_MASK(SIGABRT) | SIGNAL_MASK(SIGXCPU) | SIGNAL_MASK(SIGXFSZ))

// sigaltstack(2); the C library has these, the kernel's own headers do not.
#define SS_ONSTACK    1u
#define SS_DISABLE    2u
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

#define HANDLER_DEFAULT 0ull
#define HANDLER_IGNORE	1ull

// --- queue.c: pure ------------------------------------------------------------------------------
// The signal to deliver next of those in `allowed`, or 0.
int sigqueue_next(const struct sigqueue *q, sigset allowed);
bool sigqueue_has(const struct sigqueue *q, int sig);
void sigqueue_add(struct sigqueue *q, struct signal_entry *e);	       // behind the others; info.si_signo says which
// Takes the first entry of `sig` off; NULL when the signal came without one (no memory). The signal is pending no
// more when that was the last.
struct signal_entry *sigqueue_take(struct sigqueue *q, int sig);

// --- send.c ---------------------------------------------------------------------------------------
// Takes the next signal of `set` pending for the thread (its own first, then the process's). The number or 0.
int signal_take(struct thread *t, sigset set, siginfo_k *info);
void signal_flush(struct process *p, sigset set); // drops what is pending, in the process and all its threads
sigset signal_all_pending(const struct thread *t);
bool signal_is_ignored(const struct process *p, int sig);
void signal_set_blocked(struct thread *t, sigset blocked);
siginfo_k signal_info_user(int sig, int code); // from the running thread's process

// --- fatal.c --------------------------------------------------------------------------------------
_Noreturn void signal_die(struct frame *frame, int sig, const siginfo_k *info);

// --- stack.c --------------------------------------------------------------------------------------
bool signal_on_stack(const struct thread *t, uint64_t sp);

#endif
