// SPDX-License-Identifier: MIT
//
// mremap: in place, moved, MREMAP_FIXED, MREMAP_DONTUNMAP, a part of a mapping, files, errors.
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)

static void fill(char *p, int pages)
{
	for (int i = 0; i < pages; i++)
		p[i * PAGE] = p[i * PAGE + PAGE - 1] = (char)(i + 1);
}
static bool filled(const char *p, int from, int to)
{
	for (int i = from; i < to; i++)
		if (p[(i - from) * PAGE] != (char)(i + 1) || p[(i - from) * PAGE + PAGE - 1] != (char)(i + 1))
			return false;
	return true;
}

int main(void)
{
	// Shrink, then grow again in place: the pages are new.
	char *p = map_anon(16 * PAGE, RW);
	fill(p, 16);
	CHECK(mremap(p, 16 * PAGE, 8 * PAGE, 0) == p);
	CHECK(filled(p, 0, 8));
	CHECK_EQ(probe_read(p + 8 * PAGE), SIGSEGV);
	CHECK(mremap(p, 8 * PAGE, 12 * PAGE, 0) == p);
	CHECK(filled(p, 0, 8));
	CHECK_EQ(p[8 * PAGE], 0);

	// No room behind it: ENOMEM without MAYMOVE, moved with it.
	CHECK(mmap(p + 12 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 12 * PAGE);
	CHECK_EQ(mprotect(p + 12 * PAGE, PAGE, PROT_READ), 0);
	CHECK_ERR(mremap(p, 12 * PAGE, 13 * PAGE, 0), ENOMEM);
	char *q = mremap(p, 12 * PAGE, 1024 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	CHECK(filled(q, 0, 8));
	CHECK_EQ(q[1024 * PAGE - 1], 0);
	CHECK_EQ(probe_read(p), SIGSEGV);
	CHECK_EQ(probe_read(p + 12 * PAGE), 0);
	CHECK_EQ(munmap(p + 12 * PAGE, PAGE), 0);

	// A part from the middle goes to a fixed place, over what is there.
	char *room = map_anon(8 * PAGE, RW);
	memset(room, 99, 8 * PAGE);
	CHECK(mremap(q + 2 * PAGE, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + PAGE) == room + PAGE);
	CHECK(filled(room + PAGE, 2, 5));
	CHECK_EQ(room[0], 99);
	CHECK_EQ(room[4 * PAGE], 99);
	CHECK_EQ(probe_read(q + 2 * PAGE), SIGSEGV);
	CHECK_EQ(probe_read(q + 5 * PAGE - 1), SIGSEGV);
	CHECK(filled(q, 0, 2));
	CHECK(filled(q + 5 * PAGE, 5, 8));

	CHECK_ERR(mremap(room, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + PAGE), EINVAL); // overlap
	// needs MAYMOVE
	CHECK_ERR(mremap(room, PAGE, PAGE, MREMAP_FIXED, room + 5 * PAGE), EINVAL);
	CHECK_ERR(mremap(room, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 5 * PAGE + 1), EINVAL);
	CHECK_ERR(mremap(room + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERR(mremap(room, PAGE, 0, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERR(mremap(room, PAGE, PAGE, 0x100), EINVAL);
	CHECK_ERR(mremap(q + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT); // a hole

	// MREMAP_DONTUNMAP leaves an empty mapping behind.
	fill(room, 8);
	char *moved = mremap(room, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (moved == MAP_FAILED) { // room consists of several mappings now: one of them at a time
		char *fresh = map_anon(8 * PAGE, RW);
		fill(fresh, 8);
		room = fresh;
		moved = mremap(room, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	}
	NEED(moved != MAP_FAILED && moved != room);
	CHECK(filled(moved, 0, 8));
	CHECK_EQ(room[3 * PAGE], 0);
	CHECK_ERR(mremap(room, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
	// Of a part of one, which is one mapping with the rest afterwards as before.
	char *whole = map_anon(8 * PAGE, RW);
	fill(whole, 8);
	moved = mremap(whole + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	NEED(moved != MAP_FAILED);
	CHECK(filled(moved, 2, 2));
	moved = mremap(whole, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
	NEED(moved != MAP_FAILED);
	CHECK(filled(moved, 0, 2) && filled(moved + 4 * PAGE, 4, 4));
	CHECK_EQ(moved[2 * PAGE] | moved[3 * PAGE], 0);

	// A shared file mapping grows over more of the file; old size 0 makes a second mapping of it.
	int fd = make_file("f", "");
	char page[PAGE];
	for (int i = 0; i < 4; i++) {
		memset(page, 'a' + i, PAGE);
		NEED(write(fd, page, PAGE) == (ssize_t)PAGE);
	}
	char *s = mmap(NULL, PAGE, RW, MAP_SHARED, fd, PAGE);
	NEED(s != MAP_FAILED);
	s = mremap(s, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	NEED(s != MAP_FAILED);
	CHECK_EQ(s[0], 'b');
	CHECK_EQ(s[2 * PAGE], 'd');
	char *twin = mremap(s, 0, 2 * PAGE, MREMAP_MAYMOVE);
	NEED(twin != MAP_FAILED && twin != s);
	twin[PAGE] = '!';
	CHECK_EQ(s[PAGE], '!');
	// Protection moves along.
	CHECK_EQ(mprotect(twin, 2 * PAGE, PROT_READ), 0);
	twin = mremap(twin, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	NEED(twin != MAP_FAILED);
	CHECK_EQ(probe_write(twin), SIGSEGV);
	CHECK_EQ(probe_read(twin + 3 * PAGE), SIGBUS); // behind the end of the file
	return test_end();
}
