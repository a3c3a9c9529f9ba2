// SPDX-License-Identifier: MIT
//
// Code that only looks as if it could run, beside code like it that does run. A shared library, of which a program calls
// run() (-DPROGRAM). Whatever `dead` functions lead to must not be among the calls of whelk check, the rest must.
#include <sys/syscall.h>

#define NOIPA __attribute__((noipa))
#define CALL(name, nr)                                                                                          \
	static NOIPA long call_##name(void)                                                                     \
	{                                                                                                       \
		long r;                                                                                         \
		__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(0), "S"(0), "d"(0) : "rcx", "r11", "memory"); \
		return r;                                                                                       \
	}

long run(int argc);
#ifdef PROGRAM
int main(int argc, char **argv)
{
	(void)argv;
	return run(argc) == 12345;
}
#else
typedef long (*call_fn)(void);
struct table {
	call_fn call[5];
};

// A table that nobody can get at; one that run() has the address of; one that is entered before its start; elements that the
// linker puts in a row.
CALL(dead_table, SYS_getpgid)
CALL(table, SYS_getppid)
CALL(array, SYS_getgid)
CALL(set, SYS_geteuid)
static const struct table dead_table = {{0, call_dead_table}};
static const struct table live_table = {{0, call_table}};
static const call_fn array[1 + 128] = {[98] = call_array};
#define IN_SET __attribute__((section("calls"), used, aligned(32)))
static const struct table first_of_set IN_SET = {{0}};
static const struct table second_of_set IN_SET = {{call_set}};
extern const struct table __start_calls[], __stop_calls[];

// Pointers of a thread: set by nobody, set by run().
CALL(dead_pointer, SYS_getsid)
CALL(pointer, SYS_getegid)
static __thread long *dead_pointer, *live_pointer;

static NOIPA long end_of_thread(void)
{
	return dead_pointer ? call_dead_pointer() + *dead_pointer : 0;
}

static NOIPA long other_end_of_thread(void)
{
	return live_pointer ? call_pointer() + *live_pointer : 0;
}

// Arguments: always zero, not always, and of a function that is called through a pointer.
CALL(dead_argument, SYS_getpriority)
CALL(argument, SYS_sched_yield)
CALL(pointed, SYS_getuid)
static NOIPA long never_asked(long flag) { return flag ? call_dead_argument() : 1; }
static NOIPA long asked(long flag) { return flag ? call_argument() : 1; }
static NOIPA long asked_by_pointer(long flag) { return flag ? call_pointed() : 1; }
static long (*volatile by_pointer)(long) = asked_by_pointer;

// Services: their functions fill a table, by their names; a text asks for one of them.
CALL(dead_service, SYS_getpgrp)
CALL(service, SYS_gettid)
#define SERVICE(name, ...)              \
	long _nss_test_##name(void);    \
	NOIPA long _nss_test_##name(void) { return __VA_ARGS__; }
SERVICE(getone_r, call_dead_service())
SERVICE(gettwo_r, call_service())
SERVICE(getthree_r, 3)
SERVICE(getfour_r, 4)

static NOIPA void fill(call_fn *t)
{
	t[0] = _nss_test_getone_r;
	t[1] = _nss_test_gettwo_r;
	t[2] = _nss_test_getthree_r;
	t[3] = _nss_test_getfour_r;
}

static NOIPA long look_up(const char *name, const call_fn *t)
{
	return t[name[3] == 't']();
}

// Exported, and nobody imports it.
const void *never(long which);
const void *never(long which)
{
	static long word;
	dead_pointer = &word;
	never_asked(which);
	return which == 1 ? &dead_table : which == 2 ? &second_of_set : which == 3 ? &first_of_set : 0;
}

long run(int argc)
{
	static long word;
	const struct table *volatile t = &live_table;
	call_fn filled[4];
	long sum = t->call[argc]();
	sum += array[(argc ? 'b' : 'c') - 'a' + argc + 96]();
	for (const struct table *s = __start_calls; s < __stop_calls; s++)
		sum += s->call[0] ? s->call[0]() : 0;
	live_pointer = &word;
	sum += end_of_thread() + other_end_of_thread() + never_asked(0) + asked(0) + asked(argc) + by_pointer(argc);
	fill(filled);
	return sum + look_up("gettwo_r", filled);
}
#endif
