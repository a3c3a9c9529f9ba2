// SPDX-License-Identifier: MIT
//
// ELF files: headers checked before anything is mapped, then the segments mapped as Linux's
// fs/binfmt_elf.c does. Every number comes from a hostile file.
#include "exec/private.h"

#include <asm/mman.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "abi/boot.h"
#include "base/string.h"
#include "mm/heap.h"
#include "mm/uaccess.h"

#define PHDRS_MAX (65536 / sizeof(Elf64_Phdr))

static bool header_ok(const Elf64_Ehdr *h)
{
	return memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
	       h->e_machine == arch_elf_machine && h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum > 0 &&
	       h->e_phnum <= PHDRS_MAX;
}

// Segments in order, each within the file and the address space, no two in one page with different files' ends.
static int check_segments(struct elf *elf)
{
	uint64_t end = 0;
	bool any = false;
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->phdr[i];
		uint64_t stop, file_stop;
		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_filesz > p->p_memsz || add_overflow(p->p_vaddr, p->p_memsz, &stop) || stop > ABI_VA_USER_END ||
		    add_overflow(p->p_offset, p->p_filesz, &file_stop) || file_stop > INT64_MAX ||
		    (p->p_vaddr ^ p->p_offset) & (PAGE_SIZE - 1))
			return -ENOEXEC;
		if (any && p->p_vaddr < end)
			return -ENOEXEC; // overlapping or out of order
		if (!any)
			elf->low = ALIGN_DOWN(p->p_vaddr, PAGE_SIZE);
		if (p->p_align > elf->align && p->p_align <= HUGE_SIZE && (p->p_align & (p->p_align - 1)) == 0)
			elf->align = p->p_align;
		any = true;
		end = stop;
	}
	if (!any)
		return -ENOEXEC;
	elf->high = ALIGN_UP(end, PAGE_SIZE);
	if (elf->header.e_type == ET_EXEC && elf->low < ABI_VA_USER_MIN)
		return -ENOEXEC;
	return 0;
}

int elf_read(struct file *file, struct elf *elf)
{
	*elf = (struct elf){.file = file, .align = PAGE_SIZE};
	int err = -ENOEXEC;
	if (file_read_kernel(file, &elf->header, sizeof(elf->header), 0) != sizeof(elf->header) ||
	    !header_ok(&elf->header))
		goto fail;
	size_t size = elf->header.e_phnum * sizeof(Elf64_Phdr);
	elf->phdr = heap_alloc(size);
	if (!elf->phdr) {
		err = -ENOMEM;
		goto fail;
	}
	if (elf->header.e_phoff > INT64_MAX - size ||
	    file_read_kernel(file, elf->phdr, size, (int64_t)elf->header.e_phoff) != (int64_t)size)
		goto fail;
	err = check_segments(elf);
	if (!err)
		return 0;
fail:
	elf_free(elf);
	return err;
}

void elf_free(struct elf *elf)
{
	heap_free(elf->phdr);
	if (elf->file)
		file_put(elf->file);
	*elf = (struct elf){0};
}

int elf_interpreter(const struct elf *elf, char *path, size_t size)
{
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->phdr[i];
		if (p->p_type != PT_INTERP)
			continue;
		if (p->p_filesz < 2 || p->p_filesz > size || p->p_offset > INT64_MAX - p->p_filesz ||
		    file_read_kernel(elf->file, path, p->p_filesz, (int64_t)p->p_offset) != (int64_t)p->p_filesz ||
		    path[p->p_filesz - 1] != '\0')
			return -ENOEXEC;
		return (int)strlen(path);
	}
	return 0;
}

bool elf_executable_stack(const struct elf *elf)
{
	for (unsigned i = 0; i < elf->header.e_phnum; i++)
		if (elf->phdr[i].p_type == PT_GNU_STACK)
			return elf->phdr[i].p_flags & PF_X;
	return true; // a program that does not say is from the time when stacks were
}

uint64_t elf_phdr_address(const struct elf *elf)
{
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->phdr[i];
		if (p->p_type == PT_PHDR)
			return p->p_vaddr + elf->bias;
	}
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->phdr[i];
		if (p->p_type == PT_LOAD && p->p_offset <= elf->header.e_phoff &&
		    elf->header.e_phoff - p->p_offset < p->p_filesz)
			return p->p_vaddr + elf->header.e_phoff - p->p_offset + elf->bias;
	}
	return 0;
}

static int map_segment(struct mm *mm, struct elf *elf, const Elf64_Phdr *p)
{
	int prot = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
		   (p->p_flags & PF_X ? PROT_EXEC : 0);
	uint64_t start = ALIGN_DOWN(p->p_vaddr + elf->bias, PAGE_SIZE);
	uint64_t file_end = p->p_vaddr + elf->bias + p->p_filesz;
	uint64_t mem_end = ALIGN_UP(p->p_vaddr + elf->bias + p->p_memsz, PAGE_SIZE);
	uint64_t mapped_end = start;
	int64_t at;

	if (p->p_filesz) {
		mapped_end = ALIGN_UP(file_end, PAGE_SIZE);
		at = mm_map(mm, start, mapped_end - start, prot, MAP_PRIVATE | MAP_FIXED, elf->file,
			    ALIGN_DOWN(p->p_offset, PAGE_SIZE));
		if (at < 0)
			return (int)at;
	}
	if (mem_end > mapped_end) {
		at = mm_map(mm, mapped_end, mem_end - mapped_end, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL,
			    0);
		if (at < 0)
			return (int)at;
	}
	// The rest of the last file page belongs to .bss.
	if (p->p_memsz > p->p_filesz && p->p_filesz && mapped_end > file_end && prot & PROT_WRITE)
		return user_zero((void *)file_end, mapped_end - file_end);
	return 0;
}

int elf_map(struct mm *mm, struct elf *elf, bool interpreter)
{
	uint64_t span = elf->high - elf->low;
	if (elf->header.e_type == ET_DYN) {
		// Room beyond a program's image: its heap grows there.
		uint64_t room = interpreter ? span : span + (1ull << 30);
		uint64_t at = mm_pick_random(mm, room, elf->align, ABI_VA_RANDOM_MIN, ABI_VA_USER_END);
		if (!at)
			return -ENOMEM;
		elf->bias = at - elf->low;
	}
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->phdr[i];
		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		int err = map_segment(mm, elf, p);
		if (err)
			return err;
		uint64_t start = p->p_vaddr + elf->bias, end = start + p->p_memsz;
		elf->brk = MAX(elf->brk, end);
		if (interpreter)
			continue;
		if (p->p_flags & PF_X) {
			mm->code_start = start;
			mm->code_end = start + p->p_filesz;
		} else if (p->p_flags & PF_W) {
			mm->data_start = start;
			mm->data_end = start + p->p_filesz;
		}
	}
	return 0;
}
