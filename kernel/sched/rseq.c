// SPDX-License-Identifier: MIT
//
// Restartable sequences, rseq(2) (linux/rseq.h): before the program goes on, its cpu_id is right and
// a sequence it was interrupted in continues at its abort handler. membarrier(2) beside it.
#include <linux/errno.h>
#include <linux/membarrier.h>
#include <linux/rseq.h>

#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sched/private.h"
#include "signal/signal.h"
#include "sys/syscalls.h"

long sys_rseq(void *area, unsigned rseq_len, int flags, unsigned sig)
{
	struct thread *t = thread_current();
	if (flags & RSEQ_FLAG_UNREGISTER) {
		if (flags != RSEQ_FLAG_UNREGISTER || t->rseq != area || !t->rseq)
			return -EINVAL;
		if (t->rseq_len != rseq_len)
			return -EINVAL;
		if (t->rseq_sig != sig)
			return -EPERM;
		t->rseq = NULL;
		t->rseq_stale = false;
		return 0;
	}
	if (flags)
		return -EINVAL;
	if (t->rseq)
		return t->rseq != area || t->rseq_len != rseq_len ? -EINVAL : t->rseq_sig != sig ? -EPERM : -EBUSY;
	if (!IS_ALIGNED((uint64_t)area, __alignof__(struct rseq)) || rseq_len != sizeof(struct rseq))
		return -EINVAL;
	if (!user_range_ok((uint64_t)area, rseq_len))
		return -EFAULT;
	t->rseq = area;
	t->rseq_len = rseq_len;
	t->rseq_sig = sig;
	t->rseq_stale = true; // to be told its CPU
	return 0;
}

// The sequence named by rseq_cs, if pc lies in it.
static int abort_sequence(struct thread *t, struct rseq *r)
{
	uint64_t ptr;
	struct rseq_cs cs;
	uint32_t sig;
	if (user_get(ptr, &r->rseq_cs))
		return -EFAULT;
	if (!ptr)
		return 0;
	if (user_get(cs, (void *)ptr))
		return -EFAULT;
	uint64_t pc = frame_pc(t->frame);
	bool inside = pc - cs.start_ip < cs.post_commit_offset;
	uint64_t none = 0;
	if (user_put(none, &r->rseq_cs))
		return -EFAULT;
	if (!inside)
		return 0;
	if (user_get(sig, (void *)(cs.abort_ip - sizeof(sig))))
		return -EFAULT;
	if (sig != t->rseq_sig || cs.abort_ip - cs.start_ip < cs.post_commit_offset)
		return -EINVAL;
	frame_set_pc(t->frame, cs.abort_ip);
	return 0;
}

// A thread that was not switched away, and gets no signal, stayed on its CPU and cannot have been interrupted inside a
// sequence in a way that matters.
void sched_rseq_leave(struct thread *t)
{
	struct rseq *r = t->rseq;
	if (!r) { // gone with its program
		t->rseq_stale = false;
		return;
	}
	while (t->rseq_stale) { // again when the program's memory had to be waited for
		uint32_t cpu = t->cpu;
		t->rseq_stale = false;
		if (user_put(cpu, &r->cpu_id_start) || user_put(cpu, &r->cpu_id) || abort_sequence(t, r)) {
			t->rseq = NULL;
			t->rseq_stale = false;
			signal_force_fault(t, SIGSEGV, SI_KERNEL, 0);
		}
	}
}

static void nothing(void *arg)
{
	(void)arg; // being interrupted is the barrier
}

#ifndef MEMBARRIER_CMD_GET_REGISTRATIONS
#define MEMBARRIER_CMD_GET_REGISTRATIONS (1 << 9)
#endif

long sys_membarrier(int cmd, unsigned flags, int cpu_id)
{
	static const int register_bits = MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
					 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |
					 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ;
	static const int private_bits = MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
					MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ;
	static const int known = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_GET_REGISTRATIONS |
				 register_bits | private_bits;
	struct process *p = process_current();
	struct thread *t;
	(void)cpu_id; // all CPUs are reached, also for MEMBARRIER_CMD_FLAG_CPU
	if (flags && (cmd != MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ || flags != MEMBARRIER_CMD_FLAG_CPU))
		return -EINVAL;
	if (cmd == MEMBARRIER_CMD_QUERY)
		return known;
	if (!(cmd & known) || cmd & (cmd - 1))
		return -EINVAL;
	if (cmd == MEMBARRIER_CMD_GET_REGISTRATIONS)
		return (long)p->membarrier;
	if (cmd & register_bits) {
		p->membarrier |= (uint32_t)cmd;
		return 0;
	}
	if (cmd & private_bits && !(p->membarrier & (uint32_t)cmd << 1)) // the next bit is its registration
		return -EPERM;
	if (cmd == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)
		list_for_each(t, &p->threads, process_link)
			t->rseq_stale = t->rseq != NULL;
	if (p->thread_count > 1)
		sched_call_others(nothing, NULL);
	return 0;
}
