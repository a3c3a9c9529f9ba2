// SPDX-License-Identifier: MIT
//
// Assertions, panic, notices. A source file names its component before including this:
//   #define COMPONENT "mm"
#ifndef WHELK_DEBUG_H
#define WHELK_DEBUG_H

#ifndef COMPONENT
#define COMPONENT "kernel"
#endif

// Prints component, text and backtrace through the monitor; the machine ends with status 125.
_Noreturn void debug_panic(const char *component, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define panic(...) debug_panic(COMPONENT, __VA_ARGS__)

// What only a bug can break.
#undef assert
#define assert(cond)                                                                             \
	do {                                                                                     \
		if (__builtin_expect(!(cond), 0))                                                \
			debug_panic(COMPONENT, "%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
	} while (0)

// One line for the user on standard error, at any time.
void debug_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// `return fail(-EINVAL)`: the value; in debug builds also says where.
#ifdef WHELK_DEBUG
long debug_fail(long err, const char *file, int line);
#define fail(err) debug_fail(err, __FILE__, __LINE__)
#define DEBUG_PRCTL_PANIC 0x70616e69 // prctl(DEBUG_PRCTL_PANIC) breaks an assertion: how a panic is tested
#else
#define fail(err) (err)
#endif

#endif
