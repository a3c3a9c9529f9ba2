// SPDX-License-Identifier: MIT
//
// io_uring: what waits. Pipes, polls, timeouts, links with timeouts, cancelling, sockets, splice, FIFOs, signals and
// time-outs of io_uring_enter, event counters that tell of completions nobody waits for, rings closed with requests in
// flight.
// cpus: 1 2
#include "uring.h"

#include <netinet/in.h>
#include <sys/un.h>

static void *write_later(void *arg)
{
	sleep_ms(20);
	CHECK_EQ(write(*(int *)arg, "later", 5), 5);
	return NULL;
}

static void pipes(struct ring *r)
{
	char in[16], in2[16];
	int p[2];
	pthread_t t;
	CHECK_EQ(pipe(p), 0);
	// Submitting does not wait; the data comes while nobody is in the kernel, and is there without another call but
	// a wait.
	entry(r, IORING_OP_READ, p[0], in, 16, 0, 1);
	CHECK_EQ(enter(r, 1, 0), 1);
	CHECK_EQ(ready(r), 0);
	CHECK_EQ(write(p[1], "abc", 3), 3);
	EXPECT(r, 1, 3);
	// While it is waited for.
	entry(r, IORING_OP_READ, p[0], in, 16, (uint64_t)-1, 2);
	pthread_create(&t, NULL, write_later, &p[1]);
	CHECK_EQ(one(r), 5);
	pthread_join(t, NULL);
	// The program's own calls on a non-blocking or a blocking end are not changed by it.
	CHECK_EQ(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	entry(r, IORING_OP_READ, p[0], in, 16, 0, 3);
	CHECK_EQ(enter(r, 1, 0), 1);
	CHECK_EQ(write(p[1], "x", 1), 1);
	EXPECT(r, 3, 1);
	CHECK_ERR(read(p[0], in, 1), EAGAIN);
	fcntl(p[0], F_SETFL, 0);
	// A vector of which the program forgets the description.
	struct iovec *v = malloc(2 * sizeof *v);
	v[0] = (struct iovec){in, 2}, v[1] = (struct iovec){in2, 8};
	entry(r, IORING_OP_READV, p[0], v, 2, 0, 4);
	CHECK_EQ(enter(r, 1, 0), 1);
	memset(v, 0x55, 2 * sizeof *v);
	free(v);
	CHECK_EQ(write(p[1], "abcd", 4), 4);
	EXPECT(r, 4, 4);
	CHECK(!memcmp(in, "ab", 2) && !memcmp(in2, "cd", 2));
	// Full, and made empty.
	int size = fcntl(p[1], F_SETPIPE_SZ, 4096);
	char *big = calloc(1, (size_t)size);
	CHECK_EQ(write(p[1], big, (size_t)size), size);
	entry(r, IORING_OP_WRITE, p[1], "tail", 4, 0, 5);
	CHECK_EQ(enter(r, 1, 0), 1);
	CHECK_EQ(ready(r), 0);
	CHECK_EQ(read(p[0], big, (size_t)size), size);
	EXPECT(r, 5, 4);
	CHECK_EQ(read(p[0], in, 16), 4);
	free(big);
	// Cut off.
	entry(r, IORING_OP_READ, p[0], in, 16, 0, 6);
	CHECK_EQ(enter(r, 1, 0), 1);
	close(p[1]);
	EXPECT(r, 6, 0);
	close(p[0]);
}

static void polls(struct ring *r)
{
	int p[2], ev = eventfd(0, 0);
	uint64_t n = 1;
	CHECK_EQ(pipe(p), 0);
	entry(r, IORING_OP_POLL_ADD, p[1], NULL, 0, 0, 1)->poll32_events = POLLOUT;
	CHECK_EQ(one(r), POLLOUT);
	entry(r, IORING_OP_POLL_ADD, p[0], NULL, 0, 0, 2)->poll32_events = POLLIN;
	CHECK_EQ(enter(r, 1, 0), 1);
	CHECK_EQ(write(p[1], "x", 1), 1);
	EXPECT(r, 2, POLLIN);
	// Removed.
	entry(r, IORING_OP_POLL_ADD, ev, NULL, 0, 0, 3)->poll32_events = POLLIN;
	CHECK_EQ(enter(r, 1, 0), 1);
	entry(r, IORING_OP_POLL_REMOVE, -1, (void *)99, 0, 0, 4);
	CHECK_EQ(one(r), -ENOENT);
	entry(r, IORING_OP_POLL_REMOVE, -1, (void *)3, 0, 0, 4);
	CHECK_EQ(enter(r, 1, 2), 1);
	int seen = 0;
	for (int i = 0; i < 2; i++) {
		struct completion c = take(r);
		seen += (int)c.user_data;
		CHECK_EQ(c.res, c.user_data == 3 ? -ECANCELED : 0);
	}
	CHECK_EQ(seen, 7);
	// Again and again.
	entry(r, IORING_OP_POLL_ADD, ev, NULL, IORING_POLL_ADD_MULTI, 0, 5)->poll32_events = POLLIN;
	CHECK_EQ(enter(r, 1, 0), 1);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(write(ev, &n, 8), 8);
		struct completion c = take(r);
		CHECK_EQ(c.user_data, 5);
		CHECK_EQ(c.res, POLLIN);
		CHECK(c.flags & IORING_CQE_F_MORE);
		CHECK_EQ(read(ev, &n, 8), 8);
	}
	entry(r, IORING_OP_ASYNC_CANCEL, -1, (void *)5, 0, 0, 6);
	CHECK_EQ(enter(r, 1, 2), 1);
	for (int i = 0; i < 2; i++) {
		struct completion c = take(r);
		CHECK_EQ(c.res, c.user_data == 5 ? -ECANCELED : 0);
		CHECK(!(c.flags & IORING_CQE_F_MORE));
	}
	close(p[0]);
	close(p[1]);
	close(ev);
}

static void timeouts(struct ring *r)
{
	struct __kernel_timespec t = {0, 20000000}, far = {1000, 0}, bad = {-1, 0};
	double start = (double)now_ms();
	entry(r, IORING_OP_TIMEOUT, -1, &t, 1, 0, 1);
	CHECK_EQ(one(r), -ETIME);
	CHECK((double)now_ms() - start >= 19);
	entry(r, IORING_OP_TIMEOUT, -1, &t, 2, 0, 1);
	CHECK_EQ(one(r), -EINVAL);
	entry(r, IORING_OP_TIMEOUT, -1, &bad, 1, 0, 1);
	CHECK_EQ(one(r), -EINVAL);
	entry(r, IORING_OP_TIMEOUT, -1, NULL, 1, 0, 1);
	CHECK_EQ(one(r), -EFAULT);
	struct timespec abs;
	clock_gettime(CLOCK_REALTIME, &abs);
	struct __kernel_timespec kabs = {abs.tv_sec, abs.tv_nsec};
	kabs.tv_nsec += 10000000;
	if (kabs.tv_nsec >= 1000000000)
		kabs.tv_sec++, kabs.tv_nsec -= 1000000000;
	entry(r, IORING_OP_TIMEOUT, -1, &kabs, 1, 0, 1)->timeout_flags = IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME;
	CHECK_EQ(one(r), -ETIME);
	// So many completions, or the time.
	entry(r, IORING_OP_TIMEOUT, -1, &far, 1, 2, 1);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 2);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	CHECK_EQ(enter(r, 3, 3), 3);
	EXPECT(r, 2, 0);
	EXPECT(r, 3, 0);
	EXPECT(r, 1, 0);
	// A wait for more than comes ends with a timeout.
	entry(r, IORING_OP_TIMEOUT, -1, &t, 1, 0, 1);
	CHECK_EQ(enter(r, 1, 4), 1);
	EXPECT(r, 1, -ETIME);
	// Removed, changed.
	entry(r, IORING_OP_TIMEOUT, -1, &far, 1, 0, 1);
	entry(r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 0, 2);
	CHECK_EQ(enter(r, 2, 2), 2);
	int seen = 0;
	for (int i = 0; i < 2; i++) {
		struct completion c = take(r);
		seen += (int)c.user_data;
		CHECK_EQ(c.res, c.user_data == 1 ? -ECANCELED : 0);
	}
	CHECK_EQ(seen, 3);
	entry(r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 0, 2);
	CHECK_EQ(one(r), -ENOENT);
	entry(r, IORING_OP_TIMEOUT, -1, &far, 1, 0, 1);
	entry(r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, (uintptr_t)&t, 2)->timeout_flags = IORING_TIMEOUT_UPDATE;
	CHECK_EQ(enter(r, 2, 1), 2);
	EXPECT(r, 2, 0);
	EXPECT(r, 1, -ETIME);
	// Nobody waits: it completes by itself.
	entry(r, IORING_OP_TIMEOUT, -1, &t, 1, 0, 1);
	CHECK_EQ(enter(r, 1, 0), 1);
	struct pollfd pf = {r->fd, POLLIN, 0};
	CHECK_EQ(poll(&pf, 1, 5000), 1);
	EXPECT(r, 1, -ETIME);
}

static void linked(struct ring *r)
{
	struct __kernel_timespec t = {0, 20000000}, far = {1000, 0};
	char in[8];
	int p[2];
	CHECK_EQ(pipe(p), 0);
	// The time is over first: the read is cancelled, and what follows it.
	entry(r, IORING_OP_READ, p[0], in, 8, 0, 1)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_LINK_TIMEOUT, -1, &t, 1, 0, 2)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	CHECK_EQ(enter(r, 3, 3), 3);
	int seen = 0;
	for (int i = 0; i < 3; i++) {
		struct completion c = take(r);
		seen |= 1 << c.user_data;
		CHECK_EQ(c.res, c.user_data == 2 ? -ETIME : -ECANCELED);
	}
	CHECK_EQ(seen, 14);
	// The data first.
	entry(r, IORING_OP_READ, p[0], in, 3, 0, 1)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_LINK_TIMEOUT, -1, &far, 1, 0, 2)->flags = IOSQE_IO_LINK;
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	CHECK_EQ(enter(r, 3, 0), 3);
	CHECK_EQ(write(p[1], "abc", 3), 3);
	seen = 0;
	for (int i = 0; i < 3; i++) {
		struct completion c = take(r);
		seen |= 1 << c.user_data;
		CHECK_EQ(c.res, c.user_data == 1 ? 3 : c.user_data == 2 ? -ECANCELED : 0);
	}
	CHECK_EQ(seen, 14);
	entry(r, IORING_OP_LINK_TIMEOUT, -1, &far, 1, 0, 2); // of nothing
	CHECK_EQ(one(r), -EINVAL);
	close(p[0]);
	close(p[1]);
}

static void cancels(struct ring *r)
{
	char in[4][8];
	int p[2];
	CHECK_EQ(pipe(p), 0);
	entry(r, IORING_OP_ASYNC_CANCEL, -1, (void *)77, 0, 0, 9);
	CHECK_EQ(one(r), -ENOENT);
	for (uint64_t i = 0; i < 3; i++)
		entry(r, IORING_OP_READ, p[0], in[i], 8, 0, 1 + i);
	CHECK_EQ(enter(r, 3, 0), 3);
	entry(r, IORING_OP_ASYNC_CANCEL, -1, (void *)2, 0, 0, 9);
	CHECK_EQ(enter(r, 1, 2), 1);
	for (int i = 0; i < 2; i++) {
		struct completion c = take(r);
		CHECK_EQ(c.res, c.user_data == 9 ? 0 : -ECANCELED);
		CHECK(c.user_data == 9 || c.user_data == 2);
	}
	entry(r, IORING_OP_ASYNC_CANCEL, p[0], NULL, 0, 0, 9)->cancel_flags = IORING_ASYNC_CANCEL_FD |
									      IORING_ASYNC_CANCEL_ALL;
	CHECK_EQ(enter(r, 1, 3), 1);
	int seen = 0;
	for (int i = 0; i < 3; i++) {
		struct completion c = take(r);
		seen |= 1 << c.user_data;
		CHECK_EQ(c.res, c.user_data == 9 ? 2 : -ECANCELED);
	}
	CHECK_EQ(seen, 1 << 9 | 1 << 1 | 1 << 3);
	CHECK_EQ(write(p[1], "x", 1), 1); // nobody takes it
	CHECK_EQ(read(p[0], in[0], 8), 1);
	close(p[0]);
	close(p[1]);
}

static void *connect_later(void *arg)
{
	sleep_ms(15);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(s, arg, sizeof(struct sockaddr_in)), 0);
	char c;
	CHECK_EQ(read(s, &c, 1), 1);
	close(s);
	return NULL;
}

static void sockets(struct ring *r)
{
	int s[2];
	char in[32];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	entry(r, IORING_OP_RECV, s[0], in, 32, 0, 1);
	entry(r, IORING_OP_SEND, s[1], "hello", 5, 0, 2);
	CHECK_EQ(enter(r, 2, 2), 2);
	int seen = 0;
	for (int i = 0; i < 2; i++) {
		struct completion c = take(r);
		seen |= 1 << c.user_data;
		CHECK_EQ(c.res, 5);
	}
	CHECK_EQ(seen, 6);
	entry(r, IORING_OP_RECV, s[0], in, 32, 0, 1)->msg_flags = MSG_DONTWAIT;
	CHECK_EQ(one(r), -EAGAIN);
	// All of it, in two pieces.
	entry(r, IORING_OP_RECV, s[0], in, 8, 0, 1)->msg_flags = MSG_WAITALL;
	CHECK_EQ(enter(r, 1, 0), 1);
	CHECK_EQ(write(s[1], "abcd", 4), 4);
	CHECK_EQ(enter(r, 0, 0), 0);
	sleep_ms(5);
	CHECK_EQ(ready(r), 0);
	CHECK_EQ(write(s[1], "efgh", 4), 4);
	EXPECT(r, 1, 8);
	CHECK(!memcmp(in, "abcdefgh", 8));
	// Messages, forgotten by the program when it is the kernel's turn to send.
	struct iovec rv = {in, 32}, sv = {(void *)"message", 7};
	struct msghdr rm = {.msg_iov = &rv, .msg_iovlen = 1}, sm = {.msg_iov = &sv, .msg_iovlen = 1};
	entry(r, IORING_OP_RECVMSG, s[0], &rm, 1, 0, 1);
	CHECK_EQ(enter(r, 1, 0), 1);
	memset(&rv, 0, sizeof rv);
	entry(r, IORING_OP_SENDMSG, s[1], &sm, 1, 0, 2);
	CHECK_EQ(enter(r, 1, 2), 1);
	take(r), take(r);
	CHECK(!memcmp(in, "message", 7));
	entry(r, IORING_OP_SHUTDOWN, s[1], NULL, SHUT_WR, 0, 3);
	CHECK_EQ(one(r), 0);
	entry(r, IORING_OP_RECV, s[0], in, 32, 0, 1);
	CHECK_EQ(one(r), 0);
	int p[2];
	CHECK_EQ(pipe(p), 0);
	entry(r, IORING_OP_RECV, p[0], in, 32, 0, 1);
	CHECK_EQ(one(r), -ENOTSOCK);
	close(p[0]);
	close(p[1]);
	close(s[0]);
	close(s[1]);
	// Accepting and connecting, each before the other.
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, from;
	socklen_t len = sizeof a;
	entry(r, IORING_OP_SOCKET, AF_INET, NULL, 0, SOCK_STREAM, 1);
	int l = one(r), c;
	CHECK(l >= 0);
	CHECK_EQ(bind(l, (void *)&a, sizeof a), 0);
	CHECK_EQ(listen(l, 8), 0);
	CHECK_EQ(getsockname(l, (void *)&a, &len), 0);
	pthread_t t;
	pthread_create(&t, NULL, connect_later, &a);
	struct io_uring_sqe *q = entry(r, IORING_OP_ACCEPT, l, &from, 0, (uintptr_t)&len, 1);
	q->accept_flags = SOCK_CLOEXEC;
	int got = one(r);
	CHECK(got >= 0);
	CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(from.sin_family, AF_INET);
	CHECK_EQ(write(got, "x", 1), 1);
	pthread_join(t, NULL);
	close(got);
	c = socket(AF_INET, SOCK_STREAM, 0);
	entry(r, IORING_OP_CONNECT, c, &a, 0, sizeof a, 1);
	CHECK_EQ(one(r), 0);
	got = accept(l, NULL, NULL);
	CHECK_EQ(write(got, "y", 1), 1);
	entry(r, IORING_OP_RECV, c, in, 1, 0, 1);
	CHECK_EQ(one(r), 1);
	close(got);
	close(c);
	close(l);
	c = socket(AF_INET, SOCK_STREAM, 0);
	entry(r, IORING_OP_CONNECT, c, &a, 0, sizeof a, 1);
	CHECK_EQ(one(r), -ECONNREFUSED);
	close(c);
}

static void blocking(struct ring *r)
{
	char in[16];
	int p[2], q[2], fd = open("spliced", O_RDWR | O_CREAT, 0644);
	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(pipe(q), 0);
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	struct io_uring_sqe *s = entry(r, IORING_OP_SPLICE, p[1], (void *)2, 5, (uint64_t)-1, 1);
	s->splice_fd_in = fd;
	CHECK_EQ(one(r), 5);
	CHECK_EQ(read(p[0], in, 16), 5);
	CHECK(!memcmp(in, "23456", 5));
	// Out of an empty pipe: others go on meanwhile.
	s = entry(r, IORING_OP_SPLICE, q[1], (void *)-1, 16, (uint64_t)-1, 2);
	s->splice_fd_in = p[0];
	CHECK_EQ(enter(r, 1, 0), 1);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	CHECK_EQ(enter(r, 1, 1), 1);
	EXPECT(r, 3, 0);
	CHECK_EQ(write(p[1], "xyz", 3), 3);
	EXPECT(r, 2, 3);
	CHECK_EQ(read(q[0], in, 16), 3);
	// A FIFO opens when its other end does, if the request may create files; else as if it were not to block.
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	entry(r, IORING_OP_OPENAT, AT_FDCWD, "fifo", 0, 0, 4)->open_flags = O_RDONLY | O_CREAT;
	CHECK_EQ(enter(r, 1, 0), 1);
	entry(r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
	CHECK_EQ(enter(r, 1, 1), 1);
	EXPECT(r, 3, 0);
	int w = open("fifo", O_WRONLY);
	struct completion c = take(r);
	CHECK_EQ(c.user_data, 4);
	CHECK(c.res >= 0);
	CHECK_EQ(write(w, "f", 1), 1);
	CHECK_EQ(read(c.res, in, 1), 1);
	close(c.res);
	close(w);
	entry(r, IORING_OP_OPENAT, AT_FDCWD, "fifo", 0, 0, 4)->open_flags = O_WRONLY;
	CHECK_EQ(one(r), -ENXIO);
	entry(r, IORING_OP_OPENAT, AT_FDCWD, "fifo", 0, 0, 4)->open_flags = O_RDONLY;
	w = one(r);
	CHECK_EQ(fcntl(w, F_GETFL) & O_NONBLOCK, 0);
	close(w);
	for (int i = 0; i < 2; i++)
		close(p[i]), close(q[i]);
	close(fd);
}

static void on_alarm(int sig) { (void)sig; }

static void waits(struct ring *r)
{
	struct __kernel_timespec t = {0, 20000000};
	struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&t};
	const unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	double start = (double)now_ms();
	CHECK_ERR(syscall(SYS_io_uring_enter, r->fd, 0, 1, flags, &arg, sizeof arg), ETIME);
	CHECK((double)now_ms() - start >= 19);
	CHECK_ERR(syscall(SYS_io_uring_enter, r->fd, 0, 1, flags, &arg, 4), EINVAL);
	CHECK_ERR(syscall(SYS_io_uring_enter, r->fd, 0, 1, flags, (void *)8, sizeof arg), EFAULT);
	struct sigaction sa = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &sa, NULL);
	struct itimerspec it = {.it_value.tv_nsec = 20000000};
	timer_t timer;
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	CHECK_EQ(timer_settime(timer, 0, &it, NULL), 0);
	CHECK_ERR(enter(r, 0, 1), EINTR);
	sigset_t all, none, now;
	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_BLOCK, &all, NULL);
	CHECK_EQ(timer_settime(timer, 0, &it, NULL), 0);
	CHECK_ERR(syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, &none, 8), EINTR);
	sigprocmask(SIG_UNBLOCK, &all, &now);
	CHECK(sigismember(&now, SIGALRM));
	timer_delete(timer);
}

// Nobody enters: the counter tells, and the completion lies in the ring.
static void counters(struct ring *r)
{
	char in[8];
	int p[2], ev = eventfd(0, 0);
	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_EVENTFD, &ev, 1), 0);
	entry(r, IORING_OP_READ, p[0], in, 8, 0, 1);
	CHECK_EQ(enter(r, 1, 0), 1);
	pthread_t t;
	pthread_create(&t, NULL, write_later, &p[1]);
	uint64_t n = 0;
	CHECK_EQ(read(ev, &n, 8), 8);
	CHECK_EQ(n, 1);
	CHECK_EQ(ready(r), 1);
	EXPECT(r, 1, 5);
	pthread_join(t, NULL);
	CHECK_EQ(syscall(SYS_io_uring_register, r->fd, IORING_UNREGISTER_EVENTFD, NULL, 0), 0);
	close(ev);
	close(p[0]);
	close(p[1]);
}

// Requests of every kind go with their ring.
static void closes(void)
{
	static char in[8];
	struct __kernel_timespec far = {1000, 0};
	int p[2];
	CHECK_EQ(pipe(p), 0);
	for (int i = 0; i < 20; i++) {
		struct ring r;
		CHECK_EQ(ring_open(&r, 16, 0), 0);
		entry(&r, IORING_OP_READ, p[0], in, 8, 0, 1)->flags = IOSQE_IO_LINK;
		entry(&r, IORING_OP_LINK_TIMEOUT, -1, &far, 1, 0, 2)->flags = IOSQE_IO_LINK;
		entry(&r, IORING_OP_NOP, -1, NULL, 0, 0, 3);
		entry(&r, IORING_OP_TIMEOUT, -1, &far, 1, 5, 4);
		entry(&r, IORING_OP_POLL_ADD, p[0], NULL, IORING_POLL_ADD_MULTI, 0, 5)->poll32_events = POLLIN;
		entry(&r, IORING_OP_SPLICE, p[1], (void *)-1, 16, (uint64_t)-1, 6)->splice_fd_in = p[0];
		entry(&r, IORING_OP_OPENAT, AT_FDCWD, "fifo", 0, 0, 7)->open_flags = O_RDONLY | O_CREAT;
		entry(&r, IORING_OP_NOP, -1, NULL, 0, 0, 8)->flags = IOSQE_IO_DRAIN | IOSQE_IO_LINK;
		entry(&r, IORING_OP_NOP, -1, NULL, 0, 0, 9);
		CHECK_EQ(enter(&r, 9, 0), 9);
		if (i & 1)
			sleep_ms(1);
		ring_close(&r);
	}
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	struct ring r;
	NEED(ring_open(&r, 8, 0) == 0);
	pipes(&r);
	polls(&r);
	timeouts(&r);
	linked(&r);
	cancels(&r);
	sockets(&r);
	blocking(&r);
	waits(&r);
	counters(&r);
	CHECK_EQ(ready(&r), 0);
	ring_close(&r);
	closes();
	return test_end();
}
