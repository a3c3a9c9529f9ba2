// SPDX-License-Identifier: MIT
//
// poll, ppoll, select, pselect: events, timeouts, bad descriptors, signal masks.
#include "test.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>

static int ends[2];
static void *write_later(void *arg)
{
	sleep_ms(20);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	return NULL;
}

static volatile int hits;
static void handler(int sig, siginfo_t *info, void *context)
{
	hits++;
}

int main(void)
{
	NEED(pipe(ends) == 0);
	struct pollfd p[4] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 9}, {777, POLLIN, 0}};
	CHECK_EQ(poll(p, 4, 1000), 2);
	CHECK_EQ(p[0].revents, 0);
	CHECK_EQ(p[1].revents, POLLOUT);
	CHECK_EQ(p[2].revents, 0);
	CHECK_EQ(p[3].revents, POLLNVAL);
	int64_t begin = now_ms();
	CHECK_EQ(poll(p, 1, 30), 0);
	CHECK(now_ms() - begin >= 29);
	CHECK_EQ(poll(NULL, 0, 5), 0);
	CHECK_EQ(poll(p, 1, 0), 0);
	char c;
	for (int i = 0; i < 3; i++) {
		pthread_t t = start(write_later, NULL);
		begin = now_ms();
		CHECK_EQ(poll(p, 1, i ? 5000 : -1), 1);
		CHECK(now_ms() - begin < 4000);
		CHECK_EQ(p[0].revents, POLLIN);
		CHECK_EQ(read(ends[0], &c, 1), 1);
		join(t);
	}
	int file = make_file("f", "");
	p[0] = (struct pollfd){file, POLLIN | POLLOUT | POLLPRI, 0};
	CHECK_EQ(poll(p, 1, 0), 1);
	CHECK_EQ(p[0].revents, POLLIN | POLLOUT); // files are always ready
	p[0] = (struct pollfd){ends[1], 0, 0};
	CHECK_EQ(poll(p, 1, 0), 0);
	close(ends[0]);
	CHECK_EQ(poll(p, 1, 0), 1);
	CHECK_EQ(p[0].revents, POLLERR); // asked for or not
	CHECK_ERR(poll((void *)8, 1, 0), EFAULT);
	CHECK_ERR(poll(p, 10000000, 0), EINVAL);
	struct timespec t = {0, 2000000000};
	CHECK_ERR(ppoll(p, 1, &t, NULL), EINVAL);

	// ppoll and pselect open the mask only while they wait.
	set_handler(SIGUSR1, handler, 0);
	mask(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	sigset_t none;
	sigemptyset(&none);
	t = ms_timespec(5000);
	CHECK_ERR(ppoll(NULL, 0, &t, &none), EINTR);
	CHECK_EQ(hits, 1);
	raise(SIGUSR1);
	CHECK_ERR(pselect(0, NULL, NULL, NULL, &t, &none), EINTR);
	CHECK_EQ(hits, 2);
	raise(SIGUSR1);
	t = ms_timespec(5);
	CHECK_EQ(ppoll(NULL, 0, &t, NULL), 0);
	CHECK_EQ(hits, 2);
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1));

	// select.
	close(ends[1]);
	NEED(pipe(ends) == 0);
	fd_set r, w;
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(ends[0], &r);
	FD_SET(ends[1], &w);
	FD_SET(file, &r);
	CHECK_EQ(select(20, &r, &w, NULL, NULL), 2);
	CHECK(!FD_ISSET(ends[0], &r) && FD_ISSET(ends[1], &w) && FD_ISSET(file, &r));
	FD_ZERO(&r);
	FD_SET(ends[0], &r);
	struct timeval tv = {0, 30000};
	begin = now_ms();
	CHECK_EQ(select(20, &r, NULL, NULL, &tv), 0);
	CHECK(now_ms() - begin >= 29);
	CHECK(!FD_ISSET(ends[0], &r));
	CHECK_EQ(tv.tv_sec + tv.tv_usec, 0); // what is left
	pthread_t th = start(write_later, NULL);
	FD_SET(ends[0], &r);
	tv = (struct timeval){10, 0};
	CHECK_EQ(select(20, &r, NULL, NULL, &tv), 1);
	CHECK(tv.tv_sec == 9 && FD_ISSET(ends[0], &r));
	join(th);
	FD_SET(40, &r);
	CHECK_ERR(select(41, &r, NULL, NULL, &tv), EBADF);
	CHECK_ERR(select(-1, NULL, NULL, NULL, &tv), EINVAL);
	tv.tv_sec = -1;
	CHECK_ERR(select(0, NULL, NULL, NULL, &tv), EINVAL);
	return test_end();
}
