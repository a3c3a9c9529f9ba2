// SPDX-License-Identifier: MIT
//
// io_uring: setup and its refusals, files, vectors, registered files and buffers, names, chains, drains, the probe,
// hostile rings.
#include "uring.h"

#include <linux/stat.h>
#include <sys/sysmacros.h>

static long reg(struct ring *r, unsigned op, const void *arg, unsigned n)
{
	return syscall(SYS_io_uring_register, r->fd, op, arg, n);
}

static void setup(void)
{
	struct io_uring_params p = {0};
	struct ring r;
	CHECK_ERR(syscall(SYS_io_uring_setup, 0, &p), EINVAL);
	CHECK_ERR(syscall(SYS_io_uring_setup, 8, NULL), EFAULT);
	CHECK_ERR(syscall(SYS_io_uring_setup, 32769, &p), EINVAL);
	p.flags = 1u << 31;
	CHECK_ERR(syscall(SYS_io_uring_setup, 8, &p), EINVAL);
	p = (struct io_uring_params){.resv[1] = 1};
	CHECK_ERR(syscall(SYS_io_uring_setup, 8, &p), EINVAL);
	p = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 4};
	CHECK_ERR(syscall(SYS_io_uring_setup, 8, &p), EINVAL);
	p = (struct io_uring_params){.flags = IORING_SETUP_DEFER_TASKRUN};
	CHECK_ERR(syscall(SYS_io_uring_setup, 8, &p), EINVAL);
	p = (struct io_uring_params){.flags = IORING_SETUP_CLAMP};
	int fd = (int)syscall(SYS_io_uring_setup, 1000000, &p);
	CHECK(fd >= 0);
	CHECK_EQ(p.sq_entries, 32768);
	CHECK_EQ(p.cq_entries, 65536);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	p = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 33};
	fd = (int)syscall(SYS_io_uring_setup, 5, &p);
	CHECK_EQ(p.sq_entries, 8);
	CHECK_EQ(p.cq_entries, 64);
	const unsigned need = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS |
			      IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG;
	CHECK_EQ(p.features & need, need);
	CHECK_ERR(read(fd, &p, 1), EINVAL);
	CHECK_ERR(syscall(SYS_io_uring_enter, fd, 0, 0, 1u << 30, NULL, 0), EINVAL);
	CHECK_ERR(syscall(SYS_io_uring_register, fd, 999, NULL, 0), EINVAL);
	close(fd);
	CHECK_ERR(syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0), EBADF);
	CHECK_ERR(syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_io_uring_register, 0, IORING_REGISTER_BUFFERS, NULL, 0), EOPNOTSUPP);
	CHECK_EQ(ring_open(&r, 4, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN), 0);
	entry(&r, IORING_OP_NOP, -1, NULL, 0, 0, 5);
	CHECK_EQ(one(&r), 0);
	ring_close(&r);
	CHECK_EQ(ring_open(&r, 4, IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN), 0);
	CHECK_ERR(enter(&r, 0, 0), EBADFD);
	CHECK_EQ(reg(&r, IORING_REGISTER_ENABLE_RINGS, NULL, 0), 0);
	CHECK_EQ(enter(&r, 0, 0), 0);
	ring_close(&r);
}

static void capabilities(struct ring *r)
{
	struct {
		struct io_uring_probe p;
		struct io_uring_probe_op op[64];
	} b = {0};
	static const int need[] = {
		IORING_OP_NOP,	      IORING_OP_READV,	      IORING_OP_WRITEV,	      IORING_OP_FSYNC,
		IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,  IORING_OP_POLL_ADD,     IORING_OP_POLL_REMOVE,
		IORING_OP_SENDMSG,    IORING_OP_RECVMSG,      IORING_OP_TIMEOUT,      IORING_OP_TIMEOUT_REMOVE,
		IORING_OP_ACCEPT,     IORING_OP_ASYNC_CANCEL, IORING_OP_LINK_TIMEOUT, IORING_OP_CONNECT,
		IORING_OP_OPENAT,     IORING_OP_CLOSE,	      IORING_OP_STATX,	      IORING_OP_READ,
		IORING_OP_WRITE,      IORING_OP_SEND,	      IORING_OP_RECV,	      IORING_OP_SPLICE};
	CHECK_EQ(reg(r, IORING_REGISTER_PROBE, &b, 64), 0);
	for (size_t i = 0; i < sizeof need / sizeof *need; i++)
		CHECK(b.op[need[i]].flags & IO_URING_OP_SUPPORTED);
	// What it says is not there is refused, and what is there is known.
	for (int op = 0; op < b.p.ops_len; op++)
		if (!(b.op[op].flags & IO_URING_OP_SUPPORTED)) {
			entry(r, op, -1, NULL, 0, 0, 1);
			CHECK_EQ(one(r), -EINVAL);
		}
	CHECK_EQ(reg(r, IORING_REGISTER_PROBE, &b, 64), -1); // it must be zeroes
	entry(r, 200, -1, NULL, 0, 0, 1);
	CHECK_EQ(one(r), -EINVAL);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = 0x80;
	CHECK_EQ(one(r), -EINVAL);
}

static void files(struct ring *r)
{
	char in[16] = "";
	struct iovec v[2] = {{(void *)"hello ", 6}, {(void *)"world", 5}};
	entry(r, IORING_OP_OPENAT, AT_FDCWD, "file", 0644, 0, 1)->open_flags = O_RDWR | O_CREAT;
	int fd = one(r);
	CHECK(fd >= 0);
	entry(r, IORING_OP_WRITEV, fd, v, 2, 100, 2);
	CHECK_EQ(one(r), 11);
	entry(r, IORING_OP_READ, fd, in, 16, 106, 3);
	CHECK_EQ(one(r), 5);
	CHECK(!memcmp(in, "world", 5));
	// The file's own position.
	CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
	entry(r, IORING_OP_READ, fd, in, 3, (uint64_t)-1, 4);
	CHECK_EQ(one(r), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 103);
	entry(r, IORING_OP_WRITE, fd, "HE", 2, 100, 5);
	CHECK_EQ(one(r), 2);
	entry(r, IORING_OP_FSYNC, fd, NULL, 0, 0, 6)->fsync_flags = IORING_FSYNC_DATASYNC;
	CHECK_EQ(one(r), 0);
	v[0] = (struct iovec){in, 4}, v[1] = (struct iovec){in + 4, 12};
	entry(r, IORING_OP_READV, fd, v, 2, 100, 7);
	CHECK_EQ(one(r), 11);
	CHECK(!memcmp(in, "HEllo world", 11));
	entry(r, IORING_OP_FALLOCATE, fd, (void *)4096, 0, 0, 8);
	CHECK_EQ(one(r), 0);
	struct statx sx = {0};
	entry(r, IORING_OP_STATX, AT_FDCWD, "file", STATX_BASIC_STATS, (uintptr_t)&sx, 9);
	CHECK_EQ(one(r), 0);
	CHECK_EQ(sx.stx_size, 4096);
	// Errors.
	entry(r, IORING_OP_READ, -1, in, 1, 0, 10);
	CHECK_EQ(one(r), -EBADF);
	entry(r, IORING_OP_READ, fd, (void *)8, 1, 0, 10);
	CHECK_EQ(one(r), -EFAULT);
	entry(r, IORING_OP_OPENAT, AT_FDCWD, "missing", 0, 0, 10);
	CHECK_EQ(one(r), -ENOENT);
	entry(r, IORING_OP_OPENAT, AT_FDCWD, NULL, 0, 0, 10);
	CHECK_EQ(one(r), -EFAULT);
	entry(r, IORING_OP_MKDIRAT, AT_FDCWD, "d", 0755, 0, 11);
	CHECK_EQ(one(r), 0);
	entry(r, IORING_OP_RENAMEAT, AT_FDCWD, "file", (unsigned)AT_FDCWD, (uintptr_t)"d/g", 11);
	CHECK_EQ(one(r), 0);
	entry(r, IORING_OP_LINKAT, AT_FDCWD, "d/g", (unsigned)AT_FDCWD, (uintptr_t)"h", 11);
	CHECK_EQ(one(r), 0);
	entry(r, IORING_OP_SYMLINKAT, AT_FDCWD, "h", 0, (uintptr_t)"s", 11);
	CHECK_EQ(one(r), 0);
	CHECK_EQ(readlink("s", in, 16), 1);
	entry(r, IORING_OP_UNLINKAT, AT_FDCWD, "s", 0, 0, 11);
	CHECK_EQ(one(r), 0);
	entry(r, IORING_OP_UNLINKAT, AT_FDCWD, "d", 0, 0, 11)->unlink_flags = AT_REMOVEDIR;
	CHECK_EQ(one(r), -ENOTEMPTY);
	CHECK_EQ(access("h", F_OK), 0);
	entry(r, IORING_OP_CLOSE, fd, NULL, 0, 0, 12);
	CHECK_EQ(one(r), 0);
	CHECK_ERR(fcntl(fd, F_GETFD), EBADF);
	entry(r, IORING_OP_CLOSE, r->fd, NULL, 0, 0, 12);
	CHECK_EQ(one(r), -EBADF);
}

static void registered(struct ring *r)
{
	static char a[64], b[64];
	struct iovec v[2] = {{a, sizeof a}, {b, sizeof b}};
	int zero = open("/dev/zero", O_RDWR), fd = open("fixed", O_RDWR | O_CREAT, 0644), list[3] = {zero, -1, fd};
	CHECK_ERR(reg(r, IORING_UNREGISTER_FILES, NULL, 0), ENXIO);
	CHECK_ERR(reg(r, IORING_UNREGISTER_BUFFERS, NULL, 0), ENXIO);
	CHECK_EQ(reg(r, IORING_REGISTER_FILES, list, 3), 0);
	CHECK_ERR(reg(r, IORING_REGISTER_FILES, list, 3), EBUSY);
	CHECK_EQ(reg(r, IORING_REGISTER_BUFFERS, v, 2), 0);
	CHECK_ERR(reg(r, IORING_REGISTER_BUFFERS, v, 2), EBUSY);
	close(fd); // the ring keeps it
	memset(a, 'x', sizeof a);
	struct io_uring_sqe *s = entry(r, IORING_OP_WRITE_FIXED, 2, a, 64, 0, 1);
	s->flags = IOSQE_FIXED_FILE;
	CHECK_EQ(one(r), 64);
	s = entry(r, IORING_OP_READ_FIXED, 2, b + 4, 60, 0, 1);
	s->flags = IOSQE_FIXED_FILE;
	s->buf_index = 1;
	CHECK_EQ(one(r), 60);
	CHECK_EQ(b[63], 'x');
	CHECK_EQ(b[3], 0);
	s = entry(r, IORING_OP_READ_FIXED, 2, b + 4, 64, 0, 1); // beyond
	s->flags = IOSQE_FIXED_FILE;
	s->buf_index = 1;
	CHECK_EQ(one(r), -EFAULT);
	s = entry(r, IORING_OP_READ_FIXED, 2, b, 1, 0, 1);
	s->flags = IOSQE_FIXED_FILE;
	s->buf_index = 2;
	CHECK_EQ(one(r), -EFAULT);
	entry(r, IORING_OP_READ, 1, b, 1, 0, 1)->flags = IOSQE_FIXED_FILE; // empty
	CHECK_EQ(one(r), -EBADF);
	entry(r, IORING_OP_READ, 77, b, 1, 0, 1)->flags = IOSQE_FIXED_FILE;
	CHECK_EQ(one(r), -EBADF);
	struct io_uring_files_update up = {.offset = 1, .fds = (uintptr_t)&zero};
	CHECK_EQ(reg(r, IORING_REGISTER_FILES_UPDATE, &up, 1), 1);
	entry(r, IORING_OP_READ, 1, b, 64, 0, 1)->flags = IOSQE_FIXED_FILE;
	CHECK_EQ(one(r), 64);
	CHECK_EQ(b[63], 0);
	up.offset = 3;
	CHECK_ERR(reg(r, IORING_REGISTER_FILES_UPDATE, &up, 1), EINVAL);
	int none = -1;
	entry(r, IORING_OP_FILES_UPDATE, -1, &none, 1, 1, 1);
	CHECK_EQ(one(r), 1);
	entry(r, IORING_OP_READ, 1, b, 64, 0, 1)->flags = IOSQE_FIXED_FILE;
	CHECK_EQ(one(r), -EBADF);
	entry(r, IORING_OP_CLOSE, 0, NULL, 0, 0, 1)->file_index = 1;
	CHECK_EQ(one(r), 0);
	entry(r, IORING_OP_READ, 0, b, 1, 0, 1)->flags = IOSQE_FIXED_FILE;
	CHECK_EQ(one(r), -EBADF);
	CHECK_EQ(reg(r, IORING_UNREGISTER_FILES, NULL, 0), 0);
	CHECK_EQ(reg(r, IORING_UNREGISTER_BUFFERS, NULL, 0), 0);
	v[0].iov_len = 0;
	CHECK_ERR(reg(r, IORING_REGISTER_BUFFERS, v, 1), EFAULT);
	list[0] = 1234;
	CHECK_ERR(reg(r, IORING_REGISTER_FILES, list, 1), EBADF);
	int ev = eventfd(0, EFD_NONBLOCK);
	CHECK_ERR(reg(r, IORING_REGISTER_EVENTFD, &zero, 1), EINVAL);
	CHECK_EQ(reg(r, IORING_REGISTER_EVENTFD, &ev, 1), 0);
	CHECK_ERR(reg(r, IORING_REGISTER_EVENTFD, &ev, 1), EBUSY);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 1);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 2);
	CHECK_EQ(enter(r, 2, 2), 2);
	uint64_t n = 0;
	CHECK_EQ(read(ev, &n, 8), 8);
	CHECK(n >= 1 && n <= 2);
	take(r), take(r);
	CHECK_EQ(reg(r, IORING_UNREGISTER_EVENTFD, NULL, 0), 0);
	CHECK_ERR(reg(r, IORING_UNREGISTER_EVENTFD, NULL, 0), ENXIO);
	close(ev);
	close(zero);
}

static void chains(struct ring *r)
{
	char in[8];
	int fd = open("chain", O_RDWR | O_CREAT, 0644);
	entry(r, IORING_OP_WRITE, fd, "abcdefg", 7, 0, 1)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_READ, fd, in, 7, 0, 2)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	CHECK_EQ(enter(r, 3, 3), 3);
	EXPECT(r, 1, 7);
	EXPECT(r, 2, 7);
	EXPECT(r, 3, 0);
	CHECK(!memcmp(in, "abcdefg", 7));
	// A short read breaks it; a hard link it does not.
	entry(r, IORING_OP_READ, fd, in, 8, 0, 1)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 4);
	CHECK_EQ(enter(r, 4, 4), 4);
	int seen = 0;
	for (int i = 0; i < 4; i++) {
		struct completion c = take(r);
		seen |= 1 << c.user_data;
		CHECK_EQ(c.res, c.user_data == 1 ? 7 : c.user_data == 4 ? 0 : -ECANCELED);
	}
	CHECK_EQ(seen, 30);
	entry(r, IORING_OP_READ, fd, in, 8, 0, 1)->flags = IOSQE_IO_HARDLINK;
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 2);
	CHECK_EQ(enter(r, 2, 2), 2);
	EXPECT(r, 1, 7);
	EXPECT(r, 2, 0);
	// A drain waits for all before it, and all after it for the drain.
	int p[2];
	CHECK_EQ(pipe(p), 0);
	entry(r, IORING_OP_READ, p[0], in, 1, 0, 1);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = IOSQE_IO_DRAIN;
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	CHECK_EQ(enter(r, 3, 0), 3);
	sleep_ms(5);
	CHECK_EQ(ready(r), 0);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(enter(r, 0, 3), 0);
	EXPECT(r, 1, 1);
	EXPECT(r, 2, 0);
	EXPECT(r, 3, 0);
	// No word of a success (with which Linux allows no drain any more).
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
	entry(r, IORING_OP_READ, -1, in, 1, 0, 2)->flags = IOSQE_CQE_SKIP_SUCCESS;
	CHECK_EQ(enter(r, 2, 1), 2);
	EXPECT(r, 2, -EBADF);
	CHECK_EQ(ready(r), 0);
	close(p[0]);
	close(p[1]);
	close(fd);
}

// More completions than the ring holds: none is lost.
static void overflow(void)
{
	struct ring r;
	CHECK_EQ(ring_open(&r, 4, 0), 0);
	for (uint64_t i = 0; i < 5; i++) {
		for (uint64_t j = 0; j < 4; j++)
			entry(&r, IORING_OP_NOP, -1, NULL, 0, 0, 1 + i * 4 + j);
		CHECK_EQ(enter(&r, 4, 0), 4);
	}
	CHECK(*word(&r, r.p.sq_off.flags) & IORING_SQ_CQ_OVERFLOW);
	for (uint64_t i = 1; i <= 20; i++)
		EXPECT(&r, i, 0);
	CHECK(!(*word(&r, r.p.sq_off.flags) & IORING_SQ_CQ_OVERFLOW));
	ring_close(&r);
}

// Whatever the program writes over, the kernel looks only where it may.
static void hostile(void)
{
	struct ring r;
	CHECK_EQ(ring_open(&r, 4, 0), 0);
	word(&r, r.p.sq_off.array)[0] = 0x12345678;
	entry(&r, IORING_OP_NOP, -1, NULL, 0, 0, 1);
	CHECK_EQ(enter(&r, 1, 0), 0);
	CHECK_EQ(*word(&r, r.p.sq_off.dropped), 1);
	memset(r.memory, 0xff, r.p.cq_off.cqes);
	enter(&r, 100, 0);
	memset(r.memory, 0x55, r.size);
	enter(&r, 100, 0);
	memset(r.sqe, 0xff, r.sqe_size);
	memset(r.memory, 0, r.size);
	*word(&r, r.p.sq_off.tail) = 0x80000000;
	enter(&r, 0xffffffff, 0);
	ring_close(&r);
}

int main(void)
{
	struct ring r;
	setup();
	NEED(ring_open(&r, 8, 0) == 0);
	capabilities(&r);
	files(&r);
	registered(&r);
	chains(&r);
	ring_close(&r);
	overflow();
	hostile();
	return test_end();
}
