// SPDX-License-Identifier: MIT
//
// Calls with several things wrong at once: which of them the error names. Every combination of the values each argument
// may take is tried, and what came is printed. None that could succeed changes anything but this program.
#include "test.h"

#include <limits.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#define HIGH (long)0xffff800000000000ul	// the kernel's half
#define LOW  8l				// nothing is mapped there

static int regular, reader, directory, zero, write_only, path_only, pipes[2], events, epoll;
static char ok[PAGE];

// What an argument may be, by a letter.
static int values(char kind, long *v)
{
	int n = 0;
	switch (kind) {
	case 'f': // descriptors
		v[n++] = 999, v[n++] = -1, v[n++] = regular, v[n++] = reader, v[n++] = directory, v[n++] = zero;
		v[n++] = write_only, v[n++] = path_only, v[n++] = pipes[0], v[n++] = pipes[1], v[n++] = events;
		break;
	case 'g': // fewer, for calls with two
		v[n++] = 999, v[n++] = regular, v[n++] = reader, v[n++] = directory, v[n++] = path_only, v[n++] = epoll;
		break;
	case 'b': // no good descriptor
		v[n++] = 999, v[n++] = -1, v[n++] = path_only;
		break;
	case 'p': // bad pointers
		v[n++] = HIGH, v[n++] = LOW;
		break;
	case 'q': // bad pointers, or none
		v[n++] = HIGH, v[n++] = LOW, v[n++] = 0;
		break;
	case 's': // paths
		v[n++] = HIGH, v[n++] = LOW, v[n++] = (long)"", v[n++] = (long)"missing", v[n++] = (long)"missing/x";
		v[n++] = (long)"file/x";
		break;
	case 'o': // a buffer
		v[n++] = (long)ok;
		break;
	case 'l': // lengths
		v[n++] = 0, v[n++] = 1, v[n++] = LONG_MAX, v[n++] = -1;
		break;
	case 'h': // lengths nothing can have
		v[n++] = LONG_MAX, v[n++] = -1;
		break;
	case 'a': // offsets
		v[n++] = 0, v[n++] = -1, v[n++] = LONG_MIN;
		break;
	case 'c': // small counts
		v[n++] = -1, v[n++] = 0, v[n++] = 1, v[n++] = 2000;
		break;
	case 'x': // flags, modes, commands
		v[n++] = 0, v[n++] = 0x40000000;
		break;
	case 'i': // ids of nobody
		v[n++] = 0x7ffffff, v[n++] = -5;
		break;
	case 'n': // a signal, a resource, a clock
		v[n++] = 0, v[n++] = 99, v[n++] = -1;
		break;
	case 'N': // nothing but wrong
		v[n++] = 99, v[n++] = -1;
		break;
	case 'z': // the size of a signal set
		v[n++] = 8, v[n++] = 9;
		break;
	case '0':
		v[n++] = 0;
		break;
	case '1':
		v[n++] = 1;
		break;
	case '8':
		v[n++] = 8;
		break;
	default:
		NEED(!"a kind of argument");
	}
	return n;
}

static void try(const char *name, long nr, const char *kinds)
{
	long v[6][16], count[6], at[6] = {0};
	int n = (int)strlen(kinds);
	for (int i = 0; i < 6; i++)
		count[i] = i < n ? values(kinds[i], v[i]) : (v[i][0] = 0, 1);
	printf("%s", name);
	for (int i = 0; i < n;) {
		errno = 0;
		long r = syscall(nr, v[0][at[0]], v[1][at[1]], v[2][at[2]], v[3][at[3]], v[4][at[4]], v[5][at[5]]);
		if (!at[0])
			printf("\n%8s", "");
		if (r < 0)
			printf(" %s", strerrorname_np(errno) + 1);
		else
			printf(" %ld", r);
		for (i = 0; i < n && ++at[i] == count[i]; i++) // the next combination
			at[i] = 0;
	}
	printf("\n");
}
#define TRY(name, kinds) try(#name, SYS_##name, kinds)

int main(void)
{
	regular = make_file("file", "");
	reader = open("file", O_RDONLY);
	directory = open(".", O_RDONLY | O_DIRECTORY);
	zero = open("/dev/null", O_RDONLY);
	write_only = open("/dev/null", O_WRONLY);
	path_only = open("file", O_PATH);
	CHECK_EQ(pipe2(pipes, O_NONBLOCK), 0);
	events = (int)syscall(SYS_eventfd2, 0, O_NONBLOCK);
	epoll = epoll_create1(0);
	CHECK(epoll > 0);
	signal(SIGPIPE, SIG_IGN);

	TRY(read, "fpl"), TRY(read, "foh"), TRY(write, "fpl"), TRY(write, "foh"), TRY(lseek, "faN");
	TRY(tee, "gglx"), TRY(fallocate, "fxaa"), TRY(ftruncate, "ba"), TRY(ftruncate, "f1"), TRY(fsync, "b");
	TRY(fdatasync, "b"), TRY(truncate, "sa");

	TRY(openat, "bs0"), TRY(close, "N"), TRY(dup2, "bN"), TRY(dup3, "bNx"), TRY(dup3, "bbx");
	TRY(fcntl, "bNp"), TRY(fcntl, "fNp"), TRY(ioctl, "fNp"), TRY(flock, "bN"), TRY(flock, "fN");
	TRY(fstat, "fp"), TRY(stat, "sp"), TRY(newfstatat, "bspx"), TRY(newfstatat, "bsox");
	TRY(statx, "bsx0p"), TRY(statx, "bsx0o"), TRY(faccessat, "bsN"), TRY(faccessat2, "bsNx");
	TRY(mkdirat, "bs0"), TRY(mknodat, "bs00"), TRY(linkat, "bsbsx"), TRY(unlinkat, "bsx");
	TRY(rmdir, "s"), TRY(unlink, "s"), TRY(fchmod, "b0"), TRY(fchmodat, "bs0"), TRY(fchown, "b00");
	TRY(fchownat, "bs00x"), TRY(utimensat, "bspx"), TRY(utimensat, "bs0x"), TRY(utimes, "sp");
	TRY(utime, "sp"), TRY(futimesat, "bsp"), TRY(chdir, "s"), TRY(fchdir, "b"), TRY(getcwd, "pc");
	TRY(getcwd, "o1"), TRY(fstatfs, "fp"), TRY(statfs, "sp"), TRY(setxattr, "sppln");
	TRY(fsetxattr, "bppln"), TRY(getxattr, "sppl"), TRY(fgetxattr, "bppl"), TRY(listxattr, "spl");
	TRY(flistxattr, "bpl"), TRY(removexattr, "sp"), TRY(fremovexattr, "bp"), TRY(inotify_init1, "N");

	TRY(pipe2, "px"), TRY(eventfd2, "1N"), TRY(memfd_create, "pN"), TRY(poll, "p10"), TRY(ppoll, "p1ppz");
	TRY(ppoll, "q00pz"), TRY(select, "Np000"), TRY(pselect6, "Np00pp"), TRY(epoll_create1, "N");
	TRY(epoll_ctl, "gNgp"), TRY(epoll_ctl, "g1gp"), TRY(epoll_pwait, "gpc0pz");
	TRY(epoll_pwait2, "gpcppz");

	TRY(munmap, "Nl"), TRY(mprotect, "NlN"), TRY(madvise, "NlN"), TRY(madvise, "0lN");
	TRY(mincore, "Nlp"), TRY(msync, "NlN"), TRY(msync, "0lN"), TRY(mlockall, "x"), TRY(mremap, "NllN");
	TRY(mmap, "0lNxfN"), TRY(pkey_mprotect, "NlNN"), TRY(pkey_alloc, "NN"), TRY(pkey_free, "N");

	TRY(getpgid, "i"), TRY(setpgid, "ii"), TRY(getsid, "i"), TRY(getrlimit, "np"), TRY(setrlimit, "np");
	TRY(prlimit64, "inpp"), TRY(prlimit64, "0npp"), TRY(getrusage, "np"), TRY(prctl, "N");
	TRY(arch_prctl, "Np"), TRY(uname, "p"), TRY(sysinfo, "p"), TRY(getcpu, "pq"), TRY(getrandom, "plx");
	TRY(wait4, "iqNq"), TRY(waitid, "nipNq"), TRY(waitid, "ni0Nq"), TRY(execve, "spp"), TRY(clone3, "pl");
	TRY(set_robust_list, "pl"), TRY(get_robust_list, "ipp"), TRY(get_robust_list, "0pp");
	TRY(capget, "pp"), TRY(capset, "pp"), TRY(getresuid, "ppp"), TRY(getresgid, "ppp");
	TRY(pidfd_open, "ix"), TRY(pidfd_send_signal, "fNpx");

	TRY(sched_getparam, "iq"), TRY(sched_getscheduler, "i"), TRY(sched_getaffinity, "i8p");
	TRY(sched_getaffinity, "i1p"), TRY(sched_getaffinity, "08p"), TRY(sched_rr_get_interval, "ip");
	TRY(sched_getattr, "ipxx"), TRY(sched_get_priority_max, "N"), TRY(getpriority, "Ni");
	TRY(setpriority, "Ni0");

	TRY(futex, "pxppp0"), TRY(futex, "pNppp0"), TRY(futex, "p1"), TRY(futex, "oNp");

	TRY(rt_sigaction, "npqz"), TRY(rt_sigprocmask, "npqz"), TRY(rt_sigpending, "pz");
	TRY(rt_sigtimedwait, "pqqz"), TRY(rt_sigsuspend, "pz"), TRY(sigaltstack, "pq"), TRY(kill, "in");
	TRY(rt_sigqueueinfo, "inp"), TRY(signalfd4, "fozN"), TRY(signalfd4, "bpz0");

	TRY(clock_gettime, "Np"), TRY(clock_getres, "Np"), TRY(nanosleep, "pq"), TRY(gettimeofday, "pq");
	TRY(time, "p"), TRY(times, "p"), TRY(setitimer, "Npq"), TRY(setitimer, "0pq"), TRY(getitimer, "np");
	TRY(timer_create, "Npq"), TRY(timer_create, "0pq"), TRY(timer_settime, "NNpq");
	TRY(timer_gettime, "Np"), TRY(timer_delete, "N"), TRY(timer_getoverrun, "N");
	TRY(timerfd_create, "NN"), TRY(timerfd_settime, "fNpq"), TRY(alarm, "0");

	TRY(socketpair, "NNNp"), TRY(sendto, "fplx"), TRY(sendmsg, "fpx"), TRY(recvmsg, "fpx");
	TRY(shutdown, "fN"), TRY(getsockopt, "fNNpp"), TRY(setsockopt, "fNNpN"), TRY(getsockname, "fpp");
	TRY(getpeername, "fpp"), TRY(bind, "fpN"), TRY(listen, "fN");
	return test_end();
}
