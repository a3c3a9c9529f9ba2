// SPDX-License-Identifier: MIT
//
// What sched's files share: the per-CPU scheduler block and the run queues.
#ifndef WHELK_SCHED_PRIVATE_H
#define WHELK_SCHED_PRIVATE_H

#include "abi/boot.h"
#include "sched/sched.h"

#define SLICE_NS 4000000ull // of SCHED_OTHER and SCHED_RR

struct sched_cpu {
	bool online, idle;
	unsigned number;
	struct thread *current;	  // NULL: the idle loop
	struct thread idle_thread; // only its arch part and identity are used
	struct list normal;	  // SCHED_OTHER, BATCH, IDLE: runnable, not running
	struct list realtime;	  // FIFO and RR, highest priority first
	unsigned runnable;	  // in both lists
	uint64_t min_vruntime_ns;
	struct tree timers;
	uint64_t timer_next_ns;	  // earliest deadline, TIME_NEVER
	uint64_t armed_ns;	  // what the platform's timer was asked for
	uint64_t idle_ns, idle_since_ns;
	void (*call)(void *);	  // sched_call_others
	void *call_arg;
	struct thread *reap;	  // ended thread whose stack was in use until now
};

extern struct sched_cpu sched_cpus[ABI_MAX_CPUS];
extern unsigned sched_cpus_online;

struct sched_cpu *sched_this(void);
void sched_enqueue(struct sched_cpu *c, struct thread *t);
void sched_switch(void);		   // away from the running thread, whatever its state says
void sched_account(struct thread *t, uint64_t now_ns);
void sched_rearm(struct sched_cpu *c);	   // the platform's timer for what is due next
void sched_serve_call(void);
void sched_unpark_all(void);	   // who waits for the lock looks whether it is called
void timer_run(struct sched_cpu *c, uint64_t now_ns);
void thread_reap(struct thread *t);

#define THREAD_CANARY 0x6b63617473657761ull // lowest word of every kernel stack

#endif
