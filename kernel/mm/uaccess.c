// SPDX-License-Identifier: MIT
//
// The checked way to the program's memory, and iters over it.
#include "mm/uaccess.h"

#include <linux/errno.h>

#include "arch/arch.h"
#include "base/string.h"

int64_t user_read_some(void *dst, const void *src, size_t len)
{
	size_t done = 0;
	if (!user_range_ok((uint64_t)src, len))
		return -EFAULT;
	int err = arch_copy_fault(dst, src, len, &done);
	return err && !done ? -EFAULT : (int64_t)done;
}

int64_t user_write_some(void *dst, const void *src, size_t len)
{
	size_t done = 0;
	if (!user_range_ok((uint64_t)dst, len))
		return -EFAULT;
	int err = arch_copy_fault(dst, src, len, &done);
	return err && !done ? -EFAULT : (int64_t)done;
}

int user_read(void *dst, const void *src, size_t len)
{
	return user_range_ok((uint64_t)src, len) ? arch_copy_fault(dst, src, len, NULL) : -EFAULT;
}

int user_write(void *dst, const void *src, size_t len)
{
	return user_range_ok((uint64_t)dst, len) ? arch_copy_fault(dst, src, len, NULL) : -EFAULT;
}

int user_zero(void *dst, size_t len)
{
	return user_range_ok((uint64_t)dst, len) ? arch_zero_fault(dst, len, NULL) : -EFAULT;
}

int64_t user_string(char *dst, const char *src, size_t size)
{
	if (!user_range_ok((uint64_t)src, 1))
		return -EFAULT;
	size_t max = MIN(size, (size_t)(ABI_VA_USER_END - (uint64_t)src));
	long n = arch_strnlen_fault(src, max);
	if (n < 0)
		return -EFAULT;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	if ((size_t)n == max) // ran into the end of the program's part
		return -EFAULT;
	if (arch_copy_fault(dst, src, (size_t)n, NULL))
		return -EFAULT;
	dst[n] = '\0'; // another thread may have changed it meanwhile: never unterminated
	return (int64_t)strlen(dst);
}

void iter_init_segments(struct iter *it, const struct iter_segment *seg, unsigned count, size_t len)
{
	*it = (struct iter){.seg = seg, .count = count, .left = len};
}

void iter_advance(struct iter *it, size_t len)
{
	it->left -= len;
	it->offset += len;
	while (it->count > 1 && it->offset >= it->seg->len) {
		it->offset -= it->seg->len;
		it->seg++;
		it->count--;
	}
}

// Walks the segments; `copy` does one piece and returns the bytes it could.
static int64_t walk(struct iter *it, const void *buf, size_t len,
		    int64_t (*copy)(struct iter *, char *, const char *, size_t))
{
	size_t done = 0;
	len = MIN(len, it->left);
	while (done < len) {
		while (it->count > 1 && it->offset >= it->seg->len) {
			it->offset = 0;
			it->seg++;
			it->count--;
		}
		size_t n = MIN(len - done, it->seg->len - it->offset);
		int64_t got = n ? copy(it, (char *)it->seg->base + it->offset, buf ? (const char *)buf + done : NULL, n)
				: 0;
		if (got > 0) {
			done += (size_t)got;
			it->offset += (size_t)got;
			it->left -= (size_t)got;
		}
		if (got < (int64_t)n || !n)
			return done ? (int64_t)done : got < 0 ? got : -EFAULT;
	}
	return (int64_t)done;
}

static int64_t copy_in(struct iter *it, char *seg, const char *buf, size_t n)
{
	if (!it->kernel)
		return user_write_some(seg, buf, n);
	memcpy(seg, buf, n);
	return (int64_t)n;
}

static int64_t copy_out(struct iter *it, char *seg, const char *buf, size_t n)
{
	if (!it->kernel)
		return user_read_some((void *)(uintptr_t)buf, seg, n);
	memcpy((void *)(uintptr_t)buf, seg, n);
	return (int64_t)n;
}

static int64_t zero_in(struct iter *it, char *seg, const char *buf, size_t n)
{
	size_t done = 0;
	(void)buf;
	if (it->kernel) {
		memset(seg, 0, n);
		return (int64_t)n;
	}
	if (!user_range_ok((uint64_t)seg, n))
		return -EFAULT;
	return arch_zero_fault(seg, n, &done) && !done ? -EFAULT : (int64_t)done;
}

static inline bool reaches(const struct iter *it, const void *at, size_t len)
{
	return it->kernel || user_range_ok((uint64_t)at, len);
}

static inline int64_t copied(struct iter *it, int err, size_t done)
{
	it->offset += done;
	it->left -= done;
	return err && !done ? -EFAULT : (int64_t)done;
}

// Most are a single buffer.
int64_t iter_write(struct iter *it, const void *src, size_t len)
{
	if (unlikely(it->seg != &it->one))
		return walk(it, src, len, copy_in);
	char *to = (char *)it->one.base + it->offset;
	size_t done = 0;
	len = MIN(len, it->left);
	int err = reaches(it, to, len) ? arch_copy_fault(to, src, len, &done) : -EFAULT;
	return copied(it, err, done);
}

int64_t iter_read(struct iter *it, void *dst, size_t len)
{
	if (unlikely(it->seg != &it->one))
		return walk(it, dst, len, copy_out);
	const char *from = (const char *)it->one.base + it->offset;
	size_t done = 0;
	len = MIN(len, it->left);
	int err = reaches(it, from, len) ? arch_copy_fault(dst, from, len, &done) : -EFAULT;
	return copied(it, err, done);
}

int64_t iter_zero(struct iter *it, size_t len) { return walk(it, NULL, len, zero_in); }
