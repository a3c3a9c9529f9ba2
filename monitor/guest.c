// SPDX-License-Identifier: MIT
//
// Platform linux. This process keeps a thread for each CPU that runs, which answers its bell; the guest's threads
// sleep, set timers and kick each other without it. The guest's process is made before any thread of the monitor,
// so that it starts while the monitor gets ready, and ends with it: when the machine is over, or when its parent is.
#include "monitor/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/process.h"
#include "base/util.h"
#include "monitor/dev/doorbell.h"
#include "monitor/private.h"

#define BELL_SPIN_NS 80000	    // at most: abi_spin_next
#define LOOK_AGAIN_NS 1000000000ull // whatever the guest did to the words a wake-up depends on

struct guest {
	pid_t pid; // 0: none, or gone and reaped
	int socket;
	int streams, poll, kick; // ABI_PROCESS_STREAMS and so on; -1: without
	bool started; // it was told to go
	uint32_t spin_ns;
	struct abi_process *process; // hostile memory
};

static bool child_event; // atomic: SIGCHLD came

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *ts)
{
	return syscall(SYS_futex, word, op, value, ts, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void futex_wait_until(uint32_t *word, uint32_t value, uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC) };
	futex(word, FUTEX_WAIT_BITSET, value, &ts);
}

// --- the process's start ---------------------------------------------------------------------------------

static _Noreturn void child_fail(struct abi_process *p, enum abi_process_step step, int error)
{
	p->step = step;
	p->error = -error;
	__atomic_store_n(&p->state, ABI_PROCESS_FAILED, __ATOMIC_RELEASE);
	futex(&p->state, FUTEX_WAKE, 1, NULL);
	_exit(1);
}

static bool map_at(uint64_t va, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
	void *p = mmap((void *)va, len, prot, flags | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, (off_t)off);
	return p == (void *)va;
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 // Linux 5.14
#endif

// Text that runs as it lies in the monitor's executable is moved from there: one copy for all machines. What is private
// a debugger can set breakpoints in.
static bool map_text(const struct machine *m, const struct image_segment *s)
{
	uint64_t va = m->layout.kernel_va + s->start, len = s->end - s->start;
	if (!s->pages)
		return map_at(va, len, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_POPULATE, ABI_PROCESS_RAM,
			      m->layout.kernel_gpa + s->start);
	if (mremap((void *)(uintptr_t)s->pages, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)va) != (void *)va ||
	    mprotect((void *)va, len, PROT_READ | PROT_EXEC))
		return false;
	madvise((void *)va, len, MADV_POPULATE_READ);
	return true;
}

// The nucleus's page is a copy of the process's own that nothing writes again.
static bool map_nucleus(const struct machine *m)
{
	const struct abi_image *h = &m->image.head;
	uint64_t va = m->layout.kernel_va + h->nucleus_start,
		 len = ALIGN_UP(h->nucleus_end - h->nucleus_start, PAGE_SIZE);
	uint8_t code[PAGE_SIZE]; // head_ok(): it is no longer
	memcpy(code, (const void *)va, len);
	void *p = mmap((void *)va, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p != (void *)va)
		return false;
	memcpy(p, code, len);
	return mprotect(p, len, PROT_READ | PROT_EXEC) == 0;
}

static bool map_guest(const struct machine *m)
{
	const struct layout *l = &m->layout;
	if (!map_at(l->direct_va, m->memory.ram_size, PROT_READ | PROT_WRITE, MAP_SHARED, ABI_PROCESS_RAM, 0))
		return false;
	for (unsigned i = 0; i < m->image.segment_count; i++) {
		const struct image_segment *s = &m->image.segment[i];
		int prot = PROT_READ | (s->write ? PROT_WRITE : 0), how = s->write ? MAP_SHARED : MAP_PRIVATE;
		if (s->exec ? !map_text(m, s)
			    : !map_at(l->kernel_va + s->start, s->end - s->start, prot, how | MAP_POPULATE,
				      ABI_PROCESS_RAM, l->kernel_gpa + s->start))
			return false;
	}
	return map_nucleus(m);
}

// Only these stay. They may be in each other's place.
static bool keep_descriptors(const struct machine *m, const int sock[2])
{
	const struct guest *g = m->guest;
	int keep[ABI_PROCESS_FILES] = { [ABI_PROCESS_RAM] = m->memory.ram_fd,
					[ABI_PROCESS_SOCKET] = sock[0],
					[ABI_PROCESS_STREAMS] = sock[1],
					[ABI_PROCESS_POLL] = g->poll,
					[ABI_PROCESS_KICK] = g->kick };
	unsigned count = g->poll >= 0 ? ABI_PROCESS_FILES : ABI_PROCESS_STREAMS;
	struct rlimit files;
	for (unsigned i = 0; i < count; i++)
		if ((keep[i] = fcntl(keep[i], F_DUPFD, 16)) < 0)
			return false;
	for (unsigned i = 0; i < count; i++)
		if (dup2(keep[i], (int)i) < 0)
			return false;
	if (!getrlimit(RLIMIT_NOFILE, &files)) { // a descriptor for each stream
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return syscall(SYS_close_range, count, ~0u, 0) == 0;
}

// The C library's, for this thread: the host's kernel would write there.
static void forget_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
	syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static _Noreturn void child_main(struct machine *m, const int sock[2], pid_t parent)
{
	const struct machine_hooks *h = m->config->hooks;
	struct abi_process *p = m->guest->process;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "whelk-guest", 0, 0, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }); // its memory is the program's affair
	setsid();					  // the terminal's signals are the monitor's
	if (h && h->thread_enter && h->thread_enter(m->config->hooks_arg, MACHINE_THREAD_GUEST))
		child_fail(p, ABI_STEP_CONFINE, EPERM);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		child_fail(p, ABI_STEP_CONFINE, errno);
	uint64_t ip = m->layout.kernel_va + m->image.head.stub[ABI_STUB_HOST_CALL];
	int count = guest_filter_build(p->filter, ARRAY_SIZE(p->filter), ip, (pid_t)syscall(SYS_getpid),
				       m->features.bases);
	if (count < 0)
		child_fail(p, ABI_STEP_FILTER, -count);
	p->filter_count = (uint32_t)count;
	if (!keep_descriptors(m, sock))
		child_fail(p, ABI_STEP_CONFINE, errno);
	if (!map_guest(m))
		child_fail(p, ABI_STEP_MAP, errno);
	forget_rseq();
	arch_guest_enter(m->layout.kernel_va + m->image.head.boot_entry, m->layout.boot_va);
}

// --- the monitor's side ----------------------------------------------------------------------------------

static void on_child(int sig)
{
	(void)sig;
	__atomic_store_n(&child_event, true, __ATOMIC_SEQ_CST);
}

// Not the C library's fork: the child calls little more of it. Containers' filters hide clone3, which gives handlers
// back at one go.
static pid_t new_process(void)
{
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	static const struct sigaction at_default = { .sa_handler = SIG_DFL };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid >= 0 || (errno != ENOSYS && errno != EINVAL))
		return pid;
	pid = (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0, 0, 0, 0);
	for (int sig = 1; pid == 0 && sig < NSIG; sig++)
		sigaction(sig, &at_default, NULL);
	return pid;
}

// What a guest needs to have streams of its own. A stream socket: the others hold but a few messages.
static int make_streams(struct machine *m, int *theirs)
{
	struct guest *g = m->guest;
	int pair[2];
	if (!m->config->net)
		return 0;
	g->poll = epoll_create1(EPOLL_CLOEXEC);
	g->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = ABI_POLL_KICK };
	if (g->poll < 0 || g->kick < 0 || epoll_ctl(g->poll, EPOLL_CTL_ADD, g->kick, &e) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	g->streams = pair[0];
	*theirs = pair[1];
	g->process->streams = 1;
	return 0;
}

static int start_process(struct machine *m)
{
	struct guest *g = m->guest;
	struct sigaction sa = { .sa_handler = on_child, .sa_flags = SA_NOCLDSTOP };
	int pair[2], theirs[2] = { -1, -1 };
	pid_t parent = getpid();

	if (sigaction(SIGCHLD, &sa, NULL) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
	    make_streams(m, &theirs[1]))
		return machine_fail(m, -errno, "cannot prepare the guest's process: %s", strerror(errno));
	g->socket = pair[0];
	theirs[0] = pair[1];
	g->pid = new_process();
	if (g->pid == 0)
		child_main(m, theirs, parent);
	int err = g->pid < 0 ? -errno : 0;
	for (unsigned i = 0; i < 2; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	const struct machine_hooks *h = m->config->hooks;
	if (!err && h && h->guest)
		h->guest(m->config->hooks_arg, g->pid);
	return err ? machine_fail(m, err, "cannot make the guest's process: %s", strerror(-err)) : 0;
}

static int open_host(struct machine *m)
{
	m->guest = calloc(1, sizeof(*m->guest));
	if (!m->guest)
		return machine_fail(m, -ENOMEM, "out of memory");
	m->guest->socket = m->guest->streams = m->guest->poll = m->guest->kick = -1;
	clock_sample(&m->clock_tsc, &m->clock_ns); // what arch_counter_khz() measures from
	return 0;
}

// What boot_build() will write. A host before Linux 5.14 takes the faults one by one.
static void populate_image(struct machine *m)
{
	uint64_t from = 0, end = ALIGN_UP(m->image.size, PAGE_SIZE) + 16 * PAGE_SIZE;
	for (unsigned i = 0; i < m->image.segment_count; i++) {
		const struct image_segment *s = &m->image.segment[i];
		if (!s->pages)
			continue;
		madvise(m->memory.ram + from, PAGE_SIZE + s->start - from, MADV_POPULATE_WRITE);
		from = PAGE_SIZE + s->end;
	}
	madvise(m->memory.ram + from, end - from, MADV_POPULATE_WRITE);
}

static int make_memory(struct machine *m, uint64_t ram_size)
{
	int err = memory_create_shared(&m->memory, ram_size);
	if (err)
		machine_fail(m, err, "cannot get %lu MiB of memory to share with the guest (memfd): %s", ram_size >> 20,
			     strerror(-err));
	else
		populate_image(m);
	return err;
}

static int host_cpus(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

// An empty root; the groups, aligned to their size in the direct map too.
static int make_tables(struct machine *m)
{
	struct layout *l = &m->layout;
	l->root_gpa = layout_take(m, PAGE_SIZE);
	uint64_t page = layout_take(m, PAGE_SIZE);
	l->next = ALIGN_UP(l->next, ABI_PROCESS_GROUP);
	l->nucleus_gpa = layout_take(m, (uint64_t)m->cpu_count * ABI_PROCESS_GROUP);
	if (!l->root_gpa || !page || !l->nucleus_gpa)
		return machine_fail(m, -ENOMEM, "the guest has too little memory for its %u CPUs", m->cpu_count);
	l->nucleus_va = l->direct_va + l->nucleus_gpa;
	l->doorbell_va = l->direct_va + page;
	m->guest->process = (struct abi_process *)(m->memory.ram + page);
	m->guest->process->bases = m->features.bases;
	m->guest->process->spin_ns = m->guest->spin_ns = host_cpus() > 1 ? BELL_SPIN_NS : 0;
	m->features.tsc_khz = arch_counter_khz(m); // late: the longer since the start, the better
	return 0;
}

static int cpu_create(struct vcpu *v)
{
	return v->number ? 0 : start_process(v->machine);
}

static bool ended(const struct machine *m)
{
	return __atomic_load_n(&m->ended, __ATOMIC_ACQUIRE);
}

static void cpu_wake(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct guest *g = m->guest;
	uint32_t idle;
	if (ended(m)) {
		uint32_t sleeps = ABI_BELL_SERVER_SLEEPS;
		__atomic_compare_exchange_n(&v->shared->bell, &sleeps, ABI_BELL_SILENT, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED);
		futex(&v->shared->bell, FUTEX_WAKE, 1, NULL);
		if (v->number == 0)
			futex(&g->process->state, FUTEX_WAKE, 1, NULL);
	} else if ((idle = __atomic_load_n(&v->shared->idle, __ATOMIC_SEQ_CST)) == ABI_IDLE_POLL && g->kick >= 0) {
		uint64_t one = 1;
		if (write(g->kick, &one, sizeof(one)) < 0) // full: nobody has looked for very long
			return;
	} else if (idle) {
		futex(&v->shared->pending, FUTEX_WAKE, 1, NULL);
	} else if (g->pid > 0 && __atomic_exchange_n(&v->shared->armed, 0, __ATOMIC_SEQ_CST)) {
		syscall(SYS_tgkill, g->pid, g->process->tid[v->number], ABI_PROCESS_SIGNAL);
	}
}

static const char *step_name(uint32_t step)
{
	static const char *const name[] = {
		[ABI_STEP_NONE] = "its start",
		[ABI_STEP_UNMAP] = "unmapping the monitor",
		[ABI_STEP_SIGNALS] = "signal handlers",
		[ABI_STEP_STACK] = "signal stacks",
		[ABI_STEP_TIMER] = "timers",
		[ABI_STEP_THREAD] = "threads",
		[ABI_STEP_FILTER] = "the system-call filter (seccomp)",
		[ABI_STEP_MAP] = "mapping its memory",
		[ABI_STEP_CONFINE] = "taking its rights away",
		[ABI_STEP_BASES] = "thread pointers",
	};
	return step < ARRAY_SIZE(name) ? name[step] : "its start";
}

// It should not end by itself.
static void process_ended(struct machine *m, int status)
{
	const struct abi_process *p = m->guest->process;
	m->guest->pid = 0;
	if (__atomic_load_n(&p->state, __ATOMIC_ACQUIRE) == ABI_PROCESS_FAILED && !m->guest->started)
		machine_fail(m, -EIO, "the guest's process could not be made: %s: %s", step_name(p->step),
			     strerror(-p->error & 4095));
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		machine_fail(m, -EPERM, "the guest was stopped: it tried a host call its jail does not have");
	else if (WIFSIGNALED(status))
		machine_fail(m, -EIO, "the guest's process was killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		machine_fail(m, -EIO, "the guest's process ended by itself, status %d", WEXITSTATUS(status));
}

static void look_after_process(struct machine *m)
{
	int status;
	if (m->guest->pid > 0 && __atomic_exchange_n(&child_event, false, __ATOMIC_SEQ_CST) &&
	    waitpid(m->guest->pid, &status, WNOHANG) == m->guest->pid)
		process_ended(m, status);
}

static void let_go(struct machine *m)
{
	struct abi_process *p = m->guest->process;
	uint32_t state;
	while ((state = __atomic_load_n(&p->state, __ATOMIC_ACQUIRE)) != ABI_PROCESS_READY && !ended(m)) {
		look_after_process(m);
		if (!ended(m))
			futex_wait_until(&p->state, state, mono_ns() + LOOK_AGAIN_NS / 20);
	}
	if (ended(m))
		return;
	m->guest->started = true;
	__atomic_store_n(&p->state, ABI_PROCESS_GO, __ATOMIC_RELEASE);
	futex(&p->state, FUTEX_WAKE, 1, NULL);
}

static bool rung(const struct vcpu *v)
{
	uint32_t bell = __atomic_load_n(&v->shared->bell, __ATOMIC_ACQUIRE);
	return bell == ABI_BELL_RUNG || bell == ABI_BELL_RUNG_ASLEEP;
}

static void answer(struct vcpu *v)
{
	uint64_t value = __atomic_load_n(&v->shared->bell_value, __ATOMIC_RELAXED);
	uint32_t offset = __atomic_load_n(&v->shared->bell_offset, __ATOMIC_RELAXED);
	doorbell_store(v, offset, value);
	if (__atomic_exchange_n(&v->shared->bell, ABI_BELL_SILENT, __ATOMIC_SEQ_CST) == ABI_BELL_RUNG_ASLEEP)
		futex(&v->shared->bell, FUTEX_WAKE, 1, NULL);
}

static void wait_for_bell(struct vcpu *v)
{
	struct machine *m = v->machine;
	uint32_t silent = ABI_BELL_SILENT;
	uint64_t now = mono_ns(), until = now + LOOK_AGAIN_NS;
	if (v->number == 0)
		until = MIN(until, __atomic_load_n(&m->clock_due_ns, __ATOMIC_RELAXED));
	bool came = false;
	for (uint64_t spin = now + v->spin_ns; !came && mono_ns() < spin; __builtin_ia32_pause())
		came = rung(v) || ended(m);
	bool booting = !__atomic_load_n(&m->stats->booted_ns, __ATOMIC_RELAXED);
	v->spin_ns = abi_spin_next(v->spin_ns, m->guest->spin_ns, came || booting);
	if (came)
		return;
	__atomic_compare_exchange_n(&v->shared->bell, &silent, ABI_BELL_SERVER_SLEEPS, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_RELAXED);
	if (!ended(m) && !__atomic_load_n(&child_event, __ATOMIC_SEQ_CST))
		futex_wait_until(&v->shared->bell, ABI_BELL_SERVER_SLEEPS, until);
}

static void cpu_loop(struct vcpu *v)
{
	struct machine *m = v->machine;
	v->spin_ns = m->guest->spin_ns;
	if (v->number == 0)
		let_go(m);
	while (!ended(m)) {
		if (rung(v)) {
			answer(v);
			continue;
		}
		if (v->number == 0) {
			look_after_process(m);
			if (mono_ns() >= __atomic_load_n(&m->clock_due_ns, __ATOMIC_RELAXED))
				clock_refresh(m);
		}
		if (!ended(m))
			wait_for_bell(v);
	}
	if (v->number == 0 && m->guest->pid > 0)
		kill(m->guest->pid, SIGKILL); // it goes while the monitor cleans up; close_host() waits
}

static void close_host(struct machine *m)
{
	struct guest *g = m->guest;
	if (g && g->pid > 0) {
		kill(g->pid, SIGKILL);
		while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static int send_descriptor(int sock, const void *what, size_t len, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)what, len };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	if (sendmsg(sock, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
		return errno == EAGAIN ? -EAGAIN : -EIO;
	return 0;
}

// A connected stream becomes the guest's too. Without room for that it stays the monitor's alone.
int guest_stream_pass(void *arg, int fd, uint32_t id)
{
	struct guest *g = arg;
	struct abi_stream_passed passed = { id };
	return g->streams < 0 ? -ENOTSUP : send_descriptor(g->streams, &passed, sizeof(passed), fd);
}

int guest_stream_watch(void *arg, int fd, uint32_t id)
{
	struct guest *g = arg;
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = id };
	return epoll_ctl(g->poll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

void guest_stream_keep(void *arg, int fd)
{
	struct guest *g = arg;
	epoll_ctl(g->poll, EPOLL_CTL_DEL, fd, NULL);
}

// Never blocks: a guest takes what it asked for before it asks again, or does without.
int guest_window_map(void *arg, uint64_t offset, uint64_t len, int fd, uint64_t file_off, bool write)
{
	struct guest *g = arg;
	struct abi_window_change change = { offset, file_off, len, write };
	int err = send_descriptor(g->socket, &change, sizeof(change), len ? fd : -1);
	if (err)
		return err;
	__atomic_fetch_add(&g->process->files_sent, 1, __ATOMIC_RELEASE);
	return 0;
}

const struct platform platform_linux = {
	.name = "linux",
	.image = ABI_PLATFORM_LINUX,
	.kernel = image_linux,
	.kernel_end = image_linux_end,
	.maps_image = true,
	.open = open_host,
	.memory = make_memory,
	.probe = arch_host_probe,
	.tables = make_tables,
	.cpu_create = cpu_create,
	.cpu_loop = cpu_loop,
	.cpu_wake = cpu_wake,
	.close = close_host,
};
