// SPDX-License-Identifier: MIT
//
// The text of /proc/PID/maps and smaps: proc(5).
#include <asm/mman.h>

#include "base/format.h"
#include "mm/heap.h"
#include "mm/private.h"
#include "vfs/vfs.h"

#define PATH_SIZE 4096

static void head(struct text *t, struct vma *v, char *path)
{
	uint64_t dev = 0, ino = 0, off = v->file ? v->pgoff * PAGE_SIZE : 0;
	if (v->file) {
		dev = v->file->inode->super ? v->file->inode->super->dev : 0;
		ino = v->file->inode->ino;
	}
	char line[100];
	int n = format(line, sizeof(line), "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", v->start, v->end,
		       v->prot & PROT_READ ? 'r' : '-', v->prot & PROT_WRITE ? 'w' : '-',
		       v->prot & PROT_EXEC ? 'x' : '-', v->flags & VMA_SHARED ? 's' : 'p', off, (unsigned)(dev >> 8),
		       (unsigned)(dev & 0xff), ino);
	const char *name = v->name;
	if (!name && v->file && path && file_format_path(v->file, path, PATH_SIZE) >= 0)
		name = path;
	if (name)
		text_append(t, "%-*s%s\n", MAX(n, 73), line, name);
	else
		text_append(t, "%s\n", line);
}

struct usage {
	uint64_t rss, shared, dirty, huge, pss;
};

static void count(struct vma *v, struct usage *u)
{
	for (uint64_t at = v->start; at < v->end;) {
		pte_t *slot = pt_block(v->mm, at, false);
		if (!slot || !pte_present(*slot)) {
			at = ALIGN_DOWN(at, HUGE_SIZE) + HUGE_SIZE;
			continue;
		}
		uint64_t size = PAGE_SIZE;
		pte_t e = *slot;
		if (pte_block(e)) {
			size = HUGE_SIZE;
			u->huge += size;
		} else {
			e = *pt_entry(v->mm, at, false);
		}
		if (pte_present(e)) {
			uint32_t owners = e & PTE_SOFT0 ? 2 : page_from_phys(pte_phys(e))->refs;
			u->rss += size;
			u->pss += size / MAX(owners, 1u);
			u->shared += owners > 1 ? size : 0;
			u->dirty += pte_dirty(e) ? size : 0;
		}
		at += size;
	}
}

static void details(struct text *t, struct vma *v)
{
	struct usage u = {0};
	count(v, &u);
	uint64_t private = u.rss - u.shared, dirty_private = MIN(u.dirty, private),
		 dirty_shared = u.dirty - dirty_private;
	const struct {
		const char *name;
		uint64_t bytes;
	} row[] = {
		{"Size", v->end - v->start}, {"KernelPageSize", PAGE_SIZE}, {"MMUPageSize", PAGE_SIZE},
		{"Rss", u.rss}, {"Pss", u.pss}, {"Pss_Dirty", dirty_private},
		{"Shared_Clean", u.shared - MIN(u.shared, dirty_shared)}, {"Shared_Dirty", dirty_shared},
		{"Private_Clean", private - dirty_private}, {"Private_Dirty", dirty_private},
		{"Referenced", u.rss},
		{"Anonymous", v->file && v->flags & VMA_SHARED ? 0 : v->file ? dirty_private : u.rss},
		{"LazyFree", 0}, {"AnonHugePages", v->file ? 0 : u.huge}, {"ShmemPmdMapped", 0}, {"FilePmdMapped", 0},
		{"Shared_Hugetlb", 0}, {"Private_Hugetlb", 0}, {"Swap", 0}, {"SwapPss", 0},
		{"Locked", v->flags & VMA_LOCKED ? u.pss : 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char name[24];
		format(name, sizeof(name), "%s:", row[i].name);
		text_append(t, "%-16s%8lu kB\n", name, row[i].bytes / 1024);
	}
	text_append(t, "THPeligible:    %d\n", !v->file && !(v->flags & VMA_NOHUGE) && v->end - v->start >= HUGE_SIZE);
	text_append(t, "VmFlags:%s%s%s%s mr mw me%s%s%s%s%s%s \n", v->prot & PROT_READ ? " rd" : "",
		    v->prot & PROT_WRITE ? " wr" : "", v->prot & PROT_EXEC ? " ex" : "",
		    v->flags & VMA_SHARED ? " sh" : "", v->flags & VMA_GROWSDOWN ? " gd" : "",
		    v->flags & VMA_LOCKED ? " lo" : "", v->flags & VMA_DONTFORK ? " dc" : "",
		    v->flags & VMA_NORESERVE ? " nr" : "", v->flags & VMA_HUGE ? " hg" : "",
		    v->flags & VMA_NOHUGE ? " nh" : "");
}

void mm_format_maps(struct mm *mm, struct text *t, bool smaps)
{
	char *path = heap_alloc(PATH_SIZE);
	for (struct vma *v = mm_find(mm, 0); v; v = vma_next(v)) {
		head(t, v, path);
		if (smaps)
			details(t, v);
	}
	heap_free(path);
}
