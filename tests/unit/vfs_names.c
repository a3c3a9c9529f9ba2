// SPDX-License-Identifier: MIT
//
// The VFS over tmpfs through its system calls: paths, links, renames, permissions, descriptors, reading and
// writing, holes, locks, inotify. The program's memory is this program's.
#include "vfs_boot.h"

#include <asm/fcntl.h>
#include <asm/stat.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/inotify.h>
#include <linux/openat2.h>
#include <linux/uio.h>
#include <linux/xattr.h>

#include "vfs/private.h"
#include "vfs/static_dir.h"
#include "vfs/text_file.h"

#undef O_TMPFILE
#define O_TMPFILE (__O_TMPFILE | O_DIRECTORY)

static int open_new(const char *path) { return (int)sys_open(path, O_CREAT | O_RDWR, 0644); }

static long size_of(const char *path)
{
	struct stat st;
	long err = sys_stat(path, &st);
	return err ? err : st.st_size;
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	return sys_lstat(path, &st) ? 0 : st.st_mode;
}

static unsigned links_of(const char *path)
{
	struct stat st;
	return sys_lstat(path, &st) ? 0 : (unsigned)st.st_nlink;
}

static void boot(void)
{
	struct super *s;
	struct inode *root;
	test_boot();
	CHECK_EQ(tmpfs_create(&s, &root), 0);
	CHECK_EQ(vfs_mount("/mnt/deep", s, root, "second", ""), 0);
	inode_put(root);
}

static void test_paths(void)
{
	char buf[256];
	CHECK_EQ(sys_mkdir("/a", 0777), 0);
	CHECK_EQ(mode_of("/a"), S_IFDIR | 0755); // umask
	CHECK_EQ(sys_mkdir("/a/", 0777), -EEXIST);
	CHECK_EQ(sys_mkdir("/a/b/", 0777), 0);
	CHECK_EQ(sys_mkdir("/x/y", 0777), -ENOENT);
	CHECK_EQ(sys_mkdir("", 0777), -ENOENT);
	CHECK_EQ(sys_mkdir("/", 0777), -EEXIST);
	int fd = open_new("/a/b/f");
	CHECK(fd >= 0);
	CHECK_EQ(sys_close(fd), 0);
	CHECK_EQ(sys_close(fd), -EBADF);
	CHECK_EQ(sys_open("/a/b/f/", O_RDONLY, 0), -ENOTDIR);
	CHECK_EQ(sys_open("/a/b/f/g", O_RDONLY, 0), -ENOTDIR);
	CHECK_EQ(sys_open("/a/b/new/", O_CREAT | O_RDWR, 0644), -EISDIR);
	CHECK_EQ(sys_open("/a/b/f", O_CREAT | O_EXCL, 0), -EEXIST);
	CHECK_EQ(sys_open("/a/b", O_RDWR, 0), -EISDIR);
	CHECK_EQ(sys_open("/a/b/f", O_DIRECTORY, 0), -ENOTDIR);
	CHECK_EQ(sys_open((char *)8, O_RDONLY, 0), -EFAULT);
	memset(buf, 'n', sizeof buf);
	buf[0] = '/', buf[255] = 0;
	CHECK_EQ(sys_open(buf, O_RDONLY, 0), -ENOENT); // 254 letters
	char longer[300];
	memset(longer, 'n', sizeof longer);
	longer[299] = 0;
	CHECK_EQ(sys_open(longer, O_RDONLY, 0), -ENAMETOOLONG);
	CHECK_EQ(size_of("/a/./b/../b//f"), 0);
	CHECK_EQ(size_of("/../../a/b/f"), 0);
	CHECK_EQ(sys_chdir("/a/b"), 0);
	CHECK_EQ(size_of("f"), 0);
	CHECK_EQ(size_of("../b/f"), 0);
	CHECK_EQ(sys_getcwd(buf, sizeof buf), 5);
	CHECK(!strcmp(buf, "/a/b"));
	CHECK_EQ(sys_getcwd(buf, 4), -ERANGE);

	CHECK_EQ(sys_symlink("b/f", "/a/link"), 0);
	CHECK_EQ(mode_of("/a/link"), S_IFLNK | 0777);
	CHECK_EQ(size_of("/a/link"), 0);
	CHECK_EQ(sys_readlink("/a/link", buf, sizeof buf), 3);
	CHECK_EQ(sys_readlink("/a/b", buf, sizeof buf), -EINVAL);
	CHECK_EQ(sys_symlink("/a/b", "/dirlink"), 0);
	CHECK_EQ(size_of("/dirlink/f"), 0);
	CHECK_EQ(size_of("/dirlink/../link"), 0); // ".." of the target
	CHECK_EQ(sys_symlink("loop2", "/loop1"), 0);
	CHECK_EQ(sys_symlink("loop1", "/loop2"), 0);
	CHECK_EQ(sys_open("/loop1", O_RDONLY, 0), -ELOOP);
	CHECK_EQ(sys_open("/a/link", O_NOFOLLOW, 0), -ELOOP);
	CHECK_EQ(sys_symlink("made", "/tomake"), 0);
	fd = (int)sys_open("/tomake", O_CREAT | O_WRONLY, 0600); // creates through the link
	CHECK(fd >= 0 && mode_of("/made") == (S_IFREG | 0600));
	sys_close(fd);
	CHECK_EQ(sys_open("/tomake", O_CREAT | O_EXCL | O_WRONLY, 0600), -EEXIST);

	CHECK_EQ(sys_chdir("/mnt/deep"), 0); // mounts
	CHECK_EQ(sys_getcwd(buf, sizeof buf), 10);
	CHECK(!strcmp(buf, "/mnt/deep"));
	CHECK_EQ(sys_chdir(".."), 0);
	CHECK_EQ(sys_getcwd(buf, sizeof buf), 5);
	CHECK_EQ(sys_rmdir("/mnt/deep"), -EBUSY);
	CHECK_EQ(sys_rename("/a/b/f", "/mnt/deep/f"), -EXDEV);
	CHECK_EQ(sys_chdir("/"), 0);

	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	int dir = (int)sys_open("/a", O_RDONLY | O_DIRECTORY, 0);
	CHECK_EQ(sys_openat2(dir, "../made", &how, sizeof how), -EXDEV);
	CHECK_EQ(sys_openat2(dir, "/made", &how, sizeof how), -EXDEV);
	how.resolve = RESOLVE_IN_ROOT;
	CHECK_EQ(sys_openat2(dir, "../made", &how, sizeof how), -ENOENT);
	fd = (int)sys_openat2(dir, "/../b/f", &how, sizeof how);
	CHECK(fd >= 0);
	sys_close(fd);
	how.resolve = RESOLVE_NO_SYMLINKS;
	CHECK_EQ(sys_openat2(dir, "link", &how, sizeof how), -ELOOP);
	fd = (int)sys_openat(dir, "b", O_PATH, 0);
	CHECK(fd >= 0);
	CHECK_EQ(sys_read(fd, buf, 1), -EBADF);
	CHECK_EQ(sys_fchdir(fd), 0);
	sys_close(fd);
	sys_close(dir);
	CHECK_EQ(sys_chdir("/"), 0);
}

static void test_names(void)
{
	CHECK_EQ(sys_mkdir("/r", 0755), 0);
	CHECK_EQ(sys_chdir("/r"), 0);
	sys_close(open_new("one"));
	CHECK_EQ(sys_link("one", "two"), 0);
	CHECK_EQ(links_of("one"), 2);
	CHECK_EQ(sys_link("one", "two"), -EEXIST);
	CHECK_EQ(sys_rename("one", "two"), 0); // the same inode: nothing happens
	CHECK_EQ(links_of("one"), 2);
	CHECK_EQ(sys_unlink("two"), 0);
	CHECK_EQ(sys_unlink("two"), -ENOENT);
	CHECK_EQ(links_of("one"), 1);
	CHECK_EQ(sys_mkdir("d", 0755), 0);
	CHECK_EQ(links_of("/r"), 3);
	CHECK_EQ(sys_unlink("d"), -EISDIR);
	CHECK_EQ(sys_rmdir("one"), -ENOTDIR);
	CHECK_EQ(sys_rename("one", "d/moved"), 0);
	CHECK_EQ(size_of("one"), -ENOENT);
	CHECK_EQ(size_of("d/moved"), 0);
	CHECK_EQ(sys_rmdir("d"), -ENOTEMPTY);
	CHECK_EQ(sys_rename("d", "d/inside"), -EINVAL);
	CHECK_EQ(sys_rename("d/moved", "d"), -ENOTEMPTY);
	CHECK_EQ(sys_mkdir("e", 0755), 0);
	CHECK_EQ(sys_rename("d", "e"), 0); // over an empty directory
	CHECK_EQ(size_of("e/moved"), 0);
	CHECK_EQ(links_of("/r"), 3);
	CHECK_EQ(sys_mkdir("f", 0755), 0);
	CHECK_EQ(sys_rename("f", "e"), -ENOTEMPTY);
	CHECK_EQ(sys_renameat2(AT_FDCWD, "f", AT_FDCWD, "e", RENAME_NOREPLACE), -EEXIST);
	CHECK_EQ(sys_renameat2(AT_FDCWD, "f", AT_FDCWD, "e/moved", RENAME_EXCHANGE), 0);
	CHECK(S_ISREG(mode_of("f")) && S_ISDIR(mode_of("e/moved")));
	CHECK_EQ(links_of("/r"), 3);
	CHECK_EQ(links_of("e"), 3);
	CHECK_EQ(sys_rename("f", "e/moved"), -EISDIR);
	CHECK_EQ(sys_rmdir("e/."), -EINVAL);
	CHECK_EQ(sys_rmdir("e/moved/.."), -ENOTEMPTY);

	char text[64];
	int fd = open_new("gone");
	CHECK_EQ(sys_unlink("gone"), 0);
	struct file *f = file_from_fd(fd);
	CHECK(file_format_path(f, text, sizeof text) > 0 && !strcmp(text, "/r/gone (deleted)"));
	file_put(f);
	CHECK_EQ(sys_write(fd, "still", 5), 5);
	struct stat st;
	CHECK(!sys_fstat(fd, &st) && st.st_nlink == 0 && st.st_size == 5);
	sys_close(fd);
	fd = (int)sys_open("/r", O_TMPFILE | O_RDWR, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(sys_linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH), 0);
	CHECK_EQ(links_of("named"), 1);
	sys_close(fd);
	CHECK_EQ(sys_mkdir("cwd", 0755), 0);
	CHECK_EQ(sys_chdir("cwd"), 0);
	CHECK_EQ(sys_rmdir("/r/cwd"), 0);
	CHECK_EQ(sys_getcwd(text, sizeof text), -ENOENT);
	CHECK_EQ(sys_open("x", O_CREAT | O_RDWR, 0644), -ENOENT);
	CHECK_EQ(sys_chdir("/"), 0);
}

static void test_permissions(void)
{
	static char mounts[512];
	struct text t = {mounts, sizeof mounts, 0};
	vfs_format_mounts(&t, false);
	CHECK(!strcmp(mounts, "tmpfs / tmpfs rw,relatime 0 0\nsecond /mnt/deep tmpfs rw,relatime 0 0\n"));
	CHECK_EQ(sys_mkdir("/p", 0755), 0);
	sys_close(open_new("/p/secret"));
	CHECK_EQ(sys_chmod("/p/secret", 0600), 0);
	CHECK_EQ(sys_chmod("/p", 01777), 0);
	sys_close(open_new("/p/others"));
	CHECK_EQ(sys_mkdir("/p/g", 0755), 0);
	CHECK_EQ(sys_chown("/p/g", 0, 77), 0);
	CHECK_EQ(sys_chmod("/p/g", 02777), 0);
	test_capable = 0;
	test_process.cred.uid = test_process.cred.euid = test_process.cred.fsuid = 1000;
	test_process.cred.gid = test_process.cred.egid = test_process.cred.fsgid = 1000;
	CHECK_EQ(sys_open("/p/secret", O_RDONLY, 0), -EACCES);
	CHECK_EQ(sys_access("/p/secret", 4), -EACCES);
	CHECK_EQ(sys_access("/p/secret", 0), 0);
	CHECK_EQ(sys_chmod("/p/secret", 0644), -EPERM);
	CHECK_EQ(sys_unlink("/p/others"), -EPERM); // sticky
	CHECK_EQ(sys_open("/new", O_CREAT | O_RDWR, 0644) >= 0, 1); // the root is 1777
	sys_close(open_new("/p/g/mine"));
	struct stat st;
	CHECK(!sys_stat("/p/g/mine", &st) && st.st_gid == 77 && st.st_uid == 1000);
	CHECK_EQ(sys_mkdir("/p/g/sub", 0755), 0);
	CHECK_EQ(mode_of("/p/g/sub"), S_IFDIR | 02755);
	CHECK_EQ(sys_chown("/p/g/mine", 0, (unsigned)-1), -EPERM);
	CHECK_EQ(sys_chmod("/p/g/mine", 0), 0);
	CHECK_EQ(sys_open("/p/g/mine", O_RDONLY, 0), -EACCES);
	test_capable = ~0ull;
	memset(&test_process.cred, 0, sizeof test_process.cred);
	CHECK_EQ(sys_open("/p/g/mine", O_RDONLY, 0) >= 0, 1);
	CHECK_EQ(sys_access("/p/secret", 1), -EACCES); // even root: nobody may execute it
	struct path p;
	CHECK_EQ(path_lookup(AT_FDCWD, "/p/secret", 0, &p), 0);
	CHECK_EQ(inode_deny_write(path_inode(&p)), 0);
	CHECK_EQ(sys_open("/p/secret", O_RDWR, 0), -ETXTBSY);
	inode_allow_write(path_inode(&p));
	path_put(&p);
}

static void test_data(void)
{
	char buf[8192], *big = calloc(1, 100000);
	int fd = open_new("/data");
	CHECK_EQ(sys_write(fd, "hello world", 11), 11);
	CHECK_EQ(sys_lseek(fd, -5, SEEK_END), 6);
	CHECK_EQ(sys_read(fd, buf, sizeof buf), 5);
	CHECK(!memcmp(buf, "world", 5));
	CHECK_EQ(sys_read(fd, buf, sizeof buf), 0);
	CHECK_EQ(sys_pwrite64(fd, "J", 1, 0), 1);
	CHECK_EQ(sys_pread64(fd, buf, 5, 0), 5);
	CHECK(!memcmp(buf, "Jello", 5));
	CHECK_EQ(sys_pread64(fd, buf, 5, -1), -EINVAL);
	CHECK_EQ(sys_read(fd, (void *)8, 4), 0);
	CHECK_EQ(sys_pread64(fd, (void *)8, 4, 0), -EFAULT);
	CHECK_EQ(sys_lseek(fd, -1, SEEK_SET), -EINVAL);
	CHECK_EQ(sys_lseek(fd, 0, 9), -EINVAL);
	struct iovec v[2] = {{buf, 3}, {buf + 100, 4}};
	CHECK_EQ(sys_preadv(fd, v, 2, 0, 0), 7);
	CHECK(!memcmp(buf, "Jel", 3) && !memcmp(buf + 100, "lo w", 4));
	CHECK_EQ(sys_writev(fd, v, 1025), -EINVAL);

	for (int i = 0; i < 100000; i++)
		big[i] = (char)(i * 7 + i / 4096);
	CHECK_EQ(sys_pwrite64(fd, big, 100000, 1000000), 100000);
	CHECK_EQ(size_of("/data"), 1100000);
	CHECK_EQ(sys_pread64(fd, buf, 8192, 1000000 + 5000), 8192);
	CHECK(!memcmp(buf, big + 5000, 8192));
	CHECK_EQ(sys_lseek(fd, 0, SEEK_HOLE), 4096);
	CHECK_EQ(sys_lseek(fd, 4096, SEEK_DATA), 1000000 / 4096 * 4096);
	CHECK_EQ(sys_lseek(fd, 1100000, SEEK_DATA), -ENXIO);
	CHECK_EQ(sys_pread64(fd, buf, 4096, 500000), 4096);
	for (int i = 0; i < 4096; i++)
		CHECK(!buf[i]);
	CHECK_EQ(sys_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1010000, 50000), 0);
	CHECK_EQ(sys_pread64(fd, buf, 100, 1009950), 100);
	CHECK(!memcmp(buf, big + 9950, 50) && !buf[50] && !buf[99]);
	CHECK_EQ(sys_pread64(fd, buf, 100, 1059950), 100);
	CHECK(!buf[0] && !buf[49] && !memcmp(buf + 50, big + 60000, 50));
	CHECK_EQ(sys_ftruncate(fd, 3), 0);
	CHECK_EQ(sys_ftruncate(fd, 100), 0);
	CHECK_EQ(sys_pread64(fd, buf, 200, 0), 100);
	CHECK(!memcmp(buf, "Jel", 3));
	for (int i = 3; i < 100; i++)
		CHECK(!buf[i]); // not the old text
	CHECK_EQ(sys_fallocate(fd, 0, 0, 20000), 0);
	struct stat st;
	CHECK(!sys_fstat(fd, &st) && st.st_size == 20000 && st.st_blocks == 5 * 8);
	CHECK_EQ(sys_ftruncate(fd, 0), 0);
	CHECK(!sys_fstat(fd, &st) && st.st_blocks == 0);
	sys_close(fd);

	fd = (int)sys_open("/data", O_WRONLY | O_APPEND, 0);
	CHECK_EQ(sys_write(fd, "ab", 2), 2);
	CHECK_EQ(sys_pwrite64(fd, "cd", 2, 0), 2); // O_APPEND wins, as on Linux
	CHECK_EQ(size_of("/data"), 4);
	CHECK_EQ(sys_read(fd, buf, 1), -EBADF);
	sys_close(fd);
	int in = (int)sys_open("/data", O_RDONLY, 0), out = open_new("/copy");
	CHECK_EQ(sys_sendfile(out, in, NULL, 100), 4);
	CHECK_EQ(sys_lseek(in, 0, SEEK_CUR), 4);
	int64_t off = 1;
	CHECK_EQ(sys_copy_file_range(in, &off, out, NULL, 2, 0), 2);
	CHECK_EQ(off, 3);
	CHECK_EQ(sys_pread64(out, buf, 10, 0), 6);
	CHECK(!memcmp(buf, "abcdbc", 6));
	sys_close(in);
	sys_close(out);
	CHECK_EQ(sys_setxattr("/copy", "user.k", "value", 5, 0), 0);
	CHECK_EQ(sys_setxattr("/copy", "user.k", "value", 5, XATTR_CREATE), -EEXIST);
	CHECK_EQ(sys_getxattr("/copy", "user.k", buf, 3), -ERANGE);
	CHECK_EQ(sys_getxattr("/copy", "user.k", buf, 30), 5);
	CHECK_EQ(sys_listxattr("/copy", buf, 30), 7);
	CHECK_EQ(sys_removexattr("/copy", "user.k"), 0);
	CHECK_EQ(sys_getxattr("/copy", "user.k", buf, 30), -ENODATA);
	CHECK_EQ(sys_getxattr("/copy", "system.posix_acl_access", buf, 30), -EOPNOTSUPP);
	free(big);
}

static int count_entries(int fd, size_t size)
{
	static char buf[32768];
	int n = 0;
	for (long len; (len = sys_getdents64(fd, buf, (unsigned)size)) > 0;)
		for (long at = 0; at < len; at += *(unsigned short *)(buf + at + 16))
			n++;
	return n;
}

static void test_directories(void)
{
	char name[32];
	CHECK_EQ(sys_mkdir("/many", 0755), 0);
	for (int i = 0; i < 500; i++) {
		format(name, sizeof name, "/many/file%d", i);
		sys_close(open_new(name));
	}
	int fd = (int)sys_open("/many", O_RDONLY, 0);
	CHECK_EQ(count_entries(fd, 32768), 502);
	CHECK_EQ(sys_lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(count_entries(fd, 200), 502);
	CHECK_EQ(sys_lseek(fd, 0, SEEK_SET), 0);
	char buf[1024];
	CHECK_EQ(sys_getdents64(fd, buf, 10), -EINVAL);
	CHECK(sys_getdents64(fd, buf, sizeof buf) > 0);
	for (int i = 0; i < 500; i++) { // removal while reading loses nothing that stays
		format(name, sizeof name, "/many/file%d", i);
		if (i % 2)
			CHECK_EQ(sys_unlink(name), 0);
	}
	CHECK(count_entries(fd, 1024) >= 225);
	CHECK_EQ(sys_lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(count_entries(fd, 1024), 252);
	sys_close(fd);
	CHECK_EQ(size_of("/many/file2"), 0);
	CHECK_EQ(size_of("/many/file3"), -ENOENT);
}

static void test_descriptors(void)
{
	int fd = open_new("/fds"), other = (int)sys_dup(fd);
	CHECK_EQ(sys_fcntl(fd, F_GETFD, 0), 0);
	CHECK_EQ(sys_fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	CHECK_EQ(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
	CHECK_EQ(sys_fcntl(other, F_GETFD, 0), 0);
	CHECK_EQ(sys_fcntl(fd, F_GETFL, 0), O_RDWR | O_LARGEFILE);
	CHECK_EQ(sys_fcntl(fd, F_SETFL, O_APPEND | O_CREAT | O_WRONLY), 0);
	CHECK_EQ(sys_fcntl(other, F_GETFL, 0), O_RDWR | O_APPEND | O_LARGEFILE);
	CHECK_EQ(sys_fcntl(fd, F_DUPFD, 100), 100);
	CHECK_EQ(sys_fcntl(fd, F_DUPFD_CLOEXEC, 100), 101);
	CHECK_EQ(sys_fcntl(fd, F_DUPFD, 5000), -EINVAL);
	CHECK_EQ(sys_dup2(fd, 200), 200);
	CHECK_EQ(sys_dup2(fd, fd), fd);
	CHECK_EQ(sys_dup3(fd, fd, 0), -EINVAL);
	CHECK_EQ(sys_dup2(fd, 5000), -EBADF);
	CHECK_EQ(sys_close_range(100, 200, 0), 0);
	CHECK_EQ(sys_dup(101), -EBADF);
	files_close_on_exec(test_process.files);
	CHECK_EQ(sys_dup(fd), -EBADF);
	CHECK_EQ(sys_close(other), 0);
	int n = 0, last;
	while ((last = open_new("/fds")) >= 0)
		n++;
	CHECK_EQ(last, -EMFILE);
	CHECK(n > 1000);
	CHECK_EQ(sys_close_range(0, ~0u, 0), 0);
	CHECK_EQ(open_new("/fds"), 0);
	sys_close(0);
}

static void lock_goes(void) { CHECK_EQ(sys_fcntl(1, F_OFD_SETLK, (uint64_t)&(struct flock){.l_type = F_UNLCK}), 0); }

static void test_locks(void)
{
	int a = open_new("/lock"), b = open_new("/lock");
	CHECK(a == 0 && b == 1);
	struct flock l = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
	CHECK_EQ(sys_fcntl(a, F_OFD_SETLK, (uint64_t)&l), 0);
	CHECK_EQ(sys_fcntl(b, F_OFD_SETLK, (uint64_t)&l), -EAGAIN);
	struct flock q = {.l_type = F_RDLCK, .l_start = 0, .l_len = 0};
	CHECK_EQ(sys_fcntl(b, F_OFD_GETLK, (uint64_t)&q), 0);
	CHECK(q.l_type == F_WRLCK && q.l_start == 10 && q.l_len == 10 && q.l_pid == -1);
	l = (struct flock){.l_type = F_UNLCK, .l_start = 12, .l_len = 2}; // splits it
	CHECK_EQ(sys_fcntl(a, F_OFD_SETLK, (uint64_t)&l), 0);
	l = (struct flock){.l_type = F_WRLCK, .l_start = 12, .l_len = 2};
	CHECK_EQ(sys_fcntl(b, F_OFD_SETLK, (uint64_t)&l), 0);
	l.l_len = 3;
	CHECK_EQ(sys_fcntl(b, F_OFD_SETLK, (uint64_t)&l), -EAGAIN);
	CHECK_EQ(sys_fcntl(a, F_OFD_SETLK, (uint64_t)&(struct flock){.l_type = F_UNLCK}), 0);
	CHECK(!list_empty(&file_from_fd(a)->inode->locks));
	test_sleep = lock_goes; // a waits for b
	l = (struct flock){.l_type = F_WRLCK};
	CHECK_EQ(sys_fcntl(a, F_OFD_SETLKW, (uint64_t)&l), 0);
	CHECK_EQ(sys_flock(b, LOCK_EX), 0); // another kind
	CHECK_EQ(sys_flock(a, LOCK_SH | LOCK_NB), -EAGAIN);
	CHECK_EQ(sys_close(b), 0);
	CHECK_EQ(sys_flock(a, LOCK_SH | LOCK_NB), 0);
	file_put(files_at(test_process.files, a, NULL));
}

static void test_inotify(void)
{
	struct {
		struct {
			int wd;
			uint32_t mask, cookie, len; // struct inotify_event
		} e;
		char name[16];
	} ev;
	CHECK_EQ(sys_mkdir("/w", 0755), 0);
	int fd = (int)sys_inotify_init1(IN_NONBLOCK);
	CHECK_EQ(sys_inotify_add_watch(fd, "/w", IN_ALL_EVENTS), 1);
	CHECK_EQ(sys_read(fd, &ev, sizeof ev), -EAGAIN);
	int f = open_new("/w/f");
	sys_write(f, "x", 1);
	sys_close(f);
	const uint32_t expect[] = {IN_CREATE, IN_OPEN, IN_MODIFY, IN_CLOSE_WRITE};
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(sys_read(fd, &ev, sizeof ev), 32);
		CHECK(ev.e.mask == expect[i] && !strcmp(ev.name, "f"));
	}
	CHECK_EQ(sys_rename("/w/f", "/w/g"), 0);
	CHECK_EQ(sys_read(fd, &ev, sizeof ev), 32);
	uint32_t cookie = ev.e.cookie;
	CHECK(ev.e.mask == IN_MOVED_FROM && cookie && !strcmp(ev.name, "f"));
	CHECK_EQ(sys_read(fd, &ev, sizeof ev), 32);
	CHECK(ev.e.mask == IN_MOVED_TO && ev.e.cookie == cookie && !strcmp(ev.name, "g"));
	CHECK_EQ(sys_chmod("/w/g", 0600), 0);
	CHECK_EQ(sys_read(fd, &ev, sizeof ev), 32);
	CHECK_EQ(ev.e.mask, IN_ATTRIB);
	CHECK_EQ(sys_unlink("/w/g"), 0);
	CHECK_EQ(sys_read(fd, &ev, sizeof ev), 32);
	CHECK_EQ(ev.e.mask, IN_DELETE);
	CHECK_EQ(sys_rmdir("/w"), 0);
	CHECK_EQ(sys_read(fd, &ev, 16), 16);
	CHECK_EQ(ev.e.mask, IN_DELETE_SELF);
	CHECK_EQ(sys_read(fd, &ev, 16), 16);
	CHECK_EQ(ev.e.mask, IN_IGNORED);
	sys_close(fd);
	CHECK_EQ(notify_watches, 0);
}

static int show(struct text *t, void *arg)
{
	for (int i = 0; i < 500; i++)
		text_append(t, "%s %d\n", (char *)arg, i);
	return 0;
}

static void test_generated(void)
{
	struct super s = {.type = "x"};
	static char buf[16384], arg[] = "line";
	struct inode *dir = static_dir_create(&s, 0555, NULL, NULL);
	CHECK_EQ(static_dir_add(dir, "text", vfs_text_file(&s, 0444, show, arg)), 0);
	CHECK_EQ(static_dir_add(dir, "link", static_link_create(&s, "text")), 0);
	CHECK_EQ(vfs_mount("/gen", &s, dir, "x", ""), 0);
	int fd = (int)sys_open("/gen/link", O_RDONLY, 0);
	CHECK_EQ(sys_read(fd, buf, 100), 100);
	long n = sys_read(fd, buf + 100, sizeof buf - 100);
	CHECK(n > 3000 && !memcmp(buf, "line 0\nline 1\n", 14) && !memcmp(buf + 100 + n - 9, "line 499\n", 9));
	sys_close(fd);
	CHECK_EQ(sys_open("/gen/other", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(static_dir_add(dir, "other", vfs_text_file(&s, 0444, show, arg)), 0); // the negative entry goes
	fd = (int)sys_open("/gen/other", O_RDONLY, 0);
	CHECK(fd >= 0);
	sys_close(fd);
	static_dir_remove(dir, "other");
	CHECK_EQ(sys_open("/gen/other", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(sys_open("/gen/make", O_CREAT | O_RDWR, 0), -EACCES);
	fd = (int)sys_open("/gen", O_RDONLY, 0);
	CHECK_EQ(count_entries(fd, 4096), 4);
	sys_close(fd);
}

static int magic_fd;

static int magic_follow(struct inode *i, struct mount **mount, struct dentry **dentry)
{
	(void)i;
	struct file *f = file_from_fd(magic_fd);
	int err = file_path(f, mount, dentry);
	file_put(f);
	return err;
}

// As /proc/self/fd/N: the link leads to the file itself, wherever it lies.
static void test_magic_links(void)
{
	static struct super s = {.type = "m"};
	static const struct inode_ops ops = {.follow = magic_follow};
	char buf[32];
	int fd[2];
	struct inode *dir = static_dir_create(&s, 0555, NULL, NULL), *link = inode_alloc(&s, S_IFLNK | 0777);
	link->ops = &ops;
	CHECK_EQ(static_dir_add(dir, "link", link), 0);
	CHECK_EQ(vfs_mount("/magic", &s, dir, "m", ""), 0);
	inode_put(dir);
	CHECK_EQ(sys_pipe2(fd, O_NONBLOCK), 0);
	magic_fd = fd[1];
	int again = (int)sys_open("/magic/link", O_WRONLY | O_CREAT | O_TRUNC, 0644); // a shell's `> /dev/stdout`
	CHECK(again >= 0);
	CHECK_EQ(sys_write(again, "through", 7), 7);
	CHECK_EQ(sys_read(fd[0], buf, sizeof buf), 7);
	struct file *f = file_from_fd(again);
	CHECK(file_format_path(f, buf, sizeof buf) > 0 && !memcmp(buf, "pipe:[", 6));
	file_put(f);
	struct stat st;
	CHECK(!sys_stat("/magic/link", &st) && S_ISFIFO(st.st_mode));
	sys_close(fd[1]);
	magic_fd = again;
	CHECK_EQ(sys_read(fd[0], buf, 1), -EAGAIN); // it is a writer
	sys_close(again);
	CHECK_EQ(sys_read(fd[0], buf, 1), 0);
	sys_close(fd[0]);
	magic_fd = open_new("/removed");
	CHECK_EQ(sys_write(magic_fd, "alive", 5), 5);
	CHECK_EQ(sys_unlink("/removed"), 0);
	again = (int)sys_open("/magic/link", O_RDONLY, 0);
	CHECK_EQ(sys_read(again, buf, sizeof buf), 5);
	CHECK_EQ(sys_open("/magic/link", O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
	CHECK_EQ(sys_open("/magic/link/x", O_RDONLY, 0), -ENOTDIR);
	sys_close(again);
	sys_close(magic_fd);
	magic_fd = (int)sys_inotify_init1(0);
	CHECK_EQ(sys_open("/magic/link", O_RDONLY, 0), -ENXIO);
	sys_close(magic_fd);
	magic_fd = (int)sys_open("/many", O_RDONLY, 0);
	CHECK_EQ(size_of("/magic/link/file2"), 0);
	sys_close(magic_fd);
}

int main(void)
{
	boot();
	test_paths();
	test_names();
	test_permissions();
	sys_close_range(0, ~0u, 0);
	test_data();
	test_directories();
	test_descriptors();
	test_locks();
	sys_close_range(0, ~0u, 0);
	test_inotify();
	test_generated();
	test_magic_links();
	while (dentry_prune(1000))
		;
	// Everything but the roots and what they hold is gone: pages are those of files that still have names.
	CHECK_EQ(test_pages, (long)tmpfs_pages());
	printf("ok vfs_names\n");
	return 0;
}
