// SPDX-License-Identifier: MIT
//
// elf(5), execve(2).
#include "monitor/elfcheck.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor_arch.h"

#define HEAD_SIZE 4096 // program headers and interpreter lie in it, in what linkers make

static int no(struct elfcheck *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int no(struct elfcheck *out, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(out->why, sizeof(out->why), fmt, ap);
	va_end(ap);
	return -ENOEXEC;
}

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_386: return "32-bit x86";
	case EM_X86_64: return "x86-64";
	case EM_ARM: return "32-bit ARM";
	case EM_AARCH64: return "aarch64";
	case EM_RISCV: return "RISC-V";
	case EM_PPC64: return "POWER";
	case EM_S390: return "S/390";
	default: return "another architecture";
	}
}

static int script(const uint8_t *head, size_t len, struct elfcheck *out)
{
	size_t start = 2, end;
	while (start < len && (head[start] == ' ' || head[start] == '\t'))
		start++;
	for (end = start; end < len && !strchr(" \t\n", head[end]);)
		end++;
	if (end == start || end - start >= 256 || end == len)
		return no(out, "its first line names no interpreter");
	memcpy(out->interpreter, head + start, end - start);
	return 0;
}

static int segment(const Elf64_Phdr *p, uint64_t size, uint64_t *last, struct elfcheck *out)
{
	uint64_t end;
	if (add_overflow(p->p_offset, p->p_filesz, &end) || end > size)
		return no(out, "is truncated: a segment ends at byte %lu of %lu", p->p_offset + p->p_filesz, size);
	if (p->p_type != PT_LOAD || !p->p_memsz)
		return 0;
	if (p->p_filesz > p->p_memsz || add_overflow(p->p_vaddr, p->p_memsz, &end) || end > 1ull << 47)
		return no(out, "has an absurd segment: address 0x%lx, %lu bytes in memory", p->p_vaddr, p->p_memsz);
	if (p->p_vaddr % PAGE_SIZE != p->p_offset % PAGE_SIZE)
		return no(out, "has a segment that cannot be mapped: address 0x%lx, offset 0x%lx", p->p_vaddr,
			  p->p_offset);
	if (p->p_vaddr < *last)
		return no(out, "has overlapping or unsorted segments at address 0x%lx", p->p_vaddr);
	*last = end;
	return 0;
}

int elfcheck(const uint8_t *head, size_t len, uint64_t size, struct elfcheck *out)
{
	Elf64_Ehdr e;
	*out = (struct elfcheck){0};
	if (len >= 2 && head[0] == '#' && head[1] == '!')
		return script(head, len, out);
	if (len < SELFMAG || memcmp(head, ELFMAG, SELFMAG))
		return no(out, size ? "is not an executable (neither ELF nor a script)" : "is empty");
	if (len < sizeof(e))
		return no(out, "is truncated: %zu bytes are no ELF header", len);
	memcpy(&e, head, sizeof(e));
	if (e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_machine != ARCH_ELF_MACHINE)
		return no(out, "is for %s; this machine runs " ARCH_NAME, machine_name(e.e_machine));
	if (e.e_type != ET_EXEC && e.e_type != ET_DYN)
		return no(out, "is an ELF file, but no executable");
	if (e.e_phentsize != sizeof(Elf64_Phdr) || !e.e_phnum || e.e_phnum > 512)
		return no(out, "has absurd program headers: %u of %u bytes", e.e_phnum, e.e_phentsize);
	uint64_t end = (uint64_t)e.e_phnum * sizeof(Elf64_Phdr), last = 0;
	if (add_overflow(e.e_phoff, end, &end) || end > size)
		return no(out, "is truncated: program headers lie past its end");
	if (end > len)
		return 0; // further back than is looked at here
	bool loads = false;
	for (unsigned i = 0; i < e.e_phnum; i++) {
		Elf64_Phdr p;
		memcpy(&p, head + e.e_phoff + i * sizeof(p), sizeof(p));
		loads |= p.p_type == PT_LOAD;
		if (segment(&p, size, &last, out))
			return -ENOEXEC;
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_filesz < 2 || p.p_filesz > sizeof(out->interpreter))
			return no(out, "has an absurd interpreter path");
		if (p.p_offset + p.p_filesz <= len) {
			memcpy(out->interpreter, head + p.p_offset, p.p_filesz);
			if (out->interpreter[p.p_filesz - 1])
				return no(out, "has an absurd interpreter path");
		}
	}
	return loads ? 0 : no(out, "has nothing to load");
}

int elfcheck_file(int fd, struct elfcheck *out)
{
	static uint8_t head[HEAD_SIZE];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	off_t size = lseek(fd, 0, SEEK_END);
	if (n < 0 || size < 0) {
		*out = (struct elfcheck){0};
		return no(out, "cannot be read: %s", strerror(errno));
	}
	return elfcheck(head, (size_t)n, (uint64_t)size, out);
}
