// SPDX-License-Identifier: MIT
//
// Pending signals: a set, and the entries that carry what comes with them, in order of arrival.
// A signal in the set may have no entry (sent when memory was short).
#include "signal/private.h"

int sigqueue_next(const struct sigqueue *q, sigset allowed)
{
	sigset ready = q->set & allowed;
	if (ready & SIGNALS_FAULT)
		ready &= SIGNALS_FAULT;
	return ready ? __builtin_ctzll(ready) + 1 : 0;
}

bool sigqueue_has(const struct sigqueue *q, int sig)
{
	return q->set & SIGNAL_MASK(sig);
}

void sigqueue_add(struct sigqueue *q, struct signal_entry *e)
{
	list_push_back(&q->entries, &e->link);
	q->set |= SIGNAL_MASK(e->info.si_signo);
}

struct signal_entry *sigqueue_take(struct sigqueue *q, int sig)
{
	struct signal_entry *e, *tmp, *found = NULL;
	bool more = false;
	list_for_each_safe(e, tmp, &q->entries, link) {
		if (e->info.si_signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = e;
		list_remove(&e->link);
	}
	if (!more)
		q->set &= ~SIGNAL_MASK(sig);
	return found;
}
