// SPDX-License-Identifier: MIT
//
// A file that is open for writing is not executed, and one that is executed is not opened for writing: ETXTBSY.
#include "test.h"

static void copy(const char *from, const char *to)
{
	static char buf[65536];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	NEED(in >= 0 && out >= 0);
	for (ssize_t n; (n = read(in, buf, sizeof buf)) > 0;)
		NEED(write(out, buf, n) == n);
	close(in);
	close(out);
}

static void running(const char *self)
{
	CHECK_ERR(open(self, O_WRONLY), ETXTBSY);
	CHECK_ERR(open(self, O_RDWR | O_CREAT, 0755), ETXTBSY);
	CHECK_ERR(open(self, O_RDONLY | O_TRUNC), ETXTBSY);
	CHECK_ERR(open("/proc/self/exe", O_WRONLY), ETXTBSY);
	CHECK_ERR(truncate(self, 1), ETXTBSY);
	int fd = open(self, O_RDONLY);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(chmod(self, 0700), 0);
	CHECK_EQ(rename(self, "renamed"), 0); // the name may go, and come to be another file's
	fd = make_file(self, "other");
	CHECK(fd >= 0);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		copy("/proc/self/exe", "busy");
		char *args[] = {"busy", "1", NULL}, *none[] = {NULL};
		int fd = open("busy", O_WRONLY);
		NEED(fd >= 0);
		CHECK_ERR(execv("busy", args), ETXTBSY);
		int script = make_file("script", "#!busy\n");
		fchmod(script, 0755);
		CHECK_ERR(execv("script", args), ETXTBSY);
		close(script);
		CHECK_ERR(execv("script", args), ETXTBSY); // its interpreter is
		close(fd);
		CHECK_ERR(execve("missing", (char **)8, none), ENOENT); // the file is looked for first
		CHECK_ERR(execve("busy", (char **)8, none), EFAULT);
		fd = open("busy", O_WRONLY); // what failed holds nothing
		CHECK(fd >= 0);
		close(fd);
		execv("busy", args);
		CHECK(!"exec");
	} else if (argv[1][0] == '1') { // the file itself runs
		running("busy");
		// Executing something else frees it; a memory file that is still open for writing may be executed.
		int fd = memfd_create("m", 0), in = open("renamed", O_RDONLY);
		char buf[4096];
		for (ssize_t n; (n = read(in, buf, sizeof buf)) > 0;)
			NEED(write(fd, buf, n) == n);
		char *args[] = {"memory", "2", NULL};
		fexecve(fd, args, environ);
		CHECK(!"fexecve");
	} else {
		int fd = open("renamed", O_RDWR);
		CHECK(fd >= 0);
		CHECK_EQ(ftruncate(fd, 0), 0);
		CHECK_ERR(open("/proc/self/exe", O_WRONLY), ETXTBSY);
	}
	return test_end();
}
