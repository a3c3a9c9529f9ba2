// SPDX-License-Identifier: MIT
//
// Who changes the contents of a set-user-ID file takes its bits away, unless he has CAP_FSETID; and so does who changes
// its owner.
#include "test.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static int fd;

static void show(const char *what)
{
	struct stat st;
	CHECK_EQ(fstat(fd, &st), 0);
	printf("%s: %04o\n", what, st.st_mode & 07777);
	CHECK_EQ(fchmod(fd, 06755), 0);
}

static void changes(const char *who)
{
	int source = open("source", O_RDONLY), pipes[2];
	off_t zero = 0;
	printf("%s\n", who);
	CHECK_EQ(write(fd, "x", 0), 0);
	show("nothing written");
	CHECK_EQ(write(fd, "x", 1), 1);
	show("write");
	CHECK_EQ(ftruncate(fd, 1), 0);
	show("ftruncate");
	CHECK_EQ(truncate("file", 2), 0);
	show("truncate");
	CHECK_EQ(posix_fallocate(fd, 0, 10), 0);
	show("fallocate");
	CHECK_EQ(copy_file_range(source, &zero, fd, NULL, 5, 0), 5);
	show("copy_file_range");
	zero = 0;
	CHECK_EQ(sendfile(fd, source, &zero, 5), 5);
	show("sendfile");
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(write(pipes[1], "hello", 5), 5);
	CHECK_EQ(splice(pipes[0], NULL, fd, NULL, 5, 0), 5);
	show("splice");
	close(open("file", O_WRONLY | O_TRUNC));
	show("O_TRUNC");
	CHECK_EQ(fchown(fd, -1, getegid()), 0);
	show("fchown");
	CHECK_EQ(fchmod(fd, 06655), 0); // the group may execute, the owner may not
	CHECK_EQ(write(fd, "x", 1), 1);
	show("write, 6655");
	CHECK_EQ(fchmod(fd, 06744), 0); // S_ISGID without the group's execute bit meant mandatory locks
	CHECK_EQ(write(fd, "x", 1), 1);
	show("write, 6744");
	close(source);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	fd = open("source", O_WRONLY | O_CREAT, 0644);
	CHECK_EQ(write(fd, "hello", 5), 5);
	close(fd);
	fd = open("file", O_RDWR | O_CREAT, 0644);
	CHECK_EQ(fchmod(fd, 06755), 0);
	if (geteuid() == 0) {
		changes("root");
		CHECK_EQ(fchown(fd, 1234, 1234), 0);
		CHECK_EQ(setegid(1234), 0);
		CHECK_EQ(seteuid(1234), 0);
		CHECK_EQ(fchmod(fd, 06755), 0);
	}
	changes("a user");
	if (getuid() == 0)
		CHECK_EQ(seteuid(0), 0);
	CHECK_EQ(unlink("file") | unlink("source"), 0);
	return test_end();
}
