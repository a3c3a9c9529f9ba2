// SPDX-License-Identifier: MIT
//
// monitor/elfcheck.c: a good executable passes, each kind of bad one is refused with its own sentence, and any
// byte of the headers may be anything (the sanitizers look).
#include "monitor/elfcheck.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor_arch.h"

#define CHECK_NOTE out.why
#include "check.h"

#define SIZE 0x3000

static struct elfcheck out;
static union {
	uint8_t bytes[SIZE];
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr p[4]; // interpreter, text, data, stack
		char interp[32];
	};
} f;

static void good(void)
{
	memset(&f, 0, sizeof(f));
	memcpy(f.e.e_ident, ELFMAG, SELFMAG);
	f.e.e_ident[EI_CLASS] = ELFCLASS64;
	f.e.e_ident[EI_DATA] = ELFDATA2LSB;
	f.e.e_type = ET_DYN;
	f.e.e_machine = ARCH_ELF_MACHINE;
	f.e.e_phoff = sizeof(f.e);
	f.e.e_phentsize = sizeof(f.p[0]);
	f.e.e_phnum = 4;
	f.p[0] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = sizeof(f.e) + sizeof(f.p), .p_filesz = 12};
	f.p[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = 0x2000, .p_memsz = 0x2000};
	f.p[2] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = 0x2000, .p_vaddr = 0x4000, .p_filesz = 0x1000, .p_memsz = 0x9000};
	f.p[3] = (Elf64_Phdr){.p_type = PT_GNU_STACK};
	strcpy(f.interp, "/lib/ld.so");
	f.p[0].p_filesz = sizeof("/lib/ld.so");
}

static int look(size_t len)
{
	return elfcheck(f.bytes, len, SIZE, &out);
}

#define REFUSED(words, change)                                           \
	do {                                                             \
		good();                                                  \
		change;                                                  \
		CHECK(look(SIZE) == -ENOEXEC && strstr(out.why, words)); \
	} while (0)

static void test_headers(void)
{
	good();
	CHECK(look(SIZE) == 0 && !out.why[0] && !strcmp(out.interpreter, "/lib/ld.so"));
	CHECK(look(4096) == 0 && !strcmp(out.interpreter, "/lib/ld.so"));
	CHECK(look(64) == 0 && !out.interpreter[0]); // what is not seen is left to the kernel
	f.e.e_type = ET_EXEC;
	CHECK(look(SIZE) == 0);
	REFUSED("neither", f.bytes[0] = 0);
	REFUSED("is for", f.e.e_ident[EI_CLASS] = ELFCLASS32);
	REFUSED("is for", f.e.e_ident[EI_DATA] = ELFDATA2MSB);
	REFUSED("32-bit x86", f.e.e_machine = EM_386);
	REFUSED("POWER", f.e.e_machine = EM_PPC64);
	REFUSED("no executable", f.e.e_type = ET_REL);
	REFUSED("program headers", f.e.e_phnum = 0);
	REFUSED("program headers", f.e.e_phnum = 0xffff);
	REFUSED("program headers", f.e.e_phentsize = 32);
	REFUSED("truncated", f.e.e_phoff = SIZE - 8);
	REFUSED("truncated", f.e.e_phoff = ~0ull);
	REFUSED("nothing to load", f.p[1].p_type = f.p[2].p_type = PT_NOTE);
}

static void test_segments(void)
{
	REFUSED("truncated", f.p[2].p_filesz = f.p[2].p_memsz = 0x1001);
	REFUSED("truncated", f.p[2].p_offset = ~0xfffull);
	REFUSED("absurd", f.p[2].p_memsz = 0xfff);
	REFUSED("absurd", f.p[2].p_memsz = ~0ull);
	REFUSED("absurd", f.p[2].p_vaddr = 0xffffffffff000000);
	REFUSED("absurd", f.p[2].p_vaddr = (1ull << 47) - 0x1000);
	REFUSED("cannot be mapped", f.p[2].p_vaddr = 0x4001);
	REFUSED("overlapping", f.p[2].p_vaddr = 0x1000);
	REFUSED("interpreter", f.p[0].p_filesz = 1);
	REFUSED("interpreter", f.p[0].p_filesz = 5); // not terminated
	REFUSED("interpreter", f.p[0].p_filesz = 0x2000);
}

static void test_not_elf(void)
{
	static const char *const script[] = {"#!/bin/sh\n", "#! \t/bin/sh -e\n", "#!/bin/sh\t\n", NULL};
	CHECK(elfcheck(f.bytes, 0, 0, &out) == -ENOEXEC && strstr(out.why, "empty"));
	good();
	for (size_t n = 1; n < sizeof(Elf64_Ehdr); n++)
		CHECK(elfcheck(f.bytes, n, n, &out) == -ENOEXEC && out.why[0]);
	for (int i = 0; script[i]; i++)
		CHECK(elfcheck((const uint8_t *)script[i], strlen(script[i]), 100, &out) == 0 &&
		      !strcmp(out.interpreter, "/bin/sh"));
	CHECK(elfcheck((const uint8_t *)"#!", 2, 2, &out) == -ENOEXEC);
	CHECK(elfcheck((const uint8_t *)"#! \n", 4, 4, &out) == -ENOEXEC);
	memset(f.bytes, 'x', 4096);
	memcpy(f.bytes, "#!", 2);
	CHECK(look(4096) == -ENOEXEC);
}

// Exactly as many bytes as it is told of, so that one more is seen.
static void test_any_byte(void)
{
	static const uint8_t value[] = {0, 1, 0x7f, 0x80, 0xff};
	const size_t head = sizeof(f.e) + sizeof(f.p) + sizeof(f.interp);
	uint8_t *copy = malloc(head);
	good();
	for (size_t at = 0; at < head; at++)
		for (size_t v = 0; v < sizeof(value); v++) {
			memcpy(copy, f.bytes, head);
			copy[at] = value[v];
			int err = elfcheck(copy, head, SIZE, &out);
			CHECK(err ? out.why[0] && memchr(out.why, 0, sizeof(out.why))
				  : memchr(out.interpreter, 0, sizeof(out.interpreter)) != NULL);
		}
	free(copy);
}

int main(void)
{
	test_headers();
	test_segments();
	test_not_elf();
	test_any_byte();
	puts("ok elfcheck");
	return 0;
}
