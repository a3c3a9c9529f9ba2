// SPDX-License-Identifier: MIT
//
// Guest memory: RAM is anonymous memory where the guest is this process's own, touched only where it is used
// (docs/decisions/003); the file window is address space until the file server maps files into it, and gets KVM slots
// step by step: a slot costs the host about 0.3 % of its size.
#include "monitor/memory.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"

static int reserve(uint64_t size, uint8_t **out)
{
	uint8_t *p = mmap(NULL, size + MEMORY_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	uint8_t *aligned = (uint8_t *)ALIGN_UP((uint64_t)p, MEMORY_HUGE);
	if (aligned != p)
		munmap(p, (size_t)(aligned - p));
	if (aligned + size != p + size + MEMORY_HUGE)
		munmap(aligned + size, (size_t)(p + MEMORY_HUGE - aligned));
	*out = aligned;
	return 0;
}

int memory_create(struct memory *m, uint64_t ram_size, uint64_t dax_size)
{
	*m = (struct memory){.ram_size = ram_size, .ram_fd = -1, .vm_fd = -1, .dax_size = dax_size};
	int err = reserve(ram_size, &m->ram);
	if (err)
		return err;
	if (dax_size) {
		err = reserve(dax_size, &m->dax);
		if (err)
			goto fail;
	}
	err = -ENOMEM;
	if (mmap(m->ram, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		goto fail;
	// Small programs stay within what comes first, page by page; big ones get 2 MiB at a touch. Best effort.
	if (ram_size > MEMORY_SMALL)
		madvise(m->ram + MEMORY_SMALL, ram_size - MEMORY_SMALL, MADV_HUGEPAGE);
	return 0;
fail:
	memory_destroy(m);
	return err;
}

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u // Linux 6.3
#endif

int memory_create_shared(struct memory *m, uint64_t ram_size)
{
	*m = (struct memory){.ram_size = ram_size, .ram_fd = -1, .vm_fd = -1};
	int err = reserve(ram_size, &m->ram);
	if (err)
		return err;
	m->ram_fd = memfd_create("whelk-ram", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (m->ram_fd < 0 && errno == EINVAL)
		m->ram_fd = memfd_create("whelk-ram", MFD_CLOEXEC);
	if (m->ram_fd < 0 || ftruncate(m->ram_fd, (off_t)ram_size) ||
	    mmap(m->ram, ram_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, m->ram_fd, 0) ==
		    MAP_FAILED) {
		err = -errno;
		memory_destroy(m);
	}
	return err;
}

static int add_slot(struct memory *m, uint64_t gpa, uint64_t size, const void *host)
{
	struct kvm_userspace_memory_region r = {
		.slot = m->slot_next,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uint64_t)(uintptr_t)host,
	};
	if (ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &r))
		return -errno;
	m->slot_next++;
	return 0;
}

int memory_attach(struct memory *m, int vm_fd)
{
	m->vm_fd = vm_fd;
	return add_slot(m, ABI_GPA_RAM, m->ram_size, m->ram);
}

int memory_dax_grow(struct memory *m, uint64_t end)
{
	if (end > m->dax_size)
		return -EINVAL;
	while (m->dax_end < end) {
		// Small at first: a short program maps little.
		uint64_t step = m->dax_end ? MEMORY_DAX_STEP : MIN(MEMORY_DAX_STEP, 32ull << 20);
		step = MIN(step, m->dax_size - m->dax_end);
		int err = add_slot(m, ABI_GPA_DAX + m->dax_end, step, m->dax + m->dax_end);
		if (err)
			return err;
		__atomic_store_n(&m->dax_end, m->dax_end + step, __ATOMIC_RELEASE);
	}
	return 0;
}

void memory_destroy(struct memory *m)
{
	if (m->ram)
		munmap(m->ram, m->ram_size);
	if (m->dax)
		munmap(m->dax, m->dax_size);
	if (m->ram_fd >= 0)
		close(m->ram_fd);
	*m = (struct memory){.ram_fd = -1, .vm_fd = -1};
}
