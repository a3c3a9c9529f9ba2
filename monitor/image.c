// SPDX-License-Identifier: MIT
//
// Loading the kernel image: a static PIE with RELATIVE relocations only. Everything is checked
// against the file, although the file is ours: a truncated build must say so.
#include "monitor/image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

#define IMAGE_MAX IMAGE_SLOT

// Everything read this way is made of aligned 8-byte words.
static const void *at(const struct image *im, uint64_t off, uint64_t len)
{
	return off % 8 == 0 && off <= im->file_size && len <= im->file_size - off ? im->file + off : NULL;
}

static const Elf64_Phdr *headers(const struct image *im, unsigned *count)
{
	const Elf64_Ehdr *e = at(im, 0, sizeof(*e));
	if (!e || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_type != ET_DYN || e->e_phentsize != sizeof(Elf64_Phdr))
		return NULL;
	*count = e->e_phnum;
	return at(im, e->e_phoff, (uint64_t)e->e_phnum * sizeof(Elf64_Phdr));
}

// File bytes of a link-time range.
static const void *at_address(const struct image *im, uint64_t va, uint64_t len)
{
	unsigned count;
	const Elf64_Phdr *p = headers(im, &count);
	for (unsigned i = 0; p && i < count; i++)
		if (p[i].p_type == PT_LOAD && va >= p[i].p_vaddr && va - p[i].p_vaddr <= p[i].p_filesz &&
		    len <= p[i].p_filesz - (va - p[i].p_vaddr))
			return at(im, p[i].p_offset + (va - p[i].p_vaddr), len);
	return NULL;
}

static int read_dynamic(struct image *im, const Elf64_Phdr *p)
{
	const Elf64_Dyn *d = at(im, p->p_offset, p->p_filesz);
	if (!d)
		return -ENOEXEC;
	for (uint64_t i = 0; i < p->p_filesz / sizeof(*d) && d[i].d_tag != DT_NULL; i++) {
		if (d[i].d_tag == DT_RELA)
			im->rela_off = d[i].d_un.d_ptr;
		else if (d[i].d_tag == DT_RELASZ)
			im->rela_size = d[i].d_un.d_val;
		else if (d[i].d_tag == DT_RELR)
			im->relr_off = d[i].d_un.d_ptr;
		else if (d[i].d_tag == DT_RELRSZ)
			im->relr_size = d[i].d_un.d_val;
		else if (d[i].d_tag == DT_NEEDED || d[i].d_tag == DT_REL || d[i].d_tag == DT_JMPREL)
			return -ENOEXEC;
	}
	return 0;
}

static int add_segment(struct image *im, const Elf64_Phdr *p)
{
	if (im->segment_count == IMAGE_SEGMENTS || p->p_memsz > IMAGE_MAX || p->p_vaddr > IMAGE_MAX ||
	    p->p_filesz > p->p_memsz || p->p_vaddr % PAGE_SIZE || !at(im, p->p_offset, p->p_filesz))
		return -ENOEXEC;
	struct image_segment *s = &im->segment[im->segment_count++];
	s->start = p->p_vaddr;
	s->end = ALIGN_UP(p->p_vaddr + p->p_memsz, PAGE_SIZE);
	if (s->end > IMAGE_MAX)
		return -ENOEXEC;
	s->write = p->p_flags & PF_W;
	s->exec = p->p_flags & PF_X;
	const uint8_t *bytes = im->file + p->p_offset;
	if (s->exec && (uintptr_t)bytes % PAGE_SIZE == 0 && ALIGN_UP(p->p_filesz, PAGE_SIZE) == s->end - s->start &&
	    s->end - s->start <= im->file_size - p->p_offset)
		s->pages = bytes;
	if (s->start < im->size || (s->write && s->exec)) // in order, disjoint, never writable code
		return -ENOEXEC;
	im->size = s->end;
	return 0;
}

static bool head_ok(const struct image *im)
{
	const struct abi_image *h = &im->head;
	if (h->magic != ABI_IMAGE_MAGIC || h->version != ABI_IMAGE_VERSION || h->size != sizeof(*h))
		return false;
	if (h->nucleus_end <= h->nucleus_start || h->nucleus_end - h->nucleus_start > PAGE_SIZE ||
	    h->nucleus_start % PAGE_SIZE || h->nucleus_end > im->size)
		return false;
	for (unsigned i = 0; i < ABI_STUB_COUNT; i++)
		if (h->stub[i] < h->nucleus_start || h->stub[i] >= h->nucleus_end)
			return false;
	return h->boot_entry < im->size && h->cpu_entry < im->size && h->syscall_entry < im->size &&
	       h->upcall_exception < im->size && h->upcall_interrupt < im->size;
}

int image_open(struct image *im, const void *file, size_t size)
{
	*im = (struct image){.file = file, .file_size = size};
	unsigned count;
	const Elf64_Phdr *p = headers(im, &count);
	if (!p)
		return -ENOEXEC;
	for (unsigned i = 0; i < count; i++) {
		int err = 0;
		if (p[i].p_type == PT_LOAD)
			err = add_segment(im, &p[i]);
		else if (p[i].p_type == PT_DYNAMIC)
			err = read_dynamic(im, &p[i]);
		if (err)
			return err;
	}
	const struct abi_image *head = at_address(im, 0, sizeof(*head));
	if (!head)
		return -ENOEXEC;
	im->head = *head;
	return head_ok(im) ? 0 : -ENOEXEC;
}

static int relocate(const struct image *im, uint8_t *ram, uint64_t va)
{
	uint64_t n = im->rela_size / sizeof(Elf64_Rela);
	const Elf64_Rela *r = n ? at_address(im, im->rela_off, im->rela_size) : NULL;
	if (n && !r)
		return -ENOEXEC;
	for (uint64_t i = 0; i < n; i++) {
		if (ELF64_R_TYPE(r[i].r_info) != R_X86_64_RELATIVE || r[i].r_offset > im->size - 8)
			return -ENOEXEC;
		uint64_t value = va + (uint64_t)r[i].r_addend;
		memcpy(ram + r[i].r_offset, &value, sizeof(value));
	}
	return 0;
}

static int relocate_word(const struct image *im, uint8_t *ram, uint64_t va, uint64_t off)
{
	uint64_t value;
	if (off > im->size - 8)
		return -ENOEXEC;
	memcpy(&value, ram + off, sizeof(value));
	value += va;
	memcpy(ram + off, &value, sizeof(value));
	return 0;
}

// The packed form: an even entry is the offset of a word, an odd one says with 63 bits which of the following words
// too.
static int relocate_packed(const struct image *im, uint8_t *ram, uint64_t va)
{
	uint64_t n = im->relr_size / sizeof(uint64_t), where = 0;
	const uint64_t *r = n ? at_address(im, im->relr_off, im->relr_size) : NULL;
	int err = n && !r ? -ENOEXEC : 0;
	for (uint64_t i = 0; i < n && !err; i++) {
		if (!(r[i] & 1)) {
			err = relocate_word(im, ram, va, r[i]);
			where = r[i] + 8;
			continue;
		}
		for (unsigned bit = 1; bit < 64 && !err; bit++)
			if (r[i] >> bit & 1)
				err = relocate_word(im, ram, va, where + (bit - 1) * 8);
		where += 63 * 8;
	}
	return err;
}

const uint8_t *image_pages(const struct image *im, uint64_t va)
{
	for (unsigned i = 0; i < im->segment_count; i++) {
		const struct image_segment *s = &im->segment[i];
		if (s->pages && va >= s->start && va < s->end)
			return s->pages + (va - s->start);
	}
	return NULL;
}

int image_load(const struct image *im, uint8_t *ram, uint64_t va, bool pages_mapped)
{
	unsigned count;
	const Elf64_Phdr *p = headers(im, &count);
	for (unsigned i = 0; i < count; i++)
		if (p[i].p_type == PT_LOAD && !(pages_mapped && image_pages(im, p[i].p_vaddr)))
			memcpy(ram + p[i].p_vaddr, im->file + p[i].p_offset, p[i].p_filesz);
	int err = relocate(im, ram, va);
	return err ? err : relocate_packed(im, ram, va);
}
