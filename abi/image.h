// SPDX-License-Identifier: MIT
//
// The kernel image as the monitor sees it: an ordinary static-PIE ELF64 whose first
// section, `.whelk`, holds one struct abi_image. All addresses in it are link-time
// addresses (the image is linked at 0); the monitor adds the slide it chose.
// The only relocations are R_*_RELATIVE, which the monitor applies.
#ifndef WHELK_ABI_IMAGE_H
#define WHELK_ABI_IMAGE_H

#include <stdint.h>

#define ABI_IMAGE_MAGIC	  0x6b6c656857ull // "Whelk"
#define ABI_IMAGE_VERSION 2

#define ABI_PLATFORM_KVM   1
#define ABI_PLATFORM_LINUX 2

// Exception stubs the nucleus offers, in the order of struct abi_image.stub[].
enum abi_stub {
	ABI_STUB_EXCEPTION,	 // + 16 * vector for vectors 0..31: one stub per vector
	ABI_STUB_BREAKPOINT,	 // vector 3: the gateway (plat/kvm) or the program's own int3
	ABI_STUB_INTERRUPT,	 // the one interrupt vector, ABI_VECTOR_INTERRUPT
	ABI_STUB_COUNT,
	// Platform linux: where signals arrive, and the address after the one instruction that makes host calls.
	ABI_STUB_SIGNAL = 0,
	ABI_STUB_HOST_CALL = 1,
};

#define ABI_STUB_STRIDE	     16	  // bytes between the stubs of two exception vectors
#define ABI_VECTOR_INTERRUPT 0x20 // the only external interrupt ever injected

struct abi_image {
	uint64_t magic;
	uint32_t version;
	uint32_t size;		       // bytes of this struct
	uint64_t boot_entry;	       // first vCPU starts here, ring 3, rdi = VA of struct abi_boot
	uint64_t cpu_entry;	       // other vCPUs start here, ring 3, rdi = VA of struct abi_boot, rsi = cpu number
	uint64_t syscall_entry;	       // value of LSTAR; on a user-accessible page
	uint64_t nucleus_start;	       // page-aligned code of the nucleus: copied, mapped once per vCPU
	uint64_t nucleus_end;
	uint64_t stub[ABI_STUB_COUNT]; // inside the nucleus
	uint64_t upcall_exception;     // ring-3 targets of the stubs' iretq frames
	uint64_t upcall_interrupt;
	uint32_t platform; // ABI_PLATFORM_*: what this image runs on
	uint32_t pad;
};
_Static_assert(sizeof(struct abi_image) == 16 + 8 * 5 + 8 * ABI_STUB_COUNT + 24, "abi_image layout");

// One nucleus group per vCPU, ABI_NUCLEUS_STRIDE apart. Page 0 is the code (shared, read-only,
// executable), the others are private to the vCPU. The code reaches its data pc-relative, so
// the same bytes serve every vCPU.
//   page 0  code          U=0 X  (SYSCALL enters kernel text, not this page)
//   page 1  struct abi_nucleus_data, U=1 RW
//   page 2  hardware exception frames (RSP0), U=1 RW; frame ends at the top of the page
//   page 3  hardware interrupt frames (IST1), U=1 RW
//   page 4  double fault, NMI and machine check frames (IST2), U=1 RW
//   page 5  GDT, TSS, U=0
//   page 6  IDT, U=0
#define ABI_NUCLEUS_STRIDE    0x10000
#define ABI_NUCLEUS_PAGES     7
#define ABI_NUCLEUS_CODE      0
#define ABI_NUCLEUS_DATA      1
#define ABI_NUCLEUS_EXCEPTION 2
#define ABI_NUCLEUS_INTERRUPT 3
#define ABI_NUCLEUS_FATAL     4
#define ABI_NUCLEUS_TSS	      5
#define ABI_NUCLEUS_IDT	      6

// An iretq frame, as the CPU wants it.
struct abi_iret {
	uint64_t rip, cs, rflags, rsp, ss;
};

// Page 1 of a group. The monitor fills the iretq frames (rip = upcall entry, cs 0x33,
// rflags 0x202, rsp = top of this page, ss 0x2b); the stubs fill the rest.
struct abi_nucleus_data {
	struct abi_iret to_exception;
	struct abi_iret to_interrupt;
	uint64_t saved_rax;   // rax as the page-fault stub found it
	uint64_t fault_addr;  // CR2 of the last page fault
	uint64_t vector;      // of the last exception; 14 at rest, so that the page-fault stub need not store it
	// address after the gateway's first int3 (the second: + 2); any other is the program's int3
	uint64_t gateway_rip;
	uint64_t scratch[8];  // the upcall entry's own spill slots
};
_Static_assert(sizeof(struct abi_nucleus_data) == 22 * 8, "abi_nucleus_data layout");

#define ABI_CS_RING0 0x10
#define ABI_CS_RING3 0x33
#define ABI_SS_RING3 0x2b

#endif
