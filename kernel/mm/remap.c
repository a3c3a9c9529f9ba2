// SPDX-License-Identifier: MIT
//
// mremap(2): a mapping shrinks, grows where it stands, or moves with its pages.
#include <asm/mman.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "abi/boot.h"
#include "mm/private.h"
#include "proc/process.h"
#include "sys/syscalls.h"
#include "vfs/vfs.h"

#define FLAGS_KNOWN (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)

struct remap {
	struct mm *mm;
	uint64_t old, old_len, len, target; // target: of MREMAP_FIXED
	int flags;
};

static int check(const struct remap *r)
{
	uint64_t end;
	if (r->flags & ~FLAGS_KNOWN || !IS_ALIGNED(r->old, PAGE_SIZE) || !r->len || r->len > ABI_VA_USER_END)
		return -EINVAL;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(r->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (r->flags & MREMAP_DONTUNMAP && r->old_len != r->len)
		return -EINVAL;
	if (add_overflow(r->old, r->old_len, &end) || end > ABI_VA_USER_END)
		return -EINVAL;
	if (!(r->flags & MREMAP_FIXED))
		return 0;
	if (!IS_ALIGNED(r->target, PAGE_SIZE) || add_overflow(r->target, r->len, &end) || end > ABI_VA_USER_END ||
	    r->target < ABI_VA_USER_MIN)
		return -EINVAL;
	return r->target < r->old + r->old_len && r->old < end ? -EINVAL : 0;
}

static bool room_after(struct mm *mm, uint64_t end, uint64_t more)
{
	struct vma *next = mm_find(mm, end);
	return end + more <= ABI_VA_USER_END && (!next || next->start >= end + more);
}

static int check_growth(struct mm *mm, uint64_t more)
{
	uint64_t limit = process_limit(RLIMIT_AS);
	struct page_info info;
	page_info(&info);
	return (limit != RLIM64_INFINITY && mm->mapped_pages * PAGE_SIZE + more > limit) ||
			       more / PAGE_SIZE > info.total
		       ? -ENOMEM
		       : 0;
}

static int64_t place(const struct remap *r, const struct vma *v)
{
	if (r->flags & MREMAP_FIXED) {
		int err = mm_unmap(r->mm, r->target, r->len);
		return err ? err : (int64_t)r->target;
	}
	// As aligned as it was: 2 MiB entries can then move whole.
	uint64_t slack = r->len >= HUGE_SIZE ? HUGE_SIZE : 0;
	uint64_t at = vma_find_gap(r->mm, r->len + slack, ABI_VA_RANDOM_MIN, r->mm->mmap_top);
	if (!at)
		at = vma_find_gap(r->mm, r->len + slack, ABI_VA_USER_MIN, ABI_VA_USER_END);
	if (!at)
		return -ENOMEM;
	return (int64_t)(slack ? at + ((v->start - at) & (HUGE_SIZE - 1)) : at);
}

static int64_t move(const struct remap *r)
{
	struct mm *mm = r->mm;
	uint64_t moved = MIN(r->old_len, r->len);
	struct vma *v = vma_at(mm, r->old);
	if (v->flags & VMA_SPECIAL)
		return -EINVAL;
	int64_t at = place(r, v);
	if (at < 0)
		return at;
	if (moved)
		text_changes(mm, r->old, r->old + moved, MM_EXPOSES);
	if (moved && vma_isolate(mm, r->old, r->old + moved))
		return -ENOMEM;
	v = vma_at(mm, r->old);
	struct vma *n = vma_new(mm, (uint64_t)at, (uint64_t)at + r->len, v->prot, v->flags & ~VMA_LOCKED, v->file,
				v->pgoff + (r->old - v->start) / PAGE_SIZE);
	if (!n)
		return -ENOMEM;
	n->name = v->name;
	struct pt_batch b;
	pt_batch_begin(&b, mm);
	int err = pt_move(mm, &b, r->old, (uint64_t)at, moved);
	if (err) // the tables of the old place still stand: going back needs no memory
		pt_move(mm, &b, (uint64_t)at, r->old, moved);
	pt_batch_end(&b);
	if (err) {
		vma_delete(n);
		return err;
	}
	if (moved && !(r->flags & MREMAP_DONTUNMAP))
		vma_delete(v);
	else if (moved)
		vma_merge_around(mm, r->old, r->old + moved);
	vma_merge_around(mm, (uint64_t)at, (uint64_t)at + r->len);
	return at;
}

static int64_t remap(struct remap *r)
{
	int err = check(r);
	if (err)
		return err;
	struct vma *v = vma_at(r->mm, r->old);
	if (!v)
		return -EFAULT;
	if (!r->old_len) { // a second mapping of the same shared pages
		if (!(v->flags & VMA_SHARED) || !(r->flags & MREMAP_MAYMOVE))
			return -EINVAL;
		return move(r);
	}
	if (r->len < r->old_len && !(r->flags & MREMAP_FIXED)) {
		err = mm_unmap(r->mm, r->old + r->len, r->old_len - r->len);
		return err ? err : (int64_t)r->old;
	}
	if (v->end < r->old + r->old_len) // more than one mapping
		return -EFAULT;
	if (r->len < r->old_len) {
		err = mm_unmap(r->mm, r->old + r->len, r->old_len - r->len);
		if (err)
			return err;
		r->old_len = r->len;
	}
	uint64_t more = r->len - r->old_len;
	err = check_growth(r->mm, more);
	if (err)
		return err;
	if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) {
		if (!more)
			return (int64_t)r->old;
		if (v->end == r->old + r->old_len && !(v->flags & VMA_SPECIAL) && room_after(r->mm, v->end, more)) {
			v->end += more;
			r->mm->mapped_pages += more / PAGE_SIZE;
			if (v->flags & VMA_LOCKED)
				r->mm->locked_pages += more / PAGE_SIZE;
			uint64_t locked = v->flags & VMA_LOCKED ? more : 0, end = v->end;
			vma_merge_around(r->mm, v->start, end);
			if (locked)
				mm_populate(r->mm, end - locked, locked, true);
			return (int64_t)r->old;
		}
	}
	return r->flags & MREMAP_MAYMOVE ? move(r) : -ENOMEM;
}

long sys_mremap(uint64_t old_address, size_t old_size, size_t new_size, int flags, uint64_t new_address)
{
	struct remap r = {mm_current(), old_address, ALIGN_UP(old_size, PAGE_SIZE), ALIGN_UP(new_size, PAGE_SIZE),
			  new_address,	flags};
	return remap(&r);
}
