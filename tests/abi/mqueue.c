// SPDX-License-Identifier: MIT
//
// POSIX message queues: names, limits, priorities, waiting with and without end, readiness, notification by signal and
// by thread, what a descriptor tells.
#include "test.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/resource.h>

static char name[32];
static atomic_int waiter;

static void clean(void)
{
	mq_unlink(name);
}

static void names(void)
{
	struct mq_attr bad = {.mq_maxmsg = 0, .mq_msgsize = 10};
	CHECK_ERR(mq_open(name, O_RDONLY), ENOENT);
	CHECK_ERR(mq_unlink(name), ENOENT);
	CHECK_ERR(syscall(SYS_mq_open, "", O_RDONLY, 0, NULL), ENOENT);
	CHECK_ERR(syscall(SYS_mq_open, "a/b", O_RDONLY | O_CREAT, 0600, NULL), EACCES);
	CHECK_ERR(mq_open(name, O_RDWR | O_CREAT, 0600, &bad), EINVAL);
	bad = (struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = -1};
	CHECK_ERR(mq_open(name, O_RDWR | O_CREAT, 0600, &bad), EINVAL);
	mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, NULL);
	NEED(q >= 0);
	struct mq_attr a;
	CHECK_EQ(mq_getattr(q, &a), 0);
	CHECK(a.mq_flags == 0 && a.mq_maxmsg == 10 && a.mq_msgsize == 8192 && a.mq_curmsgs == 0);
	CHECK_EQ(mq_close(q), 0);
	CHECK_EQ(mq_unlink(name), 0);
	CHECK_ERR(mq_getattr(q, &a), EBADF);
	CHECK_ERR(mq_getattr(0, &a), EBADF);
}

static void messages(mqd_t q)
{
	char b[32];
	unsigned priority = 9;
	CHECK_ERR(mq_send(q, b, 33, 0), EMSGSIZE);
	CHECK_ERR(mq_send(q, b, 1, 32768), EINVAL);
	CHECK_ERR(mq_receive(q, b, 31, NULL), EMSGSIZE);
	CHECK(!mq_send(q, "low", 4, 1) && !mq_send(q, "high", 5, 7) && !mq_send(q, "low too", 8, 1) && !mq_send(q, "", 0, 32767));
	CHECK_EQ(mq_receive(q, b, 32, &priority), 0);
	CHECK_EQ(priority, 32767);
	while (1) {
		struct mq_attr a;
		CHECK_EQ(mq_getattr(q, &a), 0);
		if (!a.mq_curmsgs)
			break;
		ssize_t n = mq_receive(q, b, 32, &priority);
		printf("%zd %u %s\n", n, priority, b);
	}
	mqd_t reader = mq_open(name, O_RDONLY | O_NONBLOCK), writer = mq_open(name, O_WRONLY);
	CHECK(reader >= 0 && writer >= 0);
	CHECK_ERR(mq_send(reader, "x", 1, 0), EBADF);
	CHECK_ERR(mq_receive(writer, b, 32, NULL), EBADF);
	CHECK_ERR(mq_receive(reader, b, 32, NULL), EAGAIN);
	struct mq_attr a = {.mq_flags = 0}, old;
	CHECK_EQ(mq_setattr(reader, &a, &old), 0);
	CHECK_EQ(old.mq_flags, O_NONBLOCK);
	CHECK_EQ(fcntl(reader, F_GETFL), O_RDONLY);
	a.mq_flags = O_APPEND;
	CHECK_ERR(mq_setattr(reader, &a, NULL), EINVAL);
	CHECK_ERR(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
	CHECK(fcntl(writer, F_GETFD) == FD_CLOEXEC);
	close(reader);
	mq_close(writer);
}

static short ready(mqd_t q)
{
	struct pollfd p = {q, POLLIN | POLLOUT, 0};
	poll(&p, 1, 0);
	return p.revents;
}

static void *receive(void *arg)
{
	char b[32] = "";
	waiter = gettid();
	return (void *)(long)(mq_receive(*(mqd_t *)arg, b, 32, NULL) < 0 ? -errno : b[0]);
}

static void *send(void *arg)
{
	waiter = gettid();
	return (void *)(long)(mq_send(*(mqd_t *)arg, "z", 1, 0) ? errno : 0);
}

static pthread_t wait_in(void *(*f)(void *), mqd_t *q)
{
	waiter = 0;
	pthread_t t = start(f, q);
	until_asleep(&waiter);
	return t;
}

static volatile int told, code, value;
static void handler(int sig, siginfo_t *info, void *context)
{
	told++;
	code = info->si_code;
	value = info->si_value.sival_int;
}

static void waiting(mqd_t q)
{
	struct timespec now, past = {0}, bad = {0, -1};
	char b[32];
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_nsec += 20000000;
	now.tv_sec += now.tv_nsec / 1000000000;
	now.tv_nsec %= 1000000000;
	CHECK_ERR(mq_timedreceive(q, b, 32, NULL, &now), ETIMEDOUT);
	CHECK_ERR(mq_timedreceive(q, b, 32, NULL, &past), ETIMEDOUT);
	CHECK_ERR(mq_timedreceive(q, b, 32, NULL, &bad), EINVAL);
	CHECK_EQ(ready(q), POLLOUT);
	pthread_t t = wait_in(receive, &q);
	CHECK_EQ(mq_send(q, "r", 1, 0), 0);
	CHECK_EQ(join(t), 'r');
	for (int i = 0; i < 4; i++)
		CHECK_EQ(mq_send(q, "f", 1, 0), 0);
	CHECK_EQ(ready(q), POLLIN);
	CHECK_ERR(mq_timedsend(q, "f", 1, 0, &past), ETIMEDOUT);
	t = wait_in(send, &q);
	CHECK_EQ(mq_receive(q, b, 32, NULL), 1);
	CHECK_EQ(join(t), 0);
	while (mq_timedreceive(q, b, 32, NULL, &past) >= 0)
		;
	set_handler(SIGUSR1, handler, 0);
	t = wait_in(receive, &q);
	pthread_kill(t, SIGUSR1);
	CHECK_EQ(join(t), -EINTR);
}

static atomic_int threads_told;
static void in_thread(union sigval v)
{
	threads_told = v.sival_int;
}

static void notification(mqd_t q)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
	char b[32], text[100];
	told = 0;
	CHECK_EQ(mq_notify(q, &ev), 0);
	CHECK_ERR(mq_notify(q, &ev), EBUSY);
	int n = pread(q, text, sizeof text - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	char expected[100];
	snprintf(expected, sizeof expected, "QSIZE:%-10u NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 0, 0, SIGUSR1, getpid());
	CHECK(!strcmp(text, expected));
	CHECK_EQ(mq_send(q, "n", 1, 0), 0);
	CHECK(told == 1 && code == SI_MESGQ && value == 77);
	CHECK_EQ(mq_send(q, "n", 1, 0), 0);
	CHECK_EQ(mq_notify(q, &ev), 0); // no news while it is not empty
	CHECK_EQ(mq_receive(q, b, 32, NULL), 1);
	CHECK_EQ(mq_send(q, "n", 1, 0), 0);
	CHECK_EQ(told, 1);
	CHECK_EQ(mq_notify(q, NULL), 0);
	while (mq_receive(q, b, 32, NULL) == 1) {
		struct mq_attr a;
		mq_getattr(q, &a);
		if (!a.mq_curmsgs)
			break;
	}
	// A receiver that waits comes first.
	CHECK_EQ(mq_notify(q, &ev), 0);
	pthread_t t = wait_in(receive, &q);
	CHECK_EQ(mq_send(q, "w", 1, 0), 0);
	CHECK_EQ(join(t), 'w');
	CHECK_EQ(told, 1);
	mqd_t other = mq_open(name, O_RDWR);
	CHECK_EQ(mq_close(other), 0); // any descriptor's close ends it
	CHECK_EQ(mq_notify(q, &ev), 0);
	CHECK_EQ(mq_notify(q, NULL), 0);
	ev = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = 5};
	CHECK_EQ(mq_notify(q, &ev), 0);
	CHECK_EQ(mq_send(q, "t", 1, 0), 0);
	for (int i = 0; i < 2000 && !threads_told; i++)
		sleep_ms(1);
	CHECK_EQ(threads_told, 5);
	CHECK_EQ(mq_receive(q, b, 32, NULL), 1);
	ev.sigev_notify = 99;
	CHECK_ERR(syscall(SYS_mq_notify, q, &ev), EINVAL);
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	CHECK_ERR(mq_notify(q, &ev), EINVAL);
}

int main(void)
{
	snprintf(name, sizeof name, "/whelk-test-%d", getpid());
	atexit(clean);
	names();
	struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 32};
	mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0640, &a);
	NEED(q >= 0);
	messages(q);
	waiting(q);
	notification(q);
	struct stat st;
	CHECK_EQ(fstat(q, &st), 0);
	CHECK(S_ISREG(st.st_mode) && st.st_size == 80 && st.st_uid == geteuid());
	CHECK_EQ(mq_unlink(name), 0);
	CHECK_ERR(mq_open(name, O_RDWR), ENOENT);
	CHECK_EQ(mq_send(q, "still", 5, 0), 0); // it lives while it is open
	CHECK_EQ(mq_close(q), 0);
	printf("%s", read_text("/proc/sys/fs/mqueue/msgsize_default"));
	return test_end();
}
