// SPDX-License-Identifier: MIT
//
// System V message queues: which message is received, limits, waiting, removal under waiters, msgctl(2) and
// /proc/sysvipc/msg.
#include "test.h"

#include <sys/ipc.h>
#include <sys/msg.h>

#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

static int queue = -1;
static struct {
	long type;
	char text[8192];
} in, out;

static void clean(void)
{
	if (queue >= 0)
		msgctl(queue, IPC_RMID, NULL);
}

static int put(long type, const char *text)
{
	out.type = type;
	strcpy(out.text, text);
	return msgsnd(queue, &out, strlen(text) + 1, IPC_NOWAIT);
}

// "type text" of the message, or errno's name.
static const char *get(long type, int flags)
{
	static char line[64];
	ssize_t n = msgrcv(queue, &in, 32, type, flags | IPC_NOWAIT);
	if (n < 0)
		return strerrorname_np(errno);
	snprintf(line, sizeof line, "%ld %.20s", in.type, in.text);
	return line;
}

static void choice(void)
{
	CHECK(!put(5, "a") && !put(3, "b") && !put(9, "c") && !put(3, "d") && !put(1, "e"));
	puts(get(1, MSG_COPY));
	puts(get(7, MSG_COPY));
	puts(get(3, 0));
	puts(get(-4, 0));
	puts(get(5, MSG_EXCEPT));
	puts(get(2, 0));
	puts(get(-2, 0));
	puts(get(-3, 0));
	CHECK(!put(6, "f"));
	puts(get(0, 0));
	puts(get((long)(1ul << 63), 0));
	puts(get(0, 0));
}

static void refusals(void)
{
	out.type = 1;
	CHECK_ERR(msgsnd(queue, &out, 8193, 0), EINVAL);
	CHECK_ERR(msgsnd(queue, &out, -1, 0), EINVAL);
	CHECK_ERR(msgsnd(queue, NULL, 1, 0), EFAULT);
	CHECK_ERR(msgsnd(-1, &out, 1, 0), EINVAL);
	CHECK_ERR(msgsnd(queue + 32768, &out, 1, 0), EINVAL);
	out.type = 0;
	CHECK_ERR(msgsnd(queue, &out, 1, 0), EINVAL);
	CHECK_ERR(msgrcv(queue, &in, -1, 0, 0), EINVAL);
	CHECK_ERR(msgrcv(queue, &in, 8, 0, IPC_NOWAIT), ENOMSG);
	CHECK_ERR(msgrcv(queue, &in, 8, 0, MSG_COPY), EINVAL);
	CHECK_ERR(msgrcv(queue, &in, 8, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL);
	CHECK(!put(2, "0123456789"));
	CHECK_ERR(msgrcv(queue, &in, 4, 0, 0), E2BIG);
	CHECK_EQ(msgrcv(queue, &in, 4, 0, MSG_NOERROR), 4);
	CHECK(!memcmp(in.text, "0123", 4));
	CHECK_ERR(msgctl(queue, 99, NULL), EINVAL);
	CHECK_ERR(msgctl(-1, IPC_RMID, NULL), EINVAL);
	CHECK_ERR(msgctl(queue, IPC_STAT, NULL), EFAULT);
}

static atomic_int waiter;

static void *receive(void *arg)
{
	struct {
		long type;
		char text[64];
	} m;
	waiter = gettid();
	ssize_t n = msgrcv(queue, &m, sizeof m.text, (long)arg, 0);
	return (void *)(long)(n < 0 ? -errno : m.text[0]);
}

static void *send(void *arg)
{
	waiter = gettid();
	return (void *)(long)(msgsnd(queue, &out, 8000, 0) ? errno : 0);
}

static pthread_t wait_in(void *(*f)(void *), long arg)
{
	waiter = 0;
	pthread_t t = start(f, (void *)arg);
	until_asleep(&waiter);
	return t;
}

static void nothing(int sig, siginfo_t *info, void *context)
{
}

static void waiting(void)
{
	pthread_t two = wait_in(receive, 2), one = wait_in(receive, 1);
	CHECK(!put(1, "x"));
	CHECK_EQ(join(one), 'x');
	CHECK(!put(2, "y"));
	CHECK_EQ(join(two), 'y');
	// Full: of bytes.
	out.type = 4;
	CHECK_EQ(msgsnd(queue, &out, 8192, IPC_NOWAIT), 0);
	CHECK_EQ(msgsnd(queue, &out, 8192, IPC_NOWAIT), 0);
	CHECK_ERR(msgsnd(queue, &out, 1, IPC_NOWAIT), EAGAIN);
	CHECK_EQ(msgsnd(queue, &out, 0, IPC_NOWAIT), 0);
	pthread_t sender = wait_in(send, 0);
	CHECK_EQ(msgrcv(queue, &in, 8192, 0, 0), 8192);
	CHECK_EQ(join(sender), 0);
	set_handler(SIGUSR1, nothing, SA_RESTART);
	sender = wait_in(send, 0);
	pthread_kill(sender, SIGUSR1);
	CHECK_EQ(join(sender), EINTR);
	while (msgrcv(queue, &in, 8192, 0, IPC_NOWAIT) >= 0)
		;
	CHECK_EQ(errno, ENOMSG);
}

static void tells(key_t key)
{
	struct msqid_ds d;
	CHECK(!put(1, "123"));
	CHECK_EQ(msgctl(queue, IPC_STAT, &d), 0);
	CHECK(d.msg_qnum == 1 && d.msg_cbytes == 4 && d.msg_qbytes == 16384);
	CHECK(d.msg_lspid == getpid() && d.msg_lrpid == getpid() && d.msg_stime && d.msg_rtime && d.msg_ctime);
	CHECK(d.msg_perm.mode == 0640 && d.msg_perm.__key == key);
	d.msg_perm.mode = 0600;
	d.msg_qbytes = 4;
	CHECK_EQ(msgctl(queue, IPC_SET, &d), 0);
	CHECK_EQ(put(1, ""), -1);
	CHECK_EQ(errno, EAGAIN);
	struct msginfo i;
	int last = msgctl(0, MSG_INFO, (void *)&i);
	CHECK(last >= 0 && i.msgpool >= 1 && i.msgmap >= 1 && i.msgtql >= 4);
	CHECK(msgctl(0, IPC_INFO, (void *)&i) >= 0);
	CHECK(i.msgmax >= 8192 && i.msgmnb >= 16384 && i.msgssz == 16);
	int seen = 0;
	for (int n = 0; n <= last; n++)
		if (msgctl(n, MSG_STAT, &d) == queue) {
			seen++;
			CHECK(d.msg_qbytes == 4 && d.msg_perm.mode == 0600);
			CHECK_EQ(msgctl(n, MSG_STAT_ANY, &d), queue);
		}
	CHECK_EQ(seen, 1);
	char line[100];
	snprintf(line, sizeof line, "%10d %10d  %4o  %10u %10u %5d %5d ", key, queue, 0600, 4, 1, getpid(), getpid());
	CHECK(strstr(read_text("/proc/sysvipc/msg"), line) != NULL);
}

int main(void)
{
	key_t key = 0x59000000 | (getpid() & 0xffff) | (key_t)(time(NULL) & 0xff) << 16;
	atexit(clean);
	CHECK_ERR(msgget(key, 0), ENOENT);
	queue = msgget(key, IPC_CREAT | IPC_EXCL | 0640);
	NEED(queue >= 0);
	CHECK_ERR(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_EQ(msgget(key, 0), queue);
	choice();
	refusals();
	waiting();
	tells(key);
	CHECK_EQ(msgrcv(queue, &in, 8, 0, 0), 4);
	pthread_t t = wait_in(receive, 0);
	CHECK_EQ(msgctl(queue, IPC_RMID, NULL), 0);
	CHECK_EQ(join(t), -EIDRM);
	CHECK_ERR(msgctl(queue, IPC_RMID, NULL), EINVAL);
	CHECK_ERR(msgget(key, 0), ENOENT);
	queue = -1;
	return test_end();
}
