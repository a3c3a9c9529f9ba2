// SPDX-License-Identifier: MIT
//
// The vDSO is an ELF image with the functions a C library looks for, and they agree with the calls.
#include "test.h"

#include <elf.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/time.h>

static const char *base;
static const Elf64_Sym *symbols;
static const char *strings;
static unsigned n_symbols;

static void *find(const char *name)
{
	for (unsigned i = 0; i < n_symbols; i++)
		if (symbols[i].st_shndx && !strcmp(strings + symbols[i].st_name, name))
			return (void *)(base + symbols[i].st_value);
	return NULL;
}

int main(void)
{
	base = (const char *)getauxval(AT_SYSINFO_EHDR);
	NEED(base);
	const Elf64_Ehdr *eh = (const void *)base;
	CHECK(!memcmp(eh->e_ident, ELFMAG, SELFMAG));
	CHECK_EQ(eh->e_type, ET_DYN);
	const Elf64_Phdr *ph = (const void *)(base + eh->e_phoff);
	const Elf64_Dyn *dyn = NULL;
	bool unwind = false;
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(base + ph[i].p_vaddr);
		unwind |= ph[i].p_type == PT_GNU_EH_FRAME;
	}
	NEED(dyn);
	CHECK(unwind);
	const char *soname = NULL;
	for (const Elf64_Dyn *d = dyn; d->d_tag; d++) {
		const void *p = base + d->d_un.d_ptr;
		if (d->d_tag == DT_SYMTAB)
			symbols = p;
		else if (d->d_tag == DT_STRTAB)
			strings = p;
		else if (d->d_tag == DT_HASH)
			n_symbols = ((const unsigned *)p)[1];
		else if (d->d_tag == DT_SONAME)
			soname = (const char *)d->d_un.d_val;
	}
	NEED(symbols && strings);
	if (!n_symbols) // no DT_HASH in newer kernels: the strings follow the symbols
		n_symbols = (unsigned)((strings - (const char *)symbols) / sizeof *symbols);
	puts(strings + (uintptr_t)soname);

	int (*gettime)(clockid_t, struct timespec *) = (int (*)(clockid_t,
		struct timespec *))find("__vdso_clock_gettime");
	int (*timeofday)(struct timeval *, void *) = (int (*)(struct timeval *, void *))find("__vdso_gettimeofday");
	time_t (*seconds)(time_t *) = (time_t (*)(time_t *))find("__vdso_time");
	long (*cpu)(unsigned *, unsigned *, void *) = (long (*)(unsigned *, unsigned *, void *))find("__vdso_getcpu");
	int (*getres)(clockid_t, struct timespec *) = (int (*)(clockid_t,
		struct timespec *))find("__vdso_clock_getres");
	NEED(gettime && timeofday && seconds && cpu && getres);

	struct timespec a, b, c;
	for (int i = 0; i < 1000; i++) {
		clockid_t clock = i % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
		NEED(syscall(SYS_clock_gettime, clock, &a) == 0 && gettime(clock, &b) == 0 &&
			syscall(SYS_clock_gettime, clock, &c) == 0);
		int64_t x = a.tv_sec * 1000000000ll + a.tv_nsec, y = b.tv_sec * 1000000000ll + b.tv_nsec,
			z = c.tv_sec * 1000000000ll + c.tv_nsec;
		NEED(x <= y && y <= z);
	}
	CHECK_EQ(gettime(CLOCK_THREAD_CPUTIME_ID, &a), 0); // falls back to the call
	CHECK_EQ(gettime(99, &a), -EINVAL);
	struct timeval tv;
	CHECK_EQ(timeofday(&tv, NULL), 0);
	CHECK(labs(tv.tv_sec - time(NULL)) <= 1);
	CHECK(labs(seconds(NULL) - time(NULL)) <= 1);
	unsigned n = 999, node = 999;
	CHECK_EQ(cpu(&n, &node, NULL), 0);
	CHECK(n < 64 && node == 0);
	CHECK_EQ(getres(CLOCK_MONOTONIC, &a), 0);
	CHECK_EQ(a.tv_nsec, 1);
	CHECK(strstr(read_text("/proc/self/maps"), "[vdso]") != NULL);

	// Fast: readings cost no trap, in the rounds of each that nothing interrupted. A call by a jump costs about what a
	// reading does; that it is not made either, tests/apps/vdso.test counts.
	unsigned long least_reading = -1ul, least_call = -1ul;
	for (int round = 0; round < 50; round++) {
		unsigned long t0 = arch_ticks();
		for (int i = 0; i < 400; i++)
			gettime(CLOCK_MONOTONIC, &a);
		unsigned long t1 = arch_ticks();
		for (int i = 0; i < 400; i++)
			syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &a);
		unsigned long t2 = arch_ticks();
		least_reading = t1 - t0 < least_reading ? t1 - t0 : least_reading;
		least_call = t2 - t1 < least_call ? t2 - t1 : least_call;
	}
	CHECK(least_reading < 3 * least_call);
	CHECK_EQ(getres(CLOCK_MONOTONIC_COARSE, &a), 0);
	CHECK_EQ(syscall(SYS_clock_getres, CLOCK_MONOTONIC_COARSE, &b), 0);
	CHECK(a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec);
	CHECK_EQ(getres(CLOCK_PROCESS_CPUTIME_ID, NULL), 0);
	CHECK_EQ(getres(99, &a), -EINVAL);
	cpu_set_t one;
	for (int i = 0; i < 2; i++) { // told the CPU it is on
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (sched_setaffinity(0, sizeof one, &one))
			continue;
		CHECK_EQ(cpu(&n, &node, NULL), 0);
		CHECK(n == (unsigned)i && node == 0);
		CHECK_EQ(cpu(NULL, NULL, NULL), 0);
	}
	return test_end();
}
