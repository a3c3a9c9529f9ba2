// SPDX-License-Identifier: MIT
//
// File tables: which number means which open file. They start small and double up to RLIMIT_NOFILE.
#define COMPONENT "vfs"
#include <linux/resource.h>

#include "vfs/private.h"
#include "debug/debug.h" // after all that includes <assert.h>

#define FILES_FIRST 64
#define WORD_BITS   64

struct files {
	uint32_t refs;
	unsigned size;	 // slots
	unsigned lowest; // no free slot lies below
	struct file **slot;
	uint64_t *used, *cloexec; // a bit for each slot
};

static bool bit_test(const uint64_t *map, unsigned n) { return map[n / WORD_BITS] >> n % WORD_BITS & 1; }
static void bit_set(uint64_t *map, unsigned n) { map[n / WORD_BITS] |= 1ull << n % WORD_BITS; }
static void bit_clear(uint64_t *map, unsigned n) { map[n / WORD_BITS] &= ~(1ull << n % WORD_BITS); }

static int files_grow(struct files *t, unsigned want)
{
	unsigned size = t->size ? t->size : FILES_FIRST;
	while (size < want)
		size *= 2;
	struct file **slot = heap_zalloc(size * sizeof *slot);
	uint64_t *used = heap_zalloc(size / 8), *cloexec = heap_zalloc(size / 8);
	if (!slot || !used || !cloexec) {
		heap_free(slot);
		heap_free(used);
		heap_free(cloexec);
		return -ENOMEM;
	}
	if (t->size) {
		memcpy(slot, t->slot, t->size * sizeof *slot);
		memcpy(used, t->used, t->size / 8);
		memcpy(cloexec, t->cloexec, t->size / 8);
		heap_free(t->slot);
		heap_free(t->used);
		heap_free(t->cloexec);
	}
	t->slot = slot;
	t->used = used;
	t->cloexec = cloexec;
	t->size = size;
	return 0;
}

struct files *files_create(void)
{
	struct files *t = heap_new(struct files);
	if (!t)
		return NULL;
	t->refs = 1;
	if (files_grow(t, FILES_FIRST)) {
		heap_free(t);
		return NULL;
	}
	return t;
}

struct files *files_copy(struct files *old)
{
	struct files *t = heap_new(struct files);
	if (!t)
		return NULL;
	t->refs = 1;
	if (files_grow(t, old->size)) {
		heap_free(t);
		return NULL;
	}
	memcpy(t->slot, old->slot, old->size * sizeof *t->slot);
	memcpy(t->used, old->used, old->size / 8);
	memcpy(t->cloexec, old->cloexec, old->size / 8);
	t->lowest = old->lowest;
	for (unsigned i = 0; i < t->size; i++)
		if (t->slot[i])
			file_get(t->slot[i]);
	return t;
}

void files_get(struct files *t) { t->refs++; }

// close(2) without the table: POSIX locks of the file's inode go, whatever descriptor set them.
static int file_close(struct files *t, struct file *f)
{
	int err = f->ops && f->ops->flush && !(f->mode & FILE_PATH) ? f->ops->flush(f) : 0; // O_PATH: ops may be NULL
	if (!list_empty(&f->inode->locks))
		lock_release_posix(f->inode, t);
	file_put(f);
	return err;
}

static struct file *files_take(struct files *t, unsigned fd)
{
	struct file *f = t->slot[fd];
	t->slot[fd] = NULL;
	bit_clear(t->used, fd);
	bit_clear(t->cloexec, fd);
	t->lowest = MIN(t->lowest, fd);
	return f;
}

void files_put(struct files *t)
{
	if (--t->refs)
		return;
	for (unsigned i = 0; i < t->size; i++)
		if (t->slot[i])
			file_close(t, files_take(t, i));
	heap_free(t->slot);
	heap_free(t->used);
	heap_free(t->cloexec);
	heap_free(t);
}

void files_close_on_exec(struct files *t)
{
	for (unsigned i = 0; i < t->size; i++)
		if (t->slot[i] && bit_test(t->cloexec, i))
			file_close(t, files_take(t, i));
}

static struct file *request_file(int fd)
{
	struct file *f = fd == FD_REQUEST || fd == FD_REQUEST_IN ? thread_current()->request_file[fd - FD_REQUEST]
								 : NULL;
	if (f)
		file_get(f);
	return f;
}

struct file *file_from_fd(int fd)
{
	struct files *t = files_current();
	if (unlikely((unsigned)fd >= t->size))
		return request_file(fd);
	struct file *f = t->slot[fd];
	if (likely(f))
		f->refs++;
	return f;
}

struct file *file_from_fd_mode(int fd, unsigned mode, int *err)
{
	struct file *f = file_from_fd(fd);
	*err = 0;
	if (f && !(f->mode & FILE_PATH) && (f->mode & mode) == mode)
		return f;
	if (f)
		file_put(f);
	*err = -EBADF;
	return NULL;
}

int fd_install_from(struct file *f, unsigned flags, int lowest)
{
	struct files *t = files_current();
	uint64_t limit = process_limit(RLIMIT_NOFILE);
	int err = -EMFILE;
	unsigned fd = MAX((unsigned)lowest, t->lowest);

	while (fd < t->size) { // whole words of used slots at once
		uint64_t word = ~t->used[fd / WORD_BITS] >> fd % WORD_BITS;
		if (word) {
			fd += (unsigned)__builtin_ctzll(word);
			break;
		}
		fd = (fd / WORD_BITS + 1) * WORD_BITS;
	}
	if (fd >= limit)
		goto fail;
	if (fd >= t->size && (err = files_grow(t, fd + 1)))
		goto fail;
	if ((unsigned)lowest <= t->lowest)
		t->lowest = fd + 1;
	t->slot[fd] = f;
	bit_set(t->used, fd);
	if (flags & O_CLOEXEC)
		bit_set(t->cloexec, fd);
	else
		bit_clear(t->cloexec, fd);
	return (int)fd;
fail:
	file_put(f);
	return err;
}

int fd_install(struct file *f, unsigned flags) { return fd_install_from(f, flags, 0); }

int fd_close(int fd)
{
	struct files *t = files_current();
	if ((unsigned)fd >= t->size || !t->slot[fd])
		return -EBADF;
	return file_close(t, files_take(t, (unsigned)fd));
}

int fd_dup_to(struct file *f, int fd, unsigned flags)
{
	struct files *t = files_current();
	int err = -EBADF;
	if ((unsigned)fd >= process_limit(RLIMIT_NOFILE))
		goto fail;
	if ((unsigned)fd >= t->size && (err = files_grow(t, (unsigned)fd + 1)))
		goto fail;
	struct file *old = t->slot[fd];
	t->slot[fd] = f;
	bit_set(t->used, (unsigned)fd);
	if (flags & O_CLOEXEC)
		bit_set(t->cloexec, (unsigned)fd);
	else
		bit_clear(t->cloexec, (unsigned)fd);
	if (old)
		file_close(t, old);
	return fd;
fail:
	file_put(f);
	return err;
}

bool fd_cloexec(int fd)
{
	struct files *t = files_current();
	return (unsigned)fd < t->size && bit_test(t->cloexec, (unsigned)fd);
}

void fd_set_cloexec(int fd, bool on)
{
	struct files *t = files_current();
	if ((unsigned)fd >= t->size || !t->slot[fd])
		return;
	if (on)
		bit_set(t->cloexec, (unsigned)fd);
	else
		bit_clear(t->cloexec, (unsigned)fd);
}

struct file *files_at(struct files *t, int fd, bool *cloexec)
{
	if ((unsigned)fd >= t->size || !t->slot[fd])
		return NULL;
	if (cloexec)
		*cloexec = bit_test(t->cloexec, (unsigned)fd);
	file_get(t->slot[fd]);
	return t->slot[fd];
}

int files_install_at(struct files *t, int fd, struct file *f)
{
	int err = (unsigned)fd >= t->size ? files_grow(t, (unsigned)fd + 1) : 0;
	if (err) {
		file_put(f);
		return err;
	}
	assert(!t->slot[fd]);
	t->slot[fd] = f;
	bit_set(t->used, (unsigned)fd);
	return 0;
}

int files_max(struct files *t)
{
	for (unsigned i = t->size; i > 0; i--)
		if (t->slot[i - 1])
			return (int)i;
	return 0;
}
