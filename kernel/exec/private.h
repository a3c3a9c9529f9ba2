// SPDX-License-Identifier: MIT
//
// What exec's files share.
#ifndef WHELK_EXEC_PRIVATE_H
#define WHELK_EXEC_PRIVATE_H

#include <linux/elf.h>

#include "exec/exec.h"
#include "mm/mm.h"
#include "vfs/vfs.h"

#define EXEC_STRING_MAX	 (128 << 10) // of one, with its NUL: Linux, MAX_ARG_STRLEN
#define EXEC_STRINGS_MAX (2u << 20) // of arguments and environment, as Linux with an 8 MiB stack
#define EXEC_PATH_MAX	 4096

// Arguments and environment in kernel memory: argc + envc NUL-terminated strings one after another.
struct exec_args {
	char *buf;
	size_t len, size;
	unsigned argc, envc;
};
int args_add(struct exec_args *a, const char *s, size_t len);	 // one more at the end; -E2BIG, -ENOMEM
int args_add_user(struct exec_args *a, const char *s);		 // from the program's memory
int args_prepend(struct exec_args *a, const char *s);		 // before argv[0]
void args_drop_first(struct exec_args *a);
void args_free(struct exec_args *a);

// An executable or interpreter, its headers checked.
struct elf {
	struct file *file; // one reference
	Elf64_Ehdr header;
	Elf64_Phdr *phdr;  // header.e_phnum of them
	uint64_t low, high; // page-aligned span of PT_LOADs, before the bias
	uint64_t align;
	uint64_t bias;	   // added to every address once mapped
	uint64_t brk;	   // end of the last segment, biased
};
int elf_read(struct file *file, struct elf *elf); // takes over the reference, also on failure; -ENOEXEC, -ENOMEM
int elf_interpreter(const struct elf *elf, char *path, size_t size); // length, 0: none; -ENOEXEC
// Maps the segments. `fixed` false: a random place (PIE), else e_type decides.
int elf_map(struct mm *mm, struct elf *elf, bool interpreter);
uint64_t elf_phdr_address(const struct elf *elf);
bool elf_executable_stack(const struct elf *elf);
void elf_free(struct elf *elf);

int exec_open(int dirfd, const char *path, int flags, struct file **out); // a program, to be read
// A part (sys/part.h): argv becomes interpreter, argument, script, rest, *path the interpreter. 1: it is a script, and
// *next its interpreter. `path` has EXEC_PATH_MAX bytes.
int exec_script(struct file *file, char *path, struct exec_args *args, struct file **next);

// The first stack of a program: strings, auxv, pointers. sp, or -errno.
int64_t stack_build(struct mm *mm, const struct exec_args *args, const char *execfn, const struct elf *elf,
		    const struct elf *interpreter);

#endif
