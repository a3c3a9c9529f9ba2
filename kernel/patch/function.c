// SPDX-License-Identifier: MIT
//
// Where a function begins and ends, by the unwind table of the module mapped there: PT_GNU_EH_FRAME, a sorted table of
// function starts that compilers make for nearly all code (Linux Standard Base 5, "Exception Frames"; System V ABI for
// x86-64, 4.2.3). It lies in the program's memory and is not trusted: every read is checked, and a lie costs the
// program its own sites.
//
// A static glibc program has the unwind information but no table of it: then the file's section headers tell where it
// lies, and it is read in order. Code without any (musl, Go) is asked another way: a word on the stack that
// points right behind a `call` is a return address, and what was called is the start of a function. A word may look
// like one and be none; then decoding from there hardly arrives at the site, and if it does it arrives in step: x86
// code falls back in step with itself after an instruction or two.
#define COMPONENT "patch"
#include <asm/mman.h>
#include <linux/elf.h>
#include <linux/errno.h>

#include "base/string.h"
#include "base/util.h"
#include "mm/uaccess.h"
#include "patch/private.h"
#include "proc/process.h"
#include "signal/signal.h"
#include "vfs/vfs.h"

#define DW_EH_PE_udata4	       0x03
#define DW_EH_PE_pcrel_sdata4  0x1b
#define DW_EH_PE_datarel_sdata4 0x3b
#define SEGMENTS_MAX 64
#define SECTIONS_MAX 128
#define FRAMES_MAX   (2u << 20) // bytes of unwind information to read from one end to the other
#define CIE_MAX	     48
#define STACK_WORDS  64
#define CALLER_REACH 4096u // bytes from the function's start to the site
#define PADDING_REACH 160u // a hop's, and the padding

struct header { // .eh_frame_hdr, as every linker writes it
	uint8_t version, frame_encoding, count_encoding, table_encoding;
	int32_t frame;
	uint32_t count;
};
struct row {
	int32_t start, fde; // relative to the header
};
struct fde {
	uint32_t length, cie; // cie: distance back from itself
	int32_t start;	      // relative to itself
	uint32_t size;
};

static const void *program(uint64_t addr) { return (const void *)addr; }

// The address of the module's first byte: the file's offset 0 mapped below `pc`.
static uint64_t module_start(struct mm *mm, uint64_t pc)
{
	struct vma *v = mm_find(mm, pc);
	const struct inode *inode = v && v->start <= pc && v->file ? v->file->inode : NULL;
	for (; inode && v && v->file && v->file->inode == inode; v = tree_prev_entry(v, struct vma, node))
		if (!v->pgoff)
			return v->start;
	return 0;
}

static uint64_t table_of(uint64_t module)
{
	struct elf64_hdr elf;
	if (user_get(elf, program(module)) || *(uint32_t *)elf.e_ident != 0x464c457f || elf.e_phnum > SEGMENTS_MAX ||
	    elf.e_phentsize != sizeof(struct elf64_phdr))
		return 0;
	uint64_t slide = 0, table = 0;
	bool loaded = false;
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		struct elf64_phdr ph;
		if (user_get(ph, program(module + elf.e_phoff + i * sizeof(ph))))
			return 0;
		if (ph.p_type == PT_LOAD && ph.p_offset < PAGE_SIZE) {
			slide = module - ALIGN_DOWN(ph.p_vaddr, PAGE_SIZE);
			loaded = true;
		} else if (ph.p_type == PT_GNU_EH_FRAME) {
			table = ph.p_vaddr;
		}
	}
	return loaded && table ? slide + table : 0;
}

static int read_row(uint64_t table, uint32_t i, struct row *row)
{
	return user_get(*row, program(table + sizeof(struct header) + i * sizeof(*row)));
}

static bool skip_leb(const uint8_t **p, const uint8_t *end)
{
	while (*p < end && **p & 0x80)
		++*p;
	return (*p)++ < end;
}

// Does the FDE's CIE say that addresses are distances of 32 bits? Others are possible and not seen. `signal`: it is of
// those that unwinders know as signal frames ('S').
static bool cie_is_plain(uint64_t cie, bool *signal)
{
	uint8_t bytes[CIE_MAX];
	int64_t n = user_read_some(bytes, program(cie), sizeof(bytes));
	const uint8_t *p = bytes + 8, *end = bytes + MAX(n, 0); // length, id
	if (n < 16 || (*p != 1 && *p != 3) || p[1] != 'z')
		return false;
	const uint8_t *augmentation = p + 2; // behind the z
	for (p += 2; p < end && *p; p++)
		;
	p++;
	// alignments, register, length
	if (!skip_leb(&p, end) || !skip_leb(&p, end) || !skip_leb(&p, end) || !skip_leb(&p, end))
		return false;
	bool plain = false;
	*signal = false;
	for (const uint8_t *a = augmentation; *a && p < end; a++) {
		switch (*a) {
		case 'R': plain = *p++ == DW_EH_PE_pcrel_sdata4; break;
		case 'L': p++; break;
		case 'S': *signal = true; break;
		case 'P': p += (*p & 7) == 0 || (*p & 7) == 4 ? 9 : 5; break;
		default: return false;
		}
	}
	return plain && p <= end;
}

// The function whose FDE lies at `at`. A signal handler's return is said to begin a byte too early, for the sake of
// unwinders that look up pc - 1.
static bool read_fde(uint64_t at, const struct fde *fde, uint64_t *start, uint64_t *end)
{
	bool signal;
	*start = at + offsetof(struct fde, start) + (uint64_t)(int64_t)fde->start;
	*end = *start + fde->size;
	if (!cie_is_plain(at + 4 - fde->cie, &signal))
		return false;
	if (signal)
		*start = code_signal_return(*start);
	return *start;
}

// The function a row names. The FDE must tell the same start as the table.
static bool read_function(uint64_t table, const struct row *row, uint64_t *start, uint64_t *end)
{
	struct fde fde;
	uint64_t at = table + (uint64_t)(int64_t)row->fde;
	return !user_get(fde, program(at)) && fde.length != 0xffffffff && fde.cie &&
	       at + offsetof(struct fde, start) + (uint64_t)(int64_t)fde.start ==
		       table + (uint64_t)(int64_t)row->start &&
	       read_fde(at, &fde, start, end);
}

// Where the section .eh_frame of the module lies, which is a program without a table of it. Sets what *p says of frames.
static void find_frames(struct mm *mm, struct patch *p, uint64_t pc, uint64_t module)
{
	struct elf64_hdr elf;
	struct elf64_shdr names, sh;
	char name[sizeof(".eh_frame")];
	const struct vma *v = mm_find(mm, pc);
	struct file *f = v && v->start <= pc ? v->file : NULL;
	bool alone = true;
	p->frames_of = module;
	p->frames = p->frames_size = p->frame = 0;
	p->never_unwound = false;
	if (!f || user_get(elf, program(module)) || elf.e_type != ET_EXEC || elf.e_shentsize != sizeof(sh) ||
	    elf.e_shnum > SECTIONS_MAX)
		return;
	file_get(f); // reading may sleep
	if (file_read_kernel(f, &names, sizeof(names), (int64_t)(elf.e_shoff + elf.e_shstrndx * sizeof(sh))) !=
	    sizeof(names))
		goto out;
	for (unsigned i = 0; i < elf.e_shnum && !p->frames; i++) {
		if (file_read_kernel(f, &sh, sizeof(sh), (int64_t)(elf.e_shoff + i * sizeof(sh))) != sizeof(sh) ||
		    file_read_kernel(f, name, sizeof(name), (int64_t)(names.sh_offset + sh.sh_name)) <= 0)
			goto out;
		alone = alone && memcmp(name, ".interp", sizeof(".interp"));
		if (sh.sh_flags & SHF_ALLOC && sh.sh_addr && sh.sh_size <= FRAMES_MAX &&
		    !memcmp(name, ".eh_frame", sizeof(name))) {
			p->frames_size = sh.sh_size;
			p->frames = sh.sh_addr;
		}
	}
	p->never_unwound = alone && !p->frames && elf.e_shnum;
out:
	file_put(f);
}

// Unwinders know the return from a signal handler by its bytes, so those of a function without unwind information stay,
// unless there is none in all of the program: then no unwinder comes as far (Go has its own tables). That the function
// begins there the program has told with rt_sigaction(2).
static int find_signal_return(const struct patch *p, uint64_t pc, struct function *out)
{
	const struct signal_action *action = process_current()->sighand->action;
	*out = (struct function){.end = pc + SYSCALL_SIZE};
	for (unsigned i = 0; i < SIGNAL_COUNT && p->never_unwound; i++) {
		out->start = action[i].restorer;
		if (pc - out->start < WINDOW_MAX && code_signal_return(out->start - 1))
			return 0;
	}
	return -ENOENT;
}

// By reading on from where the last one was found, since the next is often near, and from the first on then.
static int find_in_frames(struct patch *p, uint64_t pc, struct function *out)
{
	uint8_t buf[512];
	uint64_t from = 0, have = 0, at = p->frame, next, stop = p->frames_size;
	struct fde fde;
	*out = (struct function){0};
	for (bool again = false; at < stop; at = next) {
		if (at < from || at + sizeof(fde) > from + have) {
			int64_t n = user_read_some(buf, program(p->frames + at), MIN(sizeof(buf), p->frames_size - at));
			from = at;
			have = (uint64_t)MAX(n, 0);
		}
		fde.length = 0;
		if (have >= at - from + sizeof(fde))
			memcpy(&fde, buf + (at - from), sizeof(fde));
		next = at + 4 + fde.length;
		if (!fde.length || fde.length == 0xffffffff || next >= p->frames_size) { // the last
			if (again)
				break;
			again = true;
			stop = p->frame;
			next = 0;
		}
		uint64_t start = p->frames + at + offsetof(struct fde, start) + (uint64_t)(int64_t)fde.start;
		if (!fde.length || !fde.cie || pc < start || pc >= start + fde.size)
			continue;
		p->frame = at;
		return read_fde(p->frames + at, &fde, &out->start, &out->end) && pc >= out->start ? 0 : -ENOENT;
	}
	return -ENOENT;
}

int function_find(struct mm *mm, uint64_t pc, struct function *out)
{
	struct header h;
	struct row row;
	uint64_t module = module_start(mm, pc), table = module ? table_of(module) : 0;
	if (module && !table) {
		struct patch *p = mm->patch;
		if (p->frames_of != module)
			find_frames(mm, p, pc, module);
		return p->frames ? find_in_frames(p, pc, out) : find_signal_return(p, pc, out);
	}
	if (!table || user_get(h, program(table)) || h.version != 1 || h.count_encoding != DW_EH_PE_udata4 ||
	    h.table_encoding != DW_EH_PE_datarel_sdata4 || !h.count)
		return -ENOENT;
	uint32_t low = 0, high = h.count; // the last row that starts at or before pc
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (read_row(table, middle, &row))
			return -ENOENT;
		if (table + (int64_t)row.start <= pc)
			low = middle;
		else
			high = middle;
	}
	*out = (struct function){0};
	if (read_row(table, low, &row) || !read_function(table, &row, &out->start, &out->end) || pc < out->start ||
	    pc >= out->end)
		return -ENOENT;
	if (low > 0 && !read_row(table, low - 1, &row) &&
	    !read_function(table, &row, &out->before_start, &out->before_end))
		out->before_end = 0;
	if (low + 1 < h.count && !read_row(table, low + 1, &row))
		out->after = table + (int64_t)row.start;
	return 0;
}

static bool is_code(struct mm *mm, uint64_t va)
{
	const struct vma *v = user_range_ok(va, 1) ? mm_find(mm, va) : NULL;
	return v && v->start <= va && v->prot & PROT_EXEC;
}

int function_from_stack(struct mm *mm, uint64_t sp, uint64_t pc, struct function *out)
{
	uint64_t words[STACK_WORDS], best = 0, target;
	const struct vma *v = mm_find(mm, pc);
	if (!v || v->start > pc)
		return -ENOENT;
	uint64_t start = v->start, end = v->end; // reading may sleep, and v be gone
	int64_t n = user_read_some(words, program(sp), sizeof(words));
	for (int64_t i = 0; i < n / 8; i++)
		if (is_code(mm, words[i]) && code_call_target(words[i], &target) && target >= start && target <= pc &&
		    target > best)
			best = target;
	if (!best || pc - best > CALLER_REACH)
		return -ENOENT;
	*out = (struct function){.start = best, .end = pc + SYSCALL_SIZE, .after = MIN(pc + PADDING_REACH, end)};
	return 0;
}
