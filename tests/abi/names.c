// SPDX-License-Identifier: MIT
//
// link, symlink, rename with its flags, unlink of open files, mkdir, rmdir, readlink, mknod.
#include "test.h"

#include <sys/sysmacros.h>

static ino_t inode(const char *name)
{
	struct stat st;
	return lstat(name, &st) ? 0 : st.st_ino;
}
static long links(const char *name)
{
	struct stat st;
	return lstat(name, &st) ? -1 : (long)st.st_nlink;
}

int main(void)
{
	int fd = make_file("a", "contents");
	CHECK_EQ(link("a", "b"), 0);
	CHECK_EQ(links("a"), 2);
	CHECK_EQ(inode("a"), inode("b"));
	CHECK_ERR(link("a", "b"), EEXIST);
	CHECK_ERR(link("none", "c"), ENOENT);
	CHECK_EQ(unlink("a"), 0);
	CHECK_EQ(links("b"), 1);
	CHECK_ERR(unlink("a"), ENOENT);
	CHECK_EQ(unlink("b"), 0);
	struct stat st;
	CHECK_EQ(fstat(fd, &st), 0); // open, without a name
	CHECK_EQ(st.st_nlink, 0);
	char b[32] = "";
	CHECK_EQ(pread(fd, b, 8, 0), 8);
	CHECK(!strcmp(b, "contents"));
	CHECK_EQ(write(fd, "!", 1), 1);
	char path[64], target[4200];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, target, sizeof target - 1);
	CHECK(n > 10 && !memcmp(target + n - 10, " (deleted)", 10));

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/e", 0755), 0);
	CHECK_ERR(mkdir("d", 0755), EEXIST);
	CHECK_ERR(mkdir("no/d", 0755), ENOENT);
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK_EQ(links("d"), 3);
	CHECK_ERR(unlink("d"), EISDIR);
	CHECK_ERR(link("d", "dd"), EPERM);
	CHECK_ERR(rmdir("d/."), EINVAL);
	CHECK_ERR(rmdir("d/e/.."), ENOTEMPTY);
	close(make_file("file", ""));
	CHECK_ERR(rmdir("file"), ENOTDIR);
	CHECK_ERR(unlinkat(AT_FDCWD, "d/e", 0), EISDIR);
	CHECK_EQ(unlinkat(AT_FDCWD, "d/e", AT_REMOVEDIR), 0);
	CHECK_EQ(links("d"), 2);
	CHECK_EQ(mkdirat(AT_FDCWD, "d/e", 0700), 0);
	CHECK_EQ(mkdir("d/slash/", 0700), 0);

	CHECK_EQ(symlink("d/e", "s"), 0);
	CHECK_EQ(readlink("s", target, sizeof target), 3);
	CHECK_EQ(readlink("s", target, 2), 2);
	CHECK_ERR(readlink("d", target, 9), EINVAL);
	CHECK_ERR(readlink("s", target, 0), EINVAL);
	CHECK_ERR(symlink("x", "s"), EEXIST);
	CHECK_ERR(symlink("", "empty"), ENOENT);
	CHECK_EQ(link("s", "hard"), 0); // to the symbolic link itself
	CHECK_EQ(inode("hard"), inode("s"));
	CHECK_EQ(linkat(AT_FDCWD, "file", AT_FDCWD, "file2", 0), 0);

	// rename: replaces, moves, refuses.
	close(make_file("x", "x"));
	close(make_file("y", "y"));
	ino_t x = inode("x");
	CHECK_EQ(rename("x", "y"), 0);
	CHECK_EQ(inode("y"), x);
	CHECK_EQ(inode("x"), 0);
	CHECK_EQ(rename("y", "d/y"), 0);
	CHECK_EQ(rename("d/y", "d/y"), 0);
	CHECK_EQ(link("d/y", "same"), 0);
	CHECK_EQ(rename("d/y", "same"), 0); // two names of one file: nothing happens
	CHECK_EQ(inode("d/y"), x);
	CHECK_ERR(rename("none", "x"), ENOENT);
	CHECK_ERR(rename("d", "file"), ENOTDIR);
	CHECK_ERR(rename("file", "d"), EISDIR);
	CHECK_ERR(rename("d", "d/e/f"), EINVAL);
	CHECK_EQ(mkdir("empty", 0755), 0);
	CHECK_ERR(rename("empty", "d"), ENOTEMPTY);
	CHECK_EQ(rename("d", "empty"), 0);
	CHECK_EQ(inode("empty/y"), x);
	CHECK_EQ(rename("empty", "d"), 0);
	CHECK_EQ(links("."), 3);
	int dfd = open("d/e", O_RDONLY);
	CHECK_EQ(mkdir("away", 0755), 0);
	CHECK_EQ(rename("d/e", "away/e"), 0);
	CHECK_EQ(links("away"), 3);
	int up = openat(dfd, "..", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(fstat(up, &st), 0);
	CHECK_EQ(st.st_ino, inode("away")); // .. moved along

	close(make_file("p", "p"));
	close(make_file("q", "q"));
	ino_t p = inode("p"), q = inode("q");
	CHECK_ERR(renameat2(AT_FDCWD, "p", AT_FDCWD, "q", RENAME_NOREPLACE), EEXIST);
	CHECK_EQ(renameat2(AT_FDCWD, "p", AT_FDCWD, "q", RENAME_EXCHANGE), 0);
	CHECK(inode("p") == q && inode("q") == p);
	CHECK_EQ(renameat2(AT_FDCWD, "p", AT_FDCWD, "d", RENAME_EXCHANGE), 0);
	CHECK_EQ(inode("d"), q);
	CHECK_EQ(inode("p/y"), x);
	CHECK_ERR(renameat2(AT_FDCWD, "p", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
	CHECK_EQ(renameat2(AT_FDCWD, "p", AT_FDCWD, "r", RENAME_NOREPLACE), 0);
	CHECK_ERR(renameat2(AT_FDCWD, "r", AT_FDCWD, "q", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);

	// A removed directory stays open, and empty.
	CHECK_EQ(mkdir("gone", 0755), 0);
	int gone = open("gone", O_RDONLY);
	CHECK_EQ(rmdir("gone"), 0);
	CHECK_ERR(openat(gone, "x", O_CREAT | O_RDWR, 0600), ENOENT);
	CHECK_EQ(fstat(gone, &st), 0);
	CHECK_EQ(st.st_nlink, 0);

	CHECK_EQ(mknod("pipe", S_IFIFO | 0600, 0), 0);
	CHECK_EQ(mknod("plain", S_IFREG | 0600, 0), 0);
	CHECK_EQ(lstat("pipe", &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_ERR(mknod("plain", S_IFREG | 0600, 0), EEXIST);
	CHECK_ERR(mknod("dir", S_IFDIR | 0600, 0), EPERM);
	CHECK_ERR(unlink("."), EISDIR);
	return test_end();
}
