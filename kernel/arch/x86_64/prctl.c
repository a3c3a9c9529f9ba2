// SPDX-License-Identifier: MIT
//
// arch_prctl(2). GS holds the kernel's per-CPU block, so a program cannot have it; no program of
// Debian's that was looked at asks.
#include <asm/prctl.h>
#include <linux/errno.h>

#include "abi/boot.h"
#include "arch/arch.h"
#include "mm/uaccess.h"
#include "sched/sched.h"
#include "sys/syscalls.h"

long sys_arch_prctl(int code, uint64_t addr)
{
	struct thread *t = thread_current();
	uint64_t v;
	switch (code) {
	case ARCH_SET_FS:
		if (addr >= ABI_VA_USER_END)
			return -EPERM;
		arch_thread_set_tls(t, addr);
		return 0;
	case ARCH_GET_FS:
		v = arch_thread_get_tls(t);
		return user_put(v, (void *)addr);
	case ARCH_GET_GS:
		v = t->arch.gs_base;
		return user_put(v, (void *)addr);
	case ARCH_SET_GS:
		return -EPERM;
	default:
		return -EINVAL;
	}
}
