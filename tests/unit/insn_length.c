// SPDX-License-Identifier: MIT
//
// The kernel's length decoder against Zydis: the code of the distribution's programs, instruction by instruction, and bytes
// drawn at random after every prefix. Where the two differ the test fails and prints the bytes.
#include <Zydis/Zydis.h>
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patch/length.h"

#define FILES_MAX 240
#define FILES_LEAST 100	      // fewer say little; a bare machine has more
#define BYTES_OF_EACH (48u << 10)

static ZydisDecoder decoder;
static unsigned long compared, differ;

static void complain(const uint8_t *p, const char *what, long ours, long theirs)
{
	if (differ++ > 20)
		return;
	printf("%s: ours %ld, Zydis %ld:", what, ours, theirs);
	for (int i = 0; i < 15; i++)
		printf(" %02x", p[i]);
	printf("\n");
}

// What we refuse on purpose: near branches with an operand-size prefix, operands relative to EIP, jumps of Knights Corner.
static bool refused(const ZydisDecodedInstruction *z)
{
	bool relative = z->raw.imm[0].is_relative && z->raw.imm[0].size > 8;
	bool eip = z->attributes & ZYDIS_ATTRIB_HAS_ADDRESSSIZE && z->raw.modrm.mod == 0 && z->raw.modrm.rm == 5;
	bool knc = z->mnemonic == ZYDIS_MNEMONIC_JKZD || z->mnemonic == ZYDIS_MNEMONIC_JKNZD;
	return (relative && z->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE) || eip || knc;
}

static bool ends(const ZydisDecodedInstruction *z)
{
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_RET:
	case ZYDIS_MNEMONIC_JMP:
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_SYSRET:
	case ZYDIS_MNEMONIC_SYSEXIT: return true;
	default: return false;
	}
}

// At p, with 15 bytes there. The length by Zydis, 0 when it is no instruction.
static unsigned compare(const uint8_t *p)
{
	ZydisDecodedInstruction z;
	struct insn i;
	int n = insn_decode(p, 15, &i);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, p, 15, &z)))
		return 0;
	compared++;
	if (n < 0) {
		if (!refused(&z))
			complain(p, "refused", n, z.length);
		return z.length;
	}
	if (n != z.length)
		complain(p, "length", n, z.length);
	if (ends(&z) != (i.flow == INSN_ENDS))
		complain(p, "ends", i.flow, ends(&z));
	bool relative = z.raw.imm[0].is_relative && z.mnemonic != ZYDIS_MNEMONIC_INVALID;
	if (relative != i.direct || (relative && i.target_distance != z.raw.imm[0].value.s))
		complain(p, "target", i.direct ? i.target_distance : -1, relative ? z.raw.imm[0].value.s : -1);
	bool rip = z.attributes & ZYDIS_ATTRIB_IS_RELATIVE && !relative;
	if (rip != i.rip_relative || (rip && i.disp_offset != z.raw.disp.offset))
		complain(p, "rip", i.rip_relative ? i.disp_offset : -1, rip ? z.raw.disp.offset : -1);
	return z.length;
}

static void compare_code(const uint8_t *p, size_t len)
{
	size_t at = 0, end = len < BYTES_OF_EACH ? len : BYTES_OF_EACH;
	while (at + 15 <= end) {
		unsigned n = compare(p + at);
		at += n ? n : 1;
	}
}

static bool compare_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool elf = false;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)sizeof(Elf64_Ehdr)) {
		const uint8_t *file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		const Elf64_Ehdr *e = (const void *)file;
		elf = file != MAP_FAILED && memcmp(e, "\177ELF\2", 5) == 0 && e->e_machine == EM_X86_64;
		const Elf64_Phdr *ph = (const void *)(file + (elf ? e->e_phoff : 0));
		for (int i = 0; elf && i < e->e_phnum; i++)
			if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X && ph[i].p_offset + ph[i].p_filesz <= (size_t)st.st_size)
				compare_code(file + ph[i].p_offset, ph[i].p_filesz);
		if (file != MAP_FAILED)
			munmap((void *)file, st.st_size);
	}
	close(fd);
	return elf;
}

static int compare_directory(const char *dir, int most)
{
	int n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && n < most && (e = readdir(d)) != NULL;) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		n += compare_file(path);
	}
	if (d)
		closedir(d);
	return n;
}

// Random bytes find what compilers do not write.
static void compare_random(void)
{
	static const uint8_t first[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48, 0x41, 0x0f, 0xc4, 0xc5, 0x62, 0x8f, 0x64, 0x4f, 0x2e, 0x90};
	srand(1);
	for (long n = 0; n < 600000; n++) {
		uint8_t p[15];
		int fixed = rand() % 4;
		for (int i = 0; i < 15; i++)
			p[i] = i < fixed ? first[rand() % sizeof first] : (uint8_t)(rand() >> 8);
		compare(p);
	}
}

int main(void)
{
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	int files = compare_directory("/usr/lib/x86_64-linux-gnu", FILES_MAX / 2) + compare_directory("/usr/bin", FILES_MAX / 2);
	unsigned long in_files = compared;
	compare_random();
	if (files < FILES_LEAST || in_files < 100000) {
		printf("only %d files, %lu instructions\n", files, in_files);
		return 1;
	}
	if (differ) {
		printf("%lu of %lu differ, %d files\n", differ, compared, files);
		return 1;
	}
	if (getenv("VERBOSE"))
		printf("%d files, %lu instructions in them, %lu random\n", files, in_files, compared - in_files);
	return 0;
}
