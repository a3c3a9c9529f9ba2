// SPDX-License-Identifier: MIT
//
// What the monitor hands the kernel at boot, and the words the two share while it runs.
// The boot block lies in guest memory; the monitor treats every byte of it as hostile
// after the first vCPU has run. All multi-byte fields are little-endian.
#ifndef WHELK_ABI_BOOT_H
#define WHELK_ABI_BOOT_H

#include <stdint.h>

#include "abi/link.h"

#define ABI_BOOT_MAGIC	 0x746f6f62576b6c48ull
#define ABI_BOOT_VERSION 1
#define ABI_MAX_CPUS	 64
#define ABI_MAX_MOUNTS	 32
#define ABI_MAX_QUEUES	 4

// Guest-physical layout. RAM starts at 0 and is one piece.
#define ABI_GPA_RAM	 0x0ull
#define ABI_GPA_DOORBELL 0x3ffff00000ull // one page, never backed: every access exits
#define ABI_GPA_DAX	 0x4000000000ull // file window, grows upwards

// Guest-virtual layout: where each range may lie. The slots inside are random.
#define ABI_VA_USER_MIN	  0x10000ull	     // lowest address mmap gives or accepts
#define ABI_VA_RANDOM_MIN 0x100000000000ull  // PIE images, mmap area, stacks
#define ABI_VA_USER_END	  0x7e0000000000ull  // first address that is not the program's
#define ABI_VA_DIRECT	  0x7e0000000000ull  // direct map of RAM, at a random 1 GiB slot
#define ABI_VA_GUARD	  (4ull << 30)	     // of it, at its start, is never used (monitor/guest_filter.c)
#define ABI_VA_KERNEL	  0x7e8000000000ull  // kernel image, at a random 2 MiB slot
#define ABI_VA_DAX	  0x7ec000000000ull  // direct map of the file window (plat_window)
#define ABI_VA_NUCLEUS	  0x7f0000000000ull  // nucleus groups, doorbell page
#define ABI_VA_DOORBELL	  0x7f4000000000ull

// Events the monitor sets in abi_cpu.pending. A set bit is kept until the kernel takes it
// with an atomic exchange; an interrupt or a return from idle only says "look".
#define ABI_EVENT_TIMER	  (1u << 0) // abi_cpu.deadline_ns has passed
#define ABI_EVENT_KICK	  (1u << 1) // another vCPU asked for attention (ABI_DOORBELL_KICK)
#define ABI_EVENT_QUEUE	  (1u << 2) // some virtqueue has used buffers
#define ABI_EVENT_CONSOLE (1u << 3) // a console stream a reader or writer waits for became ready
#define ABI_EVENT_SIGNAL  (1u << 4) // abi_boot.host_signals has new bits
#define ABI_EVENT_STOP	  (1u << 5) // the monitor wants the program ended now (SIGKILL semantics)

// Per-vCPU words. One cache line each for what the kernel writes and what the monitor writes.
struct abi_cpu {
	uint32_t pending; // ABI_EVENT_*, set by the monitor, exchanged to 0 by the kernel
	uint32_t pad0[15];
	uint64_t deadline_ns;  // kernel writes: next timer wanted, CLOCK_MONOTONIC ns, ~0 none
	// monitor writes: the deadline its timer is set for; ring ABI_DOORBELL_TIMER if yours is earlier
	uint64_t armed_ns;
	uint32_t idle;	       // kernel writes 1 before ABI_DOORBELL_IDLE, 0 when back
	// kernel writes 1 on its way to the program, then looks at pending; 0 on its way in. The monitor injects an
	// interrupt only after setting it from 1 to 0: one outstanding, never into a frame in use
	uint32_t armed;
	uint64_t bell_value; // platform linux: the doorbell of this vCPU, see abi/process.h
	uint32_t bell_offset;
	uint32_t bell; // futex: ABI_BELL_*
	uint32_t pad1[6];
};
_Static_assert(sizeof(struct abi_cpu) == 128, "abi_cpu layout");

// The clock page: ns = ns_base + ((tsc - tsc_base) * mult >> shift), under a seqlock
// (odd seq: being written). Readable by the program through the vDSO.
struct abi_clock {
	uint32_t seq;
	uint32_t shift;
	uint64_t mult;
	uint64_t tsc_base;
	uint64_t mono_ns;   // CLOCK_MONOTONIC at tsc_base
	int64_t wall_off_ns; // CLOCK_REALTIME - CLOCK_MONOTONIC
	int64_t boot_off_ns; // CLOCK_BOOTTIME - CLOCK_MONOTONIC
	uint64_t tsc_khz;
	int64_t tai_off_ns; // CLOCK_TAI - CLOCK_REALTIME
};
_Static_assert(sizeof(struct abi_clock) == 64, "abi_clock layout");

// A split virtqueue (virtio 1.2, section 2.7) in guest RAM, already laid out and zeroed.
struct abi_queue {
	uint64_t desc_gpa, avail_gpa, used_gpa;
	uint32_t size;	 // entries, a power of two
	uint32_t notify; // offset in the doorbell page that tells the monitor to look
};
_Static_assert(sizeof(struct abi_queue) == 32, "abi_queue layout");

// virtio-fs queues: requests on FS_SYNC are done when the notifying store completes (the vCPU
// thread serves them); those on FS_ASYNC are served by a thread and announced by ABI_EVENT_QUEUE.
#define ABI_QUEUE_FS_SYNC  0
#define ABI_QUEUE_FS_ASYNC 1
#define ABI_QUEUE_NET_TX   2 // abi/net.h, abi/link.h
#define ABI_QUEUE_NET_RX   3

// One host directory offered to the guest. FUSE node id of its root is `root_node`;
// mount 0 is the root file system.
struct abi_mount {
	uint64_t root_node; // FUSE node id of this mount's root directory
	uint32_t flags;	    // ABI_MOUNT_*
	uint32_t path_off;  // guest path, NUL-terminated, offset into the string area
};
#define ABI_MOUNT_READONLY 1u // the host refuses writes too
#define ABI_MOUNT_OVERLAY  2u // put an in-memory overlay on top (the root)
#define ABI_MOUNT_CONSTANT 4u // nothing in it ever changes: an image
_Static_assert(sizeof(struct abi_mount) == 16, "abi_mount layout");

// How the kernel behaves; from the command line.
#define ABI_FLAG_TRACE	 (1u << 0) // print system calls, see trace_off
#define ABI_FLAG_STATS	 (1u << 1) // keep counters for abi_stats
#define ABI_FLAG_VERBOSE (1u << 2) // register dump when a signal kills the program
#define ABI_FLAG_ROOT	 (1u << 3) // the program runs as uid 0 (uid/gid fields say otherwise)
#define ABI_FLAG_LINK	 (1u << 4) // the network is abi_boot.link
#define ABI_FLAG_ENFORCE (1u << 5) // only abi_boot.calls

#define ABI_CALLS 512 // numbers of system calls are below

struct abi_boot {
	uint64_t magic;
	uint32_t version;
	uint32_t size; // bytes of this struct

	uint64_t ram_size;    // bytes, a multiple of 2 MiB
	uint64_t free_gpa;    // RAM from here to ram_size is free and zero
	uint64_t direct_va;   // direct map: VA of gpa 0
	uint64_t kernel_va;   // slide of the image
	uint64_t kernel_gpa;  // where the image was loaded
	uint64_t kernel_size;
	uint64_t root_gpa;    // page-table root the monitor built; the kernel edits it in place
	uint64_t nucleus_va;  // group of vCPU 0; others ABI_NUCLEUS_STRIDE apart
	uint64_t doorbell_va;
	uint64_t clock_gpa;   // struct abi_clock, alone on its page
	uint64_t cpus_gpa;    // struct abi_cpu[cpu_count]
	uint64_t stats_gpa;   // struct abi_stats
	uint64_t console_gpa; // struct abi_console
	uint64_t dax_size;    // bytes the file window may grow to

	uint32_t cpu_count;
	uint32_t flags; // ABI_FLAG_*

	// x86-64: what the program may know of the CPU. aarch64 leaves its own values here.
	uint64_t hwcap, hwcap2;
	uint64_t xcr0;		// vector state components that are enabled
	uint32_t xsave_size;	// bytes of the XSAVE area for xcr0, standard format
	uint32_t queue_count;
	struct abi_queue queue[ABI_MAX_QUEUES];

	uint32_t mount_count;
	uint32_t string_size;
	uint64_t string_gpa; // string area: every *_off below and in mounts is an offset into it
	struct abi_mount mount[ABI_MAX_MOUNTS];

	uint32_t argc, argv_off; // argc NUL-terminated strings, one after another
	uint32_t envc, envp_off;
	uint32_t exec_off;     // path of the program in the guest
	uint32_t interp_off;   // an interpreter (PT_INTERP), and the file that stands in for it; "": none
	uint32_t libc_off;
	uint32_t cwd_off;
	uint32_t hostname_off;
	uint32_t trace_off;    // filter of --trace: comma-separated call names and classes; empty = all
	uint32_t uid, gid;     // of the program
	uint32_t syscalls;     // ABI_SYSCALLS_*
	uint32_t umask;
	uint64_t start_ns;     // CLOCK_MONOTONIC when the monitor's main began
	uint64_t stack_limit;  // RLIMIT_STACK of the program, bytes
	uint64_t nofile_limit; // RLIMIT_NOFILE
	uint8_t seed[64];      // random bytes from the host

	struct abi_link link;  // with ABI_FLAG_LINK
	uint64_t calls[ABI_CALLS / 64]; // with ABI_FLAG_ENFORCE: bit N, system call N is the program's to make
	uint64_t host_signals; // monitor sets bit N-1 for signal N to be sent to the program; kernel exchanges to 0
};

#define ABI_SYSCALLS_TRAP  0
#define ABI_SYSCALLS_PATCH 1

#endif
