// SPDX-License-Identifier: MIT
//
// Platform linux: what the monitor and the guest's process share beside the boot block. boot.doorbell_va is the
// address of struct abi_process, boot.nucleus_va that of the first CPU's group; both lie in guest RAM. The process
// has RAM, a socket on which the monitor sends it files for the window and, with sockets of the host's, three
// descriptors more. Its system-call filter lets it do no more than the calls in monitor/guest_filter.c.
#ifndef WHELK_ABI_PROCESS_H
#define WHELK_ABI_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"

#define ABI_PROCESS_RAM	   0 // descriptors
#define ABI_PROCESS_SOCKET 1
#define ABI_PROCESS_STREAMS 2 // a socket: the monitor sends connected streams
#define ABI_PROCESS_POLL   3 // an epoll of them and of the next
#define ABI_PROCESS_KICK   4 // an eventfd: written to when the CPU that waits for the epoll is to look up
#define ABI_PROCESS_FILES  5 // and above

#define ABI_IDLE_FUTEX 1 // abi_cpu.idle: it sleeps on `pending`
#define ABI_IDLE_POLL  2 // it waits for ABI_PROCESS_POLL
#define ABI_POLL_KICK  ~0ull // what the epoll tells for ABI_PROCESS_KICK; for streams their numbers, abi/net.h

#define ABI_PROCESS_SIGNAL 35 // a kick, or the CPU's timer

// Each CPU has a group of its own, aligned to its size: a page of its data, the signal stack above.
#define ABI_PROCESS_GROUP 0x10000

// abi_cpu.bell: the guest stores offset and value, then RUNG; the monitor serves it and stores SILENT. Who sleeps
// for the other's store says so, and is woken by FUTEX_WAKE.
#define ABI_BELL_SILENT	      0
#define ABI_BELL_RUNG	      1
#define ABI_BELL_RUNG_ASLEEP  2 // the guest sleeps until it is served
#define ABI_BELL_SERVER_SLEEPS 3 // silent, and the monitor's thread sleeps

enum abi_process_state {
	ABI_PROCESS_STARTING,
	ABI_PROCESS_READY,  // jailed, waiting for the next
	ABI_PROCESS_GO,
	ABI_PROCESS_FAILED, // `step` and `error` say why
};

// How FS and GS get their bases, which is for the host's kernel to allow.
enum abi_process_bases {
	ABI_BASES_OWN,	// by instructions (AT_HWCAP2 says FSGSBASE)
	ABI_BASES_LENT, // by instructions too, but a switch of the host's brings back what arch_prctl(2) set last
	ABI_BASES_CALL, // by arch_prctl(2)
};

// ABI_BASES_LENT: what FS is with the host. Nothing is mapped 4 GiB around it: a program that finds it in FS faults.
#define ABI_BASES_NOWHERE 0x7f8000000000ull

struct abi_process {
	uint32_t state; // futex
	uint32_t step;	// of the start, for the message about a failure
	int32_t error;	// -errno
	uint32_t filter_count;
	uint32_t files_sent; // messages with changes of the window so far, by the monitor
	uint32_t bases;	     // enum abi_process_bases
	uint32_t spin_ns;    // how long both sides look for the other's store before they sleep, at most (abi_spin_next)
	uint32_t streams;    // there are ABI_PROCESS_STREAMS, POLL and KICK
	uint64_t filter[256];	    // struct sock_filter, installed once everything else is done
	int32_t tid[ABI_MAX_CPUS];  // the CPUs' threads
};
_Static_assert(sizeof(struct abi_process) <= 4096, "abi_process lies on a page");

// Waking a thread on another CPU takes tens of microseconds in a virtual machine, so who waits for the other's store
// looks for a while first: longer after it was worth it, shorter after it was not, as where the other has no CPU.
static inline uint32_t abi_spin_next(uint32_t spin_ns, uint32_t most_ns, bool came)
{
	uint32_t least = most_ns / 16, next = came ? spin_ns * 2 : spin_ns - spin_ns / 4;
	return next < least ? least : next > most_ns ? most_ns : next;
}

enum abi_process_step {
	ABI_STEP_NONE,
	ABI_STEP_UNMAP,
	ABI_STEP_SIGNALS,
	ABI_STEP_STACK,
	ABI_STEP_TIMER,
	ABI_STEP_THREAD,
	ABI_STEP_FILTER,
	ABI_STEP_MAP, // in the monitor's part of the start
	ABI_STEP_CONFINE,
	ABI_STEP_BASES,
};

// ABI_PROCESS_STREAMS carries one for each descriptor.
struct abi_stream_passed {
	uint64_t id; // its number, abi/net.h
};

// What the socket carries: the window's slot of `offset` is now a file's part, or nothing (len 0, no descriptor).
struct abi_window_change {
	uint64_t offset;   // in the window, of the first byte
	uint64_t file_off; // of the same
	uint64_t len;
	uint64_t writable;
};

#endif
