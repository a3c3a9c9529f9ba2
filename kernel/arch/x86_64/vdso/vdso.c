// SPDX-License-Identifier: MIT
//
// The vDSO: clock calls that never leave the program. Its own little shared object, mapped right
// behind the clock page. What it does not know it asks the kernel, by a jump where system calls are patched.
#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"

typedef int64_t time_s;
struct timespec_v { int64_t sec, nsec; };
struct timeval_v { int64_t sec, usec; };
struct timezone_v { int minuteswest, dsttime; };

enum { REALTIME = 0, MONOTONIC = 1, MONOTONIC_RAW = 4, REALTIME_COARSE = 5, MONOTONIC_COARSE = 6, BOOTTIME = 7,
       TAI = 11 };
enum { NR_CLOCK_GETTIME = 228, NR_CLOCK_GETRES = 229 };
enum { TICK_NS = 4000000 }; // kernel/time/clock.c

// Not const: what a compiler is told never changes it reads before seq, once for all tries.
extern struct abi_clock clock_page __attribute__((visibility("hidden")));

#define EXPORT __attribute__((visibility("default")))

// call_entry (kernel/arch/x86_64/entry.S) or 0. exec finds it right behind the program headers.
extern const uint64_t kernel_entry __attribute__((visibility("hidden")));
__asm__(".pushsection .entry, \"a\", @progbits\n .balign 8\n .globl kernel_entry\n .hidden kernel_entry\n"
	"kernel_entry: .quad 0\n .popsection");

static long syscall3(long nr, long a, long b, long c)
{
	long ret;
	uint64_t entry = *(const volatile uint64_t *)&kernel_entry;
	if (entry) // a call that is made again after a signal is made by the `syscall` before the label
		__asm__ volatile("lea 1f(%%rip), %%rcx; jmp *%5; syscall; 1:"
				 : "=a"(ret)
				 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(entry)
				 : "rcx", "r11", "memory");
	else
		__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return ret;
}

// 0 for a clock that is not here (each of them is never 0 when it is).
static inline uint64_t clock_ns(int id)
{
	const struct abi_clock *c = &clock_page;
	const uint32_t *again;
	uint32_t seq;
	uint64_t ns;

	do {
		seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
		__builtin_ia32_lfence(); // the counter is not read before what it is held against
		uint64_t tsc = __builtin_ia32_rdtsc();
		int64_t delta = (int64_t)(tsc - c->tsc_base);
		if (delta < 0) // another processor's counter may be a few ticks behind
			delta = 0;
		ns = c->mono_ns + (uint64_t)((unsigned __int128)(uint64_t)delta * c->mult >> c->shift);
		switch (id) {
		case MONOTONIC:
		case MONOTONIC_RAW:
		case MONOTONIC_COARSE:
			break;
		case REALTIME:
		case REALTIME_COARSE:
			ns += (uint64_t)c->wall_off_ns;
			break;
		case BOOTTIME:
			ns += (uint64_t)c->boot_off_ns;
			break;
		case TAI:
			ns += (uint64_t)(c->wall_off_ns + c->tai_off_ns);
			break;
		default:
			return 0;
		}
		// Nor is seq looked at again before the counter was read, which no fence of C orders: a line that ended
		// meanwhile could give a time later than the next one's. The address waits for the counter.
		uint64_t zero = tsc;
		__asm__ volatile("and $0, %0" : "+r"(zero) : : "cc");
		again = (const uint32_t *)((uintptr_t)&c->seq + zero);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) || seq != __atomic_load_n(again, __ATOMIC_RELAXED));
	return ns;
}

EXPORT int __vdso_clock_gettime(int id, struct timespec_v *ts)
{
	uint64_t ns = clock_ns(id);
	if (!ns)
		return (int)syscall3(NR_CLOCK_GETTIME, id, (long)ts, 0);
	ts->sec = (int64_t)(ns / 1000000000u);
	ts->nsec = (int64_t)(ns % 1000000000u);
	return 0;
}

EXPORT int __vdso_gettimeofday(struct timeval_v *tv, struct timezone_v *tz)
{
	uint64_t ns = clock_ns(REALTIME);
	if (tv) {
		tv->sec = (int64_t)(ns / 1000000000u);
		tv->usec = (int64_t)(ns % 1000000000u / 1000);
	}
	if (tz)
		*tz = (struct timezone_v){0, 0};
	return 0;
}

EXPORT time_s __vdso_time(time_s *out)
{
	time_s t = (time_s)(clock_ns(REALTIME) / 1000000000u);
	if (out)
		*out = t;
	return t;
}

EXPORT int __vdso_clock_getres(int id, struct timespec_v *ts)
{
	bool fine = id == REALTIME || id == MONOTONIC || id == MONOTONIC_RAW || id == BOOTTIME || id == TAI;
	if (!fine && id != REALTIME_COARSE && id != MONOTONIC_COARSE)
		return (int)syscall3(NR_CLOCK_GETRES, id, (long)ts, 0);
	if (ts)
		*ts = (struct timespec_v){0, fine ? 1 : TICK_NS};
	return 0;
}

EXPORT long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	unsigned number;
	(void)unused;
	__asm__ volatile("mov %%gs:88, %0" : "=r"(number)); // struct arch_cpu
	if (cpu)
		*cpu = number;
	if (node)
		*node = 0;
	return 0;
}

int clock_gettime(int, struct timespec_v *) __attribute__((weak, alias("__vdso_clock_gettime"))) EXPORT;
int gettimeofday(struct timeval_v *, struct timezone_v *) __attribute__((weak, alias("__vdso_gettimeofday"))) EXPORT;
time_s time(time_s *) __attribute__((weak, alias("__vdso_time"))) EXPORT;
int clock_getres(int, struct timespec_v *) __attribute__((weak, alias("__vdso_clock_getres"))) EXPORT;
long getcpu(unsigned *, unsigned *, void *) __attribute__((weak, alias("__vdso_getcpu"))) EXPORT;
