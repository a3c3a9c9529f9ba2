// SPDX-License-Identifier: MIT
//
// stat and statx fields, modes, owners, times, access, umask.
#include "test.h"

#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

int main(void)
{
	struct stat st, at;
	umask(022);
	int fd = make_file("f", "12345");
	NEED(mkdir("d", 0777) == 0 && symlink("some/where", "l") == 0 && mkfifo("p", 0666) == 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0644);
	CHECK_EQ(st.st_size, 5);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(st.st_uid, geteuid());
	CHECK_EQ(st.st_gid, getegid());
	CHECK_EQ(st.st_blksize, 4096);
	CHECK(st.st_ino != 0 && st.st_dev != 0);
	CHECK(labs(st.st_mtime - time(NULL)) <= 2 && st.st_mtime == st.st_ctime);
	CHECK_EQ(fstat(fd, &at), 0);
	CHECK(at.st_ino == st.st_ino && at.st_dev == st.st_dev);
	CHECK_EQ(fstatat(AT_FDCWD, "f", &at, 0), 0);
	CHECK_EQ(fstatat(fd, "", &at, AT_EMPTY_PATH), 0);
	CHECK_EQ(at.st_ino, st.st_ino);
	CHECK_ERR(fstatat(fd, "", &at, 0), ENOENT);
	CHECK_EQ(stat("d", &st), 0);
	CHECK_EQ(st.st_mode, S_IFDIR | 0755);
	CHECK_ERR(stat("l", &st), ENOENT);
	CHECK_EQ(lstat("l", &st), 0);
	CHECK_EQ(st.st_mode, S_IFLNK | 0777);
	CHECK_EQ(st.st_size, 10);
	CHECK_EQ(stat("p", &st), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0644);
	CHECK_EQ(stat("/dev/null", &st), 0);
	CHECK_EQ(st.st_mode & S_IFMT, S_IFCHR);
	CHECK_EQ(st.st_rdev, makedev(1, 3));
	CHECK_ERR(stat("f/", &st), ENOTDIR);
	CHECK_EQ(stat("d/", &st), 0);
	CHECK_EQ(stat("d/../d/.", &st), 0);
	CHECK_ERR(stat("none/../f", &st), ENOENT);
	CHECK_ERR(fstatat(AT_FDCWD, "f", &st, 0x40000), EINVAL);

	struct statx x;
	CHECK_EQ(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &x), 0);
	CHECK_EQ(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	CHECK_EQ(x.stx_mode, S_IFREG | 0644);
	CHECK_EQ(x.stx_size, 5);
	stat("f", &st);
	CHECK_EQ(x.stx_ino, st.st_ino);
	CHECK_EQ(makedev(x.stx_dev_major, x.stx_dev_minor), st.st_dev);
	CHECK_EQ(x.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
	CHECK_EQ(x.stx_blksize, 4096);
	CHECK_ERR(statx(AT_FDCWD, "none", 0, STATX_SIZE, &x), ENOENT);
	CHECK_ERR(statx(AT_FDCWD, "f", 0, 1u << 31, &x), EINVAL);
	CHECK_EQ(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x), 0);

	// Times: set, now, left alone.
	struct timespec t[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
	CHECK_EQ(utimensat(AT_FDCWD, "f", t, 0), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_atim.tv_sec, 1000000000);
	CHECK_EQ(st.st_atim.tv_nsec, 123456789);
	CHECK_EQ(st.st_mtim.tv_sec, 1100000000);
	CHECK_EQ(st.st_mtim.tv_nsec, 987654321);
	CHECK(labs(st.st_ctime - time(NULL)) <= 2);
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_nsec = UTIME_NOW;
	CHECK_EQ(futimens(fd, t), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_atim.tv_sec, 1000000000);
	CHECK(labs(st.st_mtime - time(NULL)) <= 2);
	CHECK_EQ(utimensat(AT_FDCWD, "l", (struct timespec[2]){{5, 0}, {6, 0}}, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_EQ(lstat("l", &st), 0);
	CHECK_EQ(st.st_mtime, 6);
	CHECK_EQ(utimes("f", (struct timeval[2]){{7, 500000}, {8, 0}}), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_atim.tv_nsec, 500000000);
	CHECK_EQ(utime("f", &(struct utimbuf){9, 10}), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_mtime, 10);
	CHECK_EQ(utimensat(AT_FDCWD, "f", NULL, 0), 0);
	t[0].tv_nsec = 2000000000;
	CHECK_ERR(utimensat(AT_FDCWD, "f", t, 0), EINVAL);
	// A write changes mtime, a chmod only ctime.
	CHECK_EQ(utimensat(AT_FDCWD, "f", (struct timespec[2]){{5, 0}, {6, 0}}, 0), 0);
	CHECK_EQ(chmod("f", 0600), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_mtime, 6);
	CHECK_EQ(write(fd, "6", 1), 1);
	CHECK_EQ(stat("f", &st), 0);
	CHECK(st.st_mtime > 6);

	// Modes and owners. The test runs as root, so access is about the x bits only.
	CHECK_EQ(chmod("f", 04751), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 04751);
	CHECK_EQ(fchmod(fd, 0640), 0);
	CHECK_EQ(fchmodat(AT_FDCWD, "d", 01777, 0), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 01777);
	CHECK_EQ(umask(0), 022);
	CHECK_EQ(umask(077), 0);
	close(open("masked", O_CREAT | O_WRONLY, 0777));
	CHECK_EQ(stat("masked", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0700);
	CHECK_EQ(access("f", F_OK | R_OK | W_OK), 0);
	CHECK_EQ(access("masked", X_OK), 0);
	CHECK_ERR(access("none", F_OK), ENOENT);
	CHECK_ERR(access("f", 99), EINVAL);
	CHECK_EQ(faccessat(AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	if (geteuid() == 0) {
		CHECK_ERR(access("f", X_OK), EACCES);
		CHECK_EQ(chmod("f", 06755), 0);
		CHECK_EQ(chown("f", 12, 34), 0);
		CHECK_EQ(stat("f", &st), 0);
		CHECK_EQ(st.st_uid * 100 + st.st_gid, 1234);
		CHECK_EQ(st.st_mode & 07777, 0755); // set-id bits do not survive
		CHECK_EQ(fchown(fd, -1, 56), 0);
		CHECK_EQ(lchown("l", 7, 8), 0);
		CHECK_EQ(fchownat(AT_FDCWD, "f", 78, -1, 0), 0);
		CHECK_EQ(stat("f", &st), 0);
		CHECK_EQ(st.st_uid * 100 + st.st_gid, 7856);
		CHECK_EQ(lstat("l", &st), 0);
		CHECK_EQ(st.st_uid * 100 + st.st_gid, 708);
	}
	struct statfs fs;
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK(fs.f_bsize >= 512 && fs.f_namelen == 255 && fs.f_blocks > 0);
	CHECK_EQ(fstatfs(fd, &fs), 0);
	CHECK_EQ(statfs("/proc", &fs), 0);
	CHECK_EQ(fs.f_type, 0x9fa0);
	return test_end();
}
