// SPDX-License-Identifier: MIT
//
// Connections of which the first packet has come and no more (SYN_RCVD). lwIP keeps each for 20 s and takes none beside
// what a listener has room for, so a flood of them would shut everybody else out. Here the oldest makes room: one that is
// meant is complete, a round trip later, long before it is the oldest. There are no SYN cookies: a peer whose round trip is
// longer than a flood takes to fill the room (128 to 254 places) does not come through.
#include "inet/lwip/private.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

struct half_open {
	struct list link; // oldest first, of all listeners
	struct tcp_pcb *pcb;
};

static struct list all = LIST_INIT(all);
static uint8_t id; // of lwIP's extension argument that points to it

static void forget(struct half_open *h)
{
	list_remove(&h->link);
	heap_free(h);
}

void lwip_half_open_end(struct tcp_pcb *p)
{
	struct half_open *h = tcp_ext_arg_get(p, id);
	if (h)
		forget(h);
	tcp_ext_arg_set(p, id, NULL);
}

static void destroyed(u8_t which, void *data)
{
	(void)which;
	if (data)
		forget(data);
}

// What wait for accept(2) have room of their own.
static void make_room(const struct tcp_pcb_listen *l)
{
	const struct inet_socket *i = l->callback_arg;
	struct half_open *h, *oldest = NULL;
	unsigned count = 0, most = l->backlog - MIN(i->backlog_max, l->backlog / 2u);
	list_for_each(h, &all, link) {
		if (h->pcb->listener != l)
			continue;
		oldest = oldest ? oldest : h;
		count++;
	}
	if (oldest && (count >= most || l->accepts_pending >= l->backlog))
		tcp_abandon(oldest->pcb, 0);
}

static err_t opened(u8_t which, struct tcp_pcb_listen *l, struct tcp_pcb *p);
static const struct tcp_ext_arg_callbacks callbacks = {.destroy = destroyed, .passive_open = opened};

static err_t opened(u8_t which, struct tcp_pcb_listen *l, struct tcp_pcb *p)
{
	const struct inet_socket *i = l->callback_arg;
	struct half_open *h = i->pending > i->backlog_max ? NULL : heap_alloc(sizeof *h);
	(void)which;
	if (!h)
		return ERR_MEM;
	make_room(l);
	h->pcb = p;
	list_init(&h->link);
	list_push_back(&all, &h->link);
	tcp_ext_arg_set_callbacks(p, id, &callbacks);
	tcp_ext_arg_set(p, id, h);
	return ERR_OK;
}

void lwip_half_open_watch(struct tcp_pcb *listener) { tcp_ext_arg_set_callbacks(listener, id, &callbacks); }
void lwip_half_open_init(void) { id = tcp_ext_arg_alloc_id(); }
