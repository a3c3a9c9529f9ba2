// SPDX-License-Identifier: MIT
//
// Standard streams and signals. The host's descriptors stay as they are (O_NONBLOCK would be seen by other
// processes that share them): each request asks poll(2) first and moves at most what cannot block.
#include "monitor/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "monitor/message.h"

#define INSIST_NS 2000000000ull
#define LOG_STEP  (1u << 20) // so often its size is looked at

static struct {
	struct machine *machine;
	int (*enter)(void);
	int wake_fd, signal_fd;
	uint32_t wanted; // bits as in abi_console.ready (atomic)
	mode_t mode[3];
	struct termios termios;
	int termios_fd; // -1: no terminal
	uint64_t interrupt_ns[2];
	bool insist, interrupted;
	sigset_t mask;
	uint64_t log_limit, log_news; // 0: no log; bytes since its size was looked at
} con = {.wake_fd = -1, .signal_fd = -1, .termios_fd = -1};

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP};

void console_init(bool insist)
{
	struct stat st;
	con.insist = insist;
	sigemptyset(&con.mask);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&con.mask, passed_on[i]);
	pthread_sigmask(SIG_BLOCK, &con.mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		con.mode[i] = fstat(i, &st) == 0 ? st.st_mode : 0;
		if (con.termios_fd < 0 && S_ISCHR(con.mode[i]) && tcgetattr(i, &con.termios) == 0)
			con.termios_fd = i;
	}
}

bool console_interrupted(void) { return con.interrupted; }

void console_restore(void)
{
	if (con.termios_fd >= 0)
		tcsetattr(con.termios_fd, TCSANOW, &con.termios);
}

// --- the waiting thread ------------------------------------------------------------------------------

static void wake(void)
{
	uint64_t one = 1;
	if (write(con.wake_fd, &one, sizeof(one)) < 0)
		return; // the counter is full: it is awake
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void take_signal(void)
{
	struct signalfd_siginfo si;
	if (read(con.signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGTSTP) {
		message("a machine cannot be suspended: Ctrl-Z is ignored");
		return;
	}
	if (si.ssi_signo == SIGINT && con.insist) {
		uint64_t now = now_ns(), first = con.interrupt_ns[0];
		con.interrupt_ns[0] = con.interrupt_ns[1];
		con.interrupt_ns[1] = now;
		if (first && now - first < INSIST_NS) {
			con.interrupted = true;
			machine_stop(con.machine);
			machine_stop(con.machine);
			return;
		}
	}
	machine_signal(con.machine, (int)si.ssi_signo);
}

static unsigned fill(struct pollfd *p)
{
	uint32_t wanted = __atomic_load_n(&con.wanted, __ATOMIC_SEQ_CST);
	p[0] = (struct pollfd){.fd = con.wake_fd, .events = POLLIN};
	p[1] = (struct pollfd){.fd = con.signal_fd, .events = POLLIN};
	for (int i = 0; i < 3; i++) {
		uint32_t bits = wanted >> (2 * i) & 3;
		p[2 + i] = (struct pollfd){.fd = bits ? i : -1,
					   .events = (short)((bits & 1 ? POLLIN : 0) | (bits & 2 ? POLLOUT : 0))};
	}
	return 5;
}

static void report_ready(const struct pollfd *p)
{
	uint32_t bits = 0;
	for (int i = 0; i < 3; i++) {
		if (p[i].fd < 0 || !p[i].revents)
			continue;
		uint32_t b = p[i].revents & (POLLERR | POLLHUP | POLLNVAL) ? 3 : 0;
		b |= (p[i].revents & POLLIN ? 1u : 0) | (p[i].revents & POLLOUT ? 2u : 0);
		bits |= b << (2 * i);
	}
	bits &= __atomic_fetch_and(&con.wanted, ~bits, __ATOMIC_SEQ_CST);
	if (bits)
		machine_console_ready(con.machine, bits);
}

static void *thread_main(void *arg)
{
	struct pollfd p[5];
	uint64_t count;
	(void)arg;
	if (con.enter && con.enter()) { // never on without its jail; twice: the guest is not asked
		machine_stop(con.machine);
		machine_stop(con.machine);
		return NULL;
	}
	for (;;) {
		if (poll(p, fill(p), -1) <= 0)
			continue;
		if (p[0].revents && read(con.wake_fd, &count, sizeof(count)) < 0)
			continue;
		if (p[1].revents)
			take_signal();
		report_ready(p + 2);
	}
}

static void describe(struct abi_console_start *start);

int console_start(struct machine *m, int (*enter)(void))
{
	sigset_t all, old;
	con.machine = m;
	con.enter = enter;
	describe(&machine_console(m)->start);
	con.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	con.signal_fd = signalfd(-1, &con.mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (con.wake_fd < 0 || con.signal_fd < 0)
		return -errno;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_t thread;
	int err = pthread_create(&thread, &attr, thread_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

void console_finish(void)
{
	// In the background this would stop us.
	sigset_t ttou;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, NULL);
	console_restore();
}

// --- requests ----------------------------------------------------------------------------------------

static void arm(uint32_t stream, short events)
{
	uint32_t bits = ((events & POLLIN ? 1u : 0) | (events & POLLOUT ? 2u : 0)) << (2 * stream);
	if (bits & ~__atomic_fetch_or(&con.wanted, bits, __ATOMIC_SEQ_CST))
		wake();
}

static short ready_now(uint32_t stream, short events)
{
	struct pollfd p = {.fd = (int)stream, .events = events};
	return poll(&p, 1, 0) < 0 ? 0 : p.revents;
}

static bool never_blocks(uint32_t stream) { return S_ISREG(con.mode[stream]) || S_ISDIR(con.mode[stream]); }

static int64_t do_read(uint32_t s, const struct iovec *v, int n)
{
	if (!never_blocks(s) && !ready_now(s, POLLIN)) {
		arm(s, POLLIN);
		return -EAGAIN;
	}
	ssize_t r = readv((int)s, v, n);
	return r < 0 ? -errno : r;
}

// At most `limit` bytes of v[*at..], from byte *skip of the first.
static ssize_t write_some(int fd, const struct iovec *v, int n, size_t done, size_t limit)
{
	struct iovec w[ABI_CONSOLE_BUFFERS];
	int count = 0;
	for (int i = 0; i < n && limit; i++) {
		if (done >= v[i].iov_len) {
			done -= v[i].iov_len;
			continue;
		}
		size_t len = v[i].iov_len - done;
		w[count] = (struct iovec){(char *)v[i].iov_base + done, len < limit ? len : limit};
		limit -= w[count++].iov_len;
		done = 0;
	}
	return count ? writev(fd, w, count) : 0;
}

void console_limit_log(uint64_t bytes) { con.log_limit = bytes; }

// The file keeps its length, so that a reader's offset stays right; what was at its beginning is a hole.
static void limit_log(uint32_t s, size_t news)
{
	struct stat st;
	if (!con.log_limit || !s || (con.log_news += news) < LOG_STEP || fstat((int)s, &st))
		return;
	con.log_news = 0;
	if ((uint64_t)st.st_size > con.log_limit)
		fallocate((int)s, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			  (off_t)(((uint64_t)st.st_size - con.log_limit) & ~4095ull));
}

static int64_t do_write(uint32_t s, const struct iovec *v, int n, size_t total)
{
	// A pipe that polls writable takes PIPE_BUF bytes; of others a small piece does as well.
	size_t step = never_blocks(s) ? total : PIPE_BUF, done = 0;
	do {
		if (!never_blocks(s) && !ready_now(s, POLLOUT)) {
			arm(s, POLLOUT);
			return done ? (int64_t)done : -EAGAIN;
		}
		ssize_t r = write_some((int)s, v, n, done, step);
		if (r < 0)
			return done ? (int64_t)done : -errno;
		done += (size_t)r;
		if (!r)
			break;
	} while (done < total);
	limit_log(s, done);
	return (int64_t)done;
}

static int64_t do_poll(uint32_t s, int64_t arg)
{
	short want = (short)(arg & (POLLIN | POLLOUT)), got = ready_now(s, (short)(arg & (POLLIN | POLLOUT | POLLPRI)));
	if (got & POLLNVAL)
		return POLLERR;
	if (!(got & (POLLERR | POLLHUP)) && (want & ~got))
		arm(s, (short)(want & ~got));
	return got;
}

static int64_t ns(struct timespec t) { return t.tv_sec * 1000000000l + t.tv_nsec; }

static int stat_stream(uint32_t s, struct abi_console_stat *out)
{
	struct stat st;
	int flags = fcntl((int)s, F_GETFL);
	if (flags < 0 || fstat((int)s, &st))
		return -errno;
	*out = (struct abi_console_stat){
		.dev = st.st_dev, .ino = st.st_ino, .nlink = st.st_nlink, .size = (uint64_t)st.st_size,
		.blocks = (uint64_t)st.st_blocks, .rdev = st.st_rdev, .mode = st.st_mode, .uid = st.st_uid,
		.gid = st.st_gid,
		.blksize = (uint32_t)st.st_blksize, .atime_ns = ns(st.st_atim), .mtime_ns = ns(st.st_mtim),
		.ctime_ns = ns(st.st_ctim), .flags = (uint32_t)flags & (O_ACCMODE | O_APPEND),
	};
	return 0;
}

static int64_t do_stat(uint32_t s, const struct iovec *v, int n)
{
	struct abi_console_stat out;
	int err = stat_stream(s, &out);
	if (err)
		return err;
	if (n < 1 || v[0].iov_len < sizeof(out))
		return -EINVAL;
	memcpy(v[0].iov_base, &out, sizeof(out));
	return 0;
}

static void describe(struct abi_console_start *start)
{
	struct termios t;
	for (uint32_t s = 0; s < 3; s++) {
		if (stat_stream(s, &start->stat[s]))
			continue;
		start->known |= 1u << s;
		start->terminals |= (S_ISCHR(start->stat[s].mode) && ioctl((int)s, TCGETS, &t) == 0) * (1u << s);
	}
}

static int64_t do_ioctl(uint32_t s, int64_t cmd, const struct iovec *v, int n)
{
	union { char bytes[64]; int value; } u = {{0}};
	size_t len = n > 0 ? v[0].iov_len : 0;
	if (len > sizeof(u))
		len = sizeof(u);
	if (len)
		memcpy(&u, v[0].iov_base, len);
	int r;
	switch (cmd) {
	case TCFLSH:
	case TCSBRK:
		r = ioctl((int)s, (unsigned long)cmd, (long)u.value);
		break;
	case TCGETS: case TCSETS: case TCSETSW: case TCSETSF: case TIOCGWINSZ: case TIOCSWINSZ: case FIONREAD:
		r = ioctl((int)s, (unsigned long)cmd, &u);
		break;
	default:
		return -ENOTTY;
	}
	if (r < 0)
		return -errno;
	if (len)
		memcpy(v[0].iov_base, &u, len);
	return r;
}

static int64_t serve(const struct abi_console_request *r)
{
	struct memory *mem = machine_memory(con.machine);
	struct iovec v[ABI_CONSOLE_BUFFERS];
	int fd = (int)r->stream, n = (int)r->buffer_count;
	uint64_t total = 0;
	int64_t ret;

	if (r->stream > 2 || r->buffer_count > ABI_CONSOLE_BUFFERS)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		void *p = memory_range(mem, r->buffer[i].gpa, r->buffer[i].len);
		if (!p || (total += r->buffer[i].len) > INT_MAX)
			return -EFAULT;
		v[i] = (struct iovec){p, r->buffer[i].len};
	}
	switch (r->op) {
	case ABI_CONSOLE_READ: return do_read(r->stream, v, n);
	case ABI_CONSOLE_WRITE: return do_write(r->stream, v, n, total);
	case ABI_CONSOLE_POLL: return do_poll(r->stream, r->arg);
	case ABI_CONSOLE_SEEK: ret = lseek(fd, r->arg, (int)r->arg2); break;
	case ABI_CONSOLE_STAT: return do_stat(r->stream, v, n);
	case ABI_CONSOLE_IOCTL: return do_ioctl(r->stream, r->arg, v, n);
	case ABI_CONSOLE_TRUNCATE: ret = ftruncate(fd, r->arg); break;
	case ABI_CONSOLE_SYNC: ret = fsync(fd); break;
	case ABI_CONSOLE_PREAD: ret = preadv(fd, v, n, r->arg); break;
	case ABI_CONSOLE_PWRITE: ret = pwritev(fd, v, n, r->arg); break;
	default: return -ENOSYS;
	}
	return ret < 0 ? -errno : ret;
}

void console_serve(struct abi_console *shared)
{
	struct abi_console_request r;
	memcpy(&r, &shared->request, sizeof(r));
	shared->request.result = serve(&r);
}
