// SPDX-License-Identifier: MIT
//
// Calls that are many in one: which argument says which, the names, and what Whelk does not do of them
// (kernel/sys/syscalls.def says so in words).
#include <asm/ioctls.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <string.h>

#include "tools/syscan/result.h"

struct name {
	unsigned value;
	const char *name;
};

#define N(x)          \
	{             \
		x, #x \
	}
static const struct name fcntl_names[] = {N(F_DUPFD),		N(F_GETFD),
					  N(F_SETFD),		N(F_GETFL),
					  N(F_SETFL),		N(F_GETLK),
					  N(F_SETLK),		N(F_SETLKW),
					  N(F_SETOWN),		N(F_GETOWN),
					  N(F_SETSIG),		N(F_GETSIG),
					  {15, "F_SETOWN_EX"},	{16, "F_GETOWN_EX"},
					  {36, "F_OFD_GETLK"},	{37, "F_OFD_SETLK"},
					  {38, "F_OFD_SETLKW"}, N(F_SETLEASE),
					  N(F_GETLEASE),	N(F_NOTIFY),
					  N(F_DUPFD_CLOEXEC),	N(F_SETPIPE_SZ),
					  N(F_GETPIPE_SZ),	N(F_ADD_SEALS),
					  N(F_GET_SEALS),	{0}};
static const struct name ioctl_names[] = {N(TCGETS),
					  N(TCSETS),
					  N(TCSETSW),
					  N(TCSETSF),
					  N(TCSBRK),
					  N(TCXONC),
					  N(TCFLSH),
					  N(TIOCSCTTY),
					  N(TIOCGPGRP),
					  N(TIOCSPGRP),
					  N(TIOCOUTQ),
					  N(TIOCSTI),
					  N(TIOCGWINSZ),
					  N(TIOCSWINSZ),
					  N(FIONREAD),
					  N(FIONBIO),
					  N(TIOCNOTTY),
					  N(TIOCGSID),
					  N(TCSBRKP),
					  N(TIOCGPTN),
					  N(TIOCSPTLCK),
					  {0x5441, "TIOCGPTPEER"},
					  N(FIOCLEX),
					  N(FIONCLEX),
					  {0}};
static const struct name prctl_names[] = {N(PR_SET_PDEATHSIG),
					  N(PR_GET_PDEATHSIG),
					  N(PR_GET_DUMPABLE),
					  N(PR_SET_DUMPABLE),
					  N(PR_SET_KEEPCAPS),
					  N(PR_SET_NAME),
					  N(PR_GET_NAME),
					  N(PR_GET_SECCOMP),
					  N(PR_SET_SECCOMP),
					  N(PR_CAPBSET_READ),
					  N(PR_CAPBSET_DROP),
					  N(PR_SET_TIMERSLACK),
					  N(PR_GET_TIMERSLACK),
					  N(PR_SET_MM),
					  N(PR_SET_CHILD_SUBREAPER),
					  N(PR_SET_NO_NEW_PRIVS),
					  N(PR_GET_NO_NEW_PRIVS),
					  N(PR_SET_THP_DISABLE),
					  N(PR_CAP_AMBIENT),
					  N(PR_SET_VMA),
					  N(PR_SET_PTRACER),
					  {0}};
static const struct name futex_names[] = {N(FUTEX_WAIT),
					  N(FUTEX_WAKE),
					  N(FUTEX_REQUEUE),
					  N(FUTEX_CMP_REQUEUE),
					  N(FUTEX_WAKE_OP),
					  N(FUTEX_LOCK_PI),
					  N(FUTEX_UNLOCK_PI),
					  N(FUTEX_TRYLOCK_PI),
					  N(FUTEX_WAIT_BITSET),
					  N(FUTEX_WAKE_BITSET),
					  N(FUTEX_WAIT_REQUEUE_PI),
					  N(FUTEX_CMP_REQUEUE_PI),
					  N(FUTEX_LOCK_PI2),
					  {0}};
static const struct name madvise_names[] = {
	N(MADV_NORMAL),	     N(MADV_RANDOM),	 N(MADV_SEQUENTIAL), N(MADV_WILLNEED), N(MADV_DONTNEED),
	N(MADV_FREE),	     N(MADV_REMOVE),	 N(MADV_DONTFORK),   N(MADV_DOFORK),   N(MADV_MERGEABLE),
	N(MADV_UNMERGEABLE), N(MADV_HUGEPAGE),	 N(MADV_NOHUGEPAGE), N(MADV_DONTDUMP), N(MADV_DODUMP),
	N(MADV_WIPEONFORK),  N(MADV_KEEPONFORK), N(MADV_COLD),	     N(MADV_PAGEOUT),  {0}};

static const struct {
	unsigned nr;
	ZydisRegister reg;
	const struct name *names;
} table[] = {
	{__NR_fcntl, ZYDIS_REGISTER_RSI, fcntl_names},	   {__NR_ioctl, ZYDIS_REGISTER_RSI, ioctl_names},
	{__NR_prctl, ZYDIS_REGISTER_RDI, prctl_names},	   {__NR_futex, ZYDIS_REGISTER_RSI, futex_names},
	{__NR_madvise, ZYDIS_REGISTER_RDX, madvise_names}, {__NR_clone, ZYDIS_REGISTER_RDI, NULL},
	{__NR_setsockopt, ZYDIS_REGISTER_RDX, NULL},
};

ZydisRegister operation_register(unsigned nr)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].nr == nr)
			return table[i].reg;
	return ZYDIS_REGISTER_NONE;
}

const char *operation_name(unsigned nr, uint64_t value, char *room, size_t size)
{
	uint64_t key = nr == __NR_futex ? value & FUTEX_CMD_MASK & 0xffff : value;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (const struct name *n = table[i].nr == nr ? table[i].names : NULL; n && n->name; n++)
			if (n->value == key)
				return n->name;
	snprintf(room, size, nr == __NR_ioctl || nr == __NR_clone ? "0x%lx" : "%lu", (unsigned long)value);
	return room;
}

bool operation_unmet(unsigned nr, uint64_t value)
{
	char room[32];
	switch (nr) {
	case __NR_clone:
		return !(value & CLONE_THREAD);
	case __NR_fcntl:
		return value == F_SETLEASE || value == F_GETLEASE || value == F_NOTIFY;
	case __NR_ioctl: // of a device that is not there; terminals and pipes have theirs
		return operation_name(nr, value, room, sizeof(room)) == room;
	default:
		return false;
	}
}
