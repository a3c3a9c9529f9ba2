// SPDX-License-Identifier: MIT
//
// monitor/image.c: a small image loads and is relocated; damaged ones, each byte of the headers and
// tables changed in turn, are refused or load within bounds (the sanitizers look).
#include "monitor/image.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

// [0x0000 read: ELF header, program headers, abi_image, rela][0x1000 exec: nucleus, text][0x2000 write: dynamic, data]
#define SIZE 0x2100
#define SLIDE 0x7e8000000000ull

static void build(uint8_t *f)
{
	memset(f, 0, SIZE);
	Elf64_Ehdr *e = (void *)f;
	memcpy(e->e_ident, ELFMAG, SELFMAG);
	e->e_type = ET_DYN;
	e->e_phoff = 0x40;
	e->e_phentsize = sizeof(Elf64_Phdr);
	e->e_phnum = 4;
	Elf64_Phdr *p = (void *)(f + 0x40);
	// The image's address 0 is struct abi_image, not the ELF header: file offset 0x200.
	p[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R, .p_offset = 0x200, .p_filesz = 0xe00, .p_memsz = 0xe00};
	p[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = 0x1000,
		.p_filesz = 0x1000, .p_memsz = 0x1000};
	p[2] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2000, .p_vaddr = 0x2000,
		.p_filesz = 0x100, .p_memsz = 0x1800};
	p[3] = (Elf64_Phdr){.p_type = PT_DYNAMIC, .p_flags = PF_R, .p_offset = 0x2000, .p_vaddr = 0x2000,
		.p_filesz = 0x30, .p_memsz = 0x30};
	struct abi_image *h = (void *)(f + 0x200);
	*h = (struct abi_image){.magic = ABI_IMAGE_MAGIC, .version = ABI_IMAGE_VERSION, .size = sizeof(*h),
		.boot_entry = 0x1800, .cpu_entry = 0x1810, .syscall_entry = 0x1820, .nucleus_start = 0x1000,
		.nucleus_end = 0x1400,
		.stub = {0x1000, 0x1200, 0x1300}, .upcall_exception = 0x1830, .upcall_interrupt = 0x1840};
	Elf64_Rela *r = (void *)(f + 0x400); // address 0x200
	r[0] = (Elf64_Rela){.r_offset = 0x2080, .r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE), .r_addend = 0x1234};
	r[1] = (Elf64_Rela){.r_offset = 0x37f8, .r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE), .r_addend = 0x10};
	Elf64_Dyn *d = (void *)(f + 0x2000);
	d[0] = (Elf64_Dyn){.d_tag = DT_RELA, .d_un.d_ptr = 0x200};
	d[1] = (Elf64_Dyn){.d_tag = DT_RELASZ, .d_un.d_val = 2 * sizeof(Elf64_Rela)};
}

static int try(const uint8_t *file, size_t size, uint8_t **ram)
{
	struct image im;
	uint8_t *copy = malloc(size ? size : 1); // exact size, so that the sanitizer sees its end
	memcpy(copy, file, size);
	int err = image_open(&im, copy, size);
	if (!err) {
		uint8_t *r = calloc(1, im.size);
		err = image_load(&im, r, SLIDE, false);
		if (ram && !err)
			*ram = r;
		else
			free(r);
	}
	free(copy);
	return err;
}

int main(void)
{
	static uint8_t good[SIZE], bad[SIZE];
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	uint8_t *ram = NULL;
	uint64_t word;
	unsigned refused = 0;

	build(good);
	CHECK(try(good, SIZE, &ram) == 0);
	memcpy(&word, ram + 0x2080, 8);
	CHECK(word == SLIDE + 0x1234);
	memcpy(&word, ram + 0x37f8, 8);
	CHECK(word == SLIDE + 0x10);
	free(ram);
	for (size_t size = 0; size < SIZE; size += 24)
		CHECK(try(good, size, NULL) != 0);
	for (size_t i = 0; i < SIZE; i++) {
		if ((i >= 0x280 && i < 0x400) || (i >= 0x430 && i < 0x2000) || i >= 0x2030)
			continue;
		for (size_t k = 0; k < sizeof(values); k++) {
			memcpy(bad, good, SIZE);
			bad[i] = values[k];
			refused += try(bad, SIZE, NULL) != 0;
		}
	}
	CHECK(refused > 500);
	memcpy(bad, good, SIZE); // writable code
	((Elf64_Phdr *)(bad + 0x40))[2].p_flags |= PF_X;
	CHECK(try(bad, SIZE, NULL) != 0);
	memcpy(bad, good, SIZE); // a relocation past the end
	((Elf64_Rela *)(bad + 0x400))[1].r_offset = 0x3ff9;
	CHECK(try(bad, SIZE, NULL) != 0);
	printf("ok image_load\n");
	return 0;
}
