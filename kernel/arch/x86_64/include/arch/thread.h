// SPDX-License-Identifier: MIT
//
// What the architecture keeps in each thread.
#ifndef WHELK_ARCH_THREAD_H
#define WHELK_ARCH_THREAD_H

#include <stdint.h>

struct arch_cpu;

struct arch_thread {
	uint64_t sp;	  // kernel stack pointer while switched out
	uint64_t fs_base; // the program's TLS; valid while switched out
	uint64_t gs_base; // what arch_prctl(ARCH_SET_GS) asked for
	void *xsave; // vector state while not in a CPU, 64-byte aligned, boot.xsave_size bytes; NULL: kernel thread
	void *xsave_block; // the heap block it lies in
	struct arch_cpu *vector_cpu; // CPU whose registers hold its vector state, if that CPU's vector_owner agrees
};

#endif
