// SPDX-License-Identifier: MIT
//
// sched_setattr and its like, I/O priorities, memory policies and protection keys: what every machine says.
#include "test.h"

#include <sched.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

int main(void)
{
	struct attr a = {0};
	CHECK_EQ(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0), 0);
	CHECK(a.policy == SCHED_OTHER && a.nice == 0 && a.priority == 0);
	a = (struct attr){.size = 48, .policy = SCHED_BATCH, .nice = 7};
	CHECK_EQ(syscall(SYS_sched_setattr, 0, &a, 0), 0);
	CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
	CHECK_EQ(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0), 0);
	CHECK(a.policy == SCHED_BATCH && a.nice == 7);
	a = (struct attr){.size = 48, .policy = 55};
	CHECK_ERR(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, 8, 0), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getattr, 999999, &a, sizeof a, 0), ESRCH);
	struct sched_param p = {.sched_priority = 0};
	CHECK_EQ(sched_setparam(0, &p), 0);
	p.sched_priority = 3;
	CHECK_ERR(sched_setparam(0, &p), EINVAL);
	CHECK_ERR(sched_setparam(999999, &p), ESRCH);

	CHECK_EQ(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4), 0);
	CHECK(syscall(SYS_ioprio_get, 1, 0) >= 0);
	CHECK_ERR(syscall(SYS_ioprio_get, 99, 0), EINVAL);

	// A program that asks first must be able to use or to leave these.
	char *page = map_anon(PAGE, PROT_READ | PROT_WRITE);
	CHECK_EQ(syscall(SYS_pkey_mprotect, page, PAGE, PROT_READ, -1), 0);
	CHECK_EQ(probe_write(page), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK_ERR(syscall(SYS_pkey_free, 15), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
	int mode = 99;
	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0 || errno != ENOSYS)
		CHECK_EQ(mode, 0);
	return test_end();
}
