// SPDX-License-Identifier: MIT
//
// The kernel's system calls: any calls with any arguments, in a machine on platform linux, whose kernel checks every
// use of its heap (SANITIZE=1). What guides the fuzzer is which call ended how: a pair that was not seen is worth
// keeping an input for, and so is a call that has worked with what comes after it. The program in there may end as it
// will, also by a signal; the kernel may not panic, nor the monitor fail, nor the machine not stop when told. A machine
// serves many inputs, so what has happened since it began is written to build/fuzz/fuzz_syscalls.history, which is an
// input itself.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz_syscalls.h"

#define INPUTS_PER_MACHINE 300
#define ANSWER_MS	   10000
#define STOP_MS		   10000
#define PAIRS		   (1u << 16) // of a call that did not fail and what came next, hashed

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t seen[CALL_NUMBERS * RESULTS + PAIRS];

static char dir[] = "/tmp/whelk-fuzz.XXXXXX", program[64], messages[64];
static pid_t machine;
static int to = -1, from = -1, history = -1, inputs;

static void clean_up(void)
{
	if (machine > 0)
		kill(machine, SIGKILL);
	unlink(program);
	unlink(messages);
	rmdir(dir);
}

static void bug(const char *what)
{
	char line[400];
	fprintf(stderr, "fuzz_syscalls: %s\n", what);
	FILE *f = fopen(messages, "r");
	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	clean_up();
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char command[256];
	(void)argc, (void)argv;
	if (!mkdtemp(dir))
		exit(2);
	chmod(dir, 0755);
	snprintf(program, sizeof(program), "%s/syscall_args", dir);
	snprintf(messages, sizeof(messages), "%s/messages", dir);
	snprintf(command, sizeof(command), "cc -O1 -g -static -o %s tests/fuzz/syscall_args.c", program);
	atexit(clean_up);
	signal(SIGPIPE, SIG_IGN);
	if (system(command)) {
		fprintf(stderr, "fuzz_syscalls: run it in the project's directory\n");
		exit(2);
	}
	return 0;
}

static void start(void)
{
	const char *whelk = access("build/asan/whelk", X_OK) == 0 ? "build/asan/whelk" : "build/whelk";
	int in[2], out[2], err = open(messages, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char shared[80];
	snprintf(shared, sizeof(shared), "%s:/fuzz:ro", dir);
	history = open("build/fuzz/fuzz_syscalls.history", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (err < 0 || history < 0 || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		exit(2);
	machine = fork();
	if (!machine) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err, 2);
		execl(whelk, "whelk", "run", "--platform", "linux", "-m", "64M", "-w", "/", "-v", shared,
		      "/fuzz/syscall_args", "-", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err);
	to = in[1];
	from = out[0];
	inputs = 0;
}

// Ends the machine and looks at how it ended.
static void stop(void)
{
	int status, waited = 0;
	close(to);
	close(from);
	close(history);
	while (waitpid(machine, &status, WNOHANG) == 0) {
		if (waited == STOP_MS / 2)
			kill(machine, SIGTERM);
		if (waited++ > STOP_MS)
			bug("the machine does not stop");
		usleep(1000);
	}
	machine = 0;
	if (WIFSIGNALED(status))
		bug("the monitor was killed");
	if (WEXITSTATUS(status) >= 125 && WEXITSTATUS(status) <= 127)
		bug("the kernel or the monitor failed");
	char command[128]; // the kernel's own words, however it ended
	snprintf(command, sizeof(command), "! grep -qE 'kernel panic|AddressSanitizer' %s", messages);
	if (system(command))
		bug("the kernel panicked");
}

static int receive(void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		if (poll(&p, 1, ANSWER_MS) <= 0)
			return -1;
		ssize_t n = read(from, (char *)data + done, size - done);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint16_t feature[CALLS_MAX];
	static struct call calls[CALLS_MAX];
	uint32_t count = (uint32_t)(len / sizeof(struct call)), answered = 0;
	if (!count)
		return 0;
	if (count > CALLS_MAX)
		count = CALLS_MAX;
	if (!machine)
		start();
	memcpy(calls, data, count * sizeof(calls[0]));
	if (write(history, calls, count * sizeof(calls[0])) < 0)
		exit(2);
	bool sent = write(to, &count, sizeof(count)) == sizeof(count) &&
		    write(to, calls, count * sizeof(calls[0])) == (ssize_t)(count * sizeof(calls[0]));
	// No answer, or not one: the calls have ended the program, or closed its descriptors.
	if (!sent || receive(&answered, sizeof(answered)) || answered != count ||
	    receive(feature, count * sizeof(feature[0]))) {
		stop();
		return 0;
	}
	uint32_t before = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (feature[i] >= CALL_NUMBERS * RESULTS)
			continue;
		seen[feature[i]] = 1;
		seen[CALL_NUMBERS * RESULTS + ((before * 40503u ^ feature[i]) * 2654435761u >> 16)] = 1;
		if (feature[i] % RESULTS < 2)
			before = feature[i] + 1u;
	}
	if (++inputs == INPUTS_PER_MACHINE)
		stop();
	return 0;
}
