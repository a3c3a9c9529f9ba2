// SPDX-License-Identifier: MIT
//
// Platform kvm: a virtual CPU and the host thread that runs it. There is no interrupt controller: whoever has news
// for the guest sets bits in abi_cpu.pending and, when the guest has armed it, makes the thread leave
// KVM_RUN by a signal; the thread then injects the one interrupt that says "look". The signal's handler
// sets run->immediate_exit, so a kick between the last look and KVM_RUN is not lost. At most one
// interrupt is outstanding: it is injected only after abi_cpu.armed went from 1 to 0.
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/doorbell.h"
#include "monitor/dev/fs.h"
#include "monitor/private.h"

static __thread struct kvm_run *own_run; // of the vCPU this thread runs

static void on_kick(int sig)
{
	(void)sig;
	if (own_run)
		__atomic_store_n(&own_run->immediate_exit, 1, __ATOMIC_RELAXED);
}

int vcpu_init(struct machine *m)
{
	struct sigaction sa = {.sa_handler = on_kick};
	m->vcpu = calloc(m->cpu_count, sizeof(*m->vcpu));
	if (!m->config->exits)
		m->own_exits = calloc(m->cpu_count, sizeof(*m->own_exits));
	uint64_t (*exits)[MACHINE_EXITS] = m->config->exits ? m->config->exits : m->own_exits;
	if (!m->vcpu || !exits)
		return -ENOMEM;
	for (unsigned i = 0; i < m->cpu_count; i++)
		m->vcpu[i] = (struct vcpu){.machine = m,
					   .number = i,
					   .fd = -1,
					   .shared = &m->cpus[i],
					   .timer_ns = TIME_NEVER,
					   .exits = exits[i]};
	return sigaction(MACHINE_SIGNAL_KICK, &sa, NULL) ? -errno : 0;
}

int vcpu_create(struct machine *m, unsigned n)
{
	int err = m->platform->cpu_create(&m->vcpu[n]);
	__atomic_store_n(&m->vcpu[n].created, !err, __ATOMIC_RELEASE);
	return err;
}

static int cpu_create(struct vcpu *v)
{
	struct machine *m = v->machine;
	unsigned n = v->number;
	v->fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, n);
	if (v->fd < 0)
		return machine_fail(m, -errno, "KVM cannot create vCPU %u", n);
	int size = ioctl(m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run = MAP_FAILED;
	if (size >= (int)sizeof(*v->run))
		run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (run == MAP_FAILED)
		return machine_fail(m, -ENOMEM, "cannot map the run area of vCPU %u", n);
	v->run = run;
	return arch_vcpu_setup(v);
}

// --- sleeping and waking -----------------------------------------------------------------------------

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *ts)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, ts, NULL, FUTEX_BITSET_MATCH_ANY);
}

static bool pending(const struct vcpu *v) { return __atomic_load_n(&v->shared->pending, __ATOMIC_SEQ_CST) != 0; }
static bool ended(const struct vcpu *v) { return __atomic_load_n(&v->machine->ended, __ATOMIC_ACQUIRE); }

// Called after something was stored for the vCPU to see; async-signal-safe.
static void cpu_wake(struct vcpu *v)
{
	if (__atomic_exchange_n(&v->sleeping, 0, __ATOMIC_SEQ_CST))
		futex(&v->sleeping, FUTEX_WAKE, 1, NULL);
	else if (__atomic_load_n(&v->running, __ATOMIC_ACQUIRE) &&
		 (ended(v) || __atomic_load_n(&v->shared->armed, __ATOMIC_SEQ_CST)))
		syscall(SYS_tgkill, getpid(), v->tid, MACHINE_SIGNAL_KICK);
}

// The deadline is taken away when it is reported, so that it is reported once.
static bool timer_expire(struct vcpu *v, uint64_t now)
{
	uint64_t deadline = __atomic_load_n(&v->shared->deadline_ns, __ATOMIC_SEQ_CST);
	if (deadline > now)
		return false;
	__atomic_compare_exchange_n(&v->shared->deadline_ns, &deadline, TIME_NEVER, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_RELAXED);
	__atomic_fetch_or(&v->shared->pending, ABI_EVENT_TIMER, __ATOMIC_SEQ_CST);
	return true;
}

static void cpu_idle(struct vcpu *v)
{
	for (;;) {
		__atomic_store_n(&v->sleeping, 1, __ATOMIC_SEQ_CST);
		if (pending(v) || ended(v) || timer_expire(v, mono_ns()))
			break;
		uint64_t deadline = __atomic_load_n(&v->shared->deadline_ns, __ATOMIC_RELAXED);
		struct timespec ts = {.tv_sec = (time_t)(deadline / NSEC_PER_SEC),
				      .tv_nsec = (long)(deadline % NSEC_PER_SEC)};
		futex(&v->sleeping, FUTEX_WAIT_BITSET, 1, deadline == TIME_NEVER ? NULL : &ts);
	}
	__atomic_store_n(&v->sleeping, 0, __ATOMIC_RELAXED);
}

// What is pending waits: it comes to the lock that this vCPU waits for.
static void cpu_park(struct vcpu *v, uint64_t ns)
{
	uint64_t end = mono_ns() + ns;
	struct timespec ts = {.tv_sec = (time_t)(end / NSEC_PER_SEC), .tv_nsec = (long)(end % NSEC_PER_SEC)};
	__atomic_store_n(&v->sleeping, 1, __ATOMIC_SEQ_CST);
	if (!ended(v))
		futex(&v->sleeping, FUTEX_WAIT_BITSET, 1, &ts);
	__atomic_store_n(&v->sleeping, 0, __ATOMIC_RELAXED);
}

static void timer_set(struct vcpu *v, uint64_t ns)
{
	struct itimerspec its = {
		.it_value = {.tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC)}};
	if (!v->timer_made) {
		struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = MACHINE_SIGNAL_KICK};
		ev._sigev_un._tid = v->tid;
		if (timer_create(CLOCK_MONOTONIC, &ev, &v->timer))
			return;
		v->timer_made = true;
	}
	if (timer_settime(v->timer, TIMER_ABSTIME, &its, NULL) == 0)
		v->timer_ns = ns;
}

// On the vCPU's thread, outside KVM_RUN: makes the timer fire when the running guest or the clock page wants it.
// armed_ns is published before the deadline is read again: the guest writes its deadline, then reads armed_ns.
static void cpu_timer(struct vcpu *v)
{
	for (int tries = 0; tries < 4; tries++) { // a hostile guest may change its mind for ever
		uint64_t now = mono_ns();
		uint64_t clock_due = v->number ? TIME_NEVER
					       : __atomic_load_n(&v->machine->clock_due_ns, __ATOMIC_RELAXED);
		if (now >= clock_due) {
			clock_refresh(v->machine);
			clock_due = MAX(v->machine->clock_due_ns, now + 1000000);
		}
		timer_expire(v, now);
		uint64_t want = MIN(__atomic_load_n(&v->shared->deadline_ns, __ATOMIC_SEQ_CST), clock_due);
		if (v->timer_ns <= now) // it has fired
			v->timer_ns = TIME_NEVER;
		if (want < v->timer_ns)
			timer_set(v, want);
		__atomic_store_n(&v->shared->armed_ns, v->timer_ns, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&v->shared->deadline_ns, __ATOMIC_SEQ_CST) >= v->timer_ns || !v->timer_made)
			return;
	}
}

// --- running -----------------------------------------------------------------------------------------

static void inject(struct vcpu *v)
{
	struct kvm_interrupt irq = {.irq = ABI_VECTOR_INTERRUPT};

	v->run->request_interrupt_window = 0;
	if (!pending(v) || !__atomic_load_n(&v->shared->armed, __ATOMIC_SEQ_CST))
		return;
	if (!v->run->ready_for_interrupt_injection) {
		v->run->request_interrupt_window = 1;
		return;
	}
	__atomic_store_n(&v->shared->armed, 0, __ATOMIC_SEQ_CST);
	if (ioctl(v->fd, KVM_INTERRUPT, &irq) == 0)
		v->exits[EXIT_INJECT]++;
	else
		__atomic_store_n(&v->shared->armed, 1, __ATOMIC_SEQ_CST);
}

static void fail_exit(struct vcpu *v, const char *what, unsigned long detail)
{
	char regs[120];
	arch_vcpu_describe(v, regs, sizeof(regs));
	machine_fail(v->machine, -EIO, "vCPU %u: %s (%lu), %s", v->number, what, detail, regs);
}

static void handle_exit(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		if (run->mmio.phys_addr - ABI_GPA_DOORBELL < PAGE_SIZE && run->mmio.is_write && run->mmio.len == 8) {
			uint64_t value;
			memcpy(&value, run->mmio.data, sizeof(value));
			doorbell_store(v, (unsigned)(run->mmio.phys_addr - ABI_GPA_DOORBELL), value);
			break;
		}
		fail_exit(v,
			  run->mmio.is_write ? "the guest wrote where no memory is"
					     : "the guest read where no memory is",
			  run->mmio.phys_addr);
		break;
	case KVM_EXIT_INTR:
		v->exits[EXIT_SIGNAL]++;
		break;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		v->exits[EXIT_WINDOW]++;
		break;
	case KVM_EXIT_SHUTDOWN:
		fail_exit(v, "triple fault in the guest", 0);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		fail_exit(v, "KVM internal error", run->internal.suberror);
		break;
	default:
		fail_exit(v, "unexpected exit", run->exit_reason);
	}
}

static void cpu_loop(struct vcpu *v)
{
	struct machine *m = v->machine;

	own_run = v->run;
	v->tid = (pid_t)syscall(SYS_gettid);
	__atomic_store_n(&v->running, true, __ATOMIC_RELEASE);
	cpu_timer(v);
	for (;;) {
		// A signal came: in KVM_RUN, or while this thread was busy or asleep for the guest. It may have been
		// the timer.
		if (__atomic_exchange_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST))
			cpu_timer(v);
		if (ended(v))
			break;
		inject(v);
		if (ioctl(v->fd, KVM_RUN, 0) == 0) {
			handle_exit(v);
		} else if (errno == EINTR || errno == EAGAIN) {
			v->exits[EXIT_SIGNAL]++;
		} else if (errno != EFAULT || !m->fs || !fs_dax_repair(m->fs)) {
			fail_exit(v, "KVM_RUN failed", (unsigned long)errno);
		}
	}
	__atomic_store_n(&v->running, false, __ATOMIC_RELEASE);
	own_run = NULL;
}

static void *thread_main(void *arg)
{
	struct vcpu *v = arg;
	const struct machine_hooks *h = v->machine->config->hooks;
	int err = h && h->thread_enter ? h->thread_enter(v->machine->config->hooks_arg, MACHINE_THREAD_CPU) : 0;
	if (err)
		machine_fail(v->machine, err, "cannot confine the thread of vCPU %u", v->number);
	else
		v->machine->platform->cpu_loop(v);
	return NULL;
}

int vcpu_start_thread(struct machine *m, unsigned n)
{
	struct vcpu *v = &m->vcpu[n];
	pthread_attr_t attr;
	sigset_t all, old;

	// Signals for the process go to the first thread; this one takes only kicks.
	sigfillset(&all);
	sigdelset(&all, MACHINE_SIGNAL_KICK);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	int err = pthread_create(&v->thread, &attr, thread_main, v);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err ? machine_fail(m, -err, "cannot start a thread for vCPU %u", n) : 0;
}

// --- the platform ------------------------------------------------------------------------------------

static int open_kvm(struct machine *m)
{
	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0)
		return machine_fail(m, -errno, "cannot open /dev/kvm: %s; see whelk doctor", strerror(errno));
	if (ioctl(m->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return machine_fail(m, -ENOSYS, "/dev/kvm speaks another version than %d", KVM_API_VERSION);
	do {
		m->vm_fd = ioctl(m->kvm_fd, KVM_CREATE_VM, 0);
	} while (m->vm_fd < 0 && errno == EINTR);
	return m->vm_fd < 0 ? machine_fail(m, -errno, "KVM cannot create a virtual machine: %s", strerror(errno)) : 0;
}

static int make_memory(struct machine *m, uint64_t ram_size)
{
	int err = memory_create(&m->memory, ram_size, m->config->dax_size);
	return err ? err : memory_attach(&m->memory, m->vm_fd);
}

static void bell(struct machine *m, unsigned offset, int fd)
{
	struct kvm_ioeventfd e = {.addr = ABI_GPA_DOORBELL + offset, .len = 8, .fd = fd};
	(void)ioctl(m->vm_fd, KVM_IOEVENTFD, &e); // else by an exit
}

static void close_kvm(struct machine *m)
{
	free(m->cpuid);
	if (m->vm_fd >= 0)
		close(m->vm_fd);
	if (m->kvm_fd >= 0)
		close(m->kvm_fd);
	m->cpuid = NULL;
	m->vm_fd = m->kvm_fd = -1;
}

const struct platform platform_kvm = {
	.name = "kvm",
	.image = ABI_PLATFORM_KVM,
	.kernel = image_kvm,
	.kernel_end = image_kvm_end,
	.open = open_kvm,
	.memory = make_memory,
	.probe = arch_vm_probe,
	.tables = arch_build_tables,
	.cpu_create = cpu_create,
	.cpu_loop = cpu_loop,
	.cpu_wake = cpu_wake,
	.cpu_idle = cpu_idle,
	.cpu_park = cpu_park,
	.cpu_timer = cpu_timer,
	.bell = bell,
	.close = close_kvm,
};
