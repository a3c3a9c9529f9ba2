// SPDX-License-Identifier: MIT
//
// mmap(2), munmap(2), mprotect(2): checks first, then changes.
#define COMPONENT "mm"
#include <asm/mman.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "abi/boot.h"
#include "mm/private.h"
#include "proc/process.h"
#include "sys/part.h"
#include "tmpfs/tmpfs.h"
#include "vfs/vfs.h"
#include "debug/debug.h"

#define MAP_COUNT_MAX 65530
#define BRK_ROOM      (32ull << 20) // a heap that cannot grow is no error to any C library, but dear
#define MAP_32BIT_TOP 0x80000000ull

int mm_unmap(struct mm *mm, uint64_t addr, uint64_t len)
{
	uint64_t end;
	if (!IS_ALIGNED(addr, PAGE_SIZE) || !len || add_overflow(addr, ALIGN_UP(len, PAGE_SIZE), &end) ||
	    end > ABI_VA_USER_END)
		return -EINVAL;
	text_changes(mm, addr, end, MM_UNMAPS);
	if (vma_isolate(mm, addr, end))
		return -ENOMEM;
	struct pt_batch b;
	pt_batch_begin(&b, mm);
	pt_unmap(&b, addr, end);
	pt_batch_end(&b);
	struct vma *v;
	while ((v = mm_find(mm, addr)) != NULL && v->start < end)
		vma_delete(v);
	return 0;
}

// Where: the address asked for, or a free one near the hint or below mmap_top.
static int64_t choose(struct mm *mm, uint64_t hint, uint64_t len, int flags)
{
	uint64_t end;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!IS_ALIGNED(hint, PAGE_SIZE))
			return -EINVAL;
		if (add_overflow(hint, len, &end) || end > ABI_VA_USER_END)
			return -ENOMEM;
		if (hint < ABI_VA_USER_MIN)
			return -EPERM;
		struct vma *v = mm_find(mm, hint);
		if (flags & MAP_FIXED_NOREPLACE && v && v->start < end)
			return -EEXIST;
		return (int64_t)hint;
	}
	hint = ALIGN_DOWN(hint, PAGE_SIZE);
	if (hint >= ABI_VA_USER_MIN && !add_overflow(hint, len, &end) && end <= ABI_VA_USER_END) {
		struct vma *v = mm_find(mm, hint);
		if (!v || v->start >= end)
			return (int64_t)hint;
	}
	uint64_t at = flags & MAP_32BIT ? vma_find_gap(mm, len, ABI_VA_USER_MIN, MAP_32BIT_TOP)
					: vma_find_gap(mm, len, ABI_VA_RANDOM_MIN, mm->mmap_top);
	if (!at && !(flags & MAP_32BIT))
		at = vma_find_gap(mm, len, ABI_VA_USER_MIN, ABI_VA_USER_END);
	if (!at)
		return -ENOMEM;
	// 2 MiB entries want alignment; a big mapping can spare the room.
	if (len >= HUGE_SIZE && !(flags & MAP_32BIT) &&
	    vma_find_gap(mm, len + HUGE_SIZE, ABI_VA_RANDOM_MIN, mm->mmap_top)) {
		uint64_t wide = vma_find_gap(mm, len + HUGE_SIZE, ABI_VA_RANDOM_MIN, mm->mmap_top);
		at = ALIGN_UP(wide, HUGE_SIZE);
	}
	return (int64_t)at;
}

static int check_file(struct file *file, int prot, bool shared)
{
	unsigned mode = file->flags & O_ACCMODE;
	if (!file->inode || !file->inode->ops || !file->inode->ops->get_page)
		return -ENODEV;
	if (file->flags & O_PATH)
		return -EBADF;
	if (mode == O_WRONLY || (shared && prot & PROT_WRITE && mode != O_RDWR))
		return -EACCES;
	if (shared && prot & PROT_WRITE && file->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return 0;
}

static int check_limits(struct mm *mm, uint64_t len, int prot, int flags)
{
	struct page_info info;
	uint64_t limit = process_limit(RLIMIT_AS);
	if (limit != RLIM64_INFINITY && mm->mapped_pages * PAGE_SIZE + len > limit)
		return -ENOMEM;
	if (mm->vma_count >= MAP_COUNT_MAX)
		return -ENOMEM;
	// Linux's heuristic overcommit: only what could never be had is refused.
	page_info(&info);
	if (!(flags & MAP_NORESERVE) && prot & PROT_WRITE && flags & MAP_PRIVATE && len / PAGE_SIZE > info.total)
		return -ENOMEM;
	return 0;
}

static uint32_t vma_flags(int flags)
{
	return ((flags & MAP_TYPE) != MAP_PRIVATE ? VMA_SHARED : 0) | (flags & MAP_NORESERVE ? VMA_NORESERVE : 0);
}

int64_t mm_map(struct mm *mm, uint64_t hint, uint64_t len, int prot, int flags, struct file *file, uint64_t off)
{
	int type = flags & MAP_TYPE;
	if (!len || !IS_ALIGNED(off, PAGE_SIZE) ||
	    (type != MAP_PRIVATE && type != MAP_SHARED && (type != MAP_SHARED_VALIDATE || !file)))
		return -EINVAL;
	if (len > ABI_VA_USER_END)
		return -ENOMEM;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (off + len < off)
		return -EOVERFLOW;
	if (flags & MAP_HUGETLB)
		return -ENOMEM; // no huge pages are set aside
	if (type == MAP_SHARED_VALIDATE && flags & MAP_SYNC)
		return -EOPNOTSUPP;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (file && S_ISCHR(file->inode->mode) && file->inode->rdev == DEVICE(1, 5))
		file = NULL; // /dev/zero is anonymous memory under another name
	int err = check_limits(mm, len, prot, flags);
	if (!err && file)
		err = check_file(file, prot, type != MAP_PRIVATE);
	if (err)
		return err;
	int64_t at = choose(mm, hint, len, flags);
	if (at < 0)
		return at;

	struct file *shared = NULL;
	if (!file && type != MAP_PRIVATE) {
		struct inode *inode;
		err = tmpfs_create_anonymous ? tmpfs_create_anonymous("dev/zero", len, &inode) : -ENODEV;
		if (!err) {
			err = file_create_inode(inode, O_RDWR, &shared);
			inode_put(inode);
		}
		if (err)
			return err;
		file = shared;
		off = 0;
	}
	struct vma *below = mm_find(mm, (uint64_t)at);
	if (below && below->start < (uint64_t)at + len)
		err = mm_unmap(mm, (uint64_t)at, len);
	struct vma *v = err ? NULL
			    : vma_new(mm, (uint64_t)at, (uint64_t)at + len, (uint32_t)prot, vma_flags(flags), file,
				      off / PAGE_SIZE);
	if (shared)
		file_put(shared);
	if (!v)
		return err ? err : -ENOMEM;
	if (file && file->ops && file->ops->mmap) {
		err = file->ops->mmap(file, v);
		if (err) {
			vma_delete(v);
			return err;
		}
	}
	if (mm->lock_future || flags & MAP_LOCKED) {
		v->flags |= VMA_LOCKED;
		mm->locked_pages += len / PAGE_SIZE;
	}
	vma_merge_around(mm, (uint64_t)at, (uint64_t)at + len);
	if (prot && (flags & (MAP_POPULATE | MAP_LOCKED) || (mm->lock_future && !mm->lock_on_fault)))
		mm_populate(mm, (uint64_t)at, len, prot & PROT_WRITE && type == MAP_PRIVATE);
	return at;
}

int mm_protect(struct mm *mm, uint64_t addr, uint64_t len, int prot)
{
	uint64_t end;
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (!len)
		return 0;
	if (len > ABI_VA_USER_END || add_overflow(addr, ALIGN_UP(len, PAGE_SIZE), &end))
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	if (end > ABI_VA_USER_END)
		return -ENOMEM;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	struct vma *v = vma_at(mm, addr);
	uint64_t at = addr;
	for (; v && v->start <= at && at < end; v = vma_next(v)) {
		if (v->file && v->flags & VMA_SHARED && prot & PROT_WRITE && (v->file->flags & O_ACCMODE) != O_RDWR)
			return -EACCES;
		if (v->flags & VMA_SPECIAL)
			return -EACCES;
		at = v->end;
	}
	// What lies before a hole is changed all the same.
	int err = at < end ? -ENOMEM : 0;
	end = MIN(end, at);
	if (prot & PROT_WRITE || !(prot & PROT_EXEC)) // it may be read now as what it is: data
		text_changes(mm, addr, end, MM_EXPOSES);
	if (addr == end || vma_isolate(mm, addr, end))
		return -ENOMEM;
	struct pt_batch b;
	pt_batch_begin(&b, mm);
	for (v = vma_at(mm, addr); v && v->start < end; v = vma_next(v)) {
		v->prot = (uint32_t)prot;
		pt_protect(&b, v->start, v->end, prot & PROT_WRITE, prot & PROT_EXEC, !prot);
	}
	pt_batch_end(&b);
	vma_merge_around(mm, addr, end);
	return err;
}

int mm_map_phys(struct mm *mm, uint64_t addr, uint64_t phys, uint64_t len, int prot, const char *name)
{
	struct vma *v = vma_new(mm, addr, addr + len, (uint32_t)prot, VMA_SPECIAL, NULL, 0);
	if (!v)
		return -ENOMEM;
	v->name = name;
	for (uint64_t off = 0; off < len; off += PAGE_SIZE) {
		pte_t *slot = pt_entry(mm, addr + off, true);
		if (!slot)
			return -ENOMEM;
		pt_set(mm, slot, pte_page(phys + off, prot & PROT_WRITE, prot & PROT_EXEC) | PTE_SOFT0);
	}
	return 0;
}

uint64_t mm_gap_between(struct mm *mm, uint64_t lo, uint64_t hi, uint64_t len)
{
	uint64_t at = vma_find_gap(mm, len, MAX(lo, ABI_VA_USER_MIN), MIN(hi, ABI_VA_USER_END));
	return at + len > mm->brk_start && at < mm->brk_end + BRK_ROOM ? 0 : at;
}

uint64_t mm_gap_near(struct mm *mm, uint64_t near, uint64_t len, uint64_t reach)
{
	near = ALIGN_DOWN(near, PAGE_SIZE);
	uint64_t lo = near > reach ? near - reach : 0, at = mm_gap_between(mm, lo, lo + (near - lo) / 2 / PAGE_SIZE * PAGE_SIZE, len);
	if (!at)
		at = mm_gap_between(mm, lo, near, len);
	return at ? at : mm_gap_between(mm, near, near + reach, len);
}

void mm_unmap_inode(struct inode *inode, uint64_t first, uint64_t last, bool private_too)
{
	struct vma *v;
	list_for_each(v, &inode->mappings, inode_link) {
		uint64_t pages = (v->end - v->start) / PAGE_SIZE;
		if (last < v->pgoff || first >= v->pgoff + pages)
			continue;
		uint64_t from = first > v->pgoff ? first - v->pgoff : 0, to = MIN(last - v->pgoff, pages - 1) + 1;
		struct pt_batch b;
		pt_batch_begin(&b, v->mm);
		if (v->flags & VMA_SHARED || private_too) {
			pt_unmap(&b, v->start + from * PAGE_SIZE, v->start + to * PAGE_SIZE);
		} else {
			// Private copies stay: they are what is writable or was written.
			for (uint64_t at = v->start + from * PAGE_SIZE; at < v->start + to * PAGE_SIZE;
			     at += PAGE_SIZE) {
				pte_t *e = pt_entry(v->mm, at, false);
				if (e && pte_present(*e) && !pte_dirty(*e))
					pt_unmap(&b, at, at + PAGE_SIZE);
			}
		}
		pt_batch_end(&b);
	}
}
