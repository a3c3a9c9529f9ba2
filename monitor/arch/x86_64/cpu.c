// SPDX-License-Identifier: MIT
//
// x86-64: what the processor offers the guest, and the state a vCPU starts in: 64-bit ring 3, in the
// kernel, everything ring 0 would have to set up set here.
#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/util.h"
#include "monitor/private.h"

#define CPUID_MAX 256

#define CR0	   0x80050033ull // PG AM WP NE ET MP PE
#define CR4	   0x50620ull	 // FSGSBASE OSXSAVE OSXMMEXCPT OSFXSR PAE
#define CR4_PKE	   (1ull << 22)
#define EFER	   0xd01ull	 // NXE LMA LME SCE

#define MSR_STAR	 0xc0000081u
#define MSR_LSTAR	 0xc0000082u
#define MSR_SFMASK	 0xc0000084u
#define MSR_TSC_AUX	 0xc0000103u
#define MSR_PVM_IDENTITY 0x4b564d11u
#define PVM_IDENTITY	 0x4d5650u

// SYSCALL clears TF, DF, NT and AC. Also IF, where it enters ring 0; under kvm_pvm it stays in ring 3,
// which could never set IF again.
#define SFMASK	  0x44500ull
#define SFMASK_IF 0x200ull

#define XCR0_WANTED 0xe7ull // x87 SSE AVX AVX-512
#define XCR0_PKRU   0x200ull

uint64_t arch_counter(void)
{
	uint32_t aux;
	return __builtin_ia32_rdtscp(&aux);
}

static struct kvm_cpuid_entry2 *leaf(struct machine *m, uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < m->cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &m->cpuid->entries[i];
		if (e->function == function && (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return e;
	}
	return NULL;
}

static void probe_vector(struct machine *m)
{
	struct features *f = &m->features;
	const struct kvm_cpuid_entry2 *e = leaf(m, 0xd, 0), *l7 = leaf(m, 7, 0);

	f->pku = l7 && (l7->ecx & 8);
	f->xcr0 = e ? (e->eax | (uint64_t)e->edx << 32) & (XCR0_WANTED | (f->pku ? XCR0_PKRU : 0)) : 3;
	f->xsave_size = 576;
	for (unsigned i = 2; i < 63; i++) {
		if (!(f->xcr0 >> i & 1))
			continue;
		e = leaf(m, 0xd, i);
		if (e)
			f->xsave_size = MAX(f->xsave_size, e->ebx + e->eax);
	}
}

int arch_vm_probe(struct machine *m)
{
	struct features *f = &m->features;

	m->cpuid = calloc(1, sizeof(*m->cpuid) + CPUID_MAX * sizeof(m->cpuid->entries[0]));
	if (!m->cpuid)
		return machine_fail(m, -ENOMEM, "out of memory");
	m->cpuid->nent = CPUID_MAX;
	if (ioctl(m->kvm_fd, KVM_GET_SUPPORTED_CPUID, m->cpuid))
		return machine_fail(m, -errno, "KVM does not say what the processor offers");
	// kvm_pvm lists next to nothing, and its ring 3 sees the host's CPUID: ask that.
	unsigned a, b, c, d, hwcap;
	if (!__get_cpuid(1, &a, &b, &c, &hwcap) || !(c & 1u << 26) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
	    !(b & 1))
		return machine_fail(m, -ENODEV, "this processor lacks XSAVE or FSGSBASE");
	probe_vector(m);
	f->hwcap = hwcap;
	f->hwcap2 = 2; // HWCAP2_FSGSBASE
	int khz = ioctl(m->vm_fd, KVM_GET_TSC_KHZ, 0);
	f->tsc_khz = khz > 0 ? (uint64_t)khz : 0;
	if (!f->tsc_khz) { // measured: a millisecond is enough until the first correction
		uint64_t t0 = 0, c0 = 0, t1 = 0, c1 = 0;
		clock_sample(&c0, &t0);
		while (!t1 || t1 - t0 < 1000000)
			clock_sample(&c1, &t1);
		f->tsc_khz = (c1 - c0) * 1000000 / (t1 - t0);
	}
	return 0;
}

// struct kvm_msrs with room.
struct msr_list {
	uint32_t nmsrs, pad;
	struct kvm_msr_entry e[4];
};

static bool is_pvm(struct vcpu *v)
{
	struct msr_list id = {.nmsrs = 1, .e = {{.index = MSR_PVM_IDENTITY}}};
	return ioctl(v->fd, KVM_GET_MSRS, &id) == 1 && id.e[0].data == PVM_IDENTITY;
}

// The guest reads the host's counter: the clock page is drawn on it. kvm_pvm has no offset to begin with.
static int set_tsc_offset(struct vcpu *v)
{
	uint64_t zero = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uint64_t)(uintptr_t)&zero,
	};
	if (v->machine->features.pvm || ioctl(v->fd, KVM_SET_DEVICE_ATTR, &attr) == 0)
		return 0;
	return machine_fail(v->machine, -errno,
			    "this KVM cannot set the guest's time-stamp counter (it needs Linux 5.16)");
}

static int set_cpuid(struct vcpu *v)
{
	struct machine *m = v->machine;
	for (unsigned i = 0; i < m->cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &m->cpuid->entries[i];
		if (e->function == 1)
			e->ebx = (e->ebx & 0x00ffffff) | v->number << 24;
		else if (e->function == 0xb || e->function == 0x1f)
			e->edx = v->number;
		else if (e->function == 0xd && e->index == 0) {
			e->eax = (uint32_t)m->features.xcr0;
			e->edx = (uint32_t)(m->features.xcr0 >> 32);
		}
	}
	return ioctl(v->fd, KVM_SET_CPUID2, m->cpuid) ? machine_fail(m, -errno, "KVM refuses the processor's features")
						      : 0;
}

static struct kvm_segment segment(unsigned selector, unsigned type, bool code)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = (uint16_t)selector, .type = (uint8_t)type, .present = 1, .dpl = 3,
		.s = 1, .l = code, .db = !code, .g = 1,
	};
}

static int set_sregs(struct vcpu *v)
{
	struct machine *m = v->machine;
	uint64_t group = m->layout.nucleus_va + (uint64_t)v->number * ABI_NUCLEUS_STRIDE;
	uint64_t tss_page = group + ABI_NUCLEUS_TSS * PAGE_SIZE;
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return machine_fail(m, -errno, "KVM_GET_SREGS failed");
	s.cs = segment(ABI_CS_RING3, 11, true);
	s.ds = s.es = s.fs = s.gs = s.ss = segment(ABI_SS_RING3, 3, false);
	s.gdt = (struct kvm_dtable){.base = tss_page, .limit = 10 * 8 - 1};
	s.idt = (struct kvm_dtable){.base = group + ABI_NUCLEUS_IDT * PAGE_SIZE,
				    .limit = (ABI_VECTOR_INTERRUPT + 1) * 16 - 1};
	s.tr = (struct kvm_segment){.base = tss_page + 128, .limit = 103, .selector = 0x40, .type = 11, .present = 1};
	s.ldt = (struct kvm_segment){.unusable = 1, .type = 2};
	s.cr0 = CR0;
	s.cr3 = m->layout.root_gpa;
	s.cr4 = CR4 | (m->features.pku ? CR4_PKE : 0);
	s.efer = EFER;
	return ioctl(v->fd, KVM_SET_SREGS, &s)
		       ? machine_fail(m, -errno, "KVM refuses the initial state (KVM_SET_SREGS)")
		       : 0;
}

static int set_msrs(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct msr_list msrs = {
		.nmsrs = 4,
		.e = {
			{.index = MSR_STAR, .data = 0x23ull << 48 | (uint64_t)ABI_CS_RING0 << 32},
			{.index = MSR_LSTAR, .data = m->layout.kernel_va + m->image.head.syscall_entry},
			{.index = MSR_SFMASK, .data = SFMASK | (m->features.pvm ? 0 : SFMASK_IF)},
			{.index = MSR_TSC_AUX, .data = v->number}, // last: older processors lack it
		},
	};
	return ioctl(v->fd, KVM_SET_MSRS, &msrs) < 3 ? machine_fail(m, -EIO, "KVM refuses the system-call registers")
						     : 0;
}

int arch_vcpu_setup(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = m->features.xcr0}};
	const struct abi_image *h = &m->image.head;
	struct kvm_regs regs = {
		.rip = m->layout.kernel_va + (v->number ? h->cpu_entry : h->boot_entry),
		.rdi = m->layout.boot_va,
		.rsi = v->number,
		.rflags = 0x202,
	};
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};

	m->features.pvm = is_pvm(v);
	int err = set_cpuid(v);
	if (!err)
		err = set_sregs(v);
	if (!err && ioctl(v->fd, KVM_SET_XCRS, &xcrs))
		err = machine_fail(m, -errno, "KVM refuses vector state %#lx", m->features.xcr0);
	if (!err)
		err = set_msrs(v);
	if (!err)
		err = set_tsc_offset(v);
	if (!err && ioctl(v->fd, KVM_SET_REGS, &regs))
		err = machine_fail(m, -errno, "KVM_SET_REGS failed");
	if (!err && v->number && ioctl(v->fd, KVM_SET_MP_STATE, &runnable))
		err = machine_fail(m, -errno, "KVM cannot start vCPU %u", v->number);
	return err;
}

void arch_vcpu_describe(struct vcpu *v, char *buf, size_t size)
{
	struct kvm_regs r = {0};
	struct kvm_sregs s = {0};
	ioctl(v->fd, KVM_GET_REGS, &r);
	ioctl(v->fd, KVM_GET_SREGS, &s);
	snprintf(buf, size, "rip %#llx (kernel+%#llx) rsp %#llx cs %#x cr2 %#llx", r.rip,
		 r.rip - v->machine->layout.kernel_va, r.rsp, s.cs.selector, s.cr2);
}
