// SPDX-License-Identifier: MIT
//
// System calls of a kernel-aware musl on x86-64 (libc/whelk.cocci puts them into its syscall_arch.h). A call loads what
// `syscall` would, puts the address behind it into rcx, and jumps to the kernel (abi/auxv.h); no stack is touched, so
// the red zone stays what it is. Right before that address is a `syscall`: the kernel goes there when a call is to be
// made again, and so does whelk.s where there is no such kernel.
#ifndef WHELK_LIBC_H
#define WHELK_LIBC_H

#include <stddef.h>

#include "whelk_auxv.h"

extern __attribute__((visibility("hidden"))) size_t whelk_call, whelk_words; // whelk.s

static inline void whelk_find(const size_t *auxv)
{
	for (; auxv[0]; auxv += 2) {
		if (auxv[0] == AT_WHELK_CALL)
			whelk_call = auxv[1];
		if (auxv[0] == AT_WHELK_WORDS)
			whelk_words = auxv[1];
	}
}

#define WHELK_CALL(...)                                                                                     \
	long ret;                                                                                           \
	__asm__ __volatile__("lea 1f(%%rip), %%rcx\n\tjmp *whelk_call(%%rip)\n\tsyscall\n1:"                  \
			     : "=a"(ret) : __VA_ARGS__ : "rcx", "r11", "memory");                           \
	return ret

// A call that only tells something is not even made: what it tells lies in a block of words that GS leads to.
#define WHELK_WORD(n)                                                                                             \
	((n) == SYS_getpid ? AT_WHELK_WORD_PID : (n) == SYS_gettid ? AT_WHELK_WORD_TID :                          \
	 (n) == SYS_getppid ? AT_WHELK_WORD_PPID : (n) == SYS_getuid ? AT_WHELK_WORD_UID :                        \
	 (n) == SYS_geteuid ? AT_WHELK_WORD_EUID : (n) == SYS_getgid ? AT_WHELK_WORD_GID :                        \
	 (n) == SYS_getegid ? AT_WHELK_WORD_EGID : -1)

static inline long whelk_call0(long n)
{
	if (__builtin_constant_p(n) && WHELK_WORD(n) >= 0 && __builtin_expect(whelk_words != 0, 1)) {
		size_t *word;
		__asm__ __volatile__("mov %%gs:" AT_WHELK_WORDS_GS ", %0" : "=r"(word));
		((size_t *)word[AT_WHELK_WORD_CALLS])[n]++;
		return (int)word[WHELK_WORD(n)];
	}
	WHELK_CALL("a"(n));
}

static inline long whelk_call1(long n, long a) { WHELK_CALL("a"(n), "D"(a)); }
static inline long whelk_call2(long n, long a, long b) { WHELK_CALL("a"(n), "D"(a), "S"(b)); }
static inline long whelk_call3(long n, long a, long b, long c) { WHELK_CALL("a"(n), "D"(a), "S"(b), "d"(c)); }

static inline long whelk_call4(long n, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	WHELK_CALL("a"(n), "D"(a), "S"(b), "d"(c), "r"(r10));
}

static inline long whelk_call5(long n, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	WHELK_CALL("a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8));
}

static inline long whelk_call6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	WHELK_CALL("a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9));
}

#endif
