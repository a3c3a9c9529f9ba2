// SPDX-License-Identifier: MIT
//
// Which carrier this machine has for what goes outside. The monitor says it: its sockets, or a network card.
#include "inet/private.h"
#include "plat/plat.h"
#include "time/time.h"

static const struct inet_carrier *carrier = &inet_relay;
struct waitq inet_outside_room = WAITQ_INIT(inet_outside_room);

// Kernels with lwIP have another.
__attribute__((weak)) const struct inet_carrier *inet_lwip_start(void) { return NULL; }

void inet_start(void)
{
	if (plat_boot()->flags & ABI_FLAG_LINK)
		carrier = inet_lwip_start();
}

int inet_outside_open(struct inet_socket *i) { return i->id ? 0 : carrier ? carrier->open(i) : -ENETUNREACH; }

void inet_outside_ask(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *a)
{
	if (i->id)
		carrier->ask(i, op, value, a);
}

int inet_outside_send(struct inet_socket *i, enum abi_net_op op, struct socket_io *io, size_t len,
		      const struct abi_net_address *to)
{
	return carrier->send(i, op, io, len, to);
}

void inet_outside_close(struct inet_socket *i, bool reset)
{
	if (i->id)
		carrier->close(i, reset);
}

bool inet_poll_queues(void) { return carrier && carrier->poll(); }
void inet_queue_event(void) { inet_poll_queues(); }

// --- the end ----------------------------------------------------------------------------------------------------------

#define FINISH_NS (2 * NSEC_PER_SEC)
#define LOOK_NS	  (5 * NSEC_PER_SEC / 1000)

static struct waitq looks = WAITQ_INIT(looks);

static void look(struct timer *t)
{
	(void)t;
	waitq_wake_all(&looks);
}

// The host would go on sending for a process that has ended; a machine takes its TCP with it.
void inet_finish(void)
{
	struct timer t = {.fn = look};
	uint64_t until = time_mono_ns() + FINISH_NS;
	while (carrier && carrier->unsent && carrier->unsent() && time_mono_ns() < until) {
		timer_start(&t, time_mono_ns() + LOOK_NS);
		waitq_sleep_uninterruptible(&looks);
	}
	timer_stop(&t);
}
