// SPDX-License-Identifier: MIT
//
// Processes: what a thread group shares. There is one until fork comes, but nothing may assume it.
#ifndef WHELK_PROC_PROCESS_H
#define WHELK_PROC_PROCESS_H

#include <linux/resource.h>

#include "base/api.h"
#include "base/list.h"
#include "mm/mm.h"
#include "sched/sched.h"
#include "signal/signal.h"

struct files;
struct fs_context;

struct credentials {
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint32_t group_count;
	uint32_t groups[32];
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding, cap_ambient;
	bool no_new_privs;
	uint32_t securebits;
};

struct process {
	int pid, ppid, pgid, sid;
	uint32_t refs;
	struct list link; // all processes
	struct list threads;
	unsigned thread_count;
	struct thread *leader;

	struct mm *mm;
	struct files *files;
	struct fs_context *fs;
	struct sighand *sighand;
	struct sigqueue pending; // process-directed signals
	unsigned queued_signals; // against RLIMIT_SIGPENDING

	struct credentials cred;
	struct rlimit64 rlimit[RLIM_NLIMITS];
	struct list posix_timers; // time/
	struct timer itimer_real;
	uint64_t itimer_real_interval_ns;
	uint64_t itimer_cpu_ns[2][2]; // VIRTUAL, PROF: {next expiry in process CPU time, interval}
	struct timer cpu_timer;	      // looks at those and at RLIMIT_CPU
	uint64_t cpu_limit_told;      // SIGXCPU was sent at this many seconds

	char exec_path[256];
	bool exiting;	   // exit_group has begun
	int exit_status;   // wait status
	bool dumpable, thp_disabled, keep_caps;
	int parent_death_signal;
	uint64_t start_ns;
	uint64_t dead_run_ns, dead_kernel_ns; // CPU time of threads that ended
	uint64_t user_told_ns; // process_times()
	uint64_t faults_minor, faults_major;
	uint32_t personality;
	int oom_score_adj;
	struct tty *tty;   // controlling terminal (tty/tty.h)
	uint32_t membarrier; // registered commands
};

API struct process *process_current(void);
API struct process *process_find(int pid);
API struct process *process_first(void);		  // iterate with process_next
API struct process *process_next(struct process *p SHARED);
// Ends the running thread's whole process: other threads die, files close, the machine ends with the last process.
API _Noreturn void process_exit(int wait_status);
// thread_exit() calls it after taking a thread out of process->threads and thread_count.
API void process_thread_gone(struct process *p SHARED);
// What a thread leaves to others when it ends: robust futexes, the word its joiner waits on.
API void process_thread_leaving(struct thread *t SHARED);
API _Noreturn void process_exit_last(int wait_status); // by the only thread left
// Other threads than the caller are gone when it returns (execve).
API void process_kill_others(void);
// True when this thread must die instead of going back to the program.
API static inline bool process_should_die(struct thread *t SHARED)
{
	return t->exiting || t->process->exiting;
}
// The thread's quick answers are what its process's ids are; of all threads after a change.
API void process_tell_ids(struct thread *t SHARED);
API void process_ids_changed(struct process *p SHARED);
// A new program: saved ids are the effective ones, capabilities those an ordinary file brings.
API void process_exec_ids(struct process *p SHARED);
API uint64_t process_run_ns(struct process *p SHARED);
API struct cpu_times process_times(struct process *p SHARED);
API bool process_capable(int cap); // CAP_*: root of the guest has all
API uint64_t process_limit(unsigned resource); // soft limit of the running process

int process_create_first(struct process **out); // boot: pid 1 with no program yet

#endif
