// SPDX-License-Identifier: MIT
//
// steps COMMAND...: how many instructions the processor executes outside the host's kernel between one int3 of the
// program and the next (bench/syscall/calls.c does one call there, again and again): single steps, counted. Prints the
// least. For platform linux, where the kernel is part of what is stepped through; natively it counts the program's own
// instructions.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST 200 // of these are not counted: first calls are trapped, then measured (kernel/sched/times.c). Even
#define INT3  0xcc
#define PUSHF 0x9c
#define TF    0x100

static uint8_t byte_at(pid_t t, uint64_t at)
{
	errno = 0;
	long word = ptrace(PTRACE_PEEKTEXT, t, at, 0);
	return errno ? 0 : (uint8_t)word;
}

// The trace flag is the tracer's; pushf shows it to what is stepped through, which would take another way.
static void hide_flag(pid_t t, uint64_t sp)
{
	long flags = ptrace(PTRACE_PEEKDATA, t, sp, 0);
	ptrace(PTRACE_POKEDATA, t, sp, flags & ~TF);
}

// Counts from an int3 of thread t to the next. -1: it ended.
static long count(pid_t t)
{
	struct user_regs_struct r;
	long steps = 0;
	for (;; steps++) {
		ptrace(PTRACE_GETREGS, t, 0, &r);
		uint8_t op = byte_at(t, r.rip);
		if (op == INT3)
			return steps;
		int status, sig = 0;
		do {
			if (ptrace(PTRACE_SINGLESTEP, t, 0, sig) || waitpid(t, &status, __WALL) != t ||
			    !WIFSTOPPED(status))
				return -1;
			sig = WSTOPSIG(status);
		} while (sig != SIGTRAP);
		ptrace(PTRACE_GETREGS, t, 0, &r);
		if (op == PUSHF)
			hide_flag(t, r.rsp);
	}
}

int main(int argc, char **argv)
{
	long least = -1;
	int status, seen = 0;
	if (argc < 2)
		return 2;
	pid_t child = fork(), t;
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, 0,
	       PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, child, 0, 0);
	while ((t = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (t == child && WIFEXITED(status) && WEXITSTATUS(status))
				return 1;
			continue;
		}
		int sig = WSTOPSIG(status);
		struct user_regs_struct r;
		if (status >> 16 || sig == SIGSTOP) { // an event, or a new thread's first stop
			sig = 0;
		} else if (sig == SIGTRAP && !ptrace(PTRACE_GETREGS, t, 0, &r) && byte_at(t, r.rip - 1) == INT3) {
			sig = 0;
			if (++seen > FIRST) {
				long n = count(t);
				if (n >= 0 && (least < 0 || n < least))
					least = n;
				ptrace(PTRACE_GETREGS, t, 0, &r);
				r.rip++; // over the second one
				ptrace(PTRACE_SETREGS, t, 0, &r);
			}
		}
		ptrace(PTRACE_CONT, t, 0, sig);
	}
	printf("%ld\n", least);
	return least < 0;
}
