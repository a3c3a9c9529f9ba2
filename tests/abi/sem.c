// SPDX-License-Identifier: MIT
//
// System V semaphores: all operations or none, waiting in order, counts of waiters, limits, removal under waiters,
// semctl(2) and /proc/sysvipc/sem.
#include "test.h"

#include <limits.h>
#include <sys/ipc.h>
#include <sys/sem.h>

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static int set = -1;

static void clean(void)
{
	if (set >= 0)
		semctl(set, 0, IPC_RMID);
}

static int op(int num, int delta, int flags)
{
	struct sembuf b = {num, delta, flags};
	return semop(set, &b, 1);
}
static int value(int num) { return semctl(set, num, GETVAL); }
static int set_value(int num, int v) { return semctl(set, num, SETVAL, (union semun){.val = v}); }

static void wait_for(int cmd, int num, int count)
{
	for (int i = 0; i < 2000 && semctl(set, num, cmd) != count; i++)
		sleep_ms(1);
	CHECK_EQ(semctl(set, num, cmd), count);
}

static void *take(void *arg)
{
	long n = (long)arg;
	struct sembuf b = {n & 1, -(n >> 1), 0};
	return (void *)(long)(semop(set, &b, 1) ? errno : 0);
}

static void *until_zero(void *arg)
{
	return (void *)(long)(op((int)(long)arg, 0, 0) ? errno : 0);
}

static void gets(key_t key)
{
	CHECK_ERR(semget(key, 2, 0), ENOENT);
	CHECK_ERR(semget(key, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERR(semget(key, -1, IPC_CREAT | 0600), EINVAL);
	CHECK_ERR(semget(key, 32001, IPC_CREAT | 0600), EINVAL);
	set = semget(key, 4, IPC_CREAT | IPC_EXCL | 0640);
	NEED(set >= 0);
	CHECK_ERR(semget(key, 4, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_EQ(semget(key, 0, 0), set);
	CHECK_EQ(semget(key, 4, IPC_CREAT | 0600), set);
	CHECK_ERR(semget(key, 5, 0), EINVAL);
}

static void refusals(void)
{
	struct sembuf many[501] = {{0}}, b = {0, 1, 0};
	struct timespec bad = {0, 1000000000};
	CHECK_ERR(semop(set, many, 501), E2BIG);
	CHECK_ERR(semop(set, &b, 0), EINVAL);
	CHECK_ERR(semop(-1, &b, 1), EINVAL);
	CHECK_ERR(semop(set + 32768, &b, 1), EINVAL);
	CHECK_ERR(semop(set, NULL, 1), EFAULT);
	CHECK_ERR(semtimedop(set, &b, 1, &bad), EINVAL);
	CHECK_ERR(op(4, 1, 0), EFBIG);
	CHECK_ERR(op(0, -1, IPC_NOWAIT), EAGAIN);
	CHECK_EQ(set_value(0, 32767), 0);
	CHECK_ERR(op(0, 1, 0), ERANGE);
	CHECK_ERR(op(0, 0, IPC_NOWAIT), EAGAIN);
	CHECK_ERR(set_value(0, 32768), ERANGE);
	CHECK_ERR(set_value(0, -1), ERANGE);
	CHECK_ERR(semctl(set, 4, GETVAL), EINVAL);
	CHECK_ERR(semctl(set, -1, GETPID), EINVAL);
	CHECK_ERR(semctl(set, 0, 99), EINVAL);
	CHECK_ERR(semctl(-1, 0, GETVAL), EINVAL);
	CHECK_ERR(semctl(set, 0, GETALL, (union semun){.array = NULL}), EFAULT);
	CHECK_EQ(set_value(0, 0), 0);
}

static void together(void)
{
	struct sembuf b[3] = {{0, 2, 0}, {1, -1, IPC_NOWAIT}, {2, 1, 0}};
	CHECK_ERR(semop(set, b, 3), EAGAIN);
	CHECK_EQ(value(0), 0);
	CHECK_EQ(value(2), 0);
	CHECK_EQ(set_value(1, 1), 0);
	CHECK_EQ(semop(set, b, 3), 0);
	CHECK(value(0) == 2 && value(1) == 0 && value(2) == 1);
	CHECK_EQ(semctl(set, 2, GETPID), getpid());
	CHECK_EQ(semctl(set, 3, GETPID), 0);
	// One after the other on the same semaphore.
	struct sembuf same[3] = {{0, -2, 0}, {0, 0, 0}, {0, 5, SEM_UNDO}};
	CHECK_EQ(semop(set, same, 3), 0);
	CHECK_EQ(value(0), 5);
	unsigned short all[4] = {7, 0, 0, 9}, got[4];
	CHECK_EQ(semctl(set, 0, SETALL, (union semun){.array = all}), 0);
	CHECK_EQ(semctl(set, 0, GETALL, (union semun){.array = got}), 0);
	CHECK(!memcmp(all, got, sizeof all));
	CHECK_EQ(semctl(set, 3, GETPID), getpid());
	all[2] = 40000;
	CHECK_ERR(semctl(set, 0, SETALL, (union semun){.array = all}), ERANGE);
	CHECK_EQ(value(2), 0);
	CHECK(set_value(0, 0) == 0 && set_value(3, 0) == 0);
}

static void waiting(void)
{
	struct timespec soon = ms_timespec(20);
	struct sembuf b = {0, -1, 0};
	int64_t from = now_ms();
	CHECK_ERR(semtimedop(set, &b, 1, &soon), EAGAIN);
	CHECK(now_ms() - from >= 19);
	pthread_t big = start(take, (void *)(3l << 1)), small;
	wait_for(GETNCNT, 0, 1);
	small = start(take, (void *)(1l << 1));
	wait_for(GETNCNT, 0, 2);
	// What is too little for the first is given to the second.
	CHECK_EQ(op(0, 1, 0), 0);
	CHECK_EQ(join(small), 0);
	CHECK_EQ(semctl(set, 0, GETNCNT), 1);
	CHECK_EQ(value(0), 0);
	pthread_t zero = start(until_zero, (void *)1l);
	CHECK_EQ(join(zero), 0);
	CHECK_EQ(op(1, 2, 0), 0);
	zero = start(until_zero, (void *)1l);
	wait_for(GETZCNT, 1, 1);
	CHECK_EQ(semctl(set, 1, GETNCNT), 0);
	CHECK_EQ(op(1, -2, 0), 0);
	CHECK_EQ(join(zero), 0);
	CHECK_EQ(set_value(0, 3), 0);
	CHECK_EQ(join(big), 0);
	CHECK_EQ(value(0), 0);
}

static void nothing(int sig, siginfo_t *info, void *context)
{
}

static void interrupted(void)
{
	set_handler(SIGUSR1, nothing, SA_RESTART);
	pthread_t t = start(take, (void *)(1l << 1));
	wait_for(GETNCNT, 0, 1);
	pthread_kill(t, SIGUSR1);
	CHECK_EQ(join(t), EINTR);
	CHECK_EQ(semctl(set, 0, GETNCNT), 0);
}

static void *pass(void *arg)
{
	int me = (int)(long)arg;
	for (int i = 0; i < 500; i++)
		if (op(me, -1, 0) || op(!me, 1, 0))
			return (void *)1l;
	return NULL;
}

static void tells(key_t key)
{
	struct semid_ds d;
	CHECK_EQ(semctl(set, 0, IPC_STAT, (union semun){.buf = &d}), 0);
	CHECK_EQ(d.sem_nsems, 4);
	CHECK_EQ(d.sem_perm.__key, key);
	CHECK_EQ(d.sem_perm.mode, 0640);
	CHECK(d.sem_perm.uid == geteuid() && d.sem_perm.cgid == getegid());
	CHECK(d.sem_otime && d.sem_ctime);
	d.sem_perm.mode = 0600;
	CHECK_EQ(semctl(set, 0, IPC_SET, (union semun){.buf = &d}), 0);
	CHECK_ERR(semctl(set, 0, IPC_STAT, (union semun){.buf = NULL}), EFAULT);
	struct seminfo i;
	int last = semctl(0, 0, SEM_INFO, (union semun){.info = &i});
	CHECK(last >= 0 && i.semusz >= 1 && i.semaem >= 4);
	CHECK(semctl(0, 0, IPC_INFO, (union semun){.info = &i}) >= 0);
	CHECK(i.semvmx == 32767 && i.semopm >= 500 && i.semmsl >= 32000);
	int seen = 0;
	for (int n = 0; n <= last; n++) // as ipcs(1)
		if (semctl(n, 0, SEM_STAT, (union semun){.buf = &d}) == set) {
			seen++;
			CHECK_EQ(d.sem_perm.mode, 0600);
			CHECK_EQ(semctl(n, 0, SEM_STAT_ANY, (union semun){.buf = &d}), set);
		}
	CHECK_EQ(seen, 1);
	char line[100];
	snprintf(line, sizeof line, "%10d %10d  %4o %10u ", key, set, 0600, 4);
	const char *text = read_text("/proc/sysvipc/sem");
	CHECK(!strncmp(text, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n", 84));
	CHECK(strstr(text, line) != NULL);
}

int main(void)
{
	key_t key = 0x58000000 | (getpid() & 0xffff) | (key_t)(time(NULL) & 0xff) << 16;
	atexit(clean);
	gets(key);
	refusals();
	together();
	waiting();
	interrupted();
	pthread_t a = start(pass, (void *)0l), b = start(pass, (void *)1l);
	CHECK_EQ(op(0, 1, 0), 0);
	CHECK_EQ(join(a), 0);
	CHECK_EQ(join(b), 0);
	CHECK_EQ(value(0), 1);
	CHECK_EQ(set_value(0, 0), 0);
	tells(key);
	a = start(take, (void *)(1l << 1));
	wait_for(GETNCNT, 0, 1);
	CHECK_EQ(semctl(set, 0, IPC_RMID), 0);
	CHECK_EQ(join(a), EIDRM);
	CHECK_ERR(semctl(set, 0, IPC_RMID), EINVAL);
	CHECK_ERR(op(0, 1, 0), EINVAL);
	CHECK_ERR(semget(key, 0, 0), ENOENT);
	int other = semget(IPC_PRIVATE, 1, 0600);
	CHECK(other >= 0 && other != set);
	CHECK_EQ(semctl(other, 0, IPC_RMID), 0);
	set = -1;
	return test_end();
}
