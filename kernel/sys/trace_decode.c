// SPDX-License-Identifier: MIT
//
// One argument of a traced call as text. To decode a new kind: a table, and a case below.
#include <asm/ioctls.h>
#include <asm/mman.h>
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
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

// A table is a list W(NAME) W(NAME) ...: their values in one array, their names one after the other in another.
#define VALUE(x) x,
#define NAME(x)	 #x "\0"
#define TABLE(name, LIST)                                         \
	static const uint32_t name##_values[] = {LIST(VALUE)}; \
	static const char name##_names[] = LIST(NAME)

// Flag sets: bits are printed in this order, what is left over in hexadecimal.
#define OFLAGS(W) \
	W(O_CREAT) W(O_EXCL) W(O_NOCTTY) W(O_TRUNC) W(O_APPEND) W(O_NONBLOCK) W(O_DSYNC) W(O_DIRECT) W(O_LARGEFILE) \
	W(O_DIRECTORY) W(O_NOFOLLOW) W(O_NOATIME) W(O_CLOEXEC) W(O_PATH)
TABLE(oflags, OFLAGS);
#define PROT(W) \
	W(PROT_READ) W(PROT_WRITE) W(PROT_EXEC)
TABLE(prot, PROT);
#define MAPFLAGS(W) \
	W(MAP_SHARED) W(MAP_PRIVATE) W(MAP_FIXED) W(MAP_ANONYMOUS) W(MAP_32BIT) W(MAP_GROWSDOWN) W(MAP_DENYWRITE) \
	W(MAP_LOCKED) W(MAP_NORESERVE) W(MAP_POPULATE) W(MAP_STACK) W(MAP_HUGETLB) W(MAP_FIXED_NOREPLACE)
TABLE(mapflags, MAPFLAGS);
#define ATFLAGS(W) \
	W(AT_SYMLINK_NOFOLLOW) W(AT_REMOVEDIR) W(AT_SYMLINK_FOLLOW) W(AT_NO_AUTOMOUNT) W(AT_EMPTY_PATH)
TABLE(atflags, ATFLAGS);
#define CLONEFLAGS(W) \
	W(CLONE_VM) W(CLONE_FS) W(CLONE_FILES) W(CLONE_SIGHAND) W(CLONE_VFORK) W(CLONE_THREAD) W(CLONE_SYSVSEM) \
	W(CLONE_SETTLS) W(CLONE_PARENT_SETTID) W(CLONE_CHILD_CLEARTID) W(CLONE_CHILD_SETTID)
TABLE(cloneflags, CLONEFLAGS);
// Choices: one of them.
#define CLOCKS(W) \
	W(CLOCK_REALTIME) W(CLOCK_MONOTONIC) W(CLOCK_PROCESS_CPUTIME_ID) W(CLOCK_THREAD_CPUTIME_ID) W(CLOCK_MONOTONIC_RAW) \
	W(CLOCK_REALTIME_COARSE) W(CLOCK_MONOTONIC_COARSE) W(CLOCK_BOOTTIME)
TABLE(clocks, CLOCKS);
#define FUTEXOPS(W) \
	W(FUTEX_WAIT) W(FUTEX_WAKE) W(FUTEX_REQUEUE) W(FUTEX_CMP_REQUEUE) W(FUTEX_WAKE_OP) W(FUTEX_LOCK_PI) \
	W(FUTEX_UNLOCK_PI) W(FUTEX_TRYLOCK_PI) W(FUTEX_WAIT_BITSET) W(FUTEX_WAKE_BITSET)
TABLE(futexops, FUTEXOPS);
#define FCNTLOPS(W) \
	W(F_DUPFD) W(F_GETFD) W(F_SETFD) W(F_GETFL) W(F_SETFL) W(F_GETLK) W(F_SETLK) W(F_SETLKW) W(F_DUPFD_CLOEXEC) \
	W(F_GETPIPE_SZ) W(F_SETPIPE_SZ) W(F_ADD_SEALS) W(F_GET_SEALS)
TABLE(fcntlops, FCNTLOPS);
#define IOCTLS(W) \
	W(TCGETS) W(TCSETS) W(TCSETSW) W(TIOCGWINSZ) W(TIOCGPGRP) W(FIONREAD) W(FIONBIO) W(FIOCLEX)
TABLE(ioctls, IOCTLS);
#define MADVS(W) \
	W(MADV_NORMAL) W(MADV_RANDOM) W(MADV_SEQUENTIAL) W(MADV_WILLNEED) W(MADV_DONTNEED) W(MADV_FREE) W(MADV_HUGEPAGE) \
	W(MADV_NOHUGEPAGE) W(MADV_DONTFORK) W(MADV_DONTDUMP)
TABLE(madvs, MADVS);
#define PRCTLS(W) \
	W(PR_SET_NAME) W(PR_GET_NAME) W(PR_SET_VMA) W(PR_CAPBSET_READ) W(PR_SET_PDEATHSIG) W(PR_SET_DUMPABLE) \
	W(PR_SET_THP_DISABLE) W(PR_SET_NO_NEW_PRIVS)
TABLE(prctls, PRCTLS);
#define WHENCES(W) \
	W(SEEK_SET) W(SEEK_CUR) W(SEEK_END) W(SEEK_DATA) W(SEEK_HOLE)
TABLE(whences, WHENCES);
#define EPOLLOPS(W) \
	W(EPOLL_CTL_ADD) W(EPOLL_CTL_DEL) W(EPOLL_CTL_MOD)
TABLE(epollops, EPOLLOPS);

#define next(name) ((name) + strlen(name) + 1)

static void decode_flags(struct text *out, const uint32_t *word, const char *name, uint64_t value, const char *none)
{
	const char *sep = "";
	for (; *name; name = next(name), word++)
		if (*word && (value & *word) == *word) {
			text_append(out, "%s%s", sep, name);
			value &= ~(uint64_t)*word;
			sep = "|";
		}
	if (value)
		text_append(out, "%s0x%lx", sep, value);
	else if (!*sep)
		text_append(out, "%s", none);
}

static void decode_choice(struct text *out, const uint32_t *word, const char *name, uint64_t value, const char *suffix)
{
	for (; *name; name = next(name), word++)
		if (*word == value) {
			text_append(out, "%s%s", name, suffix);
			return;
		}
	text_append(out, "0x%lx%s", value, suffix);
}

#define FLAGS(table, value, none)    decode_flags(out, table##_values, table##_names, (value), (none))
#define CHOICE(table, value, suffix) decode_choice(out, table##_values, table##_names, (value), (suffix))

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
		FLAGS(oflags, value & ~(uint64_t)O_ACCMODE, "");
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
	(void)result;
	(void)entering;
	switch (kind) {
	case ARG_PROT:
		FLAGS(prot, (uint32_t)value, "PROT_NONE");
		break;
	case ARG_MAPFLAGS:
		FLAGS(mapflags, (uint32_t)value, "0");
		break;
	case ARG_ATFLAGS:
		FLAGS(atflags, (uint32_t)value, "0");
		break;
	case ARG_CLOCK:
		CHOICE(clocks, (uint32_t)value, "");
		break;
	case ARG_FCNTLOP:
		CHOICE(fcntlops, (uint32_t)value, "");
		break;
	case ARG_IOCTLOP:
		CHOICE(ioctls, (uint32_t)value, "");
		break;
	case ARG_PRCTLOP:
		CHOICE(prctls, (uint32_t)value, "");
		break;
	case ARG_MADV:
		CHOICE(madvs, (uint32_t)value, "");
		break;
	case ARG_WHENCE:
		CHOICE(whences, (uint32_t)value, "");
		break;
	case ARG_EPOLLOP:
		CHOICE(epollops, (uint32_t)value, "");
		break;
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
		CHOICE(futexops, value & FUTEX_CMD_MASK & 0xffffffff, value & FUTEX_PRIVATE_FLAG ? "_PRIVATE" : "");
		break;
	case ARG_CLONEFLAGS:
		FLAGS(cloneflags, value & ~(uint64_t)CSIGNAL, "0");
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
