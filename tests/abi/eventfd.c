// SPDX-License-Identifier: MIT
//
// eventfd: counting, semaphores, blocking at both ends, readiness.
#include "test.h"

#include <poll.h>
#include <sys/eventfd.h>

static int ready(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	poll(&p, 1, 0);
	return p.revents;
}
static void *add(void *arg)
{
	sleep_ms(15);
	CHECK_EQ(eventfd_write(*(int *)arg, 3), 0);
	return NULL;
}
static void *take(void *arg)
{
	uint64_t v;
	sleep_ms(15);
	CHECK_EQ(read(*(int *)arg, &v, 8), 8);
	return NULL;
}

int main(void)
{
	int fd = eventfd(5, EFD_NONBLOCK | EFD_CLOEXEC);
	NEED(fd >= 0);
	uint64_t v = 0;
	CHECK_EQ(ready(fd), POLLIN | POLLOUT);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 5);
	CHECK_ERR(read(fd, &v, 8), EAGAIN);
	CHECK_EQ(ready(fd), POLLOUT);
	CHECK_ERR(read(fd, &v, 4), EINVAL);
	CHECK_ERR(write(fd, &v, 4), EINVAL);
	v = ~0ull;
	CHECK_ERR(write(fd, &v, 8), EINVAL);
	v = ~0ull - 1;
	CHECK_EQ(write(fd, &v, 8), 8);
	CHECK_EQ(ready(fd), POLLIN);
	v = 1;
	CHECK_ERR(write(fd, &v, 8), EAGAIN);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, ~0ull - 1);
	v = 0;
	CHECK_EQ(write(fd, &v, 8), 8);
	CHECK_EQ(ready(fd), POLLOUT);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(eventfd_write(fd, 10), 0);
	CHECK_EQ(eventfd_read(fd, &v), 0);
	CHECK_EQ(v, 40);

	int sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(read(sem, &v, 8), 8);
		CHECK_EQ(v, 1);
	}
	CHECK_ERR(read(sem, &v, 8), EAGAIN);

	int wait = eventfd(0, 0);
	pthread_t t = start(add, &wait);
	CHECK_EQ(read(wait, &v, 8), 8);
	CHECK_EQ(v, 3);
	join(t);
	v = ~0ull - 1;
	CHECK_EQ(write(wait, &v, 8), 8);
	t = start(take, &wait);
	v = 7;
	CHECK_EQ(write(wait, &v, 8), 8);
	join(t);
	CHECK_EQ(read(wait, &v, 8), 8);
	CHECK_EQ(v, 7);
	CHECK_ERR(eventfd(0, 0x100), EINVAL);
	return test_end();
}
