// SPDX-License-Identifier: MIT
//
// The kernel's ELF loader (kernel/exec/elf.c): any file. What it maps lies in the program's part of the address space,
// and what it clears lies in what it has mapped.
#include <asm/mman.h>
#include <linux/errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "exec/private.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/uaccess.h"
#include "vfs/vfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

const uint16_t arch_elf_machine = 62; // EM_X86_64, whatever it is built for

static const uint8_t *file_data;
static size_t file_size;
static uint64_t low, high; // of the mappings made last, side by side
static int open_files;

void debug_panic(const char *component, const char *fmt, ...)
{
	(void)component, (void)fmt;
	abort();
}

void *heap_alloc(size_t size) { return malloc(size ? size : 1); }
void heap_free(void *p) { free(p); }
void file_put_last(struct file *f) { (void)f, open_files--; }
uint64_t random_u64(void) { return 0x123456789abcdef0; }

int64_t file_read_kernel(struct file *f, void *buf, size_t len, int64_t pos)
{
	(void)f;
	if (pos < 0)
		return -EINVAL;
	if ((uint64_t)pos >= file_size)
		return 0;
	len = MIN(len, file_size - (size_t)pos);
	memcpy(buf, file_data + pos, len);
	return (int64_t)len;
}

int64_t mm_map(struct mm *mm, uint64_t hint, uint64_t len, int prot, int flags, struct file *file, uint64_t off)
{
	uint64_t end;
	(void)mm, (void)prot, (void)file;
	if (!len || !IS_ALIGNED(off, PAGE_SIZE) || !IS_ALIGNED(hint, PAGE_SIZE) || !(flags & MAP_FIXED))
		return -EINVAL;
	if (add_overflow(hint, ALIGN_UP(len, PAGE_SIZE), &end) || end > ABI_VA_USER_END || end < hint)
		return -ENOMEM;
	if (hint != high) // .bss continues what it belongs to
		low = hint;
	high = end;
	return (int64_t)hint;
}

uint64_t mm_pick_random(struct mm *mm, uint64_t len, uint64_t align, uint64_t lo, uint64_t hi)
{
	(void)mm;
	uint64_t at = ALIGN_UP(lo, align);
	return at < lo || at > hi || len > hi - at ? 0 : at;
}

int user_zero(void *dst, size_t len)
{
	uint64_t at = (uint64_t)dst;
	if (at < low || at > high || len > high - at)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char path[4096];
	struct elf elf = {0};
	struct file file = {.refs = 1};
	file_data = data;
	file_size = len;
	open_files = 1;
	low = high = 0;
	if (elf_read(&file, &elf) == 0) {
		int n = elf_interpreter(&elf, path, sizeof(path));
		if (n > 0 && strnlen(path, sizeof(path)) != (size_t)n)
			abort();
		elf_map((struct mm *)path, &elf, false);
		elf_phdr_address(&elf);
		elf_executable_stack(&elf);
	}
	elf_free(&elf);
	if (open_files)
		abort(); // the reference is dropped once, whatever happened
	return 0;
}
