// SPDX-License-Identifier: MIT
//
// mprotect: splitting, the codes of faults, execution of written code, errors with what was done before them.
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)

static void check_access(char *p, bool r, bool w)
{
	CHECK_EQ(probe_read(p), r ? 0 : SIGSEGV);
	if (!r) {
		CHECK_EQ(fault_code, SEGV_ACCERR);
		CHECK(fault_addr == p);
	}
	CHECK_EQ(probe_write(p), w ? 0 : SIGSEGV);
	if (!w)
		CHECK_EQ(fault_code, SEGV_ACCERR);
}

int main(void)
{
	char *p = map_anon(8 * PAGE, RW);
	memset(p, 3, 8 * PAGE);
	CHECK_EQ(mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ), 0);
	CHECK_EQ(mprotect(p + 4 * PAGE, PAGE, PROT_NONE), 0);
	CHECK_EQ(mprotect(p + 5 * PAGE, 10, PROT_READ), 0); // whole pages
	const char *want = "wwrrnrww";
	for (int i = 0; i < 8; i++)
		check_access(p + i * PAGE + 5, want[i] != 'n', want[i] == 'w');
	CHECK_EQ(mprotect(p, 8 * PAGE, RW), 0);
	for (int i = 0; i < 8; i++) {
		check_access(p + i * PAGE, true, true);
		CHECK_EQ(p[i * PAGE + 9], 3);
	}

	// Written, then executed, then written again.
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; // mov $42, %eax; ret
	memcpy(p, code, sizeof code);
	int (*f)(void) = (int (*)(void))(void *)p;
	int sig = sigsetjmp(fault_jump, 1);
	set_handler(SIGSEGV, fault_handler, 0);
	if (!sig)
		f();
	CHECK_EQ(sig, SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK(fault_addr == p);
	signal(SIGSEGV, SIG_DFL);
	CHECK_EQ(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
	CHECK_EQ(f(), 42);
	check_access(p, true, false);
	CHECK_EQ(mprotect(p, PAGE, RW | PROT_EXEC), 0);
	((volatile char *)p)[1] = 43;
	CHECK_EQ(f(), 43);

	CHECK_ERR(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
	CHECK_ERR(mprotect(p, PAGE, 0x80), EINVAL);
	CHECK_EQ(mprotect(p, 0, PROT_READ), 0);
	CHECK_EQ(munmap(p + 4 * PAGE, PAGE), 0);
	CHECK_ERR(mprotect(p + 4 * PAGE, PAGE, PROT_READ), ENOMEM);
	// What lies before a hole is changed all the same.
	CHECK_ERR(mprotect(p + 2 * PAGE, 4 * PAGE, PROT_READ), ENOMEM);
	check_access(p + 3 * PAGE, true, false);
	check_access(p + 5 * PAGE, true, true);

	// A shared mapping of a file opened for reading can never be written.
	make_file("f", "text");
	int fd = open("f", O_RDONLY);
	char *s = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	NEED(s != MAP_FAILED);
	CHECK_ERR(mprotect(s, PAGE, RW), EACCES);
	CHECK_ERR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
	CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	int wr = open("f", O_WRONLY);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wr, 0), EACCES);

	// The kernel respects protections too.
	CHECK_EQ(mprotect(p, PAGE, PROT_READ), 0);
	int zero = open("/dev/zero", O_RDONLY);
	CHECK_ERR(read(zero, p, 10), EFAULT);
	CHECK_EQ(mprotect(p, PAGE, RW), 0);
	CHECK_EQ(read(zero, p, 10), 10);
	return test_end();
}
