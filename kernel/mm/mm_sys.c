// SPDX-License-Identifier: MIT
//
// mmap(2), munmap(2), mprotect(2), brk(2), and the calls about protection keys and memory nodes, of
// which this machine has none and one.
#include <asm/mman.h>
#include <linux/errno.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>

#include "abi/boot.h"
#include "mm/private.h"
#include "mm/uaccess.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"


long sys_mmap(uint64_t addr, size_t length, int prot, int flags, int fd, uint64_t offset)
{
	struct file *f = NULL;
	if (!IS_ALIGNED(offset, PAGE_SIZE))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = file_from_fd(fd);
		if (!f)
			return -EBADF;
	}
	int64_t at = mm_map(mm_current(), addr, length, prot, flags, f, f ? offset : 0);
	if (f)
		file_put(f);
	return at;
}

long sys_munmap(uint64_t addr, size_t length)
{
	return mm_unmap(mm_current(), addr, length);
}

long sys_mprotect(uint64_t addr, size_t length, int prot)
{
	return mm_protect(mm_current(), addr, length, prot);
}

// The break, old or new: brk(2) of the system call never fails.
long sys_brk(uint64_t addr)
{
	struct mm *mm = mm_current();
	uint64_t old = ALIGN_UP(mm->brk_end, PAGE_SIZE), new = ALIGN_UP(addr, PAGE_SIZE),
		 limit = process_limit(RLIMIT_DATA);
	if (addr < mm->brk_start || addr > ABI_VA_USER_END ||
	    (limit != RLIM64_INFINITY && addr - mm->brk_start > limit))
		return (long)mm->brk_end;
	if (new > old) {
		struct vma *next = mm_find(mm, old);
		struct page_info info;
		page_info(&info);
		if ((next && next->start < new + PAGE_SIZE) || (new - old) / PAGE_SIZE > info.total)
			return (long)mm->brk_end;
		struct vma *v = vma_new(mm, old, new, PROT_READ | PROT_WRITE, mm->lock_future ? VMA_LOCKED : 0, NULL,
					0);
		if (!v)
			return (long)mm->brk_end;
		v->name = "[heap]";
		if (mm->lock_future)
			mm->locked_pages += (new - old) / PAGE_SIZE;
		vma_merge_around(mm, old, new);
	} else if (new < old && mm_unmap(mm, new, old - new)) {
		return (long)mm->brk_end;
	}
	mm->brk_end = addr;
	return (long)addr;
}

// --- protection keys: as on a CPU without them ---------------------------------------------------------

long sys_pkey_mprotect(uint64_t addr, size_t len, int prot, int pkey)
{
	return pkey == -1 ? mm_protect(mm_current(), addr, len, prot) : -EINVAL;
}

long sys_pkey_alloc(unsigned flags, unsigned access_rights)
{
	return flags || access_rights & ~3u ? -EINVAL : -ENOSPC;
}

long sys_pkey_free(int pkey)
{
	(void)pkey;
	return -EINVAL;
}

// --- memory nodes: there is one ------------------------------------------------------------------------

static bool policy_known(int mode)
{
	mode &= ~(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING);
	return mode >= MPOL_DEFAULT && mode < MPOL_MAX;
}

long sys_mbind(uint64_t addr, uint64_t len, int mode, const void *nodemask, uint64_t maxnode, unsigned flags)
{
	(void)len, (void)nodemask, (void)maxnode;
	return !policy_known(mode) || !IS_ALIGNED(addr, PAGE_SIZE) || flags & ~MPOL_MF_VALID ? -EINVAL : 0;
}

long sys_set_mempolicy(int mode, const void *nodemask, uint64_t maxnode)
{
	(void)nodemask, (void)maxnode;
	return policy_known(mode) ? 0 : -EINVAL;
}

long sys_get_mempolicy(void *mode, void *nodemask, uint64_t maxnode, uint64_t addr, uint64_t flags)
{
	int node = 0; // MPOL_DEFAULT, or the node of an address
	uint64_t mask = flags & MPOL_F_MEMS_ALLOWED ? 1 : 0;
	if (flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_ADDR ? !vma_at(mm_current(), addr) : addr != 0)
		return flags & MPOL_F_ADDR ? -EFAULT : -EINVAL;
	if (mode && user_put(node, mode))
		return -EFAULT;
	if (!nodemask)
		return 0;
	size_t bytes = ALIGN_UP(maxnode, 64) / 8;
	if (!maxnode || bytes > PAGE_SIZE)
		return -EINVAL;
	return user_zero(nodemask, bytes) || user_put(mask, nodemask) ? -EFAULT : 0;
}
