// SPDX-License-Identifier: MIT
//
// madvise(2), mincore(2), msync(2), mlock(2) and kin: what a program says about its memory.
#include <asm/mman.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <linux/uio.h>

#include "abi/boot.h"
#include "mm/private.h"
#include "mm/uaccess.h"
#include "proc/pidfd.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"

static bool range(uint64_t addr, size_t len, uint64_t *end)
{
	uint64_t whole = ALIGN_UP((uint64_t)len, PAGE_SIZE);
	return IS_ALIGNED(addr, PAGE_SIZE) && whole >= len && !add_overflow(addr, whole, end);
}

static uint32_t flag_set_by(int advice)
{
	switch (advice) {
	case MADV_DONTFORK: return VMA_DONTFORK;
	case MADV_WIPEONFORK: return VMA_WIPEONFORK;
	case MADV_HUGEPAGE: return VMA_HUGE;
	case MADV_NOHUGEPAGE: return VMA_NOHUGE;
	case MADV_DONTDUMP: return VMA_DONTDUMP;
	default: return 0;
	}
}

static uint32_t flag_cleared_by(int advice)
{
	switch (advice) {
	case MADV_DOFORK: return VMA_DONTFORK;
	case MADV_KEEPONFORK: return VMA_WIPEONFORK;
	case MADV_HUGEPAGE: return VMA_NOHUGE;
	case MADV_NOHUGEPAGE: return VMA_HUGE;
	case MADV_DODUMP: return VMA_DONTDUMP;
	default: return 0;
	}
}

static int drop(struct vma *v, uint64_t start, uint64_t end)
{
	struct pt_batch b;
	pt_batch_begin(&b, v->mm);
	pt_unmap(&b, start, end);
	pt_batch_end(&b);
	return 0;
}

static int populate(struct vma *v, uint64_t start, uint64_t end, bool write)
{
	int code;
	if (write ? !(v->prot & PROT_WRITE) : !(v->prot & PROT_READ))
		return -EINVAL;
	struct mm *mm = v->mm;
	for (; start < end; start += PAGE_SIZE) {
		pte_t *slot = pt_entry(mm, start, false);
		if (slot && pte_present(*slot) && (!write || pte_writable(*slot)))
			continue;
		if (mm_fault(mm, start, write ? MM_FAULT_WRITE : 0, &code))
			return -EFAULT;
	}
	return 0;
}

static int punch(struct vma *v, uint64_t start, uint64_t end)
{
	struct file *f = v->file;
	if (!f || !(v->flags & VMA_SHARED) || !(v->prot & PROT_WRITE))
		return v->flags & VMA_LOCKED || !f ? -EINVAL : -EACCES;
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	file_get(f);
	int err = f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    (int64_t)(v->pgoff * PAGE_SIZE + (start - v->start)), (int64_t)(end - start));
	file_put(f);
	return err;
}

static int advise(struct vma *v, uint64_t start, uint64_t end, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		return v->flags & (VMA_LOCKED | VMA_SPECIAL) ? -EINVAL : drop(v, start, end);
	case MADV_DONTNEED_LOCKED:
		return v->flags & VMA_SPECIAL ? -EINVAL : drop(v, start, end);
	case MADV_FREE: // allowed to forget at once
		return v->file || v->flags & (VMA_SHARED | VMA_LOCKED | VMA_SPECIAL) ? -EINVAL : drop(v, start, end);
	case MADV_REMOVE:
		return punch(v, start, end);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return populate(v, start, end, advice == MADV_POPULATE_WRITE);
	case MADV_WIPEONFORK:
		if (v->file || v->flags & VMA_SHARED)
			return -EINVAL;
		break;
	}
	uint32_t set = flag_set_by(advice), clear = flag_cleared_by(advice);
	if (set | clear) {
		if (vma_isolate(v->mm, start, end))
			return -ENOMEM;
		v = vma_at(v->mm, start);
		v->flags = (v->flags & ~clear) | set;
	}
	return 0;
}

static bool known(int advice)
{
	return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
	       (advice >= MADV_FREE && advice <= MADV_DONTNEED_LOCKED);
}

long sys_madvise(uint64_t addr, size_t len, int advice)
{
	struct mm *mm = mm_current();
	uint64_t end, at = addr;
	if (!known(advice) || !range(addr, len, &end))
		return -EINVAL;
	long result = 0;
	while (at < end) {
		struct vma *v = mm_find(mm, at); // looked up anew: advise() may sleep, split and merge
		if (!v || v->start >= end)
			return -ENOMEM;
		if (v->start > at)
			result = -ENOMEM;
		uint64_t from = MAX(at, v->start), to = MIN(end, v->end);
		int err = advise(v, from, to, advice);
		if (err)
			return err;
		at = to;
	}
	if (flag_set_by(advice) | flag_cleared_by(advice))
		vma_merge_around(mm, addr, end);
	return result;
}

long sys_process_madvise(int pidfd, const void *iov, size_t vlen, int advice, unsigned flags)
{
	const struct iovec *at = iov;
	struct file *f = file_from_fd(pidfd);
	bool own = f && pidfd_process(f) == process_current();
	long done = 0, err = flags || vlen > UIO_MAXIOV ? -EINVAL : own ? 0 : -EBADF;
	if (f)
		file_put(f);
	for (; !err && vlen; vlen--, at++) {
		struct iovec v;
		err = user_get(v, at) ? -EFAULT : sys_madvise((uint64_t)v.iov_base, v.iov_len, advice);
		if (!err)
			done += (long)v.iov_len;
	}
	return done ? done : err;
}

// A page counts as resident when it is mapped. What a file system caches beside that is not asked.
static bool resident(struct mm *mm, const struct vma *v, uint64_t addr)
{
	pte_t *slot = pt_block(mm, addr, false);
	if (slot && pte_present(*slot) && !pte_block(*slot))
		slot = pt_entry(mm, addr, false);
	if (slot && pte_present(*slot))
		return true;
	struct inode *inode = v->file ? v->file->inode : NULL;
	return inode && inode->ops && inode->ops->has_page &&
	       inode->ops->has_page(inode, v->pgoff + (addr - v->start) / PAGE_SIZE);
}

long sys_mincore(uint64_t addr, size_t len, void *vec)
{
	struct mm *mm = mm_current();
	uint64_t end;
	if (!range(addr, len, &end))
		return -EINVAL;
	if (end > ABI_VA_USER_END)
		return -ENOMEM;
	unsigned char chunk[64];
	char *out = vec;
	while (addr < end) {
		size_t n = 0;
		for (; n < sizeof(chunk) && addr < end; addr += PAGE_SIZE) {
			const struct vma *v = vma_at(mm, addr);
			if (!v)
				return -ENOMEM;
			chunk[n++] = resident(mm, v, addr);
		}
		if (user_write(out, chunk, n))
			return -EFAULT;
		out += n;
	}
	return 0;
}

long sys_msync(uint64_t addr, size_t len, int flags)
{
	struct mm *mm = mm_current();
	uint64_t end;
	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || (flags & MS_ASYNC && flags & MS_SYNC) ||
	    !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (!range(addr, len, &end))
		return -ENOMEM;
	long result = 0;
	for (uint64_t at = addr; at < end;) {
		struct vma *v = mm_find(mm, at);
		if (!v || v->start >= end)
			return -ENOMEM;
		if (v->start > at)
			result = -ENOMEM;
		at = v->end;
		if (flags & MS_INVALIDATE && v->flags & VMA_LOCKED)
			return -EBUSY;
		struct file *f = v->file;
		if (!(flags & MS_SYNC) || !f || !(v->flags & VMA_SHARED) || !f->ops->fsync)
			continue;
		file_get(f);
		int err = f->ops->fsync(f, false);
		file_put(f);
		if (err)
			return err;
	}
	return result;
}

// --- locking: nothing is ever swapped out, so it means "present now" and the limits ----------------------

static int set_locked(struct mm *mm, uint64_t start, uint64_t end, bool lock, bool fill)
{
	uint64_t at = start;
	while (at < end) {
		struct vma *v = vma_at(mm, at);
		if (!v)
			return -ENOMEM;
		uint64_t to = MIN(v->end, end);
		if (vma_isolate(mm, at, to))
			return -ENOMEM;
		v = vma_at(mm, at);
		if (lock && !(v->flags & VMA_LOCKED)) {
			v->flags |= VMA_LOCKED;
			mm->locked_pages += (to - at) / PAGE_SIZE;
		} else if (!lock && v->flags & VMA_LOCKED) {
			v->flags &= ~VMA_LOCKED;
			mm->locked_pages -= (to - at) / PAGE_SIZE;
		}
		if (lock && fill && v->prot)
			mm_populate(mm, at, to - at, v->prot & PROT_WRITE && !(v->flags & VMA_SHARED));
		at = to;
	}
	vma_merge_around(mm, start, end);
	return 0;
}

static int may_lock(struct mm *mm, uint64_t pages)
{
	uint64_t limit = process_limit(RLIMIT_MEMLOCK);
	if (process_capable(CAP_IPC_LOCK) || limit == RLIM64_INFINITY)
		return 0;
	return !limit ? -EPERM : mm->locked_pages + pages > limit / PAGE_SIZE ? -ENOMEM : 0;
}

static long lock(uint64_t addr, size_t len, bool on, bool fill)
{
	uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE), end;
	if (add_overflow(addr, len, &end) || end > ABI_VA_USER_END)
		return end < addr ? -EINVAL : -ENOMEM;
	end = ALIGN_UP(end, PAGE_SIZE);
	int err = on ? may_lock(mm_current(), (end - start) / PAGE_SIZE) : 0;
	return err ? err : set_locked(mm_current(), start, end, on, fill);
}

long sys_mlock(uint64_t addr, size_t len) { return lock(addr, len, true, true); }
long sys_munlock(uint64_t addr, size_t len) { return lock(addr, len, false, false); }

long sys_mlock2(uint64_t addr, size_t len, unsigned flags)
{
	return flags & ~MLOCK_ONFAULT ? -EINVAL : lock(addr, len, true, !flags);
}

static long lock_all(bool on, bool fill)
{
	struct mm *mm = mm_current();
	for (struct vma *v = mm_find(mm, 0); v; v = mm_find(mm, v->end)) {
		if (v->flags & VMA_SPECIAL)
			continue;
		uint64_t start = v->start, end = v->end;
		int err = set_locked(mm, start, end, on, fill);
		if (err)
			return err;
		v = vma_at(mm, end - 1);
		if (!v)
			break;
	}
	return 0;
}

long sys_mlockall(int flags)
{
	struct mm *mm = mm_current();
	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	int err = may_lock(mm, flags & MCL_CURRENT ? mm->mapped_pages : 0);
	if (err)
		return err;
	mm->lock_future = flags & MCL_FUTURE;
	mm->lock_on_fault = flags & MCL_ONFAULT;
	return flags & MCL_CURRENT ? lock_all(true, !(flags & MCL_ONFAULT)) : 0;
}

long sys_munlockall(void)
{
	mm_current()->lock_future = false;
	return lock_all(false, false);
}
