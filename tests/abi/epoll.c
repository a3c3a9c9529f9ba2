// SPDX-License-Identifier: MIT
//
// epoll: level and edge triggered, one-shot, nested, changes, closing, many descriptors, several waiters.
#include "test.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

static int ep, ends[2];
static struct epoll_event ev[64];

static int ctl(int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = {.events = events, .data.u64 = data};
	return epoll_ctl(ep, op, fd, &e);
}
static void put(const char *text)
{
	CHECK_EQ(write(ends[1], text, strlen(text)), (long)strlen(text));
}
static void get(int n)
{
	char b[64];
	CHECK_EQ(read(ends[0], b, n), n);
}

static atomic_int got;
static void *waiter(void *arg)
{
	struct epoll_event e;
	if (epoll_wait(ep, &e, 1, 3000) == 1)
		got++;
	return NULL;
}
static void *put_later(void *arg)
{
	sleep_ms(20);
	put("z");
	return NULL;
}

static volatile int hits;
static void handler(int sig, siginfo_t *info, void *context)
{
	hits++;
}

int main(void)
{
	ep = epoll_create1(EPOLL_CLOEXEC);
	NEED(ep >= 0 && pipe2(ends, O_NONBLOCK) == 0);
	CHECK_EQ(ctl(EPOLL_CTL_ADD, ends[0], EPOLLIN, 0x123456789abcull), 0);
	CHECK_ERR(ctl(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1), EEXIST);
	CHECK_ERR(ctl(EPOLL_CTL_MOD, ends[1], EPOLLIN, 1), ENOENT);
	CHECK_ERR(ctl(EPOLL_CTL_DEL, ends[1], 0, 0), ENOENT);
	CHECK_ERR(ctl(EPOLL_CTL_ADD, make_file("f", ""), EPOLLIN, 0), EPERM);
	CHECK_ERR(ctl(EPOLL_CTL_ADD, ep, EPOLLIN, 0), EINVAL);
	CHECK_ERR(ctl(EPOLL_CTL_ADD, 777, EPOLLIN, 0), EBADF);
	CHECK_ERR(epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], ev), EINVAL);
	CHECK_ERR(epoll_wait(ep, ev, 0, 0), EINVAL);
	CHECK_ERR(epoll_wait(ends[0], ev, 1, 0), EINVAL);
	CHECK_ERR(epoll_create1(1), EINVAL);
	CHECK_ERR(epoll_create(0), EINVAL);

	// Level: as long as there is something.
	int64_t begin = now_ms();
	CHECK_EQ(epoll_wait(ep, ev, 64, 30), 0);
	CHECK(now_ms() - begin >= 29);
	put("ab");
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(epoll_wait(ep, ev, 64, 1000), 1);
		CHECK_EQ(ev[0].events, EPOLLIN);
		CHECK_EQ(ev[0].data.u64, 0x123456789abc);
	}
	get(2);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 0);

	// Edge: once for each arrival.
	CHECK_EQ(ctl(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET, 2), 0);
	put("ab");
	CHECK_EQ(epoll_wait(ep, ev, 64, 1000), 1);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 0);
	put("c");
	CHECK_EQ(epoll_wait(ep, ev, 64, 1000), 1);
	get(1);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 0);
	CHECK_EQ(ctl(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET, 3), 0); // looks anew
	CHECK_EQ(epoll_wait(ep, ev, 64, 1000), 1);
	CHECK_EQ(ev[0].data.u64, 3);

	// One-shot: until it is armed again.
	CHECK_EQ(ctl(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 4), 0);
	CHECK_EQ(epoll_wait(ep, ev, 64, 1000), 1);
	put("d");
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 0);
	CHECK_EQ(ctl(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 4), 0);
	CHECK_EQ(epoll_wait(ep, ev, 64, 1000), 1);
	get(3);

	// Nested.
	CHECK_EQ(ctl(EPOLL_CTL_MOD, ends[0], EPOLLIN, 5), 0);
	int outer = epoll_create1(0), inner = ep;
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 6};
	CHECK_EQ(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e), 0);
	CHECK_EQ(epoll_wait(outer, ev, 64, 0), 0);
	pthread_t t = start(put_later, NULL);
	CHECK_EQ(epoll_wait(outer, ev, 64, 3000), 1);
	CHECK_EQ(ev[0].data.u64, 6);
	join(t);
	CHECK_EQ(epoll_wait(inner, ev, 64, 0), 1);
	e.data.u64 = 7;
	CHECK_ERR(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &e), ELOOP);
	get(1);
	CHECK_EQ(epoll_wait(outer, ev, 64, 0), 0);

	// The other end closes; a closed descriptor leaves the set by itself, if it has no copy.
	int second[2];
	NEED(pipe(second) == 0);
	CHECK_EQ(ctl(EPOLL_CTL_ADD, second[0], EPOLLIN, 8), 0);
	close(second[1]);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 1);
	CHECK_EQ(ev[0].events, EPOLLHUP);
	int copy = dup(second[0]);
	close(second[0]);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 1);
	close(copy);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 0);
	CHECK_EQ(ctl(EPOLL_CTL_ADD, ends[1], EPOLLOUT, 9), 0);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 1);
	CHECK_EQ(ev[0].events, EPOLLOUT);
	CHECK_EQ(ctl(EPOLL_CTL_DEL, ends[1], 0, 0), 0);

	// Many at once, a few at a time: each gets its turn.
	int fds[50];
	for (int i = 0; i < 50; i++) {
		fds[i] = eventfd(1, 0);
		CHECK_EQ(ctl(EPOLL_CTL_ADD, fds[i], EPOLLIN, 100 + i), 0);
	}
	uint64_t seen = 0;
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(epoll_wait(ep, ev, 5, 0), 5);
		for (int k = 0; k < 5; k++)
			seen |= 1ull << (ev[k].data.u64 - 100);
	}
	CHECK_EQ(seen, (1ull << 50) - 1);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 50);
	for (int i = 0; i < 50; i++)
		close(fds[i]);
	CHECK_EQ(epoll_wait(ep, ev, 64, 0), 0);

	// EPOLLEXCLUSIVE is accepted; an edge wakes one of several waiters.
	CHECK_EQ(ctl(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET, 10), 0);
	pthread_t w[3];
	for (int i = 0; i < 3; i++)
		w[i] = start(waiter, NULL);
	sleep_ms(30);
	put("1");
	for (int i = 0; i < 2000 && got < 1; i++)
		sleep_ms(1);
	sleep_ms(20);
	CHECK_EQ(got, 1);
	for (int want = 2; want <= 3; want++) {
		put("2");
		for (int i = 0; i < 2000 && got < want; i++)
			sleep_ms(1);
	}
	for (int i = 0; i < 3; i++)
		join(w[i]);
	CHECK_EQ(got, 3);
	get(3);

	set_handler(SIGUSR1, handler, 0);
	mask(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	sigset_t none;
	sigemptyset(&none);
	CHECK_ERR(epoll_pwait(ep, ev, 1, 3000, &none), EINTR);
	CHECK_EQ(hits, 1);
	struct timespec ts = ms_timespec(10);
	CHECK_EQ(epoll_pwait2(ep, ev, 1, &ts, NULL), 0);
	return test_end();
}
