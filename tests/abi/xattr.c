// SPDX-License-Identifier: MIT
//
// Extended attributes of files.
#include "test.h"

#include <sys/xattr.h>

int main(void)
{
	int fd = make_file("f", "");
	char b[64], list[200];
	CHECK_ERR(getxattr("f", "user.one", b, sizeof b), ENODATA);
	CHECK_EQ(setxattr("f", "user.one", "first", 5, 0), 0);
	CHECK_EQ(setxattr("f", "user.two", "", 0, XATTR_CREATE), 0);
	CHECK_EQ(getxattr("f", "user.one", b, sizeof b), 5);
	CHECK(!memcmp(b, "first", 5));
	CHECK_EQ(getxattr("f", "user.one", NULL, 0), 5);
	CHECK_EQ(fgetxattr(fd, "user.two", b, sizeof b), 0);
	CHECK_ERR(getxattr("f", "user.one", b, 3), ERANGE);
	CHECK_ERR(setxattr("f", "user.one", "x", 1, XATTR_CREATE), EEXIST);
	CHECK_ERR(setxattr("f", "user.no", "x", 1, XATTR_REPLACE), ENODATA);
	CHECK_EQ(fsetxattr(fd, "user.one", "second one", 10, XATTR_REPLACE), 0);
	CHECK_EQ(getxattr("f", "user.one", b, sizeof b), 10);

	long n = listxattr("f", list, sizeof list);
	int found = 0;
	for (char *p = list; p < list + n; p += strlen(p) + 1)
		found += !strcmp(p, "user.one") || !strcmp(p, "user.two");
	CHECK_EQ(found, 2);
	CHECK_EQ(listxattr("f", NULL, 0), n);
	CHECK_EQ(flistxattr(fd, list, sizeof list), n);
	CHECK_ERR(listxattr("f", list, 2), ERANGE);

	CHECK_EQ(removexattr("f", "user.two"), 0);
	CHECK_ERR(removexattr("f", "user.two"), ENODATA);
	CHECK_EQ(fremovexattr(fd, "user.one"), 0);
	CHECK_ERR(setxattr("f", "nonsense.name", "x", 1, 0), EOPNOTSUPP);
	CHECK_ERR(setxattr("none", "user.x", "x", 1, 0), ENOENT);
	CHECK_ERR(setxattr("f", "user.x", "x", 1, 77), EINVAL);
	CHECK_ERR(setxattr("f", "", "x", 1, 0), ERANGE);
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_ERR(lsetxattr("l", "user.x", "x", 1, 0), EPERM);
	CHECK_EQ(setxattr("l", "user.x", "x", 1, 0), 0);
	CHECK_EQ(getxattr("f", "user.x", b, sizeof b), 1);
	CHECK_ERR(lgetxattr("l", "user.x", b, sizeof b), ENODATA);
	CHECK_EQ(llistxattr("l", list, sizeof list), 0);
	CHECK_ERR(lremovexattr("l", "user.x"), EPERM);
	NEED(mkdir("d", 0755) == 0);
	CHECK_EQ(setxattr("d", "user.x", "dir", 3, 0), 0);
	CHECK_EQ(getxattr("d", "user.x", b, sizeof b), 3);
	return test_end();
}
