// SPDX-License-Identifier: MIT
//
// A signal during a call that waits: SA_RESTART goes on, else EINTR; calls that never restart; partial results.
#include "test.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

static volatile int count;

static void handler(int sig, siginfo_t *info, void *context)
{
	count++;
}

static pthread_t victim;
static int ends[2];

// Two signals, then a byte that ends the wait if the call went on.
static void *poke(void *arg)
{
	for (int i = 0; i < 2; i++) {
		sleep_ms(15);
		pthread_kill(victim, SIGUSR1);
	}
	sleep_ms(15);
	if (write(ends[1], "x", 1) != 1)
		CHECK(!"write");
	return NULL;
}

static long try_read(void)
{
	char c;
	return read(ends[0], &c, 1);
}
static long try_readv(void)
{
	char c;
	struct iovec v = {&c, 1};
	return readv(ends[0], &v, 1);
}
static long try_poll(void)
{
	struct pollfd p = {ends[0], POLLIN, 0};
	return poll(&p, 1, 5000);
}
static long try_select(void)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return select(ends[0] + 1, &set, NULL, NULL, NULL);
}
static long try_epoll(void)
{
	int e = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN};
	epoll_ctl(e, EPOLL_CTL_ADD, ends[0], &ev);
	long r = epoll_wait(e, &ev, 1, 5000);
	int saved = errno;
	close(e);
	errno = saved;
	return r;
}
static long try_nanosleep(void)
{
	struct timespec t = {1, 0};
	return nanosleep(&t, NULL);
}
static sem_t sem;
static long try_sem_wait(void)
{
	return sem_timedwait(&sem, &(struct timespec){clock_ns(CLOCK_REALTIME) / 1000000000 + 5, 0});
}
static long try_futex(void)
{
	int word = 0;
	struct timespec t = {1, 0};
	return syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, &t, NULL, 0);
}

static void run(const char *name, long (*call)(void))
{
	for (int restart = 0; restart < 2; restart++) {
		NEED(pipe(ends) == 0);
		set_handler(SIGUSR1, handler, restart ? SA_RESTART : 0);
		count = 0;
		pthread_t t = start(poke, NULL);
		errno = 0;
		long r = call();
		int e = errno;
		join(t);
		printf("%s%s: %s\n", name, restart ? " with SA_RESTART" : "",
			r == 1 ? "went on" : r < 0 ? strerrorname_np(e) : "other");
		CHECK_EQ(count, 2);
		close(ends[0]);
		close(ends[1]);
	}
}

static void *write_much(void *arg)
{
	static char block[1 << 20];
	long r = write(ends[1], block, sizeof block);
	printf("interrupted write of 1048576: %ld\n", r);
	return NULL;
}

int main(void)
{
	victim = pthread_self();
	sem_init(&sem, 0, 0);
	run("read", try_read);
	run("readv", try_readv);
	run("poll", try_poll);
	run("select", try_select);
	run("epoll_wait", try_epoll);
	run("nanosleep", try_nanosleep);
	run("sem_timedwait", try_sem_wait);
	run("futex with a timeout", try_futex);

	// A write that has moved something says how much.
	NEED(pipe(ends) == 0);
	set_handler(SIGUSR1, handler, 0);
	pthread_t t = start(write_much, NULL);
	sleep_ms(30);
	pthread_kill(t, SIGUSR1);
	join(t);
	return test_end();
}
