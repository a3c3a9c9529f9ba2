// SPDX-License-Identifier: MIT
//
// uname, sysinfo, rusage, limits, prctl, personality, arch_prctl.
#include "test.h"

#include <asm/prctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

// A thread's own default is what its maker had.
static void *inherited_slack(void *arg)
{
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 12345);
	CHECK_EQ(prctl(PR_SET_TIMERSLACK, 777), 0);
	CHECK_EQ(prctl(PR_SET_TIMERSLACK, 0), 0);
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 12345);
	return arg;
}

int main(void)
{
	struct utsname u;
	CHECK_EQ(uname(&u), 0);
	printf("%s %s\n", u.sysname, u.machine);
	int major = 0, minor = 0;
	CHECK_EQ(sscanf(u.release, "%d.%d", &major, &minor), 2);
	CHECK(major >= 5);
	char host[100];
	CHECK_EQ(gethostname(host, sizeof host), 0);
	CHECK(!strcmp(host, u.nodename));
	CHECK_ERR(uname((void *)8), EFAULT);

	struct sysinfo s;
	CHECK_EQ(sysinfo(&s), 0);
	CHECK(s.totalram * s.mem_unit > 16 << 20 && s.freeram <= s.totalram && s.freeram > 0);
	CHECK(s.uptime >= 0 && s.procs >= 1);
	CHECK_EQ(sysconf(_SC_PHYS_PAGES), s.totalram * s.mem_unit / PAGE);

	// rusage grows with what is used.
	struct rusage a, b;
	CHECK_EQ(getrusage(RUSAGE_SELF, &a), 0);
	char *p = map_anon(8 << 20, PROT_READ | PROT_WRITE);
	madvise(p, 8 << 20, MADV_NOHUGEPAGE);
	for (int64_t end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + 40000000; clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end;)
		memset(p, 1, 8 << 20);
	CHECK_EQ(getrusage(RUSAGE_SELF, &b), 0);
	int64_t used = (b.ru_utime.tv_sec + b.ru_stime.tv_sec - a.ru_utime.tv_sec - a.ru_stime.tv_sec) * 1000000ll +
		       b.ru_utime.tv_usec + b.ru_stime.tv_usec - a.ru_utime.tv_usec - a.ru_stime.tv_usec;
	CHECK(used >= 20000 && used < 5000000);
	CHECK(b.ru_maxrss >= 8 << 10 && b.ru_minflt > a.ru_minflt);
	CHECK_EQ(getrusage(RUSAGE_THREAD, &b), 0);
	CHECK_EQ(getrusage(RUSAGE_CHILDREN, &b), 0);
	CHECK_EQ(b.ru_utime.tv_sec + b.ru_utime.tv_usec, 0);
	CHECK_ERR(getrusage(77, &b), EINVAL);

	// Limits.
	struct rlimit l, old;
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		CHECK_EQ(getrlimit(i, &l), 0);
		CHECK(l.rlim_cur <= l.rlim_max);
	}
	CHECK_ERR(getrlimit(99, &l), EINVAL);
	CHECK_EQ(prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, &old), 0);
	CHECK_EQ(prlimit(getpid(), RLIMIT_CORE, NULL, &l), 0);
	CHECK(l.rlim_cur == 0 && l.rlim_max == 0);
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &(struct rlimit){20, 10}), EINVAL);
	CHECK_ERR(prlimit(999999, RLIMIT_CORE, NULL, &l), ESRCH);
	CHECK_ERR(getrlimit(RLIMIT_CORE, (void *)8), EFAULT);
	getrlimit(RLIMIT_AS, &l);
	CHECK_EQ(setrlimit(RLIMIT_AS, &(struct rlimit){256 << 20, l.rlim_max}), 0);
	CHECK_ERR(mmap(NULL, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK_EQ(setrlimit(RLIMIT_AS, &l), 0);

	// prctl.
	char name[17] = "";
	CHECK_EQ(prctl(PR_SET_NAME, "a rather long name"), 0);
	CHECK_EQ(prctl(PR_GET_NAME, name), 0);
	printf("%s\n", name);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
	CHECK_ERR(prctl(PR_SET_DUMPABLE, 7), EINVAL);
	int sig = 9;
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
	CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
	CHECK_EQ(sig, SIGUSR1);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	CHECK_ERR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	CHECK_EQ(prctl(PR_CAPBSET_READ, 0), 1);
	CHECK_ERR(prctl(PR_CAPBSET_READ, 99), EINVAL);
	CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
	CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
	CHECK_EQ(prctl(PR_SET_TIMERSLACK, 12345), 0);
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 12345);
	join(start(inherited_slack, NULL));
	CHECK_EQ(prctl(PR_SET_TIMERSLACK, 0), 0);
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);
	int tsc = 0;
	CHECK_EQ(prctl(PR_SET_TSC, PR_TSC_ENABLE), 0);
	CHECK_EQ(prctl(PR_GET_TSC, &tsc), 0);
	CHECK_EQ(tsc, PR_TSC_ENABLE);
	CHECK_ERR(prctl(PR_SET_TSC, 3), EINVAL);
	CHECK_EQ(prctl(PR_TASK_PERF_EVENTS_DISABLE), 0);
	CHECK_EQ(prctl(PR_TASK_PERF_EVENTS_ENABLE), 0);
	CHECK(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0) >= 0);
	CHECK_ERR(prctl(PR_GET_SPECULATION_CTRL, 77, 0, 0, 0), ENODEV);
	CHECK_ERR(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 1, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_SET_SPECULATION_CTRL, 77, PR_SPEC_DISABLE, 0, 0), ENODEV);
	CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
	CHECK_EQ(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0), 0);
	CHECK_ERR(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(0xf00000), EINVAL);

	CHECK_EQ(personality(0xffffffff), PER_LINUX);
	CHECK_EQ(personality(ADDR_NO_RANDOMIZE), PER_LINUX);
	CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
	unsigned long fs = 0;
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
	CHECK_EQ(fs, (unsigned long)__builtin_thread_pointer());
	CHECK_ERR(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_FS, 1ul << 63), EPERM);
	CHECK_ERR(syscall(9999), ENOSYS);
	CHECK_ERR(syscall(-1), ENOSYS);
	return test_end();
}
