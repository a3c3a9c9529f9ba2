// SPDX-License-Identifier: MIT
//
// A running thread for components on the host, where the per-CPU block is reached as in the kernel: through GS, which
// Linux leaves to its programs.
#ifndef WHELK_TEST_RUNNING_H
#define WHELK_TEST_RUNNING_H

#include <asm/prctl.h>
#include <asm/unistd.h>

#include "abi/boot.h"
#include "arch/cpu.h"

long syscall(long nr, ...);

// thread_current() is `t` from here on, on CPU 0, with no event.
static void running(struct thread *t)
{
	static struct abi_cpu shared;
	static struct arch_cpu cpu = {.self = &cpu, .shared = &shared};
	cpu.thread = t;
	syscall(__NR_arch_prctl, ARCH_SET_GS, &cpu);
}

#endif
