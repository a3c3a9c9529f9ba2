// SPDX-License-Identifier: MIT
//
// An ELF file for x86-64 as the tools see it: segments, symbols, relocations, where functions begin. The bytes are
// the caller's (a mapping, a buffer) and stay; nothing in them is believed: each offset, size and index is checked at
// the one accessor, elf_bytes() or elf_at(), and what is out of bounds is left out, never read.
#ifndef WHELK_TOOLS_ELF_H
#define WHELK_TOOLS_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lib/grow.h"

struct elf_segment {
	uint64_t start, end; // addresses in memory, end of the file's part
	uint64_t memory_end; // what is beyond `end` is zero
	uint64_t offset;     // of start in the file
	uint32_t flags;	     // PF_R, PF_W, PF_X
};

struct elf_symbol {
	uint64_t value, size;
	const char *name;	// never NULL; terminated inside the file
	uint8_t type, bind;	// STT_*, STB_*
	bool defined, exported; // exported: in .dynsym and visible to other modules
};

struct elf_reloc {
	uint64_t where;	 // address of the word
	uint32_t type;	 // R_X86_64_*
	uint32_t symbol; // index into dynsym, or UINT32_MAX
	uint64_t addend;
};

// Where a function begins; end is 0 when nothing says it.
struct elf_function {
	uint64_t start, end;
};

#define ELF_MAX_SEGMENTS 64

struct elf {
	const uint8_t *data;
	size_t size;
	uint16_t type; // ET_EXEC or ET_DYN
	uint64_t entry;
	struct elf_segment segment[ELF_MAX_SEGMENTS];
	unsigned segments;
	bool dynamic;
	const char *interpreter, *soname, *rpath, *runpath; // or NULL
	const char **needed;
	size_t needed_count;
	uint64_t init, fini;	      // 0: none
	struct elf_function array[3]; // DT_PREINIT_ARRAY, DT_INIT_ARRAY, DT_FINI_ARRAY: addresses of words
	struct elf_symbol *dynsym, *symtab;
	size_t dynsym_count, symtab_count;
	struct elf_reloc *reloc; // sorted by where
	size_t reloc_count;
	struct elf_function *frame; // from .eh_frame, and Go's table of functions: in no order
	size_t frame_count;
	bool is_go;
	uint64_t tag[64]; // the dynamic section's small tags
	uint64_t relr, relr_size, gnu_hash;
};

// 0, or -1 with a sentence's end ("is not an ELF file") in *why. What it allocated elf_free() frees, in both cases.
int elf_parse(struct elf *e, const uint8_t *data, size_t size, const char **why);
void elf_free(struct elf *e);

// `len` bytes of the file at `offset`, or NULL.
const void *elf_bytes(const struct elf *e, uint64_t offset, uint64_t len);
// `len` bytes of the file that are at `address` in memory, or NULL.
const void *elf_at(const struct elf *e, uint64_t address, uint64_t len);
// The segment that holds the byte at `address` in the file's part, or NULL.
const struct elf_segment *elf_segment(const struct elf *e, uint64_t address);
bool elf_is_code(const struct elf *e, uint64_t address);
// A word of the file at `address`; false if there is none.
bool elf_word(const struct elf *e, uint64_t address, uint64_t *word);
// The relocation of the word at `where`, or NULL.
const struct elf_reloc *elf_reloc_at(const struct elf *e, uint64_t where);
// A string of the file at `offset` that ends before `limit`, or NULL.
const char *elf_string(const struct elf *e, uint64_t offset, uint64_t limit);
// Section `name`: true and its place, when the file has section headers and it is there.
bool elf_section(const struct elf *e, const char *name, Elf64_Shdr *found);

// The parts of elf_parse.
void elf_read_symbols(struct elf *e);
void elf_read_relocs(struct elf *e);
void elf_read_frames(struct elf *e);
void elf_read_go(struct elf *e);
void elf_add_frame(struct elf *e, uint64_t start, uint64_t end);

#endif
