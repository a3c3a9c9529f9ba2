// SPDX-License-Identifier: MIT
//
// One virtual machine, from nothing to its end. The commands fill a machine_config, give hooks
// for what is not the machine's own business (console, reports, the jail) and call machine_run(),
// which returns when the program has ended or the machine failed. One machine per process.
#ifndef WHELK_MONITOR_MACHINE_H
#define WHELK_MONITOR_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/boot.h"
#include "abi/console.h"
#include "abi/report.h"
#include "monitor/memory.h"

struct machine;
struct app;
struct net_port;

struct machine_mount {
	int fd;		  // O_PATH directory; the machine keeps its own copy. -1: `app`
	const char *path; // where in the guest; mount 0 is "/"
	bool readonly;	  // the host refuses writes
	bool overlay;	  // an in-memory overlay on top
	const struct app *app; // the files of an image
};

// GUEST is no thread but the guest's process (platform linux), still single, with all of the monitor's descriptors.
enum machine_thread {
	MACHINE_THREAD_MAIN_CPU,
	MACHINE_THREAD_CPU,
	MACHINE_THREAD_TIMER,
	MACHINE_THREAD_FS,
	MACHINE_THREAD_NET,
	MACHINE_THREAD_TAP,
	MACHINE_THREAD_GUEST
};

enum machine_platform { MACHINE_PLATFORM_AUTO, MACHINE_PLATFORM_KVM, MACHINE_PLATFORM_LINUX };

// All are optional (NULL). They run on the thread that is named; none may call machine_run().
struct machine_hooks {
	// Everything is open and built; the calling thread starts its loop next: time to put on the jail.
	// 0 or -errno (ends the machine).
	int (*thread_enter)(void *arg, enum machine_thread which);
	// ABI_DOORBELL_CONSOLE, on a vCPU thread: one request at a time (the machine holds a lock). `c` is shared with
	// the guest: copy before checking. Fills c->request.result.
	void (*console)(void *arg, struct abi_console *c);
	// Copies; not shared with the guest.
	void (*report)(void *arg, const struct abi_report *r);
	void (*panic)(void *arg, const struct abi_panic *p, uint64_t kernel_va, uint64_t kernel_size);
	void (*booted)(void *arg); // ABI_DOORBELL_BOOTED
	// A kernel for the platform of this name, instead of the one built in: 0, or -errno after a message.
	int (*kernel)(void *arg, const char *platform, const void **file, size_t *size);
	void (*guest)(void *arg, pid_t pid); // platform linux: the guest's process is there; before any thread
	// The machine is complete and its `machine` may be used with the functions below; before any vCPU runs.
	int (*ready)(void *arg, struct machine *m);
	// No CPU runs any more, or none ever did. `machine` goes next: whoever uses it has stopped when this returns.
	void (*over)(void *arg);
};

#define MACHINE_EXITS 16 // kinds at most

struct machine_config {
	enum machine_platform platform;
	uint64_t memory_size; // bytes; rounded down to 2 MiB, at least 16 MiB
	uint64_t dax_size;    // bytes of the file window, 0: none
	unsigned cpus;	      // 1 .. ABI_MAX_CPUS
	const char *exec_path;
	char *const *argv; // NULL-terminated
	char *const *envp;
	const char *cwd;      // NULL: "/"
	const char *hostname; // NULL: "whelk"
	const char *trace;    // NULL: ""
	const char *interp, *libc; // programs whose interpreter is `interp` get `libc` instead; NULL: none
	uint32_t flags;	      // ABI_FLAG_*
	const uint64_t *calls; // bit N of ABI_CALLS: system call N is allowed; NULL: all are
	uint32_t uid, gid;
	uint32_t syscalls; // ABI_SYSCALLS_*
	uint32_t umask;
	uint64_t start_ns; // CLOCK_MONOTONIC when main() began
	uint64_t stack_limit, nofile_limit;
	const struct machine_mount *mount;
	unsigned mount_count;
	bool net;		     // sockets of the host's for the guest
	bool net_loopback;	     // to the host's loopback interface too
	const struct net_port *port; // open ones; the machine closes them
	unsigned port_count;
	int tap; // tap_open(), with `link`; -1: none
	struct abi_link link;
	bool no_random; // fixed addresses and seed (debugging)
	const struct machine_hooks *hooks;
	void *hooks_arg;
	uint64_t (*exits)[MACHINE_EXITS]; // a row for each CPU to count in, zero; NULL: nobody else reads them
	const void *kernel; // kernel image; NULL: the one built in
	size_t kernel_size;
};

enum machine_end {
	MACHINE_EXITED, // the program ended: wait_status
	MACHINE_PANIC,	// the kernel gave up; the panic hook has been called
	MACHINE_FAILED, // the machine could not be built or run: error
};

struct machine_result {
	enum machine_end end;
	int wait_status;
	int error;	 // -errno
	char what[160];	 // one sentence about `error`
	struct abi_stats stats; // as the kernel left it (untrusted numbers); zero when the machine was not built
	uint64_t exits[MACHINE_EXITS]; // exits of all vCPUs by kind, machine_exit_name()
};

// Runs the machine on the calling thread (vCPU 0). 0, or -errno as in result->error. Once in a process, which is to end then: threads
// that serve files and the network are not waited for, and what the configuration points to stays theirs.
int machine_run(const struct machine_config *config, struct machine_result *result);
const char *machine_exit_name(unsigned kind); // NULL past the last kind

// From `ready` on: the platform's name, and why it is this one.
const char *machine_platform(const struct machine *m, const char **why);

// From any thread while the machine runs.
void machine_event(struct machine *m, uint32_t events);		// ABI_EVENT_* for vCPU 0
struct abi_console *machine_console(struct machine *m);
void machine_console_ready(struct machine *m, uint32_t bits);	// abi_console.ready |= bits, and the event
void machine_signal(struct machine *m, int signal);		// async-signal-safe: a host signal for the program
void machine_stop(struct machine *m); // async-signal-safe: SIGKILL semantics; a second call ends the machine at once
struct memory *machine_memory(struct machine *m);

#define MACHINE_SIGNAL_KICK 35 // real-time signal the machine uses between its threads (SIGRTMIN + 1 with glibc)

#endif
