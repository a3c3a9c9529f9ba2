// SPDX-License-Identifier: MIT
//
// inotify on the program's own directory: events with names, cookies of renames, masks, removal.
#include "test.h"

#include <poll.h>
#include <sys/inotify.h>

static int in;
static uint32_t cookies[64];
static int n_cookies;

static void show(const char *what)
{
	char buf[4096] __attribute__((aligned(8)));
	struct pollfd p = {in, POLLIN, 0};
	printf("%s:", what);
	while (poll(&p, 1, 0) > 0) {
		long r = read(in, buf, sizeof buf);
		NEED(r > 0);
		for (char *q = buf; q < buf + r;) {
			struct inotify_event *e = (void *)q;
			printf(" %d/%x", e->wd, e->mask);
			if (e->len)
				printf("/%s", e->name);
			if (e->cookie && n_cookies < 64)
				cookies[n_cookies++] = e->cookie;
			q += sizeof *e + e->len;
		}
	}
	printf("\n");
}

int main(void)
{
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	NEED(in >= 0);
	char b[512];
	CHECK_ERR(read(in, b, sizeof b), EAGAIN);
	NEED(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
	int d = inotify_add_watch(in, "d", IN_ALL_EVENTS);
	CHECK_EQ(d, 1);
	int fd = make_file("d/f", "12345");
	show("create and write");
	CHECK_EQ(pread(fd, b, 5, 0), 5);
	show("read");
	close(fd);
	show("close");
	CHECK_EQ(chmod("d/f", 0600), 0);
	show("chmod");
	CHECK_EQ(truncate("d/f", 2), 0);
	show("truncate");
	CHECK_EQ(rename("d/f", "d/g"), 0);
	show("rename");
	CHECK_EQ(n_cookies, 2);
	CHECK_EQ(cookies[0], cookies[1]);
	CHECK_EQ(rename("d/g", "e/g"), 0);
	show("out");
	CHECK_EQ(rename("e/g", "d/h"), 0);
	show("in");
	CHECK_EQ(mkdir("d/sub", 0755), 0);
	CHECK_EQ(rmdir("d/sub"), 0);
	show("directory");
	CHECK_EQ(link("d/h", "d/i"), 0);
	CHECK_EQ(unlink("d/i"), 0);
	show("link");

	// A file itself; the same watch again; only some events; once.
	int h = inotify_add_watch(in, "d/h", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB);
	CHECK_EQ(h, 2);
	CHECK_EQ(inotify_add_watch(in, "d", IN_DELETE), d);
	fd = open("d/h", O_WRONLY);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(write(fd, "y", 1), 1); // the same event twice is one
	show("file");
	close(fd);
	CHECK_EQ(unlink("d/h"), 0);
	show("unlink");
	int e = inotify_add_watch(in, "e", IN_CREATE | IN_ONESHOT);
	close(make_file("e/a", ""));
	close(make_file("e/b", ""));
	show("oneshot");
	CHECK_ERR(inotify_rm_watch(in, e), EINVAL);
	CHECK_EQ(inotify_rm_watch(in, d), 0);
	show("removed");

	CHECK_ERR(inotify_add_watch(in, "none", IN_CREATE), ENOENT);
	CHECK_ERR(inotify_add_watch(in, "e/a", IN_CREATE | IN_ONLYDIR), ENOTDIR);
	CHECK_ERR(inotify_add_watch(in, "e", 0), EINVAL);
	CHECK_ERR(inotify_add_watch(0, "e", IN_CREATE), EINVAL);
	CHECK_ERR(inotify_init1(1), EINVAL);
	CHECK_EQ(inotify_add_watch(in, "e", IN_CREATE) > 0, 1);
	close(make_file("e/c", ""));
	CHECK_ERR(read(in, b, 8), EINVAL);
	return test_end();
}
