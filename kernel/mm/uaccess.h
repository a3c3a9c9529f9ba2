// SPDX-License-Identifier: MIT
//
// The one checked way to the program's memory. Every function checks the range lies in the
// program's part of the address space and survives faults. May sleep (page faults).
#ifndef WHELK_MM_UACCESS_H
#define WHELK_MM_UACCESS_H

#include "abi/boot.h"
#include "base/api.h"
#include "base/util.h"

static inline bool user_range_ok(uint64_t addr, uint64_t len)
{
	return len <= ABI_VA_USER_END && addr <= ABI_VA_USER_END - len;
}

// 0 or -EFAULT. Nothing is promised about the destination after -EFAULT.
API int user_read(void *dst OUT(len), const void *src USER, size_t len);
API int user_write(void *dst USER, const void *src IN(len), size_t len);
API int user_zero(void *dst USER, size_t len);
// Bytes copied (short at a fault), -EFAULT when none.
API int64_t user_read_some(void *dst OUT(len), const void *src USER, size_t len);
API int64_t user_write_some(void *dst USER, const void *src IN(len), size_t len);
// A NUL-terminated string of at most size-1 bytes: its length, -EFAULT, -ENAMETOOLONG.
API int64_t user_string(char *dst OUT(size), const char *src USER, size_t size);

#define user_get(var, ptr) user_read(&(var), (ptr), sizeof(var))
#define user_put(var, ptr) user_write((ptr), &(var), sizeof(var))

// A scatter list over the program's memory or the kernel's, consumed from the front.
struct iter_segment {
	void *base;
	size_t len;
};
struct iter {
	const struct iter_segment *seg;
	unsigned count;	  // segments left, the current one included
	size_t offset;	  // into the current segment
	size_t left;	  // bytes left in all
	bool kernel;	  // segments are kernel memory
	struct iter_segment one; // storage for single-buffer iters
};
API static inline void iter_init_user(struct iter *it OUT(1), void *base USER, size_t len) // range checked at use
{
	it->seg = &it->one;
	it->count = 1;
	it->offset = 0;
	it->left = len;
	it->kernel = false;
	it->one = (struct iter_segment){base, len};
}
API static inline void iter_init_kernel(struct iter *it OUT(1), void *base SHARED, size_t len)
{
	iter_init_user(it, base, len);
	it->kernel = true;
}
API void iter_init_segments(struct iter *it OUT(1), const struct iter_segment *seg SHARED, unsigned count, size_t len);
// Copy between a kernel buffer and the front of the iter; bytes copied, -EFAULT when none could be.
// into the iter ("read" system calls)
API int64_t iter_write(struct iter *it INOUT(1), const void *src IN(len), size_t len);
// out of the iter ("write" system calls)
API int64_t iter_read(struct iter *it INOUT(1), void *dst OUT(len), size_t len);
API int64_t iter_zero(struct iter *it INOUT(1), size_t len);
API void iter_advance(struct iter *it INOUT(1), size_t len);

#endif
