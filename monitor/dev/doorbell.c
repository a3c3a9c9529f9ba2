// SPDX-License-Identifier: MIT
//
// The doorbell page. One function per bell; a store to an offset without one is counted and ignored.
#include "monitor/dev/doorbell.h"

#include <errno.h>
#include <string.h>

#include "abi/doorbell.h"
#include "base/util.h"
#include "monitor/dev/fs.h"
#include "monitor/dev/net.h"
#include "monitor/dev/tap.h"
#include "monitor/private.h"

static const struct machine_hooks no_hooks;

static const struct machine_hooks *hooks(struct machine *m)
{
	return m->config->hooks ? m->config->hooks : &no_hooks;
}

static void bell_kick(struct vcpu *v, uint64_t mask)
{
	struct machine *m = v->machine;
	for (unsigned i = 0; i < m->cpu_count; i++)
		if (mask >> i & 1)
			machine_event_cpu(m, i, ABI_EVENT_KICK);
}

static void bell_start(struct vcpu *v, uint64_t n)
{
	struct machine *m = v->machine;
	pthread_mutex_lock(&m->lock);
	if (n > 0 && n < m->cpu_count && !m->vcpu[n].created && vcpu_create(m, (unsigned)n) == 0)
		vcpu_start_thread(m, (unsigned)n);
	pthread_mutex_unlock(&m->lock);
}

static void bell_console(struct vcpu *v)
{
	struct machine *m = v->machine;
	pthread_mutex_lock(&m->console_lock);
	if (hooks(m)->console)
		hooks(m)->console(m->config->hooks_arg, m->console);
	else
		m->console->request.result = -ENOSYS;
	pthread_mutex_unlock(&m->console_lock);
}

static void bell_report(struct vcpu *v, uint64_t gpa)
{
	struct machine *m = v->machine;
	const void *p = memory_range(&m->memory, gpa, sizeof(struct abi_report));
	if (!p || !hooks(m)->report)
		return;
	struct abi_report r;
	memcpy(&r, p, sizeof(r));
	r.path[sizeof(r.path) - 1] = r.text[sizeof(r.text) - 1] = 0;
	pthread_mutex_lock(&m->console_lock);
	hooks(m)->report(m->config->hooks_arg, &r);
	pthread_mutex_unlock(&m->console_lock);
}

static void bell_panic(struct vcpu *v, uint64_t gpa)
{
	struct machine *m = v->machine;
	const void *p = memory_range(&m->memory, gpa, sizeof(struct abi_panic));
	struct abi_panic panic = {.text = "(the report lies outside guest memory)"};
	if (p)
		memcpy(&panic, p, sizeof(panic));
	panic.component[sizeof(panic.component) - 1] = panic.text[sizeof(panic.text) - 1] = 0;
	if (panic.frame_count > ABI_PANIC_FRAMES)
		panic.frame_count = ABI_PANIC_FRAMES;
	if (hooks(m)->panic)
		hooks(m)->panic(m->config->hooks_arg, &panic, m->layout.kernel_va, m->image.size);
	machine_finish(m, MACHINE_PANIC, 0);
}

void doorbell_store(struct vcpu *v, unsigned offset, uint64_t value)
{
	struct machine *m = v->machine;
	enum exit_kind kind = EXIT_OTHER;

	switch (offset) {
	case ABI_DOORBELL_EXIT:
		kind = EXIT_EXIT;
		machine_finish(m, MACHINE_EXITED, (int)(value & 0xffff));
		break;
	case ABI_DOORBELL_IDLE:
		kind = EXIT_IDLE;
		if (m->platform->cpu_idle)
			m->platform->cpu_idle(v);
		break;
	case ABI_DOORBELL_PARK:
		kind = EXIT_PARK;
		if (m->platform->cpu_park)
			m->platform->cpu_park(v, MIN(value, ABI_PARK_MAX));
		break;
	case ABI_DOORBELL_KICK:
		kind = EXIT_KICK;
		bell_kick(v, value);
		break;
	case ABI_DOORBELL_START:
		kind = EXIT_START;
		bell_start(v, value);
		break;
	case ABI_DOORBELL_CONSOLE:
		kind = EXIT_CONSOLE;
		bell_console(v);
		break;
	case ABI_DOORBELL_PANIC:
		bell_panic(v, value);
		break;
	case ABI_DOORBELL_TIMER:
		kind = EXIT_TIMER;
		if (m->platform->cpu_timer)
			m->platform->cpu_timer(v);
		break;
	case ABI_DOORBELL_BOOTED:
		if (hooks(m)->booted)
			hooks(m)->booted(m->config->hooks_arg);
		break;
	case ABI_DOORBELL_REPORT:
		kind = EXIT_REPORT;
		bell_report(v, value);
		break;
	case ABI_DOORBELL_QUEUE + 8 * ABI_QUEUE_FS_SYNC:
	case ABI_DOORBELL_QUEUE + 8 * ABI_QUEUE_FS_ASYNC:
		kind = EXIT_QUEUE;
		if (m->fs)
			fs_queue_notify(m->fs, (offset - ABI_DOORBELL_QUEUE) / 8);
		break;
	case ABI_DOORBELL_QUEUE + 8 * ABI_QUEUE_NET_TX:
	case ABI_DOORBELL_QUEUE + 8 * ABI_QUEUE_NET_RX:
		kind = EXIT_NET;
		if (m->net)
			net_notify(m->net);
		if (m->tap)
			tap_notify(m->tap);
		break;
	}
	v->exits[kind]++;
}
