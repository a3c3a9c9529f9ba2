// SPDX-License-Identifier: MIT
//
// Streams of the host's that the process has descriptors of: the monitor connects and accepts, and sends them. When all
// CPUs sleep, one of them waits for what happens to them, in the host's epoll; what it has seen is kept for the kernel,
// which asks once it has its lock. While some CPU runs nobody waits: each event would wake another one for what the
// first comes to by itself. If that takes too long the kernel says so (hand_over).
#define COMPONENT "plat"
#include <asm/socket.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/tcp.h>
#include <linux/time.h>

#include "arch/arch.h"
#include "base/util.h"
#include "debug/debug.h"
#include "plat/linux/private.h"
#include "plat/plat.h"

#define EVENTS 64
#define SCM_RIGHTS 1
#define IPPROTO_TCP 6

static struct {
	uint32_t by; // 1 + the CPU that waits, or has not told yet what it saw; 0: nobody
	unsigned count;
	uint64_t serial;
	struct epoll_event event[EVENTS];
} watch;
static uint64_t receives;
static bool any; // a stream was passed
static bool hand_over; // a CPU that sleeps is to wait, though others run

static uint32_t me(void) { return arch_cpu()->number + 1; }

static long wait_events(struct epoll_event *e, int64_t timeout_ns)
{
	struct {
		int64_t sec, nsec;
	} ts = {timeout_ns / (int64_t)NSEC_PER_SEC, timeout_ns % (int64_t)NSEC_PER_SEC};
	return host_call(__NR_epoll_pwait2, ABI_PROCESS_POLL, (uint64_t)e, EVENTS, timeout_ns < 0 ? 0 : (uint64_t)&ts, 0, 8);
}

// This CPU has said already that it sleeps: of two that go to sleep at once, one sees the other.
static bool others_run(void)
{
	const struct abi_boot *boot = plat_boot();
	const struct abi_cpu *all = plat_phys_to_virt(boot->cpus_gpa);
	for (unsigned n = 0; n < boot->cpu_count; n++)
		if ((!n || __atomic_load_n(&host_cpu_of(boot, n)->go, __ATOMIC_RELAXED)) &&
		    !__atomic_load_n(&all[n].idle, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

bool stream_watch_begin(void)
{
	uint32_t nobody = 0;
	return __atomic_load_n(&any, __ATOMIC_RELAXED) && (__atomic_load_n(&hand_over, __ATOMIC_RELAXED) || !others_run()) &&
	       __atomic_compare_exchange_n(&watch.by, &nobody, me(), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void stream_watch_end(void) { __atomic_store_n(&watch.by, 0, __ATOMIC_RELEASE); }

bool stream_watch(uint64_t deadline_ns, bool *late)
{
	uint64_t now = deadline_ns == ~0ull ? 0 : plat_clock_mono_ns();
	watch.serial = __atomic_load_n(&receives, __ATOMIC_RELAXED);
	long n = wait_events(watch.event, deadline_ns == ~0ull ? -1 : deadline_ns > now ? (int64_t)(deadline_ns - now) : 0);
	watch.count = n > 0 ? (unsigned)n : 0;
	*late = n == 0;
	return n > 1 || (n == 1 && watch.event[0].data != ABI_POLL_KICK);
}

void stream_kick(void)
{
	uint64_t one = 1;
	host_call(__NR_write, ABI_PROCESS_KICK, (uint64_t)&one, sizeof(one), 0, 0, 0);
}

// --- for the kernel, which has its lock -------------------------------------------------------------------------

static unsigned events(struct plat_stream_event *to, unsigned max, uint64_t *serial)
{
	struct epoll_event own[EVENTS];
	const struct epoll_event *e = own;
	bool kept = __atomic_load_n(&watch.by, __ATOMIC_ACQUIRE) == me();
	long count = kept ? (long)watch.count : 0;
	unsigned n = 0;
	if (kept)
		e = watch.event;
	else if (any)
		count = wait_events(own, 0);
	*serial = kept ? watch.serial : receives;
	for (long i = 0; i < count && n < max; i++)
		if (e[i].data != ABI_POLL_KICK)
			to[n++] = (struct plat_stream_event){(uint32_t)e[i].data, e[i].events};
	if (kept)
		stream_watch_end();
	return n;
}

static long take_one(struct abi_stream_passed *passed, int *fd)
{
	struct {
		uint64_t len;
		int level, type, fd, pad;
	} control = {.fd = -1};
	uint64_t iov[2] = {(uint64_t)passed, sizeof(*passed)};
	struct {
		uint64_t name, name_len, iov, iov_count, control, control_len, flags;
	} m = {.iov = (uint64_t)iov, .iov_count = 1, .control = (uint64_t)&control, .control_len = sizeof(control)};
	long r;
	do
		r = host_call(__NR_recvmsg, ABI_PROCESS_STREAMS, (uint64_t)&m, 0, 0, 0, 0);
	while (r == -EINTR);
	bool there = m.control_len >= 20 && control.level == SOL_SOCKET && control.type == SCM_RIGHTS;
	*fd = there ? control.fd : -1;
	return r;
}

// They come in the order of what the monitor tells, so this one's is the first.
static int take(uint32_t id)
{
	struct abi_stream_passed passed = {0};
	int fd;
	long r = take_one(&passed, &fd);
	if (r == sizeof(passed) && passed.id == id && fd >= 0) {
		__atomic_store_n(&any, true, __ATOMIC_RELAXED);
		return fd;
	}
	if (r != sizeof(passed) || passed.id != id)
		panic("a message about stream %x is damaged: %ld bytes, %lx", id, r, passed.id);
	return -EMFILE;
}

static long receive(int fd, void *to, size_t len, unsigned flags)
{
	__atomic_fetch_add(&receives, 1, __ATOMIC_RELAXED);
	return host_call(__NR_recvfrom, (uint64_t)fd, (uint64_t)to, len, flags, 0, 0);
}

static long send(int fd, const void *from, size_t len, unsigned flags)
{
	return host_call(__NR_sendto, (uint64_t)fd, (uint64_t)from, len, flags, 0, 0);
}

static long option(int fd, int name, int value)
{
	return host_call(__NR_setsockopt, (uint64_t)fd, IPPROTO_TCP, (uint64_t)name, (uint64_t)&value, sizeof(value), 0);
}

static void close(int fd) { host_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0, 0); }
static uint64_t serial(void) { return receives; }

static bool watch_always(bool always)
{
	__atomic_store_n(&hand_over, always, __ATOMIC_RELAXED);
	return __atomic_load_n(&watch.by, __ATOMIC_RELAXED) != 0;
}

const struct plat_streams *plat_streams(void)
{
	static const struct plat_streams streams = {
		.take = take, .receive = receive, .send = send, .option = option, .close = close, .events = events,
		.serial = serial, .watch_always = watch_always,
	};
	return host_process(plat_boot())->streams ? &streams : NULL;
}
