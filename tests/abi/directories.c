// SPDX-License-Identifier: MIT
//
// Reading directories, large ones in pieces and while they change; chdir, fchdir, getcwd.
#include "test.h"

#include <dirent.h>
#include <limits.h>

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// The names in order, in one line.
static void list(const char *name)
{
	DIR *d = opendir(name);
	NEED(d);
	char *names[50];
	int n = 0;
	for (struct dirent *e; (e = readdir(d)) && n < 50;) {
		char text[300];
		snprintf(text, sizeof text, "%s/%d", e->d_name, e->d_type);
		names[n++] = strdup(text);
		struct stat st;
		CHECK_EQ(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
		if (strcmp(e->d_name, ".."))
			CHECK_EQ(st.st_ino, e->d_ino);
	}
	closedir(d);
	qsort(names, n, sizeof *names, compare);
	for (int i = 0; i < n; i++)
		printf("%s%c", names[i], i < n - 1 ? ' ' : '\n');
}

int main(void)
{
	NEED(mkdir("d", 0755) == 0 && chdir("d") == 0);
	NEED(mkdir("sub", 0755) == 0 && symlink("x", "link") == 0 && mkfifo("fifo", 0644) == 0);
	close(make_file("file", ""));
	close(make_file(".hidden", ""));
	list(".");
	NEED(chdir("..") == 0);
	list("d/sub");

	// Many names, read with a small buffer: each once.
	NEED(mkdir("many", 0755) == 0);
	int dir = open("many", O_RDONLY | O_DIRECTORY);
	char name[32];
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "entry-%d", i);
		close(openat(dir, name, O_CREAT | O_WRONLY, 0600));
	}
	static int seen[1500];
	char buf[500];
	long r;
	int calls = 0, dots = 0;
	while ((r = syscall(SYS_getdents64, dir, buf, sizeof buf)) > 0) {
		calls++;
		for (char *p = buf; p < buf + r;) {
			struct dirent64 *e = (void *)p;
			if (e->d_name[0] == '.')
				dots++;
			else
				seen[atoi(e->d_name + 6)]++;
			p += e->d_reclen;
		}
	}
	CHECK_EQ(r, 0);
	CHECK(calls > 50);
	CHECK_EQ(dots, 2);
	for (int i = 0; i < 1500; i++)
		NEED(seen[i] == 1);
	CHECK_EQ(lseek(dir, 0, SEEK_SET), 0);
	CHECK(syscall(SYS_getdents64, dir, buf, sizeof buf) > 0);
	CHECK_ERR(syscall(SYS_getdents64, dir, buf, 8), EINVAL);
	CHECK_ERR(syscall(SYS_getdents64, open("d/file", O_RDONLY), buf, sizeof buf), ENOTDIR);
	CHECK(syscall(SYS_getdents, dir, buf, sizeof buf) > 0);

	// Removing each name as it is read leaves none; telldir and seekdir come back to a place.
	DIR *d = opendir("many");
	int removed = 0;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			removed += unlinkat(dirfd(d), e->d_name, 0) == 0;
	CHECK_EQ(removed, 1500);
	closedir(d);
	CHECK_EQ(rmdir("many"), 0);
	d = opendir("d");
	readdir(d);
	readdir(d);
	long place = telldir(d);
	char third[300];
	snprintf(third, sizeof third, "%s", readdir(d)->d_name);
	readdir(d);
	seekdir(d, place);
	CHECK(!strcmp(third, readdir(d)->d_name));
	closedir(d);

	char start_dir[PATH_MAX], cwd[PATH_MAX + 100];
	NEED(getcwd(start_dir, sizeof start_dir));
	NEED(chdir("d/sub") == 0);
	NEED(getcwd(cwd, sizeof cwd));
	CHECK(!strcmp(cwd + strlen(start_dir), "/d/sub"));
	CHECK_EQ(syscall(SYS_getcwd, cwd, sizeof cwd), (long)strlen(cwd) + 1);
	CHECK_ERR(syscall(SYS_getcwd, cwd, 3), ERANGE);
	int home = open(start_dir, O_RDONLY);
	CHECK_EQ(rename("../../d", "../../dd"), 0);
	NEED(getcwd(cwd, sizeof cwd));
	CHECK(!strcmp(cwd + strlen(start_dir), "/dd/sub"));
	CHECK_EQ(rmdir("../sub"), 0);
	CHECK_ERR(syscall(SYS_getcwd, cwd, sizeof cwd), ENOENT);
	CHECK_ERR(open("x", O_CREAT | O_RDWR, 0600), ENOENT);
	CHECK_EQ(fchdir(home), 0);
	CHECK_EQ(access("dd/file", F_OK), 0);
	CHECK_ERR(chdir("dd/file"), ENOTDIR);
	CHECK_ERR(chdir("none"), ENOENT);
	CHECK_ERR(fchdir(open("dd/file", O_RDONLY)), ENOTDIR);
	CHECK_EQ(chdir("/"), 0);
	NEED(getcwd(cwd, sizeof cwd));
	CHECK(!strcmp(cwd, "/"));
	CHECK_EQ(chdir("/.."), 0);
	// /proc/self/cwd follows.
	CHECK_EQ(readlink("/proc/self/cwd", cwd, sizeof cwd), 1);
	return test_end();
}
