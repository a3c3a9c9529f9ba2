// SPDX-License-Identifier: MIT
//
// What the program finds at entry: argc, argv, environment and auxiliary vector, in that order on the stack.
// run: one two three
#include "test.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

extern char **environ;

static unsigned long aux(const Elf64_auxv_t *v, unsigned long type)
{
	for (; v->a_type != AT_NULL; v++)
		if (v->a_type == type)
			return v->a_un.a_val;
	return 0;
}

int main(int argc, char **argv)
{
	CHECK_EQ(argc, 4);
	CHECK(strstr(argv[0], "entry_stack"));
	for (int i = 1; i < argc; i++)
		printf("argv[%d] %s\n", i, argv[i]);
	CHECK(argv[argc] == NULL);
	CHECK_EQ(((long *)argv)[-1], argc);
	CHECK_EQ((uintptr_t)(argv - 1) % 16, 0);
	CHECK(environ == argv + argc + 1);
	CHECK(getenv("HOME") && !strcmp(getenv("HOME"), "/root"));
	CHECK(getenv("PATH") != NULL);

	char **e = environ;
	while (*e)
		e++;
	const Elf64_auxv_t *v = (const void *)(e + 1);
	CHECK_EQ(aux(v, AT_PAGESZ), PAGE);
	CHECK_EQ(aux(v, AT_PHENT), sizeof(Elf64_Phdr));
	CHECK_EQ(aux(v, AT_CLKTCK), 100);
	CHECK_EQ(aux(v, AT_UID), getuid());
	CHECK_EQ(aux(v, AT_EUID), geteuid());
	CHECK_EQ(aux(v, AT_GID), getgid());
	CHECK_EQ(aux(v, AT_EGID), getegid());
	CHECK_EQ(aux(v, AT_SECURE), 0);
	CHECK_EQ(aux(v, AT_FLAGS), 0);
	CHECK(aux(v, AT_BASE) != 0);
	CHECK(aux(v, AT_SYSINFO_EHDR) != 0);
	CHECK(aux(v, AT_HWCAP) != 0);
	const char *platform = (const char *)aux(v, AT_PLATFORM), *execfn = (const char *)aux(v, AT_EXECFN);
	CHECK(platform && !strcmp(platform, "x86_64"));
	CHECK(execfn && strstr(execfn, "entry_stack"));

	const unsigned char *random = (const void *)aux(v, AT_RANDOM);
	NEED(random);
	int ones = 0;
	for (int i = 0; i < 16; i++)
		ones += __builtin_popcount(random[i]);
	CHECK(ones > 20 && ones < 108); // 64 +- 7.8 standard deviations

	// The program headers are this program's, and its entry lies in one of them that is executable.
	const Elf64_Phdr *ph = (const void *)aux(v, AT_PHDR);
	unsigned long n = aux(v, AT_PHNUM), entry = aux(v, AT_ENTRY), base = 0;
	bool found = false, interp = false;
	NEED(ph && n > 0 && n < 64);
	for (unsigned long i = 0; i < n; i++)
		if (ph[i].p_type == PT_PHDR)
			base = (unsigned long)ph - ph[i].p_vaddr;
	for (unsigned long i = 0; i < n; i++) {
		interp |= ph[i].p_type == PT_INTERP;
		found |= ph[i].p_type == PT_LOAD && (ph[i].p_flags & PF_X) &&
			entry - base - ph[i].p_vaddr < ph[i].p_memsz;
	}
	CHECK(found);
	CHECK(interp);
	CHECK((unsigned long)main - base < 1ul << 20);
	// Strings lie above the vector, in the stack's mapping.
	CHECK(argv[0] > (char *)v && execfn > (char *)v);
	CHECK_EQ(getauxval(AT_PAGESZ), sysconf(_SC_PAGESIZE));
	return test_end();
}
