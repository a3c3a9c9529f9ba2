// SPDX-License-Identifier: MIT
//
// The platform contract: what stands under the kernel. kvm/ is a virtual machine, linux/ a process of the host; a
// platform is one directory that fills this list, with what shared.c leaves to it. Costs on the slowest host are in
// docs/architecture.md: everything here but plat_boot(), plat_pending() and the clock is slow. Keep it off hot paths.
#ifndef WHELK_PLAT_H
#define WHELK_PLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/boot.h"
#include "abi/console.h"
#include "abi/report.h"
#include "arch/cpu.h"

// The boot block. Valid from the first instruction of main().
const struct abi_boot *plat_boot(void);
const char *plat_boot_string(uint32_t off); // a string of the boot block's string area
struct abi_stats *plat_stats(void);

// Guest-physical to virtual and back, for RAM (not for the file window).
static inline void *plat_phys_to_virt(uint64_t gpa);
static inline uint64_t plat_virt_to_phys(const void *va);

// --- events ------------------------------------------------------------------------------------
// Takes the events the monitor left for this CPU (ABI_EVENT_*), clearing them.
uint32_t plat_take_events(void);
static inline bool plat_pending(void); // without taking them
// Takes the host signals that arrived for the program (bit N-1 = signal N).
uint64_t plat_take_host_signals(void);

// Sleeps until an event is pending or `deadline_ns` (CLOCK_MONOTONIC; ~0: for ever) has passed.
// The kernel lock must not be held. `news`, if not NULL, is asked once after the others can see that this CPU sleeps:
// true, and it does not.
void plat_idle(uint64_t deadline_ns, bool (*news)(void));
// This CPU wants ABI_EVENT_TIMER at deadline_ns while it runs (~0: never).
void plat_timer_arm(uint64_t deadline_ns);
// Gives ABI_EVENT_KICK to the CPUs of `mask`; they enter the kernel or wake.
void plat_kick(uint64_t mask);
// For a CPU that waits in the kernel for another one: sleeps until plat_unpark(word), or `ns`, or some other moment, unless
// *word is no longer `value`. A platform where that is dearer than spinning does nothing. The lock may be held.
void plat_park(uint32_t *word, uint32_t value, uint64_t ns);
void plat_unpark(uint32_t *word); // one of them
// Starts CPU n in cpu_main(n) (main.c). 0 or -errno.
int plat_cpu_start(unsigned n);

// --- the thread pointer --------------------------------------------------------------------------
// How the register with the program's thread pointer (FS on x86-64) is written, and whether what it holds is to be
// believed. Constant after boot.
enum plat_tls {
	PLAT_TLS_OWN,  // by an instruction; nobody else does
	PLAT_TLS_LENT, // by an instruction; the host may put something else there, which the platform mends in time for
		       // the program and nobody else
	PLAT_TLS_CALL, // by plat_set_tls(); programs cannot
};
extern enum plat_tls plat_tls;
void plat_set_tls(uint64_t base);

// --- translation ---------------------------------------------------------------------------------
// Entries of the running address space for [first, end) lost rights or went: what this CPU remembers of them is
// dropped (other things may be too).
void plat_flush(uint64_t first, uint64_t end);
extern const bool plat_flush_reaches_all; // one CPU's flush is every CPU's
// The entry for va is there now, or gives more: a platform whose processor does not walk the tables takes it over.
// May set and clear PTE_PLATFORM, which mm clears where an entry loses rights or moves. 0, or -errno: it cannot be
// used after all.
int plat_translate(uint64_t va);
// RAM that the kernel is about to write to for the first time: a platform may have it ready at less than a fault a page.
void plat_touch_soon(uint64_t gpa, uint64_t len);
// The kernel's view of a part of the file window that lies in one slot of 2 MiB and is mapped by the monitor, to read;
// NULL: there is none. What is behind it may be gone (a file was cut): only arch_copy_fault() may look.
const void *plat_window(uint64_t offset, uint64_t len);
uint64_t plat_page_root(void);	   // gpa of the page-table root in use on this CPU
void plat_set_page_root(uint64_t root_gpa);

// --- clock ---------------------------------------------------------------------------------------
uint64_t plat_clock_mono_ns(void);
extern const struct abi_clock *plat_clock_page;
static inline uint64_t plat_clock_coarse_ns(void); // when the clock page was drawn last, a second ago at most
static inline int64_t plat_clock_wall_offset_ns(void); // CLOCK_REALTIME - CLOCK_MONOTONIC
int64_t plat_clock_boot_offset_ns(void);
int64_t plat_clock_tai_offset_ns(void); // CLOCK_TAI - CLOCK_REALTIME
uint64_t plat_clock_gpa(void); // the page struct abi_clock lies on, for the vDSO

// What a trap's way in and out takes, in time no clock of the kernel's sees; 0: not known. Constant after boot.
extern uint64_t plat_trap_ns;

// --- streams ---------------------------------------------------------------------------------------
// Where they exist, a stream that the monitor has connected or accepted (abi/net.h: direct) is used without it.
// Nothing here sleeps; results are the host's, also -EFAULT, where the program's memory is not there yet.
struct plat_stream_event {
	uint32_t id; // the stream's number
	uint32_t events; // EPOLL*, edges
};
struct plat_streams {
	int (*take)(uint32_t id); // the descriptor that came for `id`: takes it off the queue. -errno
	long (*receive)(int fd, void *to, size_t len, unsigned flags);
	long (*send)(int fd, const void *from, size_t len, unsigned flags);
	long (*option)(int fd, int name, int value); // of TCP: TCP_NODELAY, TCP_CORK
	void (*close)(int fd);
	// What has happened to them since the last time; of what plat_idle() has seen first. *serial: received()'s
	// number when that began.
	unsigned (*events)(struct plat_stream_event *e, unsigned max, uint64_t *serial);
	uint64_t (*serial)(void); // grows with each receive
	// Whether a CPU that sleeps is to see what happens even while another one runs. True: one does.
	bool (*watch_always)(bool always);
};
const struct plat_streams *plat_streams(void); // NULL: none

// --- devices ---------------------------------------------------------------------------------------
void plat_queue_notify(const struct abi_queue *q);
// One console request (abi/console.h); fills and returns req->result.
int64_t plat_console(struct abi_console_request *req);
const struct abi_console_start *plat_console_start(void);
uint32_t plat_console_take_ready(void);
void plat_report(const struct abi_report *r);
void plat_booted(void);

// --- the end -----------------------------------------------------------------------------------------
_Noreturn void plat_exit(int wait_status);
_Noreturn void plat_panic(const struct abi_panic *p);

extern uint64_t plat_direct_va; // VA of gpa 0

static inline bool plat_pending(void)
{
	return __atomic_load_n(&arch_cpu_shared()->pending, __ATOMIC_RELAXED) != 0;
}

static inline uint64_t plat_clock_coarse_ns(void)
{
	return __atomic_load_n(&plat_clock_page->mono_ns, __ATOMIC_RELAXED);
}

static inline int64_t plat_clock_wall_offset_ns(void)
{
	return __atomic_load_n(&plat_clock_page->wall_off_ns, __ATOMIC_RELAXED);
}

static inline void *plat_phys_to_virt(uint64_t gpa) { return (void *)(plat_direct_va + gpa); }
static inline uint64_t plat_virt_to_phys(const void *va) { return (uint64_t)va - plat_direct_va; }

#endif
