// SPDX-License-Identifier: MIT
//
// System-call filters, seccomp(2), as classic BPF: the call's number is searched in a binary tree, because the
// kernel walks the filter once for each number there is when it is installed. What is not listed raises SIGSYS.
// A vCPU's thread also serves files (ABI_QUEUE_FS_SYNC) and takes the machine down at the end.
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/jail.h"
#include "monitor_arch.h"

enum test { ALWAYS, NO_SUCH_CALL, ONE_OF, WITH, WITHOUT }; // WITH, WITHOUT: bits of value[0]

struct rule {
	uint32_t nr;
	enum test test;
	unsigned arg;
	unsigned count;
	const uint32_t *value;
};

#define WORDS(...)    (const uint32_t[]){__VA_ARGS__}
#define LIST(...)     .count = sizeof(WORDS(__VA_ARGS__)) / sizeof(uint32_t), .value = WORDS(__VA_ARGS__)
#define CALL(name)    {.nr = __NR_##name}
#define TERMINAL_SETS TCSETS, TCSETSW, TCSETSF
#define VCPU_IOCTLS                                                                                                \
	KVM_RUN, KVM_INTERRUPT, KVM_CREATE_VCPU, KVM_GET_VCPU_MMAP_SIZE, KVM_SET_CPUID2, KVM_GET_SREGS,            \
		KVM_SET_SREGS, KVM_GET_MSRS, KVM_SET_MSRS, KVM_SET_XCRS, KVM_GET_REGS, KVM_SET_REGS,               \
		KVM_SET_MP_STATE, KVM_SET_DEVICE_ATTR

static uint32_t own_pid, guest_pid; // filled in before use
static uint32_t pids[2];

void jail_filter_guest(pid_t pid) { guest_pid = (uint32_t)pid; }

// The C library's own needs, output to the user, waking a vCPU.
static const struct rule common[] = {
	CALL(read), CALL(write), CALL(writev), CALL(close), CALL(futex), CALL(munmap), CALL(mremap), CALL(madvise),
	CALL(brk), CALL(getpid), CALL(gettid), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(restart_syscall),
	CALL(sched_getaffinity), CALL(clock_gettime), CALL(exit), CALL(exit_group),
	{.nr = __NR_tgkill, .test = ONE_OF, .arg = 0, .count = 2, .value = pids},
	{.nr = __NR_mmap, .test = WITHOUT, .arg = 2, LIST(PROT_EXEC)},
	{.nr = __NR_mprotect, .test = WITHOUT, .arg = 2, LIST(PROT_EXEC)},
};

static const struct rule files[] = {
	CALL(openat), CALL(openat2), CALL(newfstatat), CALL(fstat), CALL(statx), CALL(fstatfs), CALL(readlinkat),
	CALL(getdents64), CALL(lseek), CALL(pread64), CALL(preadv), CALL(preadv2), CALL(pwritev), CALL(pwritev2),
	CALL(ftruncate), CALL(fallocate), CALL(copy_file_range), CALL(fsync), CALL(fdatasync), CALL(fchownat),
	CALL(fchmodat), CALL(utimensat), CALL(faccessat), CALL(faccessat2), CALL(symlinkat), CALL(mknodat),
	CALL(mkdirat), CALL(unlinkat), CALL(renameat), CALL(renameat2), CALL(linkat), CALL(fgetxattr),
	CALL(fsetxattr), CALL(flistxattr), CALL(fremovexattr), CALL(sendmsg),
	{.nr = __NR_fcntl, .test = ONE_OF, .arg = 1, LIST(F_DUPFD_CLOEXEC, F_GETFL)},
};

static const struct rule file_server[] = {
	{.nr = __NR_ioctl, .test = ONE_OF, .arg = 1, LIST(KVM_SET_USER_MEMORY_REGION, TERMINAL_SETS)},
};

// Threads are made by clone(): clone3 hides its flags from filters.
static const struct rule cpu[] = {
	{.nr = __NR_ioctl, .test = ONE_OF, .arg = 1,
	 LIST(VCPU_IOCTLS, KVM_SET_USER_MEMORY_REGION, TERMINAL_SETS, TCGETS, TIOCGWINSZ, TIOCSWINSZ, TCFLSH, TCSBRK,
	      FIONREAD)},
	{.nr = __NR_clone3, .test = NO_SUCH_CALL},
	{.nr = __NR_clone, .test = WITH, .arg = 0, LIST(CLONE_THREAD)},
	CALL(timer_create), CALL(timer_settime), CALL(timer_delete), CALL(set_robust_list), CALL(rseq),
	{.nr = ARCH_POLL}, CALL(readv), CALL(getrusage), CALL(wait4),
	{.nr = __NR_kill, .test = ONE_OF, .arg = 0, .count = 1, .value = &guest_pid},
};

static const struct rule console[] = {
	{.nr = ARCH_POLL},
	{.nr = __NR_ioctl, .test = ONE_OF, .arg = 1, LIST(TERMINAL_SETS)},
};

// Sockets of the Internet's families only; the guest's addresses are checked before they get here.
static const struct rule net[] = {
	{.nr = __NR_socket, .test = ONE_OF, .arg = 0, LIST(AF_INET, AF_INET6)},
	CALL(connect), CALL(accept4), CALL(listen), CALL(shutdown), CALL(sendto), CALL(sendmsg), CALL(recvfrom),
	CALL(recvmsg), CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(epoll_ctl), CALL(epoll_pwait2),
};

// Frames of a descriptor it already has.
static const struct rule tap[] = {
	CALL(readv), CALL(epoll_pwait2), CALL(sched_yield),
};

static const struct {
	const struct rule *rule;
	size_t count;
} use[][3] = {
	[JAIL_CPU] = {{common, ARRAY_SIZE(common)}, {files, ARRAY_SIZE(files)}, {cpu, ARRAY_SIZE(cpu)}},
	[JAIL_FILES] = {{common, ARRAY_SIZE(common)}, {files, ARRAY_SIZE(files)},
			{file_server, ARRAY_SIZE(file_server)}},
	[JAIL_CONSOLE] = {{common, ARRAY_SIZE(common)}, {console, ARRAY_SIZE(console)}, {NULL, 0}},
	[JAIL_NET] = {{common, ARRAY_SIZE(common)}, {net, ARRAY_SIZE(net)}, {NULL, 0}},
	[JAIL_TAP] = {{common, ARRAY_SIZE(common)}, {tap, ARRAY_SIZE(tap)}, {NULL, 0}},
};

// --- the filter, written from its end: a jump's target is there before the jump ----------------------------

#define RULES_MAX 128
#define INSNS_MAX 512

struct filter {
	struct sock_filter insn[INSNS_MAX];
	unsigned at; // first one written
	unsigned allow, trap, no_call;
	bool too_far;
};

static unsigned put(struct filter *f, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	unsigned i = --f->at;
	bool jump = BPF_CLASS(code) == BPF_JMP;
	f->too_far |= jump && (yes - (i + 1) > 255 || no - (i + 1) > 255);
	f->insn[i] = (struct sock_filter){.code = (uint16_t)code, .k = k};
	if (jump) {
		f->insn[i].jt = (uint8_t)(yes - (i + 1));
		f->insn[i].jf = (uint8_t)(no - (i + 1));
	}
	return i;
}

// What a rule does once its call is found: where to jump to.
static unsigned put_test(struct filter *f, const struct rule *r)
{
	unsigned next = f->trap;
	switch (r->test) {
	case ALWAYS:
		return f->allow;
	case NO_SUCH_CALL:
		return f->no_call;
	case WITH:
		put(f, BPF_JMP | BPF_JSET | BPF_K, r->value[0], f->allow, f->trap);
		break;
	case WITHOUT:
		put(f, BPF_JMP | BPF_JSET | BPF_K, r->value[0], f->trap, f->allow);
		break;
	case ONE_OF:
		for (unsigned i = r->count; i-- > 0;)
			next = put(f, BPF_JMP | BPF_JEQ | BPF_K, r->value[i], f->allow, next);
		break;
	}
	// The low half: these arguments are 32 bits wide to the kernel.
	return put(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + 8 * r->arg, 0, 0);
}

static unsigned put_tree(struct filter *f, const struct rule *const *rule, const unsigned *target, unsigned count)
{
	unsigned next = f->trap;
	if (count <= 3) {
		for (unsigned i = count; i-- > 0;)
			next = put(f, BPF_JMP | BPF_JEQ | BPF_K, rule[i]->nr, target[i], next);
		return next;
	}
	unsigned half = count / 2;
	unsigned high = put_tree(f, rule + half, target + half, count - half), low = put_tree(f, rule, target, half);
	return put(f, BPF_JMP | BPF_JGE | BPF_K, rule[half]->nr, high, low);
}

static int by_number(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	return (x->nr > y->nr) - (x->nr < y->nr);
}

static int build(struct filter *f, enum jail_kind kind)
{
	const struct rule *rule[RULES_MAX];
	unsigned target[RULES_MAX], count = 0;
	for (unsigned t = 0; t < ARRAY_SIZE(use[kind]); t++)
		for (size_t i = 0; i < use[kind][t].count; i++)
			rule[count++] = &use[kind][t].rule[i];
	qsort(rule, count, sizeof(rule[0]), by_number);

	f->at = INSNS_MAX;
	f->too_far = false;
	unsigned kill = put(f, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	f->no_call = put(f, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	f->trap = put(f, BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0, 0);
	f->allow = put(f, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	for (unsigned i = 0; i < count; i++)
		target[i] = put_test(f, rule[i]);
	put_tree(f, rule, target, count);
	put(f, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	put(f, BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, f->at, kill);
	put(f, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	return f->too_far ? -E2BIG : 0;
}
_Static_assert(ARRAY_SIZE(common) + ARRAY_SIZE(files) + ARRAY_SIZE(cpu) <= RULES_MAX, "RULES_MAX");

int jail_filter_install(enum jail_kind kind)
{
	static struct filter storage[JAIL_KINDS]; // a kind is installed by one thread
	struct filter *f = &storage[kind];
	own_pid = (uint32_t)getpid();
	if (!guest_pid)
		guest_pid = own_pid;
	pids[0] = own_pid;
	pids[1] = guest_pid;
	int err = build(f, kind);
	if (err)
		return err;
	struct sock_fprog prog = {.len = (unsigned short)(INSNS_MAX - f->at), .filter = f->insn + f->at};
	// SPEC_ALLOW: the filter is no reason to run the guest with slower speculation settings than without it.
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) ? -errno : 0;
}
