// SPDX-License-Identifier: MIT
//
// CPU time of the program and of the kernel: getrusage, times, /proc/self/stat. What computes has user time, what makes
// system calls or faults has system time, what sleeps has none; none of them ever goes back.
#include "test.h"

#include <sys/resource.h>
#include <sys/times.h>

static int64_t us(struct timeval t)
{
	return t.tv_sec * 1000000ll + t.tv_usec;
}

struct cpu {
	int64_t user, system;
};

static struct cpu cpu_of(int who)
{
	struct rusage r;
	CHECK_EQ(getrusage(who, &r), 0);
	return (struct cpu){us(r.ru_utime), us(r.ru_stime)};
}

// Does `work` until `ms` of CPU time have passed; what that took of each kind.
static struct cpu spend(int who, void (*work)(void), int ms)
{
	struct cpu begin = cpu_of(who), last = begin, now;
	int64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000ll;
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
		work();
		now = cpu_of(who);
		CHECK(now.user >= last.user && now.system >= last.system);
		last = now;
	}
	return (struct cpu){last.user - begin.user, last.system - begin.system};
}

// The same until it is divided as `enough` wants it, twenty times at most: a busy host takes its time out of
// either part.
static bool divided(int who, void (*work)(void), int ms, bool (*enough)(struct cpu))
{
	for (int tries = 0; tries < 20; tries++)
		if (enough(spend(who, work, ms)))
			return true;
	return false;
}

static bool user_most(struct cpu c) { return c.user > 4 * c.system; }
static bool system_most(struct cpu c) { return c.system > 2 * c.user; }

static volatile unsigned long sink;

static void compute(void)
{
	for (int i = 0; i < 1000000; i++)
		sink += i;
}

static char block[1 << 20];

static void call(void)
{
	static int fd = -1;
	if (fd < 0)
		fd = make_file("file", "");
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(pwrite(fd, block, sizeof block, 0), sizeof block);
		CHECK_EQ(pread(fd, block, sizeof block, 0), sizeof block);
	}
}

static int fault_rounds;

static void fault(void)
{
	char *p = map_anon(sizeof block, PROT_READ | PROT_WRITE);
	CHECK_EQ(madvise(p, sizeof block, MADV_NOHUGEPAGE), 0);
	for (size_t i = 0; i < sizeof block; i += PAGE)
		p[i] = 1;
	munmap(p, sizeof block);
	fault_rounds++;
}

// Where a host in between has shadow page tables, most of a fault passes before the kernel has it and after: that is in no
// kernel's sight. The zeroing of the pages is.
static bool system_zeroes(struct cpu c)
{
	int64_t best = INT64_MAX, rounds = fault_rounds;
	for (int i = 0; i < 5; i++) {
		int64_t begin = clock_ns(CLOCK_MONOTONIC);
		memset(block, i, sizeof block);
		int64_t took = clock_ns(CLOCK_MONOTONIC) - begin;
		best = took < best ? took : best;
	}
	fault_rounds = 0;
	return c.system * 1000 > rounds * best / 2;
}

static void *in_thread(void *arg)
{
	CHECK(divided(RUSAGE_THREAD, call, 60, system_most));
	return arg;
}

int main(void)
{
	CHECK(divided(RUSAGE_SELF, compute, 100, user_most));
	CHECK(divided(RUSAGE_SELF, call, 100, system_most));
	CHECK(divided(RUSAGE_SELF, fault, 100, system_zeroes));

	struct cpu before = cpu_of(RUSAGE_SELF), own = cpu_of(RUSAGE_THREAD);
	join(start(in_thread, NULL));
	struct cpu after = cpu_of(RUSAGE_SELF), still = cpu_of(RUSAGE_THREAD);
	CHECK(after.system - before.system >= 25000); // of a thread that is gone
	CHECK(still.system + still.user - own.system - own.user < 50000);

	struct tms t;
	CHECK(times(&t) != -1);
	long tick = 1000000 / sysconf(_SC_CLK_TCK);
	CHECK(labs(t.tms_stime - after.system / tick) <= 3);
	CHECK(labs(t.tms_utime - after.user / tick) <= 3);
	CHECK_EQ(t.tms_cutime + t.tms_cstime, 0);

	unsigned long user, system;
	const char *fields = strrchr(read_text("/proc/self/stat"), ')');
	NEED(fields && sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2);
	CHECK(labs((long)user - t.tms_utime) <= 3);
	CHECK(labs((long)system - t.tms_stime) <= 3);

	before = cpu_of(RUSAGE_SELF);
	sleep_ms(100);
	after = cpu_of(RUSAGE_SELF);
	CHECK(after.user + after.system - before.user - before.system < 50000);
	return test_end();
}
