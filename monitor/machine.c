// SPDX-License-Identifier: MIT
//
// Building a machine, running it, taking it down.
#include "monitor/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/doorbell.h"
#include "base/util.h"
#include "monitor/dev/fs.h"
#include "monitor/dev/net.h"
#include "monitor/dev/tap.h"
#include "monitor/guest.h"
#include "monitor/private.h"

#define MEMORY_MIN   (16ull << 20)
#define TAP_SPIN_NS  30000u // on kvm; on platform linux it takes more than it gives (decision 005)
#define NET_HURRY_NS 5000000ull // after CPUs that run did not look for news in time

static const char *const exit_name[EXIT_KINDS] = {
	[EXIT_EXIT] = "exit", [EXIT_IDLE] = "idle", [EXIT_KICK] = "kick", [EXIT_START] = "start",
	[EXIT_CONSOLE] = "console", [EXIT_TIMER] = "timer", [EXIT_QUEUE] = "queue", [EXIT_NET] = "net", [EXIT_REPORT] = "report",
	[EXIT_PARK] = "park", [EXIT_OTHER] = "other", [EXIT_SIGNAL] = "signal", [EXIT_WINDOW] = "window", [EXIT_INJECT] = "interrupt",
};
_Static_assert(EXIT_KINDS <= MACHINE_EXITS, "MACHINE_EXITS");

const char *machine_exit_name(unsigned kind) { return kind < EXIT_KINDS ? exit_name[kind] : NULL; }
struct memory *machine_memory(struct machine *m) { return &m->memory; }

static void wake_all(struct machine *m)
{
	for (unsigned i = 0; m->vcpu && i < m->cpu_count; i++)
		m->platform->cpu_wake(&m->vcpu[i]);
}

static bool claim_end(struct machine *m)
{
	return !__atomic_exchange_n(&m->end_claimed, true, __ATOMIC_SEQ_CST);
}

static void publish_end(struct machine *m, enum machine_end end)
{
	m->result->end = end;
	__atomic_store_n(&m->ended, true, __ATOMIC_SEQ_CST);
	wake_all(m);
}

void machine_finish(struct machine *m, enum machine_end end, int wait_status)
{
	if (!claim_end(m))
		return;
	m->result->wait_status = wait_status;
	publish_end(m, end);
}

int machine_fail(struct machine *m, int err, const char *fmt, ...)
{
	if (!claim_end(m))
		return err;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(m->result->what, sizeof(m->result->what), fmt, ap);
	va_end(ap);
	m->result->error = err;
	publish_end(m, MACHINE_FAILED);
	return err;
}

// --- news for the guest --------------------------------------------------------------------------------

void machine_event_cpu(struct machine *m, unsigned cpu, uint32_t events)
{
	__atomic_fetch_or(&m->cpus[cpu].pending, events, __ATOMIC_SEQ_CST);
	m->platform->cpu_wake(&m->vcpu[cpu]);
}

void machine_event(struct machine *m, uint32_t events) { machine_event_cpu(m, 0, events); }

struct abi_console *machine_console(struct machine *m) { return m->console; }

void machine_console_ready(struct machine *m, uint32_t bits)
{
	__atomic_fetch_or(&m->console->ready, bits, __ATOMIC_SEQ_CST);
	machine_event(m, ABI_EVENT_CONSOLE);
}

void machine_signal(struct machine *m, int sig)
{
	if (sig < 1 || sig > 64)
		return;
	__atomic_fetch_or(&m->boot->host_signals, 1ull << (sig - 1), __ATOMIC_SEQ_CST);
	machine_event(m, ABI_EVENT_SIGNAL);
}

void machine_stop(struct machine *m)
{
	if (__atomic_fetch_add(&m->stop_requests, 1, __ATOMIC_SEQ_CST))
		machine_finish(m, MACHINE_EXITED, SIGKILL);
	else
		machine_event(m, ABI_EVENT_STOP);
}

// --- building --------------------------------------------------------------------------------------------

static int open_image(struct machine *m)
{
	const struct machine_config *c = m->config;
	const struct platform *p = m->platform;
	const void *file = c->kernel ? c->kernel : p->kernel;
	size_t size = c->kernel ? c->kernel_size : (size_t)(p->kernel_end - p->kernel);
	if (!c->kernel && c->hooks && c->hooks->kernel) {
		int none = c->hooks->kernel(c->hooks_arg, p->name, &file, &size);
		if (none)
			return machine_fail(m, none, "there is no kernel for this");
	}
	int err = image_open(&m->image, file, size);
	if (err)
		return machine_fail(m, err,
				    c->kernel ? "option --kernel: this is no kernel for this monitor"
					      : "the built-in kernel is damaged");
	if (m->image.head.platform != p->image)
		return machine_fail(m, -ENOEXEC, "option --kernel: this kernel is not for platform %s", p->name);
	return 0;
}

static void fs_event(void *arg, uint32_t events) { machine_event(arg, events); }

static int device_enter(struct machine *m, enum machine_thread which, const char *name)
{
	const struct machine_hooks *h = m->config->hooks;
	if (!h || !h->thread_enter || !h->thread_enter(m->config->hooks_arg, which))
		return 0;
	return machine_fail(m, -EPERM, "cannot confine the %s's thread", name);
}

static int fs_worker_enter(void *arg) { return device_enter(arg, MACHINE_THREAD_FS, "file server"); }
static int tap_enter(void *arg) { return device_enter(arg, MACHINE_THREAD_TAP, "network card"); }
static int net_enter(void *arg) { return device_enter(arg, MACHINE_THREAD_NET, "network"); }

// A CPU that sleeps, or -1. *all: there is none that runs, and would find news on its way.
static int sleeping_cpu(const struct machine *m, bool *all)
{
	int found = -1;
	*all = true;
	for (unsigned i = m->cpu_count; i-- > 0;)
		if (__atomic_load_n(&m->cpus[i].idle, __ATOMIC_SEQ_CST))
			found = (int)i;
		else if (__atomic_load_n(&m->vcpu[i].created, __ATOMIC_ACQUIRE))
			*all = false;
	return found;
}

// While those that run have other things to do, one that sleeps is woken at once.
static bool net_idle(void *arg)
{
	struct machine *m = arg;
	bool all;
	return sleeping_cpu(m, &all) >= 0 && (all || mono_ns() < m->net_hurry_until_ns);
}

static void net_event(void *arg)
{
	struct machine *m = arg;
	bool all;
	int cpu = sleeping_cpu(m, &all);
	if (!all && mono_ns() >= m->net_hurry_until_ns)
		m->net_hurry_until_ns = mono_ns() + NET_HURRY_NS;
	machine_event_cpu(m, cpu < 0 ? 0 : (unsigned)cpu, ABI_EVENT_QUEUE);
}

static int build_fs(struct machine *m)
{
	const struct machine_config *c = m->config;
	struct fs_mount mount[ABI_MAX_MOUNTS];

	if (!c->mount_count)
		return 0;
	for (unsigned i = 0; i < c->mount_count; i++)
		mount[i] = (struct fs_mount){.fd = c->mount[i].fd,
					      .app = c->mount[i].app,
					      .readonly = c->mount[i].readonly};
	struct fs_config fc = {
		.memory = &m->memory,
		.sync = m->boot->queue[ABI_QUEUE_FS_SYNC],
		.async = m->boot->queue[ABI_QUEUE_FS_ASYNC],
		.mount = mount,
		.mount_count = c->mount_count,
		.dax_base = m->memory.dax,
		.dax_size = m->guest ? c->dax_size : m->memory.dax_size,
		.window_map = m->guest ? guest_window_map : NULL,
		.window_arg = m->guest,
		.event = fs_event,
		.event_arg = m,
		.worker_enter = fs_worker_enter,
		.worker_arg = m,
	};
	int err = fs_create(&m->fs, &fc);
	if (err)
		return machine_fail(m, err, "cannot start the file server: %s", strerror(-err));
	for (unsigned i = 0; i < c->mount_count; i++)
		m->boot->mount[i].root_node = fs_root_node(m->fs, i);
	err = fs_start(m->fs);
	return err ? machine_fail(m, err, "cannot start the file server's thread: %s", strerror(-err)) : 0;
}

static void make_bells(struct machine *m, int fd)
{
	for (unsigned q = ABI_QUEUE_NET_TX; m->platform->bell && q <= ABI_QUEUE_NET_RX; q++)
		m->platform->bell(m, ABI_DOORBELL_QUEUE + 8 * q, fd);
}

static int build_tap(struct machine *m)
{
	struct tap_config tc = {
		.memory = &m->memory,
		.tx = m->boot->queue[ABI_QUEUE_NET_TX],
		.rx = m->boot->queue[ABI_QUEUE_NET_RX],
		.fd = m->config->tap,
		.spin_ns = m->guest ? 0 : TAP_SPIN_NS,
		.event = net_event,
		.idle = net_idle,
		.enter = tap_enter,
		.arg = m,
	};
	int err = tap_create(&m->tap, &tc);
	if (!err) {
		make_bells(m, tap_wake_fd(m->tap));
		err = tap_start(m->tap);
	}
	return err ? machine_fail(m, err, "cannot start the network card: %s", strerror(-err)) : 0;
}

static int build_net(struct machine *m)
{
	const struct machine_config *c = m->config;
	if (c->tap >= 0)
		return build_tap(m);
	if (!c->net)
		return 0;
	struct net_config nc = {
		.memory = &m->memory,
		.tx = m->boot->queue[ABI_QUEUE_NET_TX],
		.rx = m->boot->queue[ABI_QUEUE_NET_RX],
		.port = c->port,
		.port_count = c->port_count,
		.host_loopback = c->net_loopback,
		.event = net_event,
		.idle = net_idle,
		.enter = net_enter,
		.arg = m,
		.pass = m->guest ? guest_stream_pass : NULL,
		.watch = guest_stream_watch,
		.keep = guest_stream_keep,
		.pass_arg = m->guest,
	};
	int err = net_create(&m->net, &nc);
	if (!err) {
		make_bells(m, net_wake_fd(m->net));
		err = net_start(m->net);
	}
	if (err == -ENOSYS)
		return machine_fail(m, err, "the network needs epoll_pwait2 of the host, as Linux 5.11 has; --net none goes without");
	return err ? machine_fail(m, err, "cannot start the network: %s", strerror(-err)) : 0;
}

// Without a word to the contrary: kvm where it works, else linux. A failure to open kvm is then no failure yet.
static int choose_platform(struct machine *m)
{
	static const struct platform *const of[] = {
		[MACHINE_PLATFORM_KVM] = &platform_kvm, [MACHINE_PLATFORM_LINUX] = &platform_linux};
	bool free_choice = m->config->platform == MACHINE_PLATFORM_AUTO;
	m->platform = free_choice ? &platform_kvm : of[m->config->platform];
	snprintf(m->why, sizeof(m->why), free_choice ? "/dev/kvm works" : "as asked for");
	int err = m->platform->open(m);
	if (!err || !free_choice)
		return err;
	snprintf(m->why, sizeof(m->why), "%s", m->result->what);
	m->platform->close(m);
	m->end_claimed = m->ended = false;
	memset(m->result, 0, sizeof(*m->result));
	m->platform = &platform_linux;
	return m->platform->open(m);
}

const char *machine_platform(const struct machine *m, const char **why)
{
	*why = m->why;
	return m->platform->name;
}

static int build(struct machine *m)
{
	const struct machine_config *c = m->config;
	uint64_t size = MAX(ALIGN_DOWN(c->memory_size, HUGE_SIZE), MEMORY_MIN);

	if (c->mount_count > ABI_MAX_MOUNTS || c->cpus < 1 || c->cpus > ABI_MAX_CPUS)
		return machine_fail(m, -EINVAL, "a machine has 1 to %d CPUs and at most %d mounts", ABI_MAX_CPUS,
				    ABI_MAX_MOUNTS);
	int err = choose_platform(m);
	if (!err)
		err = open_image(m);
	if (err)
		return err;
	err = m->platform->memory(m, size);
	if (err)
		return machine_fail(m, err, "cannot get %lu MiB of memory for the guest: %s", size >> 20,
				    strerror(-err));
	err = m->platform->probe(m);
	if (!err)
		err = boot_build(m);
	if (!err)
		err = vcpu_init(m);
	if (!err)
		err = vcpu_create(m, 0);
	if (!err)
		err = build_fs(m);
	if (!err)
		err = build_net(m);
	return err ? machine_fail(m, err, "cannot build the machine: %s", strerror(-err)) : 0;
}

static int enter(struct machine *m)
{
	const struct machine_hooks *h = m->config->hooks;
	int err = h && h->ready ? h->ready(m->config->hooks_arg, m) : 0;
	if (!err && h && h->thread_enter)
		err = h->thread_enter(m->config->hooks_arg, MACHINE_THREAD_MAIN_CPU);
	return err ? machine_fail(m, err, "cannot make the machine ready: %s", strerror(-err)) : 0;
}

static void collect(struct machine *m)
{
	for (unsigned i = 0; m->vcpu && i < m->cpu_count; i++)
		for (unsigned k = 0; k < EXIT_KINDS; k++)
			m->result->exits[k] += m->vcpu[i].exits[k];
	if (m->stats)
		memcpy(&m->result->stats, m->stats, sizeof(m->result->stats));
}

static void join_others(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 1; i < m->cpu_count; i++)
		if (m->vcpu[i].thread) {
			pthread_mutex_unlock(&m->lock);
			pthread_join(m->vcpu[i].thread, NULL);
			pthread_mutex_lock(&m->lock);
		}
	pthread_mutex_unlock(&m->lock);
}

// What the host would not end by itself with this process, which ends now (machine.h): threads may go on until then, so nothing is
// taken from under them.
static void finish(struct machine *m)
{
	if (m->net)
		net_finish(m->net);
	if (m->tap)
		tap_destroy(m->tap);
	m->platform->close(m);
}

int machine_run(const struct machine_config *config, struct machine_result *result)
{
	static struct machine machine; // too large for a stack, and used by signal handlers
	struct machine *m = &machine;

	memset(result, 0, sizeof(*result));
	*m = (struct machine){.config = config,
			      .result = result,
			      .platform = &platform_kvm,
			      .kvm_fd = -1,
			      .vm_fd = -1,
			      .cpu_count = config->cpus};
	m->memory = (struct memory){.ram_fd = -1, .vm_fd = -1};
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->console_lock, NULL);
	pthread_mutex_init(&m->clock_lock, NULL);
	if (build(m) == 0 && enter(m) == 0) {
		m->platform->cpu_loop(&m->vcpu[0]);
		join_others(m);
	}
	collect(m);
	if (config->hooks && config->hooks->over)
		config->hooks->over(config->hooks_arg);
	finish(m);
	return result->end == MACHINE_FAILED ? result->error : 0;
}
