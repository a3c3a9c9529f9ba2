// SPDX-License-Identifier: MIT
//
// timerfd: counts, readiness, absolute times, changing, errors.
#include "test.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

static int ready(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	return poll(&p, 1, ms);
}

int main(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	NEED(fd >= 0);
	uint64_t n = 0;
	CHECK_ERR(read(fd, &n, 8), EAGAIN);
	struct itimerspec set = {.it_value = ms_timespec(15)}, get;
	int64_t begin = now_ms();
	CHECK_EQ(timerfd_settime(fd, 0, &set, NULL), 0);
	CHECK_EQ(ready(fd, 0), 0);
	CHECK_EQ(ready(fd, 5000), 1);
	CHECK(now_ms() - begin >= 15);
	CHECK_ERR(read(fd, &n, 7), EINVAL);
	CHECK_EQ(read(fd, &n, 8), 8);
	CHECK_EQ(n, 1);
	CHECK_EQ(ready(fd, 20), 0);

	// Periodic: read says how many times since the last read.
	set = (struct itimerspec){.it_value = ms_timespec(2), .it_interval = ms_timespec(2)};
	CHECK_EQ(timerfd_settime(fd, 0, &set, NULL), 0);
	sleep_ms(41);
	CHECK_EQ(read(fd, &n, 8), 8);
	CHECK(n >= 20 && n < 1000);
	CHECK_EQ(timerfd_gettime(fd, &get), 0);
	CHECK_EQ(get.it_interval.tv_nsec, 2000000);
	CHECK(get.it_value.tv_nsec > 0 && get.it_value.tv_nsec <= 2000000);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	CHECK_EQ(read(fd, &n, 8), 8); // waits
	CHECK(n >= 1);

	// Setting it anew forgets what had expired; zero stops it.
	sleep_ms(5);
	set = (struct itimerspec){0};
	CHECK_EQ(timerfd_settime(fd, 0, &set, &get), 0);
	CHECK_EQ(get.it_interval.tv_nsec, 2000000);
	CHECK_EQ(ready(fd, 10), 0);
	CHECK_EQ(timerfd_gettime(fd, &get), 0);
	CHECK_EQ(get.it_value.tv_nsec + get.it_interval.tv_nsec, 0);

	// Absolute, on both clocks; the past expires at once, and periods are counted from there.
	int real = timerfd_create(CLOCK_REALTIME, 0);
	int64_t at = clock_ns(CLOCK_REALTIME) - 1000000000;
	set.it_value = (struct timespec){at / 1000000000, at % 1000000000};
	CHECK_EQ(timerfd_settime(real, TFD_TIMER_ABSTIME, &set, NULL), 0);
	CHECK_EQ(read(real, &n, 8), 8);
	CHECK_EQ(n, 1);
	set.it_interval = ms_timespec(100);
	CHECK_EQ(timerfd_settime(real, TFD_TIMER_ABSTIME, &set, NULL), 0);
	CHECK_EQ(read(real, &n, 8), 8);
	CHECK(n >= 10 && n < 100);
	at = clock_ns(CLOCK_MONOTONIC) + 20000000;
	set = (struct itimerspec){.it_value = {at / 1000000000, at % 1000000000}};
	CHECK_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &set, NULL), 0);
	CHECK_EQ(read(fd, &n, 8), 8);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= at);

	int e = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = 9};
	CHECK_EQ(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev), 0);
	set = (struct itimerspec){.it_value = ms_timespec(5), .it_interval = ms_timespec(5)};
	CHECK_EQ(timerfd_settime(fd, 0, &set, NULL), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(epoll_wait(e, &ev, 1, 5000), 1);
		CHECK_EQ(read(fd, &n, 8), 8);
	}

	CHECK_ERR(timerfd_create(99, 0), EINVAL);
	CHECK_ERR(timerfd_create(CLOCK_MONOTONIC, 0x10), EINVAL);
	CHECK_ERR(timerfd_settime(0, 0, &set, NULL), EINVAL);
	CHECK_ERR(timerfd_settime(fd, 0x100, &set, NULL), EINVAL);
	CHECK_ERR(timerfd_settime(999, 0, &set, NULL), EBADF);
	set.it_value.tv_nsec = -1;
	CHECK_ERR(timerfd_settime(fd, 0, &set, NULL), EINVAL);
	CHECK_ERR(write(fd, &n, 8), EINVAL);
	return test_end();
}
