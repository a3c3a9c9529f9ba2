// SPDX-License-Identifier: MIT
//
// Timers: one tree per CPU, ordered by deadline, served when the CPU takes an event or idles.
#include "plat/plat.h"
#include "sched/private.h"
#include "time/time.h"

static bool timer_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct timer, node)->deadline_ns < tree_entry(b, struct timer, node)->deadline_ns;
}

static void find_next(struct sched_cpu *c)
{
	struct timer *first = tree_first_entry(&c->timers, struct timer, node);
	c->timer_next_ns = first ? first->deadline_ns : TIME_NEVER;
}

void timer_start(struct timer *t, uint64_t deadline_ns)
{
	struct sched_cpu *c = sched_this();
	timer_stop(t);
	t->deadline_ns = deadline_ns;
	t->cpu = c->number;
	t->armed = true;
	tree_insert(&c->timers, &t->node, timer_before);
	if (deadline_ns < c->timer_next_ns) {
		c->timer_next_ns = deadline_ns;
		sched_rearm(c);
	}
}

bool timer_stop(struct timer *t)
{
	if (!t->armed)
		return false;
	struct sched_cpu *c = &sched_cpus[t->cpu];
	tree_remove(&c->timers, &t->node);
	t->armed = false;
	if (t->deadline_ns == c->timer_next_ns)
		find_next(c); // the platform's timer may now come too early, which is harmless
	return true;
}

void timer_run(struct sched_cpu *c, uint64_t now_ns)
{
	while (c->timer_next_ns <= now_ns) {
		struct timer *t = tree_first_entry(&c->timers, struct timer, node);
		tree_remove(&c->timers, &t->node);
		t->armed = false;
		find_next(c);
		t->fn(t);
	}
}
