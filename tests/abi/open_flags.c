// SPDX-License-Identifier: MIT
//
// open and openat with every flag that changes what happens, and the error each mistake gives.
#include "test.h"

#include <linux/openat2.h>

static long openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
	return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

int main(void)
{
	CHECK_ERR(open("f", O_RDONLY), ENOENT);
	int fd = open("f", O_WRONLY | O_CREAT | O_EXCL, 0640);
	NEED(fd >= 0);
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	char b[16];
	CHECK_ERR(read(fd, b, 1), EBADF);
	CHECK_ERR(open("f", O_WRONLY | O_CREAT | O_EXCL, 0640), EEXIST);
	int again = open("f", O_RDWR | O_CREAT, 0777);
	struct stat st;
	CHECK_EQ(fstat(again, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK_EQ(st.st_size, 10);
	int ro = open("f", O_RDONLY);
	CHECK_ERR(write(ro, "x", 1), EBADF);
	CHECK_ERR(ftruncate(ro, 0), EINVAL);

	// O_APPEND goes to the end at each write, whoever made it longer; pwrite too, on Linux.
	int app = open("f", O_RDWR | O_APPEND);
	CHECK_EQ(pwrite(fd, "ABC", 3, 10), 3);
	CHECK_EQ(write(app, "xyz", 3), 3);
	CHECK_EQ(pwrite(app, "p", 1, 0), 1);
	CHECK_EQ(lseek(app, 0, SEEK_CUR), 16);
	CHECK_EQ(pread(ro, b, 16, 0), 16);
	CHECK_EQ(fstat(ro, &st), 0);
	CHECK_EQ(st.st_size, 17);
	printf("%.16s\n", b);

	CHECK_EQ(close(open("f", O_WRONLY | O_TRUNC)), 0);
	CHECK_EQ(fstat(ro, &st), 0);
	CHECK_EQ(st.st_size, 0);

	NEED(mkdir("d", 0755) == 0);
	CHECK_ERR(open("d", O_WRONLY), EISDIR);
	CHECK_ERR(open("d", O_RDWR), EISDIR);
	CHECK_ERR(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
	CHECK_ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open("f/x", O_RDONLY), ENOTDIR);
	CHECK_ERR(open("nowhere/x", O_RDWR | O_CREAT, 0644), ENOENT);
	CHECK_ERR(open("", O_RDONLY), ENOENT);
	CHECK_ERR(open("new/", O_WRONLY | O_CREAT, 0644), EISDIR);
	int d = open("d", O_RDONLY | O_DIRECTORY);
	NEED(d >= 0);
	CHECK_ERR(read(d, b, 1), EISDIR);
	int in = openat(d, "inner", O_RDWR | O_CREAT, 0600);
	CHECK(in >= 0);
	CHECK_EQ(access("d/inner", F_OK), 0);
	CHECK_ERR(openat(in, "x", O_RDONLY), ENOTDIR);
	CHECK_ERR(openat(999, "x", O_RDONLY), EBADF);
	CHECK(openat(999, "/dev/null", O_RDONLY) >= 0); // absolute: the descriptor does not matter
	CHECK_EQ(openat(d, "../f", O_RDONLY) >= 0, 1);

	// Symbolic links.
	NEED(symlink("f", "link") == 0 && symlink("loop", "loop") == 0 && symlink("d", "dirlink") == 0 &&
		symlink("later", "dangling") == 0);
	CHECK(open("link", O_RDONLY) >= 0);
	CHECK_ERR(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERR(open("loop", O_RDONLY), ELOOP);
	CHECK(open("dirlink/inner", O_RDONLY | O_NOFOLLOW) >= 0);
	CHECK_ERR(open("dirlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	CHECK(open("dangling", O_WRONLY | O_CREAT, 0644) >= 0);
	CHECK_EQ(access("later", F_OK), 0);

	// O_PATH: a name and no contents.
	int path = open("link", O_PATH | O_NOFOLLOW);
	NEED(path >= 0);
	CHECK_EQ(fstat(path, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_ERR(read(path, b, 1), EBADF);
	CHECK_EQ(readlinkat(path, "", b, sizeof b), 1);
	int pdir = open("d", O_PATH);
	CHECK(openat(pdir, "inner", O_RDONLY) >= 0);
	CHECK_ERR(fchmod(path, 0600), EBADF);

	// O_TMPFILE: no name until linkat gives one.
	int tmp = open(".", O_TMPFILE | O_RDWR, 0600);
	NEED(tmp >= 0);
	CHECK_EQ(fstat(tmp, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(write(tmp, "tmp", 3), 3);
	char name[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", tmp);
	CHECK_EQ(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), 0);
	CHECK_EQ(stat("named", &st), 0);
	CHECK_EQ(st.st_size, 3);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_ERR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);

	CHECK_EQ(fcntl(open("f", O_RDONLY | O_CLOEXEC), F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(open("f", O_RDONLY), F_GETFD), 0);
	CHECK_EQ(fcntl(app, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);

	// openat2 and what it can forbid.
	CHECK(openat2(AT_FDCWD, "f", O_RDONLY, 0, 0) >= 0);
	CHECK_ERR(openat2(AT_FDCWD, "f", 1ul << 40, 0, 0), EINVAL);
	CHECK_ERR(openat2(AT_FDCWD, "f", O_RDONLY, 0644, 0), EINVAL);
	CHECK_ERR(openat2(AT_FDCWD, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
	CHECK_ERR(openat2(d, "../f", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	CHECK_ERR(openat2(d, "/dev/null", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	CHECK(openat2(d, "inner", O_RDONLY, 0, RESOLVE_BENEATH) >= 0);
	CHECK(openat2(d, "/inner", O_RDONLY, 0, RESOLVE_IN_ROOT) >= 0);
	CHECK(openat2(d, "../../inner", O_RDONLY, 0, RESOLVE_IN_ROOT) >= 0);

	static char longname[5000];
	memset(longname, 'n', 256);
	CHECK_ERR(open(longname, O_RDONLY | O_CREAT, 0600), ENAMETOOLONG);
	longname[255] = 0;
	CHECK(open(longname, O_RDONLY | O_CREAT, 0600) >= 0);
	memset(longname, '/', 4999);
	CHECK_ERR(open(longname, O_RDONLY), ENAMETOOLONG);
	CHECK_ERR(open((char *)8, O_RDONLY), EFAULT);
	// The lowest free descriptor is the next.
	close(ro);
	CHECK_EQ(open("f", O_RDONLY), ro);
	CHECK_ERR(close(-1), EBADF);
	CHECK_EQ(creat("made", 0600) >= 0, 1);
	return test_end();
}
