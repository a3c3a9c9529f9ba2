// SPDX-License-Identifier: MIT
//
// Linux AIO: submission, the ring, vectors, errors at both ends, polls, event counters, time-outs, cancelling,
// destroying.
// cpus: 1 2
#include "test.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static long setup(unsigned n, aio_context_t *c) { return syscall(SYS_io_setup, n, c); }
static long destroy(aio_context_t c) { return syscall(SYS_io_destroy, c); }
static long submit(aio_context_t c, long n, struct iocb **p) { return syscall(SYS_io_submit, c, n, p); }
static long submit1(aio_context_t c, struct iocb *p) { return submit(c, 1, &p); }
static long get(aio_context_t c, long min, long n, struct io_event *e, struct timespec *t)
{
	return syscall(SYS_io_getevents, c, min, n, e, t);
}

static struct iocb make(int fd, int op, void *buf, size_t len, int64_t off)
{
	static uint64_t number;
	return (struct iocb){.aio_data = ++number,
			     .aio_lio_opcode = op,
			     .aio_fildes = fd,
			     .aio_buf = (uintptr_t)buf,
			     .aio_nbytes = len,
			     .aio_offset = off};
}

static void limits(void)
{
	aio_context_t c = 0;
	CHECK_ERR(setup(0, &c), EINVAL);
	CHECK_ERR(setup(1, NULL), EFAULT);
	c = 1;
	CHECK_ERR(setup(1, &c), EINVAL);
	CHECK_ERR(destroy(0), EINVAL);
	CHECK_ERR(destroy(0x1000), EINVAL);
	CHECK_ERR(submit(0, 0, NULL), EINVAL);
	CHECK_ERR(get(0, 0, 1, NULL, NULL), EINVAL);
	c = 0;
	CHECK_EQ(setup(4, &c), 0);
	CHECK(c);
	CHECK_EQ(submit(c, 0, NULL), 0);
	CHECK_ERR(submit(c, -1, NULL), EINVAL);
	CHECK_ERR(submit(c, 1, NULL), EFAULT);
	struct io_event e;
	CHECK_ERR(get(c, 2, 1, &e, NULL), EINVAL);
	CHECK_ERR(get(c, -1, 1, &e, NULL), EINVAL);
	CHECK_EQ(get(c, 0, 1, &e, NULL), 0);
	CHECK_EQ(destroy(c), 0);
	CHECK_ERR(destroy(c), EINVAL);
	CHECK_ERR(submit(c, 0, NULL), EINVAL);
}

static void files(aio_context_t c)
{
	char buf[8] = "abcdefg", in[8] = "";
	struct io_event e[8];
	int fd = open("file", O_RDWR | O_CREAT, 0644);
	struct iocb w = make(fd, IOCB_CMD_PWRITE, buf, 7, 100), r = make(fd, IOCB_CMD_PREAD, in, 7, 100),
		    s = make(fd, IOCB_CMD_FSYNC, NULL, 0, 0);
	struct iocb *list[] = {&w, &s, &r};
	w.aio_key = 77;
	CHECK_EQ(submit(c, 3, list), 3);
	CHECK_EQ(w.aio_key, 0);
	CHECK_EQ(get(c, 3, 8, e, NULL), 3);
	int seen = 0;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(e[i].res2, 0);
		if (e[i].obj == (uintptr_t)&w) {
			seen |= 1;
			CHECK_EQ(e[i].data, w.aio_data);
			CHECK_EQ(e[i].res, 7);
		}
		if (e[i].obj == (uintptr_t)&s) {
			seen |= 2;
			CHECK_EQ(e[i].res, 0);
		}
		if (e[i].obj == (uintptr_t)&r)
			seen |= 4;
	}
	CHECK_EQ(seen, 7);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	memset(in, 0, sizeof in);
	struct iovec v[2] = {{in, 3}, {in + 3, 5}};
	r = make(fd, IOCB_CMD_PREADV, v, 2, 100);
	CHECK_EQ(submit1(c, &r), 1);
	CHECK_EQ(get(c, 1, 1, e, NULL), 1);
	CHECK_EQ(e->res, 7);
	CHECK(!memcmp(in, buf, 7));
	v[1] = (struct iovec){buf, 2};
	w = make(fd, IOCB_CMD_PWRITEV, v, 2, 0);
	CHECK_EQ(submit1(c, &w), 1);
	CHECK_EQ(get(c, 1, 1, e, NULL), 1);
	CHECK_EQ(e->res, 5);
	CHECK_EQ(pread(fd, in, 5, 0), 5);
	CHECK(!memcmp(in, "abcab", 5));
	// End of file, an address that is none: results.
	r = make(fd, IOCB_CMD_PREAD, in, 4, 4096);
	CHECK_EQ(submit1(c, &r), 1);
	CHECK_EQ(get(c, 1, 1, e, NULL), 1);
	CHECK_EQ(e->res, 0);
	r = make(fd, IOCB_CMD_PREAD, (void *)8, 4, 0);
	CHECK_EQ(submit1(c, &r), 1);
	CHECK_EQ(get(c, 1, 1, e, NULL), 1);
	CHECK_EQ(e->res, -EFAULT);
	// What is wrong with the request itself: the call's.
	r = make(-1, IOCB_CMD_PREAD, in, 4, 0);
	CHECK_ERR(submit1(c, &r), EBADF);
	r = make(fd, 99, in, 4, 0);
	CHECK_ERR(submit1(c, &r), EINVAL);
	r = make(fd, IOCB_CMD_PREAD, in, (size_t)-1, 0);
	CHECK_ERR(submit1(c, &r), EINVAL);
	r = make(fd, IOCB_CMD_PREAD, in, 4, -5);
	CHECK_ERR(submit1(c, &r), EINVAL);
	r = make(fd, IOCB_CMD_PREAD, in, 4, 0);
	r.aio_reserved2 = 1;
	CHECK_ERR(submit1(c, &r), EINVAL);
	r.aio_reserved2 = 0;
	r.aio_rw_flags = 1 << 30;
	CHECK_ERR(submit1(c, &r), EOPNOTSUPP);
	s = make(fd, IOCB_CMD_FSYNC, in, 0, 0);
	CHECK_ERR(submit1(c, &s), EINVAL);
	int ro = open("file", O_RDONLY);
	w = make(ro, IOCB_CMD_PWRITE, buf, 1, 0);
	CHECK_ERR(submit1(c, &w), EBADF);
	// A bad one stops the rest, and the good ones count.
	r = make(fd, IOCB_CMD_PREAD, in, 4, 0);
	struct iocb *mixed[] = {&r, &w, &r};
	CHECK_EQ(submit(c, 3, mixed), 1);
	CHECK_EQ(get(c, 1, 8, e, NULL), 1);
	close(ro);
	close(fd);
}

static void *later(void *arg)
{
	sleep_ms(20);
	CHECK_EQ(write(*(int *)arg, "x", 1), 1);
	return NULL;
}

static void polls(aio_context_t c)
{
	int p[2], ev = eventfd(0, EFD_NONBLOCK);
	struct io_event e[4];
	CHECK_EQ(pipe(p), 0);
	struct iocb q = make(p[0], IOCB_CMD_POLL, (void *)POLLIN, 0, 0);
	q.aio_flags = IOCB_FLAG_RESFD;
	q.aio_resfd = ev;
	CHECK_EQ(submit1(c, &q), 1);
	struct timespec t = {0, 5000000};
	CHECK_EQ(get(c, 1, 4, e, &t), 0);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(get(c, 1, 4, e, NULL), 1);
	CHECK_EQ(e->data, q.aio_data);
	CHECK(e->res & POLLIN);
	uint64_t n = 0;
	CHECK_EQ(read(ev, &n, 8), 8);
	CHECK_EQ(n, 1);
	// Ready at once.
	CHECK_EQ(submit1(c, &q), 1);
	CHECK_EQ(get(c, 1, 4, e, NULL), 1);
	CHECK_EQ(read(p[0], &n, 8), 1);
	// Nobody waits: the counter tells when it came.
	CHECK_EQ(read(ev, &n, 8), 8);
	pthread_t thread;
	CHECK_EQ(submit1(c, &q), 1);
	pthread_create(&thread, NULL, later, &p[1]);
	struct pollfd pf = {ev, POLLIN, 0};
	CHECK_EQ(poll(&pf, 1, 5000), 1);
	CHECK_EQ(get(c, 1, 4, e, NULL), 1);
	pthread_join(thread, NULL);
	CHECK_EQ(read(p[0], &n, 8), 1);
	// Waiting in the kernel while it comes.
	CHECK_EQ(submit1(c, &q), 1);
	pthread_create(&thread, NULL, later, &p[1]);
	CHECK_EQ(get(c, 1, 4, e, NULL), 1);
	pthread_join(thread, NULL);
	CHECK_EQ(read(p[0], &n, 8), 1);
	// Cancelled; closed while watched.
	CHECK_EQ(submit1(c, &q), 1);
	CHECK_ERR(syscall(SYS_io_cancel, c, &q, e), EINPROGRESS);
	CHECK_EQ(get(c, 1, 4, e, NULL), 1);
	CHECK_ERR(syscall(SYS_io_cancel, c, &q, e), EINVAL);
	q.aio_nbytes = 1;
	CHECK_ERR(submit1(c, &q), EINVAL);
	q.aio_nbytes = 0;
	q.aio_resfd = p[0];
	CHECK_ERR(submit1(c, &q), EINVAL);
	q.aio_flags = 0;
	CHECK_EQ(submit1(c, &q), 1); // destroyed with its context
	close(p[0]);
	close(p[1]);
	close(ev);
}

// libaio reads events in the ring itself.
struct ring {
	unsigned id, nr, head, tail, magic, compat, incompat, length;
	struct io_event event[];
};

static void ring(aio_context_t c)
{
	char b;
	struct ring *r = (struct ring *)c;
	int fd = open("/dev/zero", O_RDONLY);
	struct iocb q = make(fd, IOCB_CMD_PREAD, &b, 1, 0);
	CHECK_EQ(r->magic, 0xa10a10a1);
	CHECK_EQ(r->length, 32);
	CHECK_EQ(r->head, r->tail);
	for (unsigned i = 0; i < 3 * r->nr; i++) {
		CHECK_EQ(submit1(c, &q), 1);
		CHECK(r->head != r->tail);
		CHECK_EQ(r->event[r->head].data, q.aio_data);
		r->head = (r->head + 1) % r->nr;
	}
	CHECK_EQ(r->head, r->tail);
	// A full ring takes no more, and an absurd head hurts nobody.
	unsigned n = 0;
	while (submit1(c, &q) == 1 && n < 100000)
		n++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(n >= 8);
	struct io_event e[8];
	CHECK_EQ(get(c, 8, 8, e, NULL), 8);
	close(fd);
}

static void on_alarm(int sig) { (void)sig; }
static void *destroys(void *arg)
{
	sleep_ms(20);
	CHECK_EQ(destroy(*(aio_context_t *)arg), 0);
	return NULL;
}

static void waits(void)
{
	aio_context_t c = 0;
	struct io_event e;
	CHECK_EQ(setup(8, &c), 0);
	struct sigaction sa = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &sa, NULL);
	struct itimerspec it = {.it_value.tv_nsec = 20000000};
	timer_t timer;
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	CHECK_EQ(timer_settime(timer, 0, &it, NULL), 0);
	CHECK_ERR(get(c, 1, 1, &e, NULL), EINTR);
	struct {
		sigset_t *set;
		size_t size;
	} sig = {&none, 8};
	sigprocmask(SIG_BLOCK, &all, NULL);
	CHECK_EQ(timer_settime(timer, 0, &it, NULL), 0);
	CHECK_ERR(syscall(SYS_io_pgetevents, c, 1, 1, &e, NULL, &sig), EINTR);
	sigset_t now;
	sigprocmask(SIG_UNBLOCK, &all, &now);
	CHECK(sigismember(&now, SIGALRM));
	timer_delete(timer);
	pthread_t t;
	pthread_create(&t, NULL, destroys, &c);
	CHECK_ERR(get(c, 1, 1, &e, NULL), EINVAL);
	pthread_join(t, NULL);
}

int main(void)
{
	aio_context_t c = 0;
	limits();
	NEED(setup(8, &c) == 0);
	files(c);
	ring(c);
	CHECK_EQ(destroy(c), 0);
	c = 0;
	CHECK_EQ(setup(8, &c), 0);
	polls(c);
	CHECK_EQ(destroy(c), 0);
	waits();
	return test_end();
}
