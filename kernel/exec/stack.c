// SPDX-License-Identifier: MIT
//
// The stack a program starts with, as Linux lays it out (fs/binfmt_elf.c, create_elf_tables; System V
// ABI, "Process Initialization"): from the top down a null word, the executable's name, environment
// and argument strings, platform, random bytes; then auxv, envp, argv, argc at the 16-byte aligned sp.
#include <asm/mman.h>
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "abi/auxv.h"
#include "arch/code.h"
#include "base/string.h"
#include "devfs/random.h"
#include "exec/private.h"
#include "mm/heap.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sys/trace.h"

#define STACK_MAX   (64ull << 20) // even where the limit says infinity: a fixed mapping, touched on demand
#define STACK_MIN   (128ull << 10)
#define FRAME_MIN   (3632)	  // AT_MINSIGSTKSZ: AVX-512 signal frame; arch_signal_push never needs more
#define VDSO_PAGES  ALIGN_UP((uint64_t)(arch_vdso_end - arch_vdso_start), PAGE_SIZE)

// Tells the vDSO where it may call the kernel by a jump: the word right behind its program headers (vdso.c).
static void tell_entry(void)
{
	const struct elf64_hdr *h = (const struct elf64_hdr *)arch_vdso_start;
	uint64_t at = ALIGN_UP(h->e_phoff + (uint64_t)h->e_phnum * h->e_phentsize, sizeof(uint64_t));
	if (plat_boot()->syscalls == ABI_SYSCALLS_PATCH)
		*(uint64_t *)(arch_vdso_start + at) = (uint64_t)call_entry;
}

static int map_vdso(struct mm *mm)
{
	const struct abi_boot *boot = plat_boot();
	uint64_t len = PAGE_SIZE + VDSO_PAGES;
	uint64_t at = mm_pick_random(mm, len, PAGE_SIZE, ABI_VA_RANDOM_MIN, ABI_VA_USER_END);
	if (!at)
		return -ENOMEM;
	uint64_t phys = boot->kernel_gpa + ((uint64_t)arch_vdso_start - boot->kernel_va);
	int err = mm_map_phys(mm, at, plat_clock_gpa(), PAGE_SIZE, PROT_READ, "[vvar]");
	if (!err)
		err = mm_map_phys(mm, at + PAGE_SIZE, phys, VDSO_PAGES, PROT_READ | PROT_EXEC, "[vdso]");
	tell_entry();
	mm->vdso_base = err ? 0 : at + PAGE_SIZE;
	return err;
}

static int map_stack(struct mm *mm, bool executable)
{
	uint64_t size = ALIGN_DOWN(MIN(process_limit(RLIMIT_STACK), STACK_MAX), PAGE_SIZE);
	size = MAX(size, STACK_MIN);
	uint64_t at = mm_pick_random(mm, size, PAGE_SIZE, ABI_VA_RANDOM_MIN, ABI_VA_USER_END);
	if (!at)
		return -ENOMEM;
	int prot = PROT_READ | PROT_WRITE | (executable ? PROT_EXEC : 0);
	int64_t got = mm_map(mm, at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE | MAP_STACK,
			     NULL, 0);
	if (got < 0)
		return (int)got;
	struct vma *vma = mm_find(mm, at);
	vma->name = "[stack]";
	// Linux moves the top by up to 16 bytes * 2^9 more; the page-aligned top alone would not vary below a page.
	mm->stack_top = at + size - (random_u64() & 0x1ff0);
	mm_populate(mm, at + size - 8 * PAGE_SIZE, 8 * PAGE_SIZE, true);
	return 0;
}

static uint64_t push(uint64_t *sp, const void *src, size_t len, int *err)
{
	*sp -= len;
	if (user_write((void *)*sp, src, len))
		*err = -EFAULT;
	return *sp;
}

struct auxv {
	uint64_t word[64];
	unsigned count;
};

static void aux(struct auxv *a, uint64_t type, uint64_t value)
{
	a->word[a->count++] = type;
	a->word[a->count++] = value;
}

static void fill_auxv(struct auxv *a, const struct mm *mm, const struct elf *elf, const struct elf *interpreter,
		      uint64_t random_at, uint64_t platform_at, uint64_t execfn_at)
{
	const struct abi_boot *boot = plat_boot();
	const struct credentials *c = &process_current()->cred;
	if (mm->vdso_base)
		aux(a, AT_SYSINFO_EHDR, mm->vdso_base);
	aux(a, AT_HWCAP, boot->hwcap);
	aux(a, AT_PAGESZ, PAGE_SIZE);
	aux(a, AT_CLKTCK, 100);
	aux(a, AT_PHDR, elf_phdr_address(elf));
	aux(a, AT_PHENT, sizeof(Elf64_Phdr));
	aux(a, AT_PHNUM, elf->header.e_phnum);
	aux(a, AT_BASE, interpreter ? interpreter->bias + interpreter->low : 0);
	aux(a, AT_FLAGS, 0);
	aux(a, AT_ENTRY, elf->header.e_entry + elf->bias);
	aux(a, AT_UID, c->uid);
	aux(a, AT_EUID, c->euid);
	aux(a, AT_GID, c->gid);
	aux(a, AT_EGID, c->egid);
	aux(a, AT_SECURE, 0);
	aux(a, AT_RANDOM, random_at);
	aux(a, AT_HWCAP2, boot->hwcap2);
	aux(a, AT_EXECFN, execfn_at);
	aux(a, AT_PLATFORM, platform_at);
	aux(a, 51 /* AT_MINSIGSTKSZ */, MAX((uint64_t)FRAME_MIN, (uint64_t)boot->xsave_size + 1024));
	if (boot->syscalls == ABI_SYSCALLS_PATCH) {
		aux(a, AT_WHELK_CALL, (uint64_t)call_entry);
		if (!trace_on) // the tracer shall see them all
			aux(a, AT_WHELK_WORDS, 1);
	}
	aux(a, AT_NULL, 0);
}

// argc, argv, 0, envp, 0, auxv as one array of words.
static int64_t push_vectors(uint64_t sp, const struct exec_args *args, uint64_t strings_at, const struct auxv *a)
{
	size_t words = 1 + args->argc + 1 + args->envc + 1 + a->count, n = 0;
	uint64_t *v = heap_alloc(words * sizeof(*v));
	if (!v)
		return -ENOMEM;
	v[n++] = args->argc;
	const char *s = args->buf;
	for (unsigned i = 0; i < args->argc + args->envc; i++) {
		if (i == args->argc)
			v[n++] = 0;
		v[n++] = strings_at + (uint64_t)(s - args->buf);
		s += strlen(s) + 1;
	}
	if (!args->envc)
		v[n++] = 0;
	v[n++] = 0;
	memcpy(&v[n], a->word, a->count * sizeof(*v));
	sp = ALIGN_DOWN(sp - words * sizeof(*v), 16);
	int err = user_write((void *)sp, v, words * sizeof(*v));
	heap_free(v);
	return err ? err : (int64_t)sp;
}

int64_t stack_build(struct mm *mm, const struct exec_args *args, const char *execfn, const struct elf *elf,
		    const struct elf *interpreter)
{
	int err = map_stack(mm, elf_executable_stack(elf));
	if (!err)
		err = map_vdso(mm);
	if (err)
		return err;

	uint64_t sp = mm->stack_top, zero = 0, seed[2];
	push(&sp, &zero, sizeof(zero), &err);
	uint64_t execfn_at = push(&sp, execfn, strlen(execfn) + 1, &err);
	uint64_t strings_at = push(&sp, args->buf, args->len, &err);
	const char *s = args->buf;
	for (unsigned i = 0; i < args->argc; i++)
		s += strlen(s) + 1;
	mm->arg_start = strings_at;
	mm->arg_end = mm->env_start = strings_at + (uint64_t)(s - args->buf);
	mm->env_end = strings_at + args->len;
	uint64_t platform_at = push(&sp, arch_machine, strlen(arch_machine) + 1, &err);
	random_bytes(seed, sizeof(seed));
	sp = ALIGN_DOWN(sp, 16);
	uint64_t random_at = push(&sp, seed, sizeof(seed), &err);
	if (err)
		return err;

	struct auxv a = {.count = 0};
	fill_auxv(&a, mm, elf, interpreter, random_at, platform_at, execfn_at);
	memcpy(mm->auxv, a.word, sizeof(mm->auxv));
	mm->auxv_words = a.count;
	return push_vectors(sp, args, strings_at, &a);
}
