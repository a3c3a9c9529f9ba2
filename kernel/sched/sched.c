// SPDX-License-Identifier: MIT
//
// Run queues, switching, preemption, idling. The kernel is never preempted: a running thread is
// switched away when it sleeps, or on its way out to the program when its slice is over or a
// better thread waits. CPUs beyond the first are started when a runnable thread finds none idle.
#define COMPONENT "sched"
#include "sched/sched.h"

#include <linux/errno.h>
#include <linux/sched.h>

#include "base/string.h"
#include "debug/debug.h"
#include "plat/plat.h"
#include "proc/process.h"
#include "sched/private.h"
#include "sys/entry.h"
#include "time/time.h"

struct sched_cpu sched_cpus[ABI_MAX_CPUS];
unsigned sched_cpus_online;
bool sched_resched[ABI_MAX_CPUS];

// setpriority(2): each step of nice is 1.25 times the CPU, as in Linux (kernel/sched/core.c, sched_prio_to_weight).
static const uint32_t nice_weight[40] = {88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
					 9548,	7620,  6100,  4904,  3906,  3121,  2501,  1991,	 1586,	1277,
					 1024,	820,   655,   526,   423,   335,   272,	  215,	 172,	137,
					 110,	87,    70,    56,    45,    36,	   29,	  23,	 18,	15};

struct sched_cpu *sched_this(void)
{
	return &sched_cpus[arch_cpu()->number];
}

bool sched_alone(void)
{
	return sched_cpus_online == 1;
}

unsigned sched_cpu(void)
{
	return arch_cpu()->number;
}

uint64_t sched_cpu_mask(void)
{
	unsigned n = plat_boot()->cpu_count;
	return n >= 64 ? ~0ull : (1ull << n) - 1;
}

int sched_priority(const struct thread *t)
{
	bool own = t->policy == SCHED_FIFO || t->policy == SCHED_RR;
	return MAX(own ? t->rt_priority : 0, t->lent_priority);
}

static bool is_realtime(const struct thread *t)
{
	return sched_priority(t) > 0;
}

void sched_account(struct thread *t, uint64_t now_ns)
{
	uint64_t ran = now_ns - t->slice_start_ns;
	t->run_ns += ran;
	t->vruntime_ns += t->policy == SCHED_IDLE ? ran * 1024 / 3 : ran * 1024 / nice_weight[t->nice + 20];
	t->slice_start_ns = now_ns;
}

uint64_t thread_run_ns(struct thread *t)
{
	return t->run_ns + (t->on_cpu ? time_mono_ns() - t->slice_start_ns : 0);
}

static void insert(struct sched_cpu *c, struct thread *t)
{
	struct thread *pos;
	struct list *head = is_realtime(t) ? &c->realtime : &c->normal;
	list_for_each(pos, head, run_link)
		if (is_realtime(t) ? sched_priority(t) > sched_priority(pos) : t->vruntime_ns < pos->vruntime_ns)
			break;
	list_insert_before(&pos->run_link, &t->run_link);
	c->runnable++;
}

static void take_out(struct sched_cpu *c, struct thread *t)
{
	list_remove(&t->run_link);
	c->runnable--;
}

// Would `t` rather run than what runs on c?
static bool better(const struct sched_cpu *c, const struct thread *t)
{
	const struct thread *cur = c->current;
	if (!cur)
		return true;
	if (is_realtime(t) != is_realtime(cur))
		return is_realtime(t);
	if (is_realtime(t))
		return sched_priority(t) > sched_priority(cur);
	return t->vruntime_ns + SLICE_NS / 4 < cur->vruntime_ns;
}

// This CPU if it is about to sleep: it is awake, another one would have to be woken. Else an idle one first, then the least busy of those allowed; one that was never started if there is work for it.
static struct sched_cpu *choose_cpu(struct thread *t)
{
	struct sched_cpu *best = NULL, *self = sched_this();
	if (self->online && !self->current && !self->runnable && t->affinity & (1ull << self->number))
		return self;
	for (unsigned n = 0; n < plat_boot()->cpu_count; n++) {
		struct sched_cpu *c = &sched_cpus[n];
		if (!c->online || !(t->affinity & (1ull << n)))
			continue;
		unsigned load = c->runnable + (c->current != NULL),
			 least = best ? best->runnable + (best->current != NULL) : ~0u;
		if (load < least || (load == least && n == t->cpu))
			best = c;
	}
	bool busy = !best || best->runnable + (best->current != NULL) > 0;
	for (unsigned n = 1; busy && n < plat_boot()->cpu_count; n++)
		if (!sched_cpus[n].online && t->affinity & (1ull << n)) {
			sched_lock.contended = true; // before there is somebody to take it
			if (plat_cpu_start(n))
				continue;
			sched_cpus[n].online = sched_cpus[n].idle = true;
			sched_cpus_online++;
			return &sched_cpus[n];
		}
	return best ? best : &sched_cpus[0];
}

// The platform's timer: the next timer, or the end of the slice when somebody waits for it.
static uint64_t timer_wanted(const struct sched_cpu *c)
{
	if (!c->current || !c->runnable)
		return c->timer_next_ns;
	return MIN(c->timer_next_ns, c->current->slice_start_ns + SLICE_NS);
}

void sched_enqueue(struct sched_cpu *c, struct thread *t)
{
	if (!c)
		c = choose_cpu(t);
	t->cpu = c->number;
	// A sleeper comes back with the others, not before all of them.
	if (t->vruntime_ns + SLICE_NS < c->min_vruntime_ns)
		t->vruntime_ns = c->min_vruntime_ns - SLICE_NS;
	insert(c, t);
	bool at_once = better(c, t);
	if (at_once)
		sched_resched[c->number] = true;
	if (c == sched_this()) {
		if (!at_once)
			sched_rearm(c);
	} else if (at_once || c->armed_ns > timer_wanted(c)) {
		plat_kick(1ull << c->number); // to look, or to see that a slice ends now that somebody waits
	}
}

void sched_lend_priority(struct thread *t, int priority)
{
	bool queued = t->state == THREAD_RUNNABLE && !t->on_cpu;
	struct sched_cpu *c = &sched_cpus[t->cpu];
	if (priority == t->lent_priority)
		return;
	if (queued)
		take_out(c, t);
	t->lent_priority = priority;
	if (queued)
		sched_enqueue(c, t);
}

static struct thread *pick(struct sched_cpu *c)
{
	struct list *head = list_empty(&c->realtime) ? &c->normal : &c->realtime;
	if (!list_empty(head)) {
		struct thread *t = list_first(head, struct thread, run_link);
		take_out(c, t);
		return t;
	}
	// Nothing of its own: take from the busiest.
	for (unsigned n = 0; n < plat_boot()->cpu_count; n++) {
		struct sched_cpu *other = &sched_cpus[n];
		struct thread *t;
		list_for_each(t, &other->normal, run_link)
			if (other != c && t->affinity & (1ull << c->number)) {
				take_out(other, t);
				return t;
			}
	}
	return NULL;
}

void sched_rearm(struct sched_cpu *c)
{
	if (c != sched_this())
		return; // it looks itself when it is kicked or its event comes
	uint64_t next = timer_wanted(c);
	if (next == c->armed_ns)
		return;
	c->armed_ns = next;
	plat_timer_arm(next);
}

static void run(struct sched_cpu *c, struct thread *prev, struct thread *next)
{
	uint64_t now = time_mono_ns();
	sched_resched[c->number] = false;
	c->current = next == &c->idle_thread ? NULL : next;
	if (c->current) {
		next->cpu = c->number;
		next->on_cpu = true;
		next->slice_start_ns = now;
		c->min_vruntime_ns = MAX(c->min_vruntime_ns, next->vruntime_ns);
	}
	sched_rearm(c);
	if (prev == next)
		return;
	plat_stats()->switches++;
	next->rseq_stale = next->rseq != NULL;
	if (c->current && next->process && (!prev->process || prev->process->mm != next->process->mm))
		mm_activate(next->process->mm);
	arch_thread_switch(prev, next);
	// On `prev`'s stack again, perhaps on another CPU.
	c = sched_this();
	if (c->reap) {
		struct thread *dead = c->reap;
		c->reap = NULL;
		thread_reap(dead);
	}
}

void sched_switch(void)
{
	struct sched_cpu *c = sched_this();
	struct thread *self = thread_current();
	assert(*(uint64_t *)self->kernel_stack == THREAD_CANARY);
	sched_account(self, time_mono_ns());
	self->on_cpu = false;
	struct thread *next = pick(c);
	run(c, self, next ? next : &c->idle_thread);
}

void sched_yield_thread(void)
{
	struct sched_cpu *c = sched_this();
	struct thread *self = thread_current();
	uint64_t now = time_mono_ns();
	bool slice_over = now - self->slice_start_ns >= SLICE_NS;
	sched_account(self, now);
	sched_resched[c->number] = false;
	if (!c->runnable) {
		sched_rearm(c);
		return;
	}
	if (slice_over)
		self->switches_involuntary++;
	self->on_cpu = false;
	insert(c, self);
	run(c, self, pick(c));
}

void sched_poll(void)
{
	struct sched_cpu *c = sched_this();
	if (plat_pending())
		entry_take_events();
	if (sched_resched[c->number] && c->current)
		sched_yield_thread();
}

void sched_tick(void)
{
	struct sched_cpu *c = sched_this();
	uint64_t now = time_mono_ns();
	c->armed_ns = 0; // whatever was asked for may have come: ask anew
	timer_run(c, now);
	if (c->current && c->runnable && now - c->current->slice_start_ns >= SLICE_NS &&
	    c->current->policy != SCHED_FIFO)
		sched_resched[c->number] = true;
	sched_rearm(c);
}

// --- a device that tells its news in memory -----------------------------------------------------------------------

static bool (*device_news)(void);
static void (*device_take)(void);
static void (*device_settle)(void);
static void (*device_look)(bool now);

void sched_watch_device(bool (*news)(void), void (*take)(void), void (*settle)(void))
{
	device_settle = settle;
	device_take = take;
	device_news = news;
}

void sched_watch_look(void (*look)(bool now)) { device_look = look; }

void sched_take_news(bool now)
{
	if (device_news && device_news())
		device_take();
	if (device_look)
		device_look(now);
}

uint64_t sched_idle_cpus(void)
{
	uint64_t mask = 0;
	for (unsigned n = 0; n < plat_boot()->cpu_count; n++)
		mask |= sched_cpus[n].online && sched_cpus[n].idle ? 1ull << n : 0;
	return mask;
}

_Noreturn void sched_cpu_main(void)
{
	struct sched_cpu *c = sched_this();
	sched_lock_kernel();
	c->idle_thread.cpu = c->number;
	c->idle_thread.state = THREAD_RUNNABLE;
	arch_cpu()->thread = &c->idle_thread;
	c->online = true;
	for (;;) {
		if (plat_pending())
			entry_take_events();
		timer_run(c, time_mono_ns());
		struct thread *next = pick(c);
		if (next) {
			c->idle = false;
			c->idle_ns += time_mono_ns() - c->idle_since_ns;
			run(c, &c->idle_thread, next);
			c->idle_since_ns = time_mono_ns();
			continue;
		}
		c->idle = true;
		if (device_settle)
			device_settle();
		sched_unlock_kernel();
		plat_idle(c->timer_next_ns, device_news);
		sched_lock_kernel();
		sched_take_news(true);
		c->armed_ns = 0;
	}
}

void sched_init(void)
{
	for (unsigned n = 0; n < plat_boot()->cpu_count; n++) {
		struct sched_cpu *c = &sched_cpus[n];
		c->number = n;
		list_init(&c->normal);
		list_init(&c->realtime);
		tree_init(&c->timers);
		c->timer_next_ns = c->armed_ns = TIME_NEVER;
		c->idle_since_ns = time_mono_ns();
	}
	sched_cpus[0].online = true;
	sched_cpus_online = 1;
}

void sched_set_affinity(struct thread *t, uint64_t mask)
{
	t->affinity = mask;
	if (mask & (1ull << t->cpu))
		return;
	if (t->on_cpu) {
		if (t == thread_current()) { // leave this CPU at once
			t->on_cpu = false;
			sched_account(t, time_mono_ns());
			t->state = THREAD_RUNNABLE;
			sched_enqueue(NULL, t);
			struct sched_cpu *c = sched_this();
			struct thread *next = pick(c);
			run(c, t, next ? next : &c->idle_thread);
		} else {
			sched_resched[t->cpu] = true;
			plat_kick(1ull << t->cpu);
		}
	} else if (t->state == THREAD_RUNNABLE && t->run_link.next != &t->run_link) {
		take_out(&sched_cpus[t->cpu], t);
		sched_enqueue(NULL, t);
	}
}

void sched_stats(uint64_t *runnable, uint64_t load[3])
{
	uint64_t n = 0;
	for (unsigned i = 0; i < plat_boot()->cpu_count; i++)
		n += sched_cpus[i].runnable + (sched_cpus[i].current != NULL);
	*runnable = n;
	load[0] = load[1] = load[2] = n << 16; // a machine that lives for seconds has no longer history
}

uint64_t sched_idle_ns(unsigned cpu)
{
	return sched_cpus[cpu].idle_ns;
}

// --- other CPUs ------------------------------------------------------------------------------------

void sched_serve_call(void)
{
	struct sched_cpu *c = sched_this();
	void (*fn)(void *) = __atomic_load_n(&c->call, __ATOMIC_ACQUIRE);
	if (fn) {
		fn(c->call_arg);
		__atomic_store_n(&c->call, NULL, __ATOMIC_RELEASE);
	}
}

#define CALL_SPINS   1000 // some ten microseconds
#define CALL_PARK_NS 50000

// The lock is held, so the others are in the program, idle, or waiting for the lock (where they serve
// calls). The first two come to the lock when they are kicked.
void sched_call_others(void (*fn)(void *), void *arg)
{
	uint64_t mask = 0;
	struct sched_cpu *self = sched_this();
	for (unsigned n = 0; n < plat_boot()->cpu_count; n++) {
		struct sched_cpu *c = &sched_cpus[n];
		if (!c->online || c == self)
			continue;
		c->call_arg = arg;
		__atomic_store_n(&c->call, fn, __ATOMIC_RELEASE);
		mask |= 1ull << n;
	}
	if (!mask)
		return;
	plat_kick(mask);
	sched_unpark_all();
	for (unsigned n = 0, spins = 1; mask; n++, mask >>= 1)
		for (; mask & 1 && __atomic_load_n(&sched_cpus[n].call, __ATOMIC_ACQUIRE); spins++) {
			uint32_t never = 0;
			if (spins % CALL_SPINS == 0) // the host has others on: it may need this processor
				plat_park(&never, 0, CALL_PARK_NS);
			arch_pause();
		}
}
