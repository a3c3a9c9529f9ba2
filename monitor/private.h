// SPDX-License-Identifier: MIT
//
// The machine as its own files see it: machine.c puts it together, boot.c fills guest memory, vcpu.c
// runs it, dev/doorbell.c serves its exits, arch/<name>/ knows the processor.
#ifndef WHELK_MONITOR_PRIVATE_H
#define WHELK_MONITOR_PRIVATE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "abi/boot.h"
#include "monitor/image.h"
#include "monitor/machine.h"
#include "monitor/memory.h"

struct fs;
struct net;
struct tap;
struct kvm_run;
struct kvm_cpuid2;
struct guest;
struct machine;
struct vcpu;

enum exit_kind {
	EXIT_EXIT, EXIT_IDLE, EXIT_KICK, EXIT_START, EXIT_CONSOLE, EXIT_TIMER, EXIT_QUEUE, EXIT_NET, EXIT_REPORT,
	EXIT_PARK, EXIT_OTHER,
	EXIT_SIGNAL, // EINTR: kicked, or the timer
	EXIT_WINDOW, // the guest had to be let run before an interrupt
	EXIT_INJECT, // interrupts given
	EXIT_KINDS,
};

struct vcpu {
	struct machine *machine;
	unsigned number;
	int fd; // KVM's, or -1
	bool created; // atomic
	struct kvm_run *run;
	struct abi_cpu *shared; // hostile memory
	pthread_t thread;
	pid_t tid;
	bool running;	   // `thread` and `tid` are valid (atomic)
	uint32_t sleeping; // futex: 1 while the thread sleeps for an idle guest
	timer_t timer;	   // signals this thread
	bool timer_made;
	uint64_t timer_ns; // what it is set for; ~0: nothing
	uint64_t *exits; // by exit_kind
	uint32_t spin_ns; // platform linux: how long it looks for the next bell
};

// What a machine runs on: vcpu.c (kvm), guest.c (linux).
struct platform {
	const char *name;
	uint32_t image; // ABI_PLATFORM_*
	const uint8_t *kernel, *kernel_end; // the one built in
	bool maps_image; // the kernel's text runs where it lies in the file, not in RAM
	// what the host must give; may fail before anything else is done
	int (*open)(struct machine *m);
	int (*memory)(struct machine *m, uint64_t ram_size);  // guest memory
	int (*probe)(struct machine *m);		      // features
	int (*tables)(struct machine *m);		      // the rest of guest RAM, at the end of boot_build()
	int (*cpu_create)(struct vcpu *v);
	void (*cpu_loop)(struct vcpu *v);		      // until the machine has ended
	void (*cpu_wake)(struct vcpu *v);		      // it must look at its words; async-signal-safe
	// ABI_DOORBELL_IDLE, _PARK, _TIMER; NULL: the guest does it itself
	void (*cpu_idle)(struct vcpu *v);
	void (*cpu_park)(struct vcpu *v, uint64_t ns);
	void (*cpu_timer)(struct vcpu *v);
	// A store to `offset` of the doorbell page adds to eventfd `fd` without an exit, if the host can; NULL: it cannot
	void (*bell)(struct machine *m, unsigned offset, int fd);
	void (*close)(struct machine *m); // a guest's process is gone then; descriptors may stay until the monitor's own end
};
extern const struct platform platform_kvm, platform_linux;

// Where things lie in guest RAM.
struct layout {
	uint64_t next; // bump allocator, page-aligned
	uint64_t kernel_gpa, root_gpa, boot_gpa, cpus_gpa, clock_gpa, stats_gpa, console_gpa, string_gpa, nucleus_gpa;
	uint64_t direct_va, kernel_va, nucleus_va, doorbell_va, boot_va;
	uint64_t string_size;
};

// What the processor offers, decided once (arch/<name>/cpu.c).
struct features {
	uint64_t xcr0, hwcap, hwcap2;
	uint32_t xsave_size;
	bool pvm; // this KVM emulates ring 0
	bool pku;
	uint32_t bases; // enum abi_process_bases; platform linux
	uint64_t tsc_khz;
};

struct machine {
	const struct machine_config *config;
	const struct platform *platform;
	char why[160]; // it was chosen
	struct machine_result *result;
	int kvm_fd, vm_fd;
	struct kvm_cpuid2 *cpuid;
	struct guest *guest; // platform linux
	struct memory memory;
	struct image image;
	struct layout layout;
	struct features features;
	unsigned cpu_count;
	struct vcpu *vcpu;
	uint64_t (*own_exits)[MACHINE_EXITS]; // when the configuration has none

	// In guest memory: hostile once the first vCPU has run.
	struct abi_boot *boot;
	struct abi_cpu *cpus;
	struct abi_clock *clock;
	struct abi_stats *stats;
	struct abi_console *console;

	struct fs *fs;
	struct net *net;
	struct tap *tap; // instead of it
	uint64_t net_hurry_until_ns;  // of the thread of either
	pthread_mutex_t lock;	      // vCPU creation, the end
	pthread_mutex_t console_lock; // one console request at a time
	pthread_mutex_t clock_lock;
	uint64_t clock_due_ns;	      // when the clock page wants a new anchor (atomic)
	uint64_t clock_tsc, clock_ns; // the last anchor: counter and CLOCK_MONOTONIC, as measured
	bool end_claimed;	      // atomic: somebody fills the result
	bool ended;		      // atomic: the result is final
	unsigned stop_requests;
};

uint64_t mono_ns(void);

// machine.c
void machine_finish(struct machine *m, enum machine_end end, int wait_status); // first one counts
int machine_fail(struct machine *m, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4))); // returns err
void machine_event_cpu(struct machine *m, unsigned cpu, uint32_t events);

// boot.c: everything the first instruction finds in memory.
int boot_build(struct machine *m);
uint64_t layout_take(struct machine *m, uint64_t bytes); // whole zero pages of RAM, or 0

// vcpu.c
int vcpu_init(struct machine *m);			// signal handling
int vcpu_create(struct machine *m, unsigned n);		// once per n
int vcpu_start_thread(struct machine *m, unsigned n);	// another than 0

// timer.c: the clock page.
void clock_init(struct machine *m);
void clock_refresh(struct machine *m);
void clock_sample(uint64_t *tsc, uint64_t *ns); // the counter and the clock at one moment: the closest of a few tries

// arch/<name>/
int arch_vm_probe(struct machine *m);			// features of a virtual machine
int arch_host_probe(struct machine *m);			// of this machine's own processor
_Noreturn void arch_guest_enter(uint64_t pc, uint64_t arg); // jumps; nothing of this process is needed there
int arch_build_tables(struct machine *m);		// page tables, descriptor tables, nucleus groups
int arch_vcpu_setup(struct vcpu *v);			// registers of a new vCPU
void arch_vcpu_describe(struct vcpu *v, char *buf, size_t size); // registers, for a failure's sentence
uint64_t arch_counter(void);
uint64_t arch_counter_khz(const struct machine *m);	// since m->clock_tsc, m->clock_ns were taken

#endif
