// SPDX-License-Identifier: MIT
//
// syscall_args SEED: random system calls with random arguments, for about a second, from two threads.
// syscall_args -: those that fuzz_syscalls.c sends on standard input, one record of struct call each (fuzz_syscalls.h).
// Arguments are drawn from what is likely to get far: small numbers, descriptors that are open, pointers into a buffer of
// old results, addresses that fault, flags. It must never run on a real kernel: it looks at uname first.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "fuzz_syscalls.h"

static uint64_t buffer[4096];
static const char *const path[] = {"/tmp/a", "/tmp/b", "/tmp/d/x", "/proc/self/maps", "/proc/self", "/dev/null",
	"/dev/zero", "/", "", "/tmp/d"};

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t pick(uint64_t n)
{
	switch (n >> 8 & 15) {
	case 0: return 0;
	case 1: return n >> 60;
	case 2: return n >> 52;
	case 3: return 1ull << (n >> 58);
	case 4: return (uint64_t)-1 - (n >> 61);
	case 5: return (uint64_t)(uintptr_t)path[(n >> 32) % 10];
	case 6: return (uint64_t)(uintptr_t)mmap;
	case 7: return n;
	case 8: return 4096 * (n >> 56);
	case 9: return 0x7ffffffff000 + (n >> 52);
	case 10: return n >> 61;
	case 11: return 3 + (n >> 60);
	default: return (uint64_t)(uintptr_t)&buffer[n >> 52];
	}
}

static uint64_t argument(uint64_t *r) { return pick(next(r)); }

// What would only end or stop the test.
static int excluded(long nr)
{
	static const long list[] = {SYS_exit, SYS_exit_group, SYS_pause, SYS_rt_sigsuspend, SYS_rt_sigreturn,
		SYS_execve, SYS_execveat, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
		SYS_pidfd_send_signal, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_setitimer, SYS_alarm, SYS_munmap,
		SYS_mremap, SYS_mprotect, SYS_brk, SYS_clone, SYS_clone3, SYS_arch_prctl, SYS_setrlimit, SYS_prlimit64,
		SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setattr, SYS_sched_setparam};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == nr)
			return 1;
	return 0;
}

// Requests whose system calls are only a few numbers: the arguments lie in memory, which changes while they are looked at.
static struct io_uring_sqe *sqes;
static unsigned *sq_ring;
static struct io_uring_params ring;
static int ring_fd;
static aio_context_t aio;

static int queues_open(void)
{
	ring_fd = (int)syscall(SYS_io_uring_setup, 16, &ring);
	if (ring_fd < 0 || syscall(SYS_io_setup, 64, &aio))
		return -1;
	sq_ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, IORING_OFF_SQES);
	return sq_ring == MAP_FAILED || sqes == MAP_FAILED ? -1 : 0;
}

static void ring_request(uint64_t *r)
{
	unsigned *array = sq_ring + ring.sq_off.array / 4, count = 1 + (unsigned)(next(r) >> 62);
	for (unsigned i = 0; i < count; i++) {
		unsigned tail = sq_ring[ring.sq_off.tail / 4]++;
		struct io_uring_sqe *s = &sqes[array[tail % 16] = tail % 16];
		*s = (struct io_uring_sqe){.opcode = (uint8_t)(next(r) >> 32) % 50, .flags = next(r) >> 60 ? 0 : (uint8_t)argument(r),
			.fd = (int)argument(r), .off = argument(r), .addr = argument(r), .len = (unsigned)argument(r), .user_data = next(r) >> 61};
		if (next(r) >> 63)
			s->rw_flags = (unsigned)argument(r);
		if (s->opcode == IORING_OP_CLOSE)
			s->fd = 100 + (int)(next(r) >> 60);
		if (!(next(r) >> 60))
			s->buf_index = s->personality = (uint16_t)next(r), s->splice_fd_in = (int)argument(r), s->ioprio = (uint16_t)argument(r);
	}
	if (!(next(r) >> 59))
		sq_ring[next(r) >> 58] = (unsigned)argument(r); // heads, tails, masks
	syscall(SYS_io_uring_enter, ring_fd, count, next(r) >> 62, next(r) >> 63 ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
	sq_ring[ring.cq_off.head / 4] = sq_ring[ring.cq_off.tail / 4];
}

static void aio_request(uint64_t *r)
{
	struct iocb cb = {.aio_lio_opcode = (uint16_t)(next(r) >> 60), .aio_fildes = (unsigned)argument(r), .aio_buf = argument(r),
		.aio_nbytes = argument(r), .aio_offset = (int64_t)argument(r), .aio_flags = (unsigned)(next(r) >> 62), .aio_resfd = (unsigned)argument(r)};
	struct iocb *list[] = {&cb};
	struct timespec none = {0, 0};
	syscall(SYS_io_submit, aio, 1, list);
	syscall(next(r) >> 63 ? SYS_io_cancel : SYS_io_getevents, aio, &cb, 4, buffer, &none);
	syscall(SYS_io_getevents, aio, 0, 4, buffer, &none);
}

static void on_alarm(int sig) { (void)sig; }

static long make_call(long nr, uint64_t a[6], uint64_t *r)
{
	if (excluded(nr))
		return -ENOSYS;
	if (nr == SYS_io_uring_enter || nr == SYS_io_submit || !(next(r) >> 60)) {
		if (next(r) >> 62)
			ring_request(r);
		else
			aio_request(r);
	}
	if (nr == SYS_mmap)
		a[3] &= ~(uint64_t)(MAP_FIXED | MAP_FIXED_NOREPLACE), a[1] &= 0xffffff;
	if (nr == SYS_madvise || nr == SYS_shmat)
		a[0] = 0x7000000000; // not its own stack
	long result = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return result == -1 ? -errno : result;
}

static void *work(void *arg)
{
	uint64_t r = (uint64_t)(uintptr_t)arg;
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		long nr = (long)(next(&r) % 462);
		uint64_t a[6];
		for (int i = 0; i < 6; i++)
			a[i] = argument(&r);
		make_call(nr, a, &r);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 2);
	return NULL;
}

// All of it, however often a signal comes between. False: the other side has gone, or a call has closed the descriptor.
static int transfer(ssize_t (*how)(int, void *, size_t), int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = how(fd, (char *)data + done, size - done);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			return 0;
		done += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

static ssize_t put(int fd, void *data, size_t size) { return write(fd, data, size); }

// What fuzz_syscalls sends, until it ends. Its descriptors are moved out of the calls' way.
static int serve(void)
{
	static struct call calls[CALLS_MAX];
	static uint16_t feature[CALLS_MAX];
	uint32_t count;
	int in = fcntl(0, F_DUPFD, 300), out = fcntl(1, F_DUPFD, 300), null = open("/dev/null", O_RDWR);
	if (in < 0 || out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return 3;
	while (transfer(read, in, &count, sizeof(count)) && count <= CALLS_MAX && transfer(read, in, calls, count * sizeof(calls[0]))) {
		for (uint32_t i = 0; i < count; i++) {
			uint64_t a[6], r = calls[i].word[0] * 0x9e3779b97f4a7c15ull | 1;
			for (int k = 0; k < 6; k++)
				a[k] = pick((uint64_t)calls[i].word[1 + k] << 32 | calls[i].word[1 + k]);
			long nr = calls[i].word[0] % CALL_NUMBERS, result = make_call(nr, a, &r);
			feature[i] = (uint16_t)(nr * RESULTS + (result >= 0 ? result > 0 : 2 + -result % (RESULTS - 2)));
		}
		if (!transfer(put, out, &count, sizeof(count)) || !transfer(put, out, feature, count * sizeof(feature[0])))
			break;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct utsname u;
	if (uname(&u) || !strstr(u.release, "whelk")) {
		fputs("syscall_args: not under whelk: refused\n", stderr);
		return 2;
	}
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) * 2654435761u + 1 : 1;
	for (size_t i = 0; i < sizeof(buffer) / sizeof(buffer[0]); i++)
		buffer[i] = i % 3 ? i % 97 : (uint64_t)(uintptr_t)&buffer[i / 2];
	mkdirat(AT_FDCWD, "/tmp/d", 0755);
	for (int i = 0; i < 3; i++)
		if (open(path[i], O_RDWR | O_CREAT | O_NONBLOCK, 0644) < 0)
			return 3;
	int p[2];
	if (pipe2(p, O_NONBLOCK) || eventfd(0, EFD_NONBLOCK) < 0 || epoll_create1(0) < 0)
		return 3;
	if (queues_open())
		return 3;
	// Calls that sleep are woken again and again.
	struct sigaction sa = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval it = {{0, 20000}, {0, 20000}};
	setitimer(ITIMER_REAL, &it, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && !strcmp(argv[1], "-"))
		_exit(serve());
	pthread_t t;
	pthread_create(&t, NULL, work, (void *)(uintptr_t)(seed ^ 0x9e3779b97f4a7c15));
	work((void *)(uintptr_t)seed);
	_exit(0);
}
