// SPDX-License-Identifier: MIT
//
// Code that the program makes and changes while it makes system calls: writable and executable at once, in turn by
// mprotect, through another mapping, replaced by munmap and mmap, moved by mremap, thrown away by madvise, read from a
// file. What runs is always what was written last, and what is read is what was written.
#include "test.h"

#define CALLS 1000
#define RX (PROT_READ | PROT_EXEC)
#define RW (PROT_READ | PROT_WRITE)

static const int numbers[] = { SYS_getpid, SYS_getuid, SYS_getppid, SYS_gettid, SYS_getpgrp, 100000 };

static long result_of(int number)
{
	switch (number) {
	case SYS_getpid:
	case SYS_gettid: // of the first thread
		return getpid();
	case SYS_getuid:
		return getuid();
	case SYS_getppid:
		return getppid();
	case SYS_getpgrp:
		return getpgrp();
	}
	return -ENOSYS;
}

// The shapes: where the number is, and what is around it. {9, 9, 9, 9} stands for the number.
static const struct shape {
	uint8_t size, number_at, code[20];
} shapes[] = {
	{ 8, 1, { 0xb8, 9, 9, 9, 9, 0x0f, 0x05, 0xc3 } },
	{ 10, 3, { 0x48, 0xc7, 0xc0, 9, 9, 9, 9, 0x0f, 0x05, 0xc3 } },
	{ 11, 2, { 0x41, 0xb8, 9, 9, 9, 9, 0x44, 0x89, 0xc0, 0x0f, 0x05 } }, // then a ret in the next byte
	{ 10, 3, { 0x31, 0xc0, 0x05, 9, 9, 9, 9, 0x0f, 0x05, 0xc3 } },
	// The same behind a call of what follows: the return address tells where the function begins.
	{ 14, 7, { 0xe8, 1, 0, 0, 0, 0xc3, 0xb8, 9, 9, 9, 9, 0x0f, 0x05, 0xc3 } },
	{ 16, 9, { 0xe8, 1, 0, 0, 0, 0xc3, 0x48, 0xc7, 0xc0, 9, 9, 9, 9, 0x0f, 0x05, 0xc3 } },
	{ 17, 8, { 0xe8, 1, 0, 0, 0, 0xc3, 0x41, 0xb8, 9, 9, 9, 9, 0x44, 0x89, 0xc0, 0x0f, 0x05 } },
	{ 15, 7, { 0xe8, 1, 0, 0, 0, 0xc3, 0xba, 9, 9, 9, 9, 0x89, 0xd0, 0x0f, 0x05 } },
};
#define SHAPES 8

static void put(uint8_t *at, const struct shape *s, int number)
{
	memcpy(at, s->code, s->size);
	at[s->size] = 0xc3;
	memcpy(at + s->number_at, &number, 4);
}
static bool holds(const uint8_t *at, const struct shape *s, int number)
{
	uint8_t want[24];
	put(want, s, number);
	return !memcmp(at, want, s->size + 1);
}
static void run(const uint8_t *at, int number)
{
	long (*f)(void) = (long (*)(void))(uintptr_t)at, want = result_of(number), wrong = 0;
	for (int i = 0; i < CALLS; i++)
		wrong += f() != want;
	CHECK_EQ(wrong, 0);
}
static uint32_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 1;
	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + p[i];
	return sum;
}

// Only the number's bytes are written, so that a changed opcode would be noticed.
static void renumber(uint8_t *at, const struct shape *s, int number)
{
	memcpy(at + s->number_at, &number, 4);
}

static void writable_code(const struct shape *s)
{
	uint8_t *page = map_anon(PAGE, RW | PROT_EXEC);
	put(page + 61, s, numbers[0]);
	for (int i = 0; i < 12; i++) {
		int number = numbers[i % 6];
		renumber(page + 61, s, number);
		uint32_t before = checksum(page, PAGE);
		run(page + 61, number);
		CHECK_EQ(checksum(page, PAGE), before);
	}
	munmap(page, PAGE);
}

static void toggled_code(const struct shape *s)
{
	uint8_t *page = map_anon(2 * PAGE, RW), *at = page + PAGE - 3; // across two pages
	put(at, s, numbers[0]);
	for (int i = 0; i < 12; i++) {
		int number = numbers[i % 6];
		renumber(at, s, number);
		NEED(mprotect(page, 2 * PAGE, i % 3 ? RX : PROT_EXEC) == 0);
		run(at, number);
		NEED(mprotect(page, 2 * PAGE, RW | PROT_EXEC) == 0);
		CHECK(holds(at, s, number));
		run(at, number);
		NEED(mprotect(page, 2 * PAGE, RW) == 0);
		CHECK(holds(at, s, number));
	}
	// One of the two pages becomes writable: the site may be changed through it alone.
	renumber(at, s, numbers[0]);
	NEED(mprotect(page, 2 * PAGE, RX) == 0);
	run(at, numbers[0]);
	NEED(mprotect(page + PAGE, PAGE, RW) == 0);
	uint8_t want[24];
	int number = numbers[1];
	put(want, s, numbers[0]);
	CHECK(!memcmp(page + PAGE, want + 3, s->size - 2));
	NEED(mprotect(page, PAGE, RW) == 0);
	renumber(at, s, number);
	NEED(mprotect(page, 2 * PAGE, RX) == 0);
	run(at, number);
	munmap(page, 2 * PAGE);
}

static void two_views(const struct shape *s)
{
	int fd = memfd_create("code", 0);
	NEED(fd >= 0 && ftruncate(fd, PAGE) == 0);
	uint8_t *w = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), *x = mmap(NULL, PAGE, RX, MAP_SHARED, fd, 0);
	NEED(w != MAP_FAILED && x != MAP_FAILED);
	put(w + 100, s, numbers[0]);
	for (int i = 0; i < 12; i++) {
		uint8_t text[24];
		int number = numbers[i % 6];
		renumber(w + 100, s, number);
		run(x + 100, number);
		CHECK(holds(w + 100, s, number));
		CHECK(pread(fd, text, s->size + 1, 100) == s->size + 1 && holds(text, s, number));
	}
	int number = numbers[2]; // written by the call itself, not by an instruction
	CHECK_EQ(pwrite(fd, &number, 4, 100 + s->number_at), 4);
	run(x + 100, number);
	munmap(w, PAGE);
	munmap(x, PAGE);
	close(fd);
}

static void replaced_code(const struct shape *s)
{
	uint8_t *page = map_anon(PAGE, RW);
	for (int i = 0; i < 12; i++) {
		int number = numbers[i % 6];
		put(page + 8 * (i % 5), s, number);
		NEED(mprotect(page, PAGE, RX) == 0);
		run(page + 8 * (i % 5), number);
		if (i % 2)
			NEED(munmap(page, PAGE) == 0);
		NEED(mmap(page, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
		CHECK_EQ(checksum(page, 64), checksum((uint8_t[64]){ 0 }, 64));
	}
	munmap(page, PAGE);
}

static void moved_code(const struct shape *s)
{
	uint8_t *old = map_anon(PAGE, RW), *new = map_anon(1 << 20, PROT_NONE) + (1 << 19);
	put(old + 20, s, numbers[0]);
	NEED(mprotect(old, PAGE, RX) == 0);
	for (int i = 0; i < 8; i++) {
		run(old + 20, numbers[0]);
		NEED(mremap(old, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, new) == new);
		run(new + 20, numbers[0]);
		uint8_t *swap = old;
		old = new;
		new = swap;
	}
	NEED(mprotect(old, PAGE, RW) == 0);
	CHECK(holds(old + 20, s, numbers[0]));
	munmap(old, PAGE);
}

static void discarded_code(const struct shape *s)
{
	int fd = memfd_create("code", 0);
	uint8_t text[24];
	put(text, s, numbers[1]);
	NEED(fd >= 0 && ftruncate(fd, PAGE) == 0 && pwrite(fd, text, sizeof text, 0) == sizeof text);
	uint8_t *p = mmap(NULL, PAGE, RX, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	for (int i = 0; i < 8; i++) {
		run(p, numbers[1]);
		CHECK_EQ(madvise(p, PAGE, MADV_DONTNEED), 0);
		CHECK(pread(fd, text, sizeof text, 0) == sizeof text && holds(text, s, numbers[1]));
	}
	NEED(mprotect(p, PAGE, RW | PROT_EXEC) == 0);
	for (int i = 0; i < 6; i++) { // the kernel writes the new code
		put(text, s, numbers[i]);
		CHECK_EQ(pwrite(fd, text, sizeof text, 0), sizeof text);
		CHECK_EQ(pread(fd, p, sizeof text, 0), sizeof text);
		run(p, numbers[i]);
		CHECK(holds(p, s, numbers[i]));
	}
	munmap(p, PAGE);
	close(fd);
}

int main(void)
{
	for (int i = 0; i < SHAPES; i++) {
		writable_code(&shapes[i]);
		toggled_code(&shapes[i]);
		two_views(&shapes[i]);
		replaced_code(&shapes[i]);
		moved_code(&shapes[i]);
		discarded_code(&shapes[i]);
	}
	return test_end();
}
