// SPDX-License-Identifier: MIT
//
// x86-64 page tables, descriptor tables and nucleus groups. All guest pages are user-accessible but the
// nucleus's code, TSS, GDT and IDT. No page is writable through one mapping and executable through another:
// the direct map is never executable, and read-only where the kernel's text and read-only data lie.
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "monitor/private.h"

#define P_PRESENT 1ull
#define P_WRITE	  2ull
#define P_USER	  4ull
#define P_ACCESS  0x20ull
#define P_DIRTY	  0x40ull
#define P_BLOCK	  0x80ull
#define P_NX	  (1ull << 63)
#define P_ADDR	  0x000ffffffffff000ull

#define TABLE (P_PRESENT | P_WRITE | P_USER | P_ACCESS)
#define READ  (P_PRESENT | P_ACCESS)
#define RW    (READ | P_WRITE | P_DIRTY)

#define TSS_LIMIT 103

static uint64_t *table(struct machine *m, uint64_t gpa) { return (uint64_t *)(m->memory.ram + gpa); }

// The entry for `va` at `level` (0: 4 KiB), tables made on the way.
static uint64_t *entry(struct machine *m, uint64_t va, unsigned level)
{
	uint64_t *t = table(m, m->layout.root_gpa);
	for (unsigned l = 3; l > level; l--) {
		uint64_t *e = &t[va >> (12 + 9 * l) & 511];
		if (!*e) {
			uint64_t gpa = layout_take(m, PAGE_SIZE);
			if (!gpa)
				return NULL;
			*e = gpa | TABLE;
		}
		t = table(m, *e & P_ADDR);
	}
	return &t[va >> (12 + 9 * level) & 511];
}

static int map(struct machine *m, uint64_t va, uint64_t gpa, uint64_t len, uint64_t flags)
{
	uint64_t *e = NULL;
	for (uint64_t off = 0; off < len; off += PAGE_SIZE, e++) {
		if (!e || ((va + off) >> 12 & 511) == 0)
			e = entry(m, va + off, 0);
		if (!e)
			return -ENOMEM;
		*e = (gpa + off) | flags;
	}
	return 0;
}

static uint64_t segment_flags(const struct image_segment *s)
{
	return (s->write ? RW : READ) | P_USER | (s->exec ? 0 : P_NX);
}

static int map_kernel(struct machine *m)
{
	for (unsigned i = 0; i < m->image.segment_count; i++) {
		const struct image_segment *s = &m->image.segment[i];
		int err = map(m, m->layout.kernel_va + s->start, m->layout.kernel_gpa + s->start, s->end - s->start,
			      segment_flags(s));
		if (err)
			return err;
	}
	return 0;
}

static int map_direct(struct machine *m)
{
	const struct layout *l = &m->layout;
	uint64_t fine = ALIGN_UP(l->kernel_gpa + m->image.size, HUGE_SIZE);
	uint64_t *e = NULL;

	for (uint64_t gpa = fine; gpa < m->memory.ram_size; gpa += HUGE_SIZE, e++) {
		if (!e || (gpa >> HUGE_SHIFT & 511) == 0)
			e = entry(m, l->direct_va + gpa, 1);
		if (!e)
			return -ENOMEM;
		*e = gpa | RW | P_USER | P_NX | P_BLOCK;
	}
	int err = map(m, l->direct_va, 0, fine, RW | P_USER | P_NX);
	for (unsigned i = 0; !err && i < m->image.segment_count; i++) {
		const struct image_segment *s = &m->image.segment[i];
		uint64_t gpa = l->kernel_gpa + s->start;
		if (!s->write)
			err = map(m, l->direct_va + gpa, gpa, s->end - s->start, READ | P_USER | P_NX);
	}
	return err;
}

// --- nucleus groups --------------------------------------------------------------------------------------

static void set_gate(uint64_t *idt, unsigned n, uint64_t target, unsigned dpl, unsigned ist)
{
	idt[2 * n] = (target & 0xffff) | (uint64_t)ABI_CS_RING0 << 16 | (uint64_t)ist << 32 |
		     (0x8e00ull | dpl << 13) << 32 | (target >> 16 & 0xffff) << 48;
	idt[2 * n + 1] = target >> 32;
}

static void fill_idt(struct machine *m, uint64_t *idt, uint64_t group_va)
{
	const struct abi_image *h = &m->image.head;
	uint64_t base = group_va - h->nucleus_start;

	for (unsigned n = 0; n < 32; n++)
		set_gate(idt, n, base + h->stub[ABI_STUB_EXCEPTION] + n * ABI_STUB_STRIDE, n == 4 ? 3 : 0,
			 n == 2 || n == 8 || n == 18 ? 2 : 0);
	set_gate(idt, 3, base + h->stub[ABI_STUB_BREAKPOINT], 3, 0);
	set_gate(idt, ABI_VECTOR_INTERRUPT, base + h->stub[ABI_STUB_INTERRUPT], 0, 1);
}

static void fill_tss(uint8_t *page, uint64_t group_va)
{
	uint64_t *gdt = (uint64_t *)page;
	uint8_t *tss = page + 128;
	uint64_t tss_va = group_va + ABI_NUCLEUS_TSS * PAGE_SIZE + 128;
	const unsigned stack[3] = {ABI_NUCLEUS_EXCEPTION, ABI_NUCLEUS_INTERRUPT, ABI_NUCLEUS_FATAL};
	const unsigned offset[3] = {4, 36, 44}; // RSP0, IST1, IST2

	gdt[2] = 0x00af9b000000ffff; // 0x10 ring-0 code
	gdt[3] = 0x00cf93000000ffff; // 0x18 ring-0 data
	gdt[4] = 0x00cffb000000ffff; // 0x23 ring-3 code, 32 bits
	gdt[5] = 0x00cff3000000ffff; // 0x2b ring-3 data
	gdt[6] = 0x00affb000000ffff; // 0x33 ring-3 code
	gdt[8] = TSS_LIMIT | (tss_va & 0xffffff) << 16 | 0x8bull << 40 | (tss_va >> 24 & 0xff) << 56;
	gdt[9] = tss_va >> 32;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t top = group_va + (stack[i] + 1) * PAGE_SIZE;
		memcpy(tss + offset[i], &top, sizeof(top));
	}
	uint16_t iomap = TSS_LIMIT + 1; // no I/O bitmap
	memcpy(tss + 102, &iomap, sizeof(iomap));
}

static void fill_data(struct machine *m, struct abi_nucleus_data *d, uint64_t group_va)
{
	uint64_t top = group_va + (ABI_NUCLEUS_DATA + 1) * PAGE_SIZE;
	struct abi_iret frame = {.cs = ABI_CS_RING3, .rflags = 0x202, .rsp = top, .ss = ABI_SS_RING3};

	frame.rip = m->layout.kernel_va + m->image.head.upcall_exception;
	d->to_exception = frame;
	frame.rip = m->layout.kernel_va + m->image.head.upcall_interrupt;
	d->to_interrupt = frame;
	d->vector = 14;
}

static int build_group(struct machine *m, unsigned cpu)
{
	static const uint64_t flags[ABI_NUCLEUS_PAGES] = {
		[ABI_NUCLEUS_CODE] = READ,
		[ABI_NUCLEUS_DATA] = RW | P_USER | P_NX,
		[ABI_NUCLEUS_EXCEPTION] = RW | P_USER | P_NX,
		[ABI_NUCLEUS_INTERRUPT] = RW | P_USER | P_NX,
		[ABI_NUCLEUS_FATAL] = RW | P_USER | P_NX,
		[ABI_NUCLEUS_TSS] = RW | P_NX,
		[ABI_NUCLEUS_IDT] = READ | P_NX,
	};
	uint64_t va = m->layout.nucleus_va + (uint64_t)cpu * ABI_NUCLEUS_STRIDE;
	uint64_t gpa = layout_take(m, (ABI_NUCLEUS_PAGES - 1) * PAGE_SIZE);
	int err = gpa ? map(m, va, m->layout.kernel_gpa + m->image.head.nucleus_start, PAGE_SIZE, flags[0]) : -ENOMEM;

	for (unsigned i = 1; !err && i < ABI_NUCLEUS_PAGES; i++)
		err = map(m, va + i * PAGE_SIZE, gpa + (i - 1) * PAGE_SIZE, PAGE_SIZE, flags[i]);
	if (err)
		return err;
	uint8_t *page = m->memory.ram + gpa - PAGE_SIZE; // page[0] is the code, elsewhere
	fill_data(m, (void *)(page + ABI_NUCLEUS_DATA * PAGE_SIZE), va);
	fill_tss(page + ABI_NUCLEUS_TSS * PAGE_SIZE, va);
	fill_idt(m, (void *)(page + ABI_NUCLEUS_IDT * PAGE_SIZE), va);
	return 0;
}

int arch_build_tables(struct machine *m)
{
	m->layout.root_gpa = layout_take(m, PAGE_SIZE);
	int err = m->layout.root_gpa ? map_kernel(m) : -ENOMEM;
	if (!err)
		err = map_direct(m);
	for (unsigned i = 0; !err && i < m->cpu_count; i++)
		err = build_group(m, i);
	if (!err)
		err = map(m, m->layout.doorbell_va, ABI_GPA_DOORBELL, PAGE_SIZE, RW | P_USER | P_NX);
	return err ? machine_fail(m, err, "the guest has too little memory for its page tables") : 0;
}
