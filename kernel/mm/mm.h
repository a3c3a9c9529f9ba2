// SPDX-License-Identifier: MIT
//
// Address spaces: VMAs, demand paging, the mmap family. struct mm is an object; nothing here
// assumes there is only one. Everything runs under the kernel lock.
// Linux: mmap(2), mprotect(2), mremap(2), madvise(2), brk(2), mincore(2), msync(2), mlock(2).
#ifndef WHELK_MM_H
#define WHELK_MM_H

#include "base/api.h"
#include "base/list.h"
#include "base/tree.h"
#include "base/util.h"

struct file;
struct inode;
struct text;

struct vma {
	struct tree_node node; // in mm->vmas, by start
	struct list inode_link; // in inode->mappings, when file != NULL
	struct mm *mm;
	uint64_t start, end;
	uint32_t prot;	 // PROT_*
	uint32_t flags;	 // VMA_*
	struct file *file; // one reference, or NULL: anonymous
	uint64_t pgoff;	 // page offset of `start` in the file (or shared object)
	const char *name; // static text for /proc/self/maps: "[heap]", "[stack]", "[vdso]", ... or NULL
	uint64_t fault_hint; // end of the last fault-around: sequential faults map more at once
};

#define VMA_SHARED     (1u << 0)
#define VMA_GROWSDOWN  (1u << 1) // the main stack
#define VMA_NORESERVE  (1u << 2)
#define VMA_LOCKED     (1u << 3)
#define VMA_DONTFORK   (1u << 4)
#define VMA_WIPEONFORK (1u << 5)
#define VMA_NOHUGE     (1u << 6)
#define VMA_HUGE       (1u << 7)
#define VMA_SPECIAL    (1u << 8) // fixed physical pages (vDSO, clock page): never split, unmapped only whole
#define VMA_DONTDUMP   (1u << 9)
#define VMA_WROTE      (1u << 10)

enum mm_change {
	MM_UNMAPS,   // the pages go
	MM_EXPOSES,  // they move, or the program may write them from now on, or only read them
	MM_DESTROYS, // the address space goes: no thread is in it any more
};

struct mm {
	uint32_t refs;
	uint64_t root_phys;	 // page-table root
	struct tree vmas;
	uint64_t vma_count;
	uint64_t brk_start, brk_end; // heap: [brk_start, brk_end)
	uint64_t mmap_top;	     // mmap goes downwards from here
	uint64_t stack_top;
	uint64_t arg_start, arg_end, env_start, env_end, auxv[64]; // for procfs
	uint32_t auxv_words;
	uint64_t code_start, code_end, data_start, data_end;
	uint64_t mapped_pages, resident_pages, peak_resident_pages, locked_pages;
	bool lock_future, lock_on_fault; // mlockall(MCL_FUTURE), MCL_ONFAULT
	uint64_t vdso_base;
	struct file *exe;	     // one reference; /proc/self/exe
	struct patch *patch;	     // patch's own; NULL: no site was seen
	// Told before pages of [start, end) change behind the back of whoever wrote text there; NULL: nobody did. May
	// not sleep.
	void (*text_changes)(struct mm *mm, uint64_t start, uint64_t end, enum mm_change change);
};

API struct mm *mm_create(void); // empty address space with the kernel mapped, NULL when out of memory
API void mm_put(struct mm *mm SHARED);
API void mm_activate(struct mm *mm SHARED); // makes it current on this CPU
API struct mm *mm_current(void);	     // of the running thread's process

// mmap(2): `flags` are MAP_*, `off` in bytes. The address, or -errno.
API int64_t mm_map(struct mm *mm SHARED, uint64_t hint, uint64_t len, int prot, int flags, struct file *file SHARED,
		   uint64_t off);
API int mm_unmap(struct mm *mm SHARED, uint64_t addr, uint64_t len);
API int mm_protect(struct mm *mm SHARED, uint64_t addr, uint64_t len, int prot);
// Fixed physical pages (VMA_SPECIAL), e.g. vDSO and clock page; `name` is static.
API int mm_map_phys(struct mm *mm SHARED, uint64_t addr, uint64_t phys, uint64_t len, int prot,
		    const char *name IN(strlen));
// Overwrites bytes of one page of the program's code: private, executable, not writable, and mapped now. On the quiet:
// a CPU that executes there sees all of the old bytes or all of the new. 0, -EACCES: no such page, -ENOMEM.
API int mm_text_write(struct mm *mm SHARED, uint64_t addr, const void *bytes IN(len), size_t len);
// The same, but what is written is there only after mm_text_flush(), which shows all pages of an edit to all CPUs at once. Pages come in
// ascending order; nothing sleeps and no code is mapped or changed otherwise from the first edit to the flush. Begins as {0}.
struct text_edit {
	unsigned count;
	uint64_t at[16];
	struct page *copy[16]; // of the page there
};
API int mm_text_edit(struct mm *mm SHARED, struct text_edit *edit, uint64_t addr, const void *bytes IN(len), size_t len);
API void mm_text_flush(struct mm *mm SHARED, struct text_edit *edit);
// Are these the bytes there now, edits left aside? What is not mapped is not these. Does not sleep.
API bool mm_text_is(struct mm *mm SHARED, uint64_t addr, const void *bytes IN(len), size_t len);
// A free address for `len` bytes in [lo, hi), not where the heap is to grow; 0: none.
API uint64_t mm_gap_between(struct mm *mm SHARED, uint64_t lo, uint64_t hi, uint64_t len);
// The same less than `reach` from `near`, below if possible, and not close by, where the program's own mappings come and go.
API uint64_t mm_gap_near(struct mm *mm SHARED, uint64_t near, uint64_t len, uint64_t reach);
// Maps the pages of [addr, addr+len) now, as a read (or write) fault would. Best effort.
API void mm_populate(struct mm *mm SHARED, uint64_t addr, uint64_t len, bool write);
// A random page-aligned free address for `len` bytes in [lo, hi), or 0.
API uint64_t mm_pick_random(struct mm *mm SHARED, uint64_t len, uint64_t align, uint64_t lo, uint64_t hi);
API struct vma *mm_find(struct mm *mm SHARED, uint64_t addr); // the first VMA with end > addr, or NULL

#define MM_FAULT_WRITE (1u << 0)
#define MM_FAULT_EXEC  (1u << 1)
#define MM_FAULT_PRESENT (1u << 2) // the page was mapped: a protection fault

// Resolves a fault of the program (or of the kernel on the program's memory). 0, or the signal to
// send (SIGSEGV, SIGBUS) with its si_code in *code. May sleep.
API int mm_fault(struct mm *mm SHARED, uint64_t addr, unsigned access, int *code OUT(1));

// The file shrank or pages must be refetched: unmaps [first, last] pages of inode everywhere.
// `private_too`: also private copies (truncate).
API void mm_unmap_inode(struct inode *inode SHARED, uint64_t first, uint64_t last, bool private_too);

// One line of /proc/PID/maps per VMA (smaps: with the details). Text goes to `t`.
API void mm_format_maps(struct mm *mm SHARED, struct text *t SHARED, bool smaps);

// An anonymous shared object (MAP_SHARED|MAP_ANONYMOUS, memfd) comes from tmpfs: tmpfs_create_anonymous().

void mm_init(void); // boot

#endif
