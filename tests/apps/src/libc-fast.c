// SPDX-License-Identifier: MIT
//
// libc-fast LIBRARY: what a C library with system calls of its own making could get wrong: errors and results, calls that a
// signal interrupts, with and without SA_RESTART, cancellation of blocked calls, threads, dlopen, the red zone, vector
// registers and many calls under a timer. Prints what must be the same everywhere.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t handled;
static int end[2];

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static void catch(int sig, int flags)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = flags};
	sigaction(sig, &sa, NULL);
}

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void stdio(void)
{
	char line[64] = "";
	FILE *f = fopen("file", "w+");
	for (int i = 0; i < 1000; i++)
		fprintf(f, "line %d of %s\n", i, "many");
	fseek(f, -14, SEEK_END);
	printf("stdio: %s", fgets(line, sizeof(line), f));
	printf("stdio: %ld bytes", ftell(f));
	printf(", close %d\n", fclose(f));
	int closed = close(-1), error = errno;
	printf("errno: close %d %d", closed, error == EBADF);
	long lacking = syscall(100000);
	error = errno;
	printf(", no such call %ld %d\n", lacking, error == ENOSYS);
	// Six arguments.
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[2] = {{p, 3}, {p + 4096, 5}};
	int fd = open("file", O_RDONLY);
	printf("six: readv %zd %.3s %.5s", preadv(fd, v, 2, 0), p, p + 4096);
	close(fd);
	printf(" moved %d\n", mremap(p, 8192, 4096, 0) == p);
}

static void ids(void)
{
	printf("ids: %d %d %d %d %d\n", getpid() == (pid_t)syscall(SYS_getpid), getppid() == (pid_t)syscall(SYS_getppid),
	       getuid() == (uid_t)syscall(SYS_getuid), getegid() == (gid_t)syscall(SYS_getegid), gettid() == getpid());
}

static void *interrupter(void *thread)
{
	pause_ms(50);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	pause_ms(50);
	if (write(end[1], "x", 1) != 1)
		abort();
	return NULL;
}

static void interrupted(const char *name, int flags)
{
	pthread_t self = pthread_self(), other;
	char c = '?';
	handled = 0;
	catch(SIGUSR1, flags);
	pthread_create(&other, NULL, interrupter, &self);
	ssize_t n = read(end[0], &c, 1);
	int error = errno;
	pthread_join(other, NULL);
	printf("%s: read %zd %d %c, handled %d\n", name, n, n < 0 && error == EINTR, n == 1 ? c : '-', handled);
	if (n < 0 && read(end[0], &c, 1) != 1)
		abort();
}

static void cleaned(void *what) { printf("cancel: cleanup of %s\n", (const char *)what); }

static void *blocked_read(void *arg)
{
	char c;
	pthread_cleanup_push(cleaned, arg);
	printf("cancel: read ended with %zd\n", read(end[0], &c, 1));
	pthread_cleanup_pop(0);
	return NULL;
}

static void *blocked_sleep(void *arg)
{
	pthread_cleanup_push(cleaned, arg);
	sleep(50);
	printf("cancel: sleep ended\n");
	pthread_cleanup_pop(0);
	return NULL;
}

static void *not_cancelled(void *arg)
{
	char c = '?';
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	ssize_t n = read(end[0], &c, 1);
	printf("cancel: disabled, read %zd %c\n", n, c);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	return arg;
}

static void cancel(void *(*body)(void *), const char *name, int feed)
{
	pthread_t t;
	void *result;
	pthread_create(&t, NULL, body, (void *)name);
	pause_ms(50);
	pthread_cancel(t);
	pause_ms(20);
	if (feed && write(end[1], "f", 1) != 1)
		abort();
	pthread_join(t, &result);
	printf("cancel: %s %s\n", name, result == PTHREAD_CANCELED ? "cancelled" : "returned");
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long count;

static void *counter(void *unused)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&lock);
		count++;
		pthread_mutex_unlock(&lock);
		if (i % 64 == 0)
			sched_yield();
	}
	return unused;
}

static void threads(void)
{
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, counter, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	pthread_attr_t detached;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 20; i++)
		pthread_create(&t[0], &detached, counter, NULL);
	while (__atomic_load_n(&count, __ATOMIC_RELAXED) < 24 * 20000)
		pause_ms(1);
	printf("threads: %ld\n", count);
}

// Values across calls, in what a leaf may keep anywhere, while a timer's signals arrive in calls and between them.
static void under_fire(void)
{
	struct itimerval it = {{0, 500}, {0, 500}}, off = {{0, 0}, {0, 0}};
	double f = 1;
	unsigned long sum = 0, wrong = 0;
	pid_t pid = getpid();
	handled = 0;
	catch(SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	for (long i = 0; handled < 200; i++) {
		f = f * 0.5 + 1;
		wrong += getpid() != pid;
		wrong += lseek(end[0], 0, SEEK_CUR) != -1 || errno != ESPIPE;
		sum += (unsigned long)i & 1;
		wrong += getppid() < 0 || (int)getuid() < 0;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	printf("under fire: %lu wrong, %d, %d\n", wrong, sum > 0, f > 1.9 && f < 2.1);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || pipe(end))
		return 1;
	stdio();
	ids();
	interrupted("restart", SA_RESTART);
	interrupted("no restart", 0);
	cancel(blocked_read, "read", 0);
	cancel(blocked_sleep, "sleep", 0);
	cancel(not_cancelled, "disabled", 1);
	threads();
	under_fire();
	void *library = dlopen(argv[1], RTLD_NOW);
	int (*twice)(int) = library ? (int (*)(int))dlsym(library, "twice") : NULL;
	printf("dlopen: %d\n", twice ? twice(21) : -1);
	printf("dlopen: the library's own calls: %d\n", twice ? twice(-1) : -1);
	return 7;
}
