// SPDX-License-Identifier: MIT
//
// System calls from text that nothing may write to: shared and private mappings of a file, which stays as it is on disk
// and in other mappings; execute-only pages; a page that loses and regains its rights; the last bytes before unmapped
// memory; libraries that are loaded, used and unloaded.
// build: -ldl
#include "test.h"

#include <dlfcn.h>

#define CALLS 3000
#define RX (PROT_READ | PROT_EXEC)

static const uint8_t code[] = {
	0xb8, 39,   0,	  0,	0,    0x0f, 0x05, 0xc3,	    // mov $39, %eax; syscall; ret
	0x31, 0xc0, 0x05, 39,	0,    0,    0,	  0x0f, 0x05, 0xc3, // xor %eax, %eax; add $39, %eax; syscall; ret
};
#define SECOND 8 // where the second function is

static void run(const uint8_t *at)
{
	long (*first)(void) = (long (*)(void))(uintptr_t)at, (*second)(void) = (long (*)(void))(uintptr_t)(at + SECOND);
	long pid = getpid(), wrong = 0;
	for (int i = 0; i < CALLS; i++)
		wrong += (first() != pid) + (second() != pid);
	CHECK_EQ(wrong, 0);
}

static bool file_same(int fd, off_t at)
{
	uint8_t text[sizeof code];
	return pread(fd, text, sizeof text, at) == sizeof text && !memcmp(text, code, sizeof text);
}

static void in_file(int flags, off_t at, int other_flags)
{
	int fd = open("text", O_RDWR | O_CREAT | O_TRUNC, 0755), again;
	NEED(fd >= 0 && ftruncate(fd, 2 * PAGE) == 0 && pwrite(fd, code, sizeof code, at) == sizeof code);
	uint8_t *p = mmap(NULL, 2 * PAGE, RX, flags, fd, 0), *q = mmap(NULL, 2 * PAGE, PROT_READ, other_flags, fd, 0);
	NEED(p != MAP_FAILED && q != MAP_FAILED);
	run(p + at);
	CHECK(file_same(fd, at));
	CHECK(!memcmp(q + at, code, sizeof code));
	CHECK_EQ(msync(p, 2 * PAGE, MS_SYNC), 0);
	munmap(p, 2 * PAGE);
	CHECK(file_same(fd, at));
	again = open("text", O_RDONLY);
	CHECK(file_same(again, at));
	close(again);
	uint8_t *third = mmap(NULL, 2 * PAGE, RX, flags, fd, 0); // where the first was, perhaps
	NEED(third != MAP_FAILED);
	CHECK(!memcmp(third + at, code, sizeof code));
	run(third + at);
	NEED(pwrite(fd, "\146", 1, at + 1) == 1); // now 102, getuid: natively a shared mapping shows it at once
	if (flags & MAP_SHARED)
		CHECK_EQ(((long (*)(void))(uintptr_t)(third + at))(), getuid());
	munmap(third, 2 * PAGE);
	munmap(q, 2 * PAGE);
	close(fd);
}

static char *volatile fault_pc;
static volatile long fault_result;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault_pc = (char *)UC_PC((ucontext_t *)context);
	fault_result = UC_RESULT((ucontext_t *)context);
	fault_addr = info->si_addr;
	siglongjmp(fault_jump, sig);
}

static int try(const uint8_t *at)
{
	int sig = sigsetjmp(fault_jump, 1);
	if (!sig)
		((long (*)(void))(uintptr_t)at)();
	return sig;
}

static void rights(void)
{
	uint8_t *p = map_anon(PAGE, PROT_READ | PROT_WRITE);
	memcpy(p, code, sizeof code);
	for (int i = 0; i < 5; i++) {
		NEED(mprotect(p, PAGE, PROT_EXEC) == 0);
		run(p);
		NEED(mprotect(p, PAGE, PROT_NONE) == 0);
		CHECK_EQ(try(p), SIGSEGV);
		CHECK(fault_pc == (char *)p && fault_addr == p);
		NEED(mprotect(p, PAGE, PROT_READ) == 0);
		CHECK_EQ(try(p + SECOND), SIGSEGV);
		CHECK(fault_pc == (char *)p + SECOND);
		CHECK(!memcmp(p, code, sizeof code));
	}
	NEED(mprotect(p, PAGE, PROT_EXEC) == 0);
	run(p);
	munmap(p, PAGE);
	CHECK_EQ(try(p), SIGSEGV);
	CHECK(fault_pc == (char *)p);
}

// The call is made, and the fault comes behind it.
static void last_bytes(size_t size, size_t from)
{
	uint8_t *p = map_anon(2 * PAGE, PROT_READ | PROT_WRITE), *at = p + PAGE - size;
	memcpy(at, code + from, size);
	NEED(mprotect(p, PAGE, RX) == 0 && munmap(p + PAGE, PAGE) == 0);
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(try(at), SIGSEGV);
		CHECK(fault_pc == (char *)p + PAGE && fault_addr == p + PAGE && fault_result == getpid());
	}
	munmap(p, PAGE);
}

// A second C library: dlmopen makes a new copy each time, often where the last one was.
static void libraries(void)
{
	for (int i = 0; i < 4; i++) {
		void *lib = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
		NEED(lib != NULL);
		pid_t (*f)(void) = (pid_t(*)(void))(uintptr_t)dlsym(lib, "getppid");
		pid_t (*g)(void) = (pid_t(*)(void))(uintptr_t)dlsym(lib, "getpgrp");
		NEED(f && g);
		CHECK(f != getppid);
		for (int k = 0; k < CALLS; k++) {
			CHECK_EQ(f(), getppid());
			CHECK_EQ(g(), getpgrp());
		}
		CHECK_EQ(dlclose(lib), 0);
	}
}

int main(void)
{
	set_handler(SIGSEGV, on_fault, 0);
	in_file(MAP_SHARED, 0, MAP_PRIVATE);
	in_file(MAP_SHARED, PAGE - 3, MAP_SHARED);
	in_file(MAP_PRIVATE, 0, MAP_PRIVATE);
	in_file(MAP_PRIVATE, PAGE - 10, MAP_SHARED);
	rights();
	last_bytes(7, 0);
	last_bytes(9, SECOND);
	libraries();
	return test_end();
}
