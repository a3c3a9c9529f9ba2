// SPDX-License-Identifier: MIT
//
// The kernel's front door: system calls, faults and events of the program arrive here from the
// architecture's entry code, and leave through leave_kernel(), which sees to signals, preemption
// and the events the monitor left meanwhile.
#define COMPONENT "sys"
#include "sys/entry.h"

#include <asm/signal.h>
#include <linux/errno.h>

#include "debug/debug.h"
#include "drivers/drivers.h"
#include "inet/inet.h"
#include "mm/mm.h"
#include "mm/uaccess.h"
#include "patch/patch.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sched/sched.h"
#include "signal/signal.h"
#include "sys/part.h"
#include "sys/quick.h"
#include "sys/refuse.h"
#include "sys/table.h"
#include "sys/trace.h"
#include "tty/tty.h"

bool trace_on;

static void send_host_signals(void)
{
	struct process *first = process_find(1);
	uint64_t set = plat_take_host_signals();
	for (int sig = 1; set && first; sig++, set >>= 1)
		if (set & 1)
			signal_send_process(first, sig, NULL);
}

static void take_events(void)
{
	uint32_t events = plat_take_events();
	if (events & ABI_EVENT_QUEUE) {
		drivers_queue_event();
		PART(inet_queue_event);
	}
	if (events & ABI_EVENT_CONSOLE)
		PART(console_event);
	if (events & ABI_EVENT_SIGNAL)
		send_host_signals();
	if (events & ABI_EVENT_STOP)
		for (struct process *p = process_first(); p; p = process_next(p))
			signal_kill_process(p, SIGKILL);
	if (events)
		sched_tick();
}

void entry_take_events(void)
{
	take_events();
}

static inline bool is_work_left(struct thread *t)
{
	return plat_pending() || t->signal.work || process_should_die(t) || sched_should_yield();
}

// Kept out of the way of calls that leave no work.
static __attribute__((noinline)) void do_work(struct thread *t, struct frame *frame)
{
	do {
		if (plat_pending())
			take_events();
		PART(patch_ahead, t->process->mm);
		if (t->signal.work || process_should_die(t)) {
			PART(patch_settle, t->process->mm, frame);
			signal_deliver(frame);
		}
		if (sched_should_yield())
			sched_yield_thread();
	} while (plat_pending() || t->signal.work);
}

// The way out to the program; kernel lock held, dropped on return.
static inline void leave_kernel(struct thread *t, struct frame *frame)
{
	if (unlikely(is_work_left(t)))
		do_work(t, frame);
	sched_leave_kernel(t);
	sched_unlock_kernel();
}

// Which calls were made while the program started: counted once, at the first call after that which is measured anyway.
static void note_early(struct abi_stats *s)
{
	if (s->early_calls || plat_clock_mono_ns() < s->booted_ns + ABI_STATS_EARLY_NS)
		return;
	for (unsigned i = 0; i < ABI_STATS_CALLS; i++)
		s->early_calls += s->call[i];
	s->early_traps = s->traps;
}

// Measured from before the lock on: waiting for it is the kernel's time, and so is the draining of what the last call
// wrote.
static inline __attribute__((always_inline)) void call(struct frame *frame, bool trapped)
{
	struct thread *t = thread_current();
	uint64_t nr = frame_nr(frame), start_ns = 0;
	bool measured = sched_measure_call(t, &start_ns);
	sched_lock_kernel();
	t->frame = frame;
	if (unlikely(measured))
		note_early(plat_stats());
	quick_counts[MIN(nr, (uint64_t)ABI_STATS_CALLS - 1)]++;
	if (trapped) {
		plat_stats()->traps++;
		PART(patch_trapped, t->process->mm, frame_pc(frame), frame_sp(frame));
	}
	bool traced = unlikely(trace_on) && trace_enter(nr, frame);
	sys_handler handler = likely(nr < sys_count) ? sys_handlers[nr] : NULL;
	long result = likely(handler != NULL) ? handler(frame_arg(frame, 0), frame_arg(frame, 1), frame_arg(frame, 2),
							frame_arg(frame, 3), frame_arg(frame, 4), frame_arg(frame, 5))
					      : sys_missing(nr, frame);
	// rt_sigreturn and execve replaced the frame: it no longer belongs to a call.
	if (frame_in_syscall(frame))
		frame_set_result(frame, (uint64_t)result);
	if (unlikely(traced))
		trace_leave(nr, frame, result);
	if (unlikely(measured))
		sched_measured(t, start_ns - (trapped ? plat_trap_ns : 0), true);
	leave_kernel(t, frame);
}

void entry_syscall(struct frame *frame)
{
	call(frame, true);
}

void entry_call(struct frame *frame)
{
	call(frame, false);
}

void entry_trap(struct frame *frame, const struct trap *trap)
{
	sched_lock_kernel();
	struct thread *t = thread_current();
	t->frame = frame;
	int code = 0;
	uint64_t addr = 0;
	unsigned access = 0;
	int sig = arch_trap_signal(frame, trap, &code, &addr, &access);
	uint64_t start_ns = thread_run_ns(t);
	if (sig == 0) {
		plat_stats()->faults++;
		t->process->faults_minor++;
		sig = mm_fault(t->process->mm, addr, access, &code);
		if (sig == 0 && plat_translate(addr)) {
			sig = SIGBUS;
			code = BUS_OBJERR;
		}
	}
	if (sig) {
		PART(patch_settle, t->process->mm, frame);
		t->signal.fault_addr = trap->addr;
		t->signal.fault_error = trap->error;
		t->signal.trap_nr = trap->vector;
		signal_force_fault(t, sig, code, addr);
	}
	sched_measured(t, start_ns - plat_trap_ns, false);
	leave_kernel(t, frame);
}

void entry_events(struct frame *frame)
{
	struct thread *t = thread_current();
	sched_lock_kernel();
	t->frame = frame;
	plat_stats()->interrupts++;
	leave_kernel(t, frame);
}

int entry_trap_kernel(struct frame *frame, const struct trap *trap)
{
	int code = 0;
	uint64_t addr = 0;
	unsigned access = 0;
	struct thread *t = thread_current();
	// Only the copy functions touch the program's memory, with the kernel lock held and a process to blame.
	if (!t || !t->process || arch_trap_signal(frame, trap, &code, &addr, &access) != 0 || !user_range_ok(addr, 1))
		return -EFAULT;
	plat_stats()->faults++;
	t->process->faults_minor++;
	if (mm_fault(t->process->mm, addr, access, &code))
		return -EFAULT;
	return plat_translate(addr);
}
