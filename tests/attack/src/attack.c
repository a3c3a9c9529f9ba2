// SPDX-License-Identifier: MIT
//
// A hostile program. Each way it is told to go ends with a line that says what happened, if it lives to say so.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *marker; // a path of the host's that must never come to be
static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

static void catch_faults(void)
{
	static char stack[65536];
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER | SA_ONSTACK};
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
	const int all[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGSYS, SIGFPE};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sigaction(all[i], &sa, NULL);
}

static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return nr;
}

// --- finding the nucleus: the kernel's stack is there to read ---------------------------------------------

#define KERNEL_START 0x7e8000000000ul
#define KERNEL_END   0x7ec000000000ul

// The address of the one `syscall; ret` in the kernel's text.
static const uint8_t *find_gate(void)
{
	uint64_t top, found = 0;
	raw(SYS_getppid, 0, 0, 0, 0, 0, 0);
	__asm__ volatile("mov %%gs:8, %0" : "=r"(top));
	for (uint64_t *p = (uint64_t *)top - 22; p > (uint64_t *)top - 400 && !found; p--)
		if (*p >= KERNEL_START && *p < KERNEL_END)
			found = *p;
	for (const uint8_t *p = (const uint8_t *)found; found && p > (const uint8_t *)found - (1 << 20); p--)
		if (p[0] == 0x0f && p[1] == 0x05 && p[2] == 0xc3)
			return p;
	printf("no gate found\n");
	exit(3);
}

// Calls `at` with all registers as the host's kernel wants them for a call.
static long through(const void *at, long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("sub $128, %%rsp\n\tcall *%1\n\tadd $128, %%rsp"
			 : "+a"(nr)
			 : "b"(at), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}

// What makes a file on the host, if it is let through. Some numbers want other arguments: these do no good either.
static long host_call(const void *at, long nr)
{
	if (nr == SYS_openat || nr == SYS_mknodat || nr == SYS_mkdirat)
		return through(at, nr, AT_FDCWD, (long)marker, O_CREAT | O_RDWR, 0700, 0, 0);
	return through(at, nr, (long)marker, nr == SYS_open ? O_CREAT | O_RDWR : 0700, 0700, 0, 0, 0);
}

// --- the ways -----------------------------------------------------------------------------------------------

// Every number there is and some there are not, by the program's own instruction: the guest's kernel answers.
#define URETPROBE 335 // these two Linux lets past every filter: they end where no trampoline of a probe is
#define UPROBE	  336

static void way_syscalls(long bit)
{
	static const int never[] = {URETPROBE, UPROBE, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_pause,
		SYS_rt_sigsuspend, SYS_execve, SYS_execveat, SYS_munmap, SYS_brk, SYS_clone, SYS_clone3, SYS_vfork,
		SYS_fork, SYS_reboot, SYS_arch_prctl, SYS_mremap, SYS_mmap, SYS_mprotect, SYS_kill, SYS_tkill,
		SYS_tgkill, SYS_alarm, SYS_setitimer, SYS_sigaltstack, SYS_close_range, SYS_close, SYS_dup2, SYS_dup3,
		SYS_read, SYS_select, SYS_pselect6, SYS_poll, SYS_ppoll, SYS_epoll_wait, SYS_futex, SYS_rt_sigaction,
		SYS_rt_sigprocmask, SYS_rt_sigtimedwait, SYS_shutdown, SYS_wait4, SYS_waitid, SYS_set_tid_address,
		SYS_set_robust_list, SYS_rseq, SYS_chroot, SYS_chdir, SYS_prlimit64, SYS_setrlimit, SYS_setuid,
		SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_prctl, SYS_seccomp,
		SYS_personality, SYS_ptrace, SYS_madvise, SYS_process_madvise};
	int answered = 0;
	for (long nr = 0; nr < 600; nr++) {
		bool skip = false;
		for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
			skip |= never[i] == nr;
		if (skip && !bit)
			continue;
		long r = raw(nr | bit, (long)marker, O_CREAT | O_RDWR, 0700, 0, 0, 0);
		if (bit && r != -ENOSYS) {
			printf("number %#lx: %ld\n", nr | bit, r);
			exit(1);
		}
		answered++;
	}
	printf("%s, %s\n", answered > 400 ? "answered" : "not answered", getpid() == 1 ? "in the guest" : "where?");
}

static void way_kill(long host_pid)
{
	long ptrace_result = ptrace(PTRACE_ATTACH, (pid_t)host_pid, 0, 0);
	int ptrace_errno = errno, r = kill((pid_t)host_pid, SIGKILL), e = errno;
	printf("kill %d %s, ptrace %s\n", r, e == ESRCH ? "no such process" : "?",
	       ptrace_result < 0 && (ptrace_errno == ENOSYS || ptrace_errno == ESRCH || ptrace_errno == EPERM) ? "refused" : "?");
}

static void way_int80(void) { __asm__ volatile("int $0x80" ::"a"(20) : "memory"); printf("int 0x80 came back\n"); }
static void way_sysenter(void)
{
	__asm__ volatile("mov %%rsp, %%rbp\n\tsysenter" ::"a"(20) : "memory");
	printf("sysenter came back\n");
}

static void way_write_gate(const uint8_t *gate)
{
	*(volatile uint8_t *)(uintptr_t)gate = 0x90;
	printf("written\n");
}

// Guest RAM is the program's to map: it finds the kernel's copy of the nucleus there, and changes it.
static void way_rewrite_gate(const uint8_t *gate)
{
	uint8_t *window = (uint8_t *)0x200000000000;
	const size_t size = 8 << 20;
	long r = through(gate, SYS_mmap, (long)window, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 0, 0);
	if (r != (long)window) {
		printf("RAM not mapped: %ld\n", r);
		return;
	}
	int changed = 0;
	for (size_t i = 0; i + 4096 <= size; i += 4096) {
		uint8_t *p = window + i + ((uintptr_t)gate & 4095);
		if (memcmp(p - 16, gate - 16, 20) == 0) {
			memset(p, 0xcc, 3);
			changed++;
		}
	}
	printf("%s, %s\n", changed ? "changed in RAM" : "not found in RAM", gate[0] == 0x0f && gate[1] == 5 ? "the gate is as it was" : "the gate is changed");
}

static void way_self_mem(const uint8_t *gate)
{
	int fd = open("/proc/self/mem", O_RDWR);
	if (fd < 0) {
		printf("no mem, the gate is as it was\n");
		return;
	}
	ssize_t r = pwrite(fd, "\x90\x90", 2, (off_t)(uintptr_t)gate);
	printf("%s, %s\n", r < 0 ? "refused" : "?", gate[0] == 0x0f && gate[1] == 5 ? "the gate is as it was" : "the gate is changed");
}

// A call that is on the list, with what is not: stopped by the filter's look at arguments.
static long bad_argument(const uint8_t *g, const char *what)
{
	const long fixed = MAP_SHARED | MAP_FIXED, direct = 0x7e0000000000, rw = PROT_READ | PROT_WRITE;
	static uint32_t word;
	if (!strcmp(what, "none")) // the control: what is allowed works, so the way there is right
		return through(g, SYS_munmap, 0x300000000000, 4096, 0, 0, 0, 0);
	if (!strcmp(what, "mmap-kernel"))
		return through(g, SYS_mmap, (long)((uintptr_t)g & -4096), 4096, rw, fixed, 0, 0);
	if (!strcmp(what, "mmap-guard"))
		return through(g, SYS_mmap, direct - 4096, 3l << 32, rw, fixed, 0, 0);
	if (!strcmp(what, "mmap-wrap"))
		return through(g, SYS_mmap, direct - 4096, -4096l, rw, fixed, 0, 0);
	if (!strcmp(what, "mmap-anonymous"))
		return through(g, SYS_mmap, 0x300000000000, 4096, rw, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	if (!strcmp(what, "mmap-private")) // would be memory that -m does not count
		return through(g, SYS_mmap, 0x300000000000, 4096, rw, MAP_PRIVATE | MAP_FIXED, 0, 0);
	if (!strcmp(what, "mmap-text")) // how the kernel maps the program's
		return through(g, SYS_mmap, 0x300000000000, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, 0, 0) == 0x300000000000 ? 0 : 1;
	if (!strcmp(what, "mmap-anywhere"))
		return through(g, SYS_mmap, 0, 4096, rw, MAP_SHARED, 0, 0);
	if (!strcmp(what, "mmap-growsdown"))
		return through(g, SYS_mmap, 0x300000000000, 4096, rw, fixed | MAP_GROWSDOWN, 0, 0);
	if (!strcmp(what, "munmap-kernel"))
		return through(g, SYS_munmap, (long)((uintptr_t)g & -4096), 4096, 0, 0, 0, 0);
	if (!strcmp(what, "futex-pi"))
		return through(g, SYS_futex, (long)&word, 6, 0, 0, 0, 0);
	if (!strcmp(what, "futex-private"))
		return through(g, SYS_futex, (long)&word, 129, 0, 0, 0, 0);
	if (!strcmp(what, "tgkill-other"))
		return through(g, SYS_tgkill, 1, 1, 35, 0, 0, 0);
	if (!strcmp(what, "madvise-free"))
		return through(g, SYS_madvise, 0x300000000000, 4096, MADV_DONTNEED, 0, 0, 0);
	if (!strcmp(what, "base-get")) // writes where it is told
		return through(g, SYS_arch_prctl, 0x1003, (long)&word, 0, 0, 0, 0);
	if (!strcmp(what, "base-cpuid"))
		return through(g, SYS_arch_prctl, 0x1012, 0, 0, 0, 0, 0);
	if (!strcmp(what, "base-far")) // REQ_XCOMP_PERM
		return through(g, SYS_arch_prctl, 0x1023, 18, 0, 0, 0, 0);
	if (!strcmp(what, "base-own")) {
		uint64_t fs;
		__asm__ volatile("mov %%fs:0, %0" : "=r"(fs)); // where the C library has the address itself
		return through(g, SYS_arch_prctl, 0x1002, (long)fs, 0, 0, 0, 0);
	}
	if (!strcmp(what, "recvmsg-ram"))
		return through(g, SYS_recvmsg, 0, 0, 0, 0, 0, 0);
	if (!strcmp(what, "close-ram"))
		return through(g, SYS_close, 0, 0, 0, 0, 0, 0);
	if (!strcmp(what, "close-socket"))
		return through(g, SYS_close, 1, 0, 0, 0, 0, 0);
	if (!strcmp(what, "close-poll"))
		return through(g, SYS_close, 3, 0, 0, 0, 0, 0);
	if (!strcmp(what, "sendto-socket")) // the monitor's end
		return through(g, SYS_sendto, 1, (long)&word, 4, 0, 0, 0);
	if (!strcmp(what, "sendto-address"))
		return through(g, SYS_sendto, 9, (long)&word, 4, 0, (long)&word, 4);
	if (!strcmp(what, "sendto-flags"))
		return through(g, SYS_sendto, 9, (long)&word, 4, 0x20000000 /* MSG_FASTOPEN */, 0, 0);
	if (!strcmp(what, "recvfrom-socket"))
		return through(g, SYS_recvfrom, 2, (long)&word, 4, 0, 0, 0);
	if (!strcmp(what, "recvfrom-address"))
		return through(g, SYS_recvfrom, 9, (long)&word, 4, 0, (long)&word, (long)&word);
	if (!strcmp(what, "recvfrom-flags"))
		return through(g, SYS_recvfrom, 9, (long)&word, 4, 0x2000 /* MSG_ERRQUEUE */, 0, 0);
	if (!strcmp(what, "setsockopt-level"))
		return through(g, SYS_setsockopt, 9, 1, 1, (long)&word, 4, 0);
	if (!strcmp(what, "setsockopt-name"))
		return through(g, SYS_setsockopt, 9, 6, 31 /* TCP_ULP */, (long)&word, 4, 0);
	if (!strcmp(what, "setsockopt-socket"))
		return through(g, SYS_setsockopt, 1, 6, 1, (long)&word, 4, 0);
	if (!strcmp(what, "poll-other"))
		return through(g, SYS_epoll_pwait2, 9, (long)&word, 1, 0, 0, 8);
	if (!strcmp(what, "poll-mask"))
		return through(g, SYS_epoll_pwait2, 3, (long)&word, 1, 0, (long)&word, 8);
	if (!strcmp(what, "write-ram"))
		return through(g, SYS_write, 0, (long)&word, 4, 0, 0, 0);
	if (!strcmp(what, "write-socket"))
		return through(g, SYS_write, 1, (long)&word, 4, 0, 0, 0);
	return 1;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	long arg = argc > 2 ? strtol(argv[2], NULL, 0) : 0;
	marker = argc > 3 ? argv[3] : (char *)"/tmp/whelk-attack-marker";
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(way, "syscalls"))
		way_syscalls(0);
	else if (!strcmp(way, "x32"))
		way_syscalls(0x40000000);
	else if (!strcmp(way, "kill"))
		way_kill(arg);
	else if (!strcmp(way, "int80"))
		way_int80();
	else if (!strcmp(way, "sysenter"))
		way_sysenter();
	else if (!strcmp(way, "write-gate"))
		way_write_gate(find_gate());
	else if (!strcmp(way, "rewrite-gate"))
		way_rewrite_gate(find_gate());
	else if (!strcmp(way, "self-mem"))
		way_self_mem(find_gate());
	else if (!strcmp(way, "host-call"))
		printf("came back: %ld\n", host_call(find_gate(), arg));
	else if (!strcmp(way, "argument"))
		printf("came back: %ld\n", bad_argument(find_gate(), argv[2]));
	else if (!strcmp(way, "offset")) { // into the nucleus's page at any byte, the call's number ready in rax and rdi
		const uint8_t *page = (const uint8_t *)((uintptr_t)find_gate() & -4096);
		catch_faults();
		int sig = sigsetjmp(back, 1);
		if (!sig)
			printf("came back: %ld\n", host_call(page + arg, SYS_open));
		else
			printf("signal %d\n", sig);
	} else
		return 2;
	return 0;
}
