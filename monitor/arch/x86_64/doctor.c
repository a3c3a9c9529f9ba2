// SPDX-License-Identifier: MIT
//
// CPUID for `whelk doctor`, and its guest: real mode, an endless loop around one OUT.
#include "monitor/doctor.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "monitor/guest.h"

void arch_doctor_cpu(void)
{
	unsigned a, b, c, d, name[12] = {0};
	for (unsigned i = 0; i < 3; i++)
		if (!__get_cpuid(0x80000002 + i, &name[4 * i], &name[4 * i + 1], &name[4 * i + 2], &name[4 * i + 3]))
			break;
	doctor_say(DOCTOR_OK, "processor", NULL, "%.48s", name[0] ? (const char *)name : "x86-64");
	bool xsave = __get_cpuid(1, &a, &b, &c, &d) && c & 1u << 26;
	bool leaf7 = __get_cpuid_count(7, 0, &a, &b, &c, &d);
	bool fsgsbase = leaf7 && b & 1;
	doctor_say(xsave && fsgsbase ? DOCTOR_OK : xsave ? DOCTOR_NOTE : DOCTOR_MISSING, "features",
		   xsave && fsgsbase ? NULL
				     : "a processor of 2013 or later has both, and platform kvm needs both; in a virtual "
				       "machine, let it see the host's processor",
		   "XSAVE %s, FSGSBASE %s", xsave ? "yes" : "no", fsgsbase ? "yes" : "no");
	enum abi_process_bases bases = arch_host_bases();
	doctor_say(bases == ABI_BASES_OWN ? DOCTOR_OK : DOCTOR_NOTE, "threads",
		   bases == ABI_BASES_OWN
			   ? NULL
			   : "platform linux: a host kernel of Linux 5.9 or later on a processor with FSGSBASE is faster",
		   "%s",
		   bases == ABI_BASES_OWN    ? "programs may write their thread pointers"
		   : bases == ABI_BASES_LENT ? "the host's kernel forgets thread pointers: a fault after each of its switches"
					     : "the host's kernel sets thread pointers: a call for each switch of threads");
	bool pku = leaf7 && c & 1u << 3, enabled = leaf7 && c & 1u << 4;
	doctor_say(enabled ? DOCTOR_OK : DOCTOR_NOTE, "PKU", NULL, "%s",
		   enabled ? "protection keys are there for compartments"
		   : pku   ? "the processor has it, the kernel has it turned off"
			   : "no protection keys: compartments by page tables only");
}

int arch_doctor_guest(int vcpu_fd, uint8_t *page)
{
	static const uint8_t loop[] = {0xe6, 0x10, 0xeb, 0xfc}; // out %al,$0x10; jmp .-2
	struct kvm_sregs s;
	struct kvm_regs r = {.rflags = 2};
	memcpy(page, loop, sizeof(loop));
	if (ioctl(vcpu_fd, KVM_GET_SREGS, &s))
		return -errno;
	s.cs.base = s.cs.selector = 0;
	return ioctl(vcpu_fd, KVM_SET_SREGS, &s) || ioctl(vcpu_fd, KVM_SET_REGS, &r) ? -errno : 0;
}

const char *arch_doctor_process(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) && c & 1u << 27 ? NULL : "XSAVE for programs";
}
