// SPDX-License-Identifier: MIT
//
// What signal keeps in each thread.
#ifndef WHELK_SIGNAL_THREAD_H
#define WHELK_SIGNAL_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

typedef uint64_t sigset; // bit N-1 = signal N, as the kernel ABI has it

struct sigqueue { // pending signals of a thread or a process
	sigset set;
	struct list entries; // struct signal_entry, in order of arrival
};

struct thread_signal {
	sigset blocked;
	sigset saved_mask; // of sigsuspend/ppoll/pselect, restored when saved_valid
	bool saved_valid;
	bool work;	   // something may be deliverable: look on the way out
	sigset waiting;	   // sigtimedwait: signals it would take
	struct sigqueue pending;
	uint64_t alt_sp, alt_size;
	uint32_t alt_flags; // SS_DISABLE, SS_AUTODISARM
	uint64_t fault_addr, fault_error, trap_nr;
};

#endif
