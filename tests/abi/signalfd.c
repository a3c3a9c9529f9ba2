// SPDX-License-Identifier: MIT
//
// signalfd: what it reports, the process's and the thread's own signals, readiness, changing the mask.
#include "test.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

static int ready(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	return poll(&p, 1, ms);
}

static void *other(void *arg)
{
	// This thread sees the process's signals, not what was directed to main.
	int fd = *(int *)arg;
	struct signalfd_siginfo s;
	CHECK_EQ(ready(fd, 0), 1);
	CHECK_EQ(read(fd, &s, sizeof s), (long)sizeof s);
	CHECK_EQ(s.ssi_signo, SIGUSR2);
	CHECK_ERR(read(fd, &s, sizeof s), EAGAIN);
	return NULL;
}

static void *later(void *arg)
{
	sleep_ms(20);
	kill(getpid(), SIGUSR1);
	return NULL;
}

int main(void)
{
	sigset_t set = set_of(SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	NEED(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	struct signalfd_siginfo s[4];
	CHECK_ERR(read(fd, s, sizeof s), EAGAIN);
	CHECK_EQ(ready(fd, 0), 0);

	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 31});
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 32});
	kill(getpid(), SIGUSR1);
	CHECK_EQ(ready(fd, 0), 1);
	CHECK_ERR(read(fd, s, sizeof *s - 1), EINVAL);
	memset(s, 0xee, sizeof s);
	CHECK_EQ(read(fd, s, sizeof s), (long)(3 * sizeof *s));
	CHECK_EQ(s[0].ssi_signo, SIGUSR1);
	CHECK_EQ(s[0].ssi_code, SI_USER);
	CHECK_EQ(s[0].ssi_pid, getpid());
	CHECK_EQ(s[0].ssi_uid, getuid());
	CHECK_EQ(s[1].ssi_signo, SIGRTMIN);
	CHECK_EQ(s[1].ssi_int, 31);
	CHECK_EQ(s[1].ssi_code, SI_QUEUE);
	CHECK_EQ(s[2].ssi_int, 32);
	CHECK_EQ(ready(fd, 0), 0);

	raise(SIGUSR1); // to this thread
	kill(getpid(), SIGUSR2);
	join(start(other, &fd));
	CHECK_EQ(read(fd, s, sizeof s), (long)sizeof *s);
	CHECK_EQ(s[0].ssi_signo, SIGUSR1);
	CHECK_EQ(s[0].ssi_code, SI_TKILL);

	// Blocking, and poll that wakes.
	pthread_t t = start(later, NULL);
	CHECK_EQ(ready(fd, 5000), 1);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	CHECK_EQ(read(fd, s, sizeof s), (long)sizeof *s);
	join(t);
	t = start(later, NULL);
	CHECK_EQ(read(fd, s, sizeof s), (long)sizeof *s);
	join(t);
	int e = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
	CHECK_EQ(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev), 0);
	t = start(later, NULL);
	CHECK_EQ(epoll_wait(e, &ev, 1, 5000), 1);
	CHECK_EQ(ev.data.fd, fd);
	CHECK_EQ(read(fd, s, sizeof s), (long)sizeof *s);
	join(t);

	// Another mask for the same descriptor.
	sigset_t one = set_of(SIGUSR2);
	CHECK_EQ(signalfd(fd, &one, 0), fd);
	raise(SIGUSR1);
	CHECK_EQ(ready(fd, 0), 0);
	raise(SIGUSR2);
	CHECK_EQ(ready(fd, 0), 1);
	CHECK_EQ(read(fd, s, sizeof s), (long)sizeof *s);
	CHECK_ERR(signalfd(0, &one, 0), EINVAL);
	CHECK_ERR(signalfd(-1, &one, 0x10), EINVAL);
	CHECK_ERR(signalfd(555, &one, 0), EBADF);
	return test_end();
}
