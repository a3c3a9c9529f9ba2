// SPDX-License-Identifier: MIT
//
// What the kernel tells the user through the monitor: panics, fatal signals, notices, and the
// counters behind --stats. Text is untrusted: the monitor prints it with control bytes escaped.
#ifndef WHELK_ABI_REPORT_H
#define WHELK_ABI_REPORT_H

#include <stdint.h>

#define ABI_PANIC_FRAMES 24

struct abi_panic {
	char component[16]; // "mm", "vfs", ...
	char text[232];	    // one line
	uint32_t cpu;
	uint32_t frame_count;
	// return addresses, innermost first; kernel text unless the monitor finds otherwise
	uint64_t frame[ABI_PANIC_FRAMES];
};

enum abi_report_kind {
	ABI_REPORT_NOTICE = 1, // text: one line for the user, always shown ("whelk: " is put before it)
	ABI_REPORT_SIGNAL,     // the program was killed: signal, code, addr, pc and where pc lies
	ABI_REPORT_UNKNOWN,    // a system call the kernel does not have: nr, text = its name, pc of the caller
	ABI_REPORT_REFUSED,    // likewise: one that the image's manifest does not allow
};

struct abi_report {
	uint32_t kind;
	int32_t signal, code; // SIGSEGV, SEGV_MAPERR, ...
	uint32_t tid;
	uint64_t nr;
	uint64_t addr;	      // si_addr
	uint64_t pc;
	uint64_t file_off;    // offset of pc in the file named by `path`, when it lies in a file mapping
	uint64_t load_base;   // lowest address of that file's mapping, minus its offset
	char path[256];	      // guest path of the file pc lies in, or ""
	char text[256];
	uint64_t reg[24];     // rax rbx rcx rdx rsi rdi rbp rsp r8..r15 rip rflags fs_base gs_base cr2 error
	uint32_t reg_count;
	uint32_t pad;
	uint64_t caller_off;   // ABI_REPORT_UNKNOWN: where the C library's syscall() would return to, likewise
	char caller_path[256]; // of the word on top of the stack, when it points into a file mapping; or ""
};

#define ABI_STATS_CALLS 512
#define ABI_STATS_EARLY_NS 100000000ull // until then a program starts

// Why a system-call site was not patched.
enum abi_site {
	ABI_SITE_WRITABLE,  // the code is writable, shared or the kernel's
	ABI_SITE_UNPROVEN,  // nothing proves where instructions begin
	ABI_SITE_UNMOVABLE, // the instruction before it cannot be moved
	ABI_SITE_NO_ROOM,   // no room for the jump, or for a stub
	ABI_SITE_OTHER,	    // out of memory
	ABI_SITE_REASONS
};

struct abi_stats {
	uint64_t booted_ns;	 // CLOCK_MONOTONIC when the program's first instruction was next
	uint64_t faults;	 // page faults handled
	uint64_t faults_file;	 // of them, on file mappings
	uint64_t interrupts;	 // upcalls for interrupts
	uint64_t switches;	 // thread switches
	uint64_t traps;		 // system calls that came by the syscall instruction
	// of all and of these, in the first ABI_STATS_EARLY_NS of the program; 0: it was shorter
	uint64_t early_calls, early_traps;
	uint64_t sites_seen;	 // system-call instructions that trapped
	uint64_t sites_patched;	 // of them, made into jumps (kernel/patch)
	uint64_t sites_refused[ABI_SITE_REASONS]; // of them, left as they are
	uint64_t flushes;	 // TLB flushes through the nucleus
	uint64_t pages_used, pages_peak; // of guest RAM, 4 KiB each
	uint64_t call[ABI_STATS_CALLS];	 // system calls by number; higher numbers share the last
};

#endif
