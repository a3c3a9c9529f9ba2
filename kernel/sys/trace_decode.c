// SPDX-License-Identifier: MIT
//
// One argument of a traced call as text. To decode a new kind: a row in `kinds`, or a case below.
#include <asm/ioctls.h>
#include <asm/mman.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "base/string.h"
#include "mm/uaccess.h"
#include "sys/errno_name.h"
#include "sys/trace.h"

#define STRING_SHOWN 128

struct word {
	uint32_t value;
	const char *name;
};
#define WORD(x) {x, #x}

// Flag sets: bits are printed in this order, what is left over in hexadecimal.
static const struct word oflags[] = {WORD(O_CREAT),	WORD(O_EXCL),	   WORD(O_NOCTTY),   WORD(O_TRUNC),
				     WORD(O_APPEND),	WORD(O_NONBLOCK),  WORD(O_DSYNC),    WORD(O_DIRECT),
				     WORD(O_LARGEFILE), WORD(O_DIRECTORY), WORD(O_NOFOLLOW), WORD(O_NOATIME),
				     WORD(O_CLOEXEC),	WORD(O_PATH),	   {0, NULL}};
static const struct word prot[] = {WORD(PROT_READ), WORD(PROT_WRITE), WORD(PROT_EXEC), {0, NULL}};
static const struct word mapflags[] = {WORD(MAP_SHARED), WORD(MAP_PRIVATE), WORD(MAP_FIXED), WORD(MAP_ANONYMOUS),
	WORD(MAP_32BIT),
	WORD(MAP_GROWSDOWN), WORD(MAP_DENYWRITE), WORD(MAP_LOCKED), WORD(MAP_NORESERVE), WORD(MAP_POPULATE),
	WORD(MAP_STACK), WORD(MAP_HUGETLB),
	WORD(MAP_FIXED_NOREPLACE), {0, NULL}};
static const struct word atflags[] = {WORD(AT_SYMLINK_NOFOLLOW), WORD(AT_REMOVEDIR), WORD(AT_SYMLINK_FOLLOW),
	WORD(AT_NO_AUTOMOUNT), WORD(AT_EMPTY_PATH), {0, NULL}};
static const struct word cloneflags[] = {WORD(CLONE_VM), WORD(CLONE_FS), WORD(CLONE_FILES), WORD(CLONE_SIGHAND),
	WORD(CLONE_VFORK), WORD(CLONE_THREAD),
	WORD(CLONE_SYSVSEM), WORD(CLONE_SETTLS), WORD(CLONE_PARENT_SETTID), WORD(CLONE_CHILD_CLEARTID),
	WORD(CLONE_CHILD_SETTID), {0, NULL}};
// Choices: one of them.
static const struct word clocks[] = {WORD(CLOCK_REALTIME), WORD(CLOCK_MONOTONIC), WORD(CLOCK_PROCESS_CPUTIME_ID),
	WORD(CLOCK_THREAD_CPUTIME_ID),
	WORD(CLOCK_MONOTONIC_RAW), WORD(CLOCK_REALTIME_COARSE), WORD(CLOCK_MONOTONIC_COARSE), WORD(CLOCK_BOOTTIME),
	{0, NULL}};
static const struct word futexops[] = {WORD(FUTEX_WAIT), WORD(FUTEX_WAKE), WORD(FUTEX_REQUEUE), WORD(FUTEX_CMP_REQUEUE),
	WORD(FUTEX_WAKE_OP), WORD(FUTEX_LOCK_PI),
	WORD(FUTEX_UNLOCK_PI), WORD(FUTEX_TRYLOCK_PI), WORD(FUTEX_WAIT_BITSET), WORD(FUTEX_WAKE_BITSET), {0, NULL}};
static const struct word fcntlops[] = {WORD(F_DUPFD), WORD(F_GETFD), WORD(F_SETFD), WORD(F_GETFL), WORD(F_SETFL),
	WORD(F_GETLK), WORD(F_SETLK), WORD(F_SETLKW),
	WORD(F_DUPFD_CLOEXEC), WORD(F_GETPIPE_SZ), WORD(F_SETPIPE_SZ), WORD(F_ADD_SEALS), WORD(F_GET_SEALS), {0, NULL}};
static const struct word ioctls[] = {WORD(TCGETS), WORD(TCSETS), WORD(TCSETSW), WORD(TIOCGWINSZ), WORD(TIOCGPGRP),
	WORD(FIONREAD), WORD(FIONBIO), WORD(FIOCLEX), {0, NULL}};
static const struct word madvs[] = {WORD(MADV_NORMAL), WORD(MADV_RANDOM), WORD(MADV_SEQUENTIAL), WORD(MADV_WILLNEED),
	WORD(MADV_DONTNEED), WORD(MADV_FREE),
	WORD(MADV_HUGEPAGE), WORD(MADV_NOHUGEPAGE), WORD(MADV_DONTFORK), WORD(MADV_DONTDUMP), {0, NULL}};
static const struct word prctls[] = {WORD(PR_SET_NAME), WORD(PR_GET_NAME), WORD(PR_SET_VMA), WORD(PR_CAPBSET_READ),
	WORD(PR_SET_PDEATHSIG), WORD(PR_SET_DUMPABLE),
	WORD(PR_SET_THP_DISABLE), WORD(PR_SET_NO_NEW_PRIVS), {0, NULL}};
static const struct word whences[] = {{0, "SEEK_SET"},	{1, "SEEK_CUR"},  {2, "SEEK_END"},
				      {3, "SEEK_DATA"}, {4, "SEEK_HOLE"}, {0, NULL}};
static const struct word epollops[] = {{1, "EPOLL_CTL_ADD"}, {2, "EPOLL_CTL_DEL"}, {3, "EPOLL_CTL_MOD"}, {0, NULL}};

static void decode_flags(struct text *out, const struct word *w, uint64_t value, const char *none)
{
	const char *sep = "";
	for (; w->name; w++)
		if (w->value && (value & w->value) == w->value) {
			text_append(out, "%s%s", sep, w->name);
			value &= ~(uint64_t)w->value;
			sep = "|";
		}
	if (value)
		text_append(out, "%s0x%lx", sep, value);
	else if (!*sep)
		text_append(out, "%s", none);
}

static void decode_choice(struct text *out, const struct word *w, uint64_t value, const char *suffix)
{
	for (; w->name; w++)
		if (w->value == value) {
			text_append(out, "%s%s", w->name, suffix);
			return;
		}
	text_append(out, "0x%lx%s", value, suffix);
}

static void decode_string(struct text *out, uint64_t addr)
{
	char buf[STRING_SHOWN + 1];
	int64_t n = addr ? user_string(buf, (const char *)addr, sizeof(buf)) : -EFAULT;
	if (!addr) {
		text_append(out, "NULL");
		return;
	}
	if (n == -EFAULT) {
		text_append(out, "0x%lx", addr);
		return;
	}
	bool cut = n == -ENAMETOOLONG;
	if (cut && user_read(buf, (const void *)addr, STRING_SHOWN))
		n = 0;
	text_append(out, "\"");
	for (int64_t i = 0; i < (cut ? STRING_SHOWN : n); i++) {
		unsigned char c = (unsigned char)buf[i];
		if (c == '"' || c == '\\')
			text_append(out, "\\%c", c);
		else if (c == '\n')
			text_append(out, "\\n");
		else if (c < 0x20 || c > 0x7e)
			text_append(out, "\\%o", c);
		else
			text_append(out, "%c", c);
	}
	text_append(out, cut ? "\"..." : "\"");
}

static void decode_oflags(struct text *out, uint64_t value)
{
	static const char access[][9] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "3"};
	text_append(out, "%s", access[value & O_ACCMODE]);
	if (value & ~(uint64_t)O_ACCMODE) {
		text_append(out, "|");
		decode_flags(out, oflags, value & ~(uint64_t)O_ACCMODE, "");
	}
}

static void decode_timespec(struct text *out, uint64_t addr)
{
	struct __kernel_timespec ts;
	if (!addr)
		text_append(out, "NULL");
	else if (user_read(&ts, (const void *)addr, sizeof(ts)))
		text_append(out, "0x%lx", addr);
	else
		text_append(out, "{%lld.%09lld}", (long long)ts.tv_sec, (long long)ts.tv_nsec);
}

void trace_decode(struct text *out, enum sys_arg kind, uint64_t value, uint64_t result, bool entering)
{
	static const struct {
		const struct word *words;
		bool flags;
		const char *none;
	} kinds[] = {
		[ARG_PROT] = {prot, true, "PROT_NONE"}, [ARG_MAPFLAGS] = {mapflags, true, "0"},
		[ARG_ATFLAGS] = {atflags, true, "0"},	[ARG_CLOCK] = {clocks, false, ""},
		[ARG_FCNTLOP] = {fcntlops, false, ""},	[ARG_IOCTLOP] = {ioctls, false, ""},
		[ARG_PRCTLOP] = {prctls, false, ""},	[ARG_MADV] = {madvs, false, ""},
		[ARG_WHENCE] = {whences, false, ""},	[ARG_EPOLLOP] = {epollops, false, ""},
	};
	(void)result;
	(void)entering;
	if (kind < ARRAY_SIZE(kinds) && kinds[kind].words) {
		if (kinds[kind].flags)
			decode_flags(out, kinds[kind].words, (uint32_t)value, kinds[kind].none);
		else
			decode_choice(out, kinds[kind].words, (uint32_t)value, "");
		return;
	}
	switch (kind) {
	case ARG_PATH:
		decode_string(out, value);
		break;
	case ARG_AT:
		if ((int)value == AT_FDCWD)
			text_append(out, "AT_FDCWD");
		else
			text_append(out, "%d", (int)value);
		break;
	case ARG_OFLAGS:
		decode_oflags(out, (uint32_t)value);
		break;
	case ARG_MODE:
		text_append(out, "0%o", (unsigned)value);
		break;
	case ARG_SIG:
		text_append(out, "SIG%s", signal_name((int)value));
		break;
	case ARG_FUTEXOP:
		decode_choice(out, futexops, value & FUTEX_CMD_MASK & 0xffffffff,
			      value & FUTEX_PRIVATE_FLAG ? "_PRIVATE" : "");
		break;
	case ARG_CLONEFLAGS:
		decode_flags(out, cloneflags, value & ~(uint64_t)CSIGNAL, "0");
		break;
	case ARG_TIMESPEC:
		decode_timespec(out, value);
		break;
	case ARG_FD: case ARG_INT: case ARG_PID: case ARG_TID: case ARG_IDTYPE: case ARG_SOCKDOM:
		text_append(out, "%d", (int)value);
		break;
	case ARG_UINT: case ARG_UID: case ARG_GID:
		text_append(out, "%d", (int)value); // -1 reads better than 4294967295, as strace has it
		break;
	case ARG_SIZE: case ARG_OFF:
		text_append(out, "%ld", (long)value);
		break;
	default: // pointers, addresses, unsigned long
		if (value)
			text_append(out, "0x%lx", value);
		else
			text_append(out, kind == ARG_ULONG ? "0" : "NULL");
	}
}
