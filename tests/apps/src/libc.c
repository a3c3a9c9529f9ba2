// SPDX-License-Identifier: MIT
//
// An ordinary single-threaded C program: files, directories, memory, stdio, time, environment, signals,
// setjmp. Built static-PIE with glibc, and static and dynamic with musl.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf jump;
static volatile sig_atomic_t alarms;
static char *page; // where the next fault is expected
static int initialised;

__attribute__((constructor)) static void init(void)
{
	initialised = 1;
}

static void at_exit(void)
{
	printf("at exit\n");
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	// Addresses are random: say only how far into the page it was.
	printf("fault %d code %d at page + %ld\n", sig, info->si_code, (long)((char *)info->si_addr - page));
	siglongjmp(jump, 1);
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void test_files(void)
{
	char line[200];
	struct stat st;
	int n = 0;
	FILE *f = fopen("made.txt", "w+");

	for (int i = 0; i < 10000; i++)
		fprintf(f, "%d %f %s\n", i, sin(i), strerror(i % 100));
	rewind(f);
	while (fgets(line, sizeof(line), f))
		n += (int)strlen(line);
	fclose(f);
	stat("made.txt", &st);
	printf("file %d %lld %o\n", n, (long long)st.st_size, st.st_mode);

	int fd = open("made.bin", O_RDWR | O_CREAT | O_TRUNC, 0640);
	char one[] = "one", two[] = "twotwo", three[] = "three";
	struct iovec v[3] = { { one, 3 }, { two, 6 }, { three, 5 } };
	printf("writev %zd", writev(fd, v, 3));
	printf(" pwrite %zd", pwrite(fd, "end", 3, 100000));
	printf(" seek %lld", (long long)lseek(fd, -2, SEEK_END));
	char *m = mmap(NULL, 100003, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memcpy(m + 50000, "mapped", 6);
	printf(" msync %d", msync(m, 100003, MS_SYNC));
	munmap(m, 100003);
	printf(" pread %zd %.6s\n", pread(fd, line, 6, 50000), line);
	close(fd);

	mkdir("dir", 0755);
	for (int i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "dir/entry-%d", i);
		close(open(line, O_CREAT | O_WRONLY, 0600));
	}
	DIR *d = opendir("dir");
	n = 0;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.' ? atoi(strchr(e->d_name, '-') + 1) : 0;
	closedir(d);
	printf("entries %d, rmdir %d", n, rmdir("dir"));
	printf(" (%s), unlink %d\n", strerror(errno), unlink("no/such"));
}

static void test_memory(void)
{
	uint64_t sum = 0;
	char *p[200];

	for (int r = 0; r < 20; r++) {
		for (int i = 0; i < 200; i++) {
			size_t size = (size_t)(i * 977 + r * 131) % 300000 + 1;
			p[i] = malloc(size);
			memset(p[i], i, size);
			sum += (unsigned char)p[i][size - 1];
		}
		for (int i = 0; i < 200; i++)
			free(p[i]);
	}
	char *big = calloc(64, 1 << 20);
	for (size_t i = 0; i < 64 << 20; i += 4096)
		sum += (uint64_t)++big[i];
	big = realloc(big, 128 << 20);
	sum += (uint64_t)big[63 << 20] + (uint64_t)(errno = 0);
	free(big);
	printf("memory %llu\n", (unsigned long long)sum);
}

static void test_signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct itimerval tv = { { 0, 2000 }, { 0, 2000 } };
	volatile int *volatile low = (volatile int *)16;
	char *readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	sigaction(SIGSEGV, &sa, NULL);
	if (!sigsetjmp(jump, 1))
		*low = 1;
	if (!sigsetjmp(jump, 1)) {
		page = readonly;
		printf("read %d\n", readonly[5]);
		*(volatile char *)(readonly + 5) = 1;
	}
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &tv, NULL);
	while (alarms < 5)
		pause();
	tv = (struct itimerval){ { 0, 0 }, { 0, 0 } }; // or it would cut the sleep below short
	setitimer(ITIMER_REAL, &tv, NULL);
	printf("alarms %d\n", alarms >= 5);
}

int main(int argc, char **argv)
{
	struct timespec a, b, ms = { 0, 3000000 };
	struct rlimit limit;
	time_t then = 1700000000;
	char text[64];

	atexit(at_exit);
	setlocale(LC_ALL, "");
	setvbuf(stdout, NULL, _IOFBF, 4096);
	printf("%d %s %s constructor %d\n", argc, argv[0], getenv("MARK"), initialised);
	printf("page %ld, auxv %d %d\n", sysconf(_SC_PAGESIZE), getauxval(AT_RANDOM) != 0, getauxval(AT_SECURE) == 0);
	test_files();
	test_memory();
	test_signals();
	clock_gettime(CLOCK_MONOTONIC, &a);
	nanosleep(&ms, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("slept %d\n", (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 3000000);
	strftime(text, sizeof(text), "%F %T", gmtime(&then));
	printf("%s, limit %d, %d\n", text, getrlimit(RLIMIT_NOFILE, &limit), getppid() >= 0);
	return 14;
}
