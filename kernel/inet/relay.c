// SPDX-License-Identifier: MIT
//
// The queues to the monitor, which has the host's sockets (abi/net.h). They are set up by the first socket that needs
// them. What is asked never fails but for memory: it waits in `held` while the ring is full. What goes to a stream in order
// (data, its end) is kept until the monitor has taken it all: a peer that does not read has its data here (struct flow).
#define COMPONENT "inet"
#include "debug/debug.h"
#include "drivers/virtq.h"
#include "inet/private.h"
#include "plat/plat.h"

#define BUFFERS	  32u  // offered to the monitor
#define COPY_MAX  4096 // less is copied out of its buffer, which goes back at once
#define DATA_MAX  (ABI_NET_BUFFER - sizeof(struct abi_net))
#define NUMBERS_MIN 64u
#define SENT_TELL (128u << 10) // with more under way somebody may wait for room

struct flow { // of a stream; inet_socket.carried
	struct list asked;	// in order, until they are done
	unsigned under_way;	// of them
	bool full, room;	// the monitor took only a part; it has said that it can take more
	bool reset;		// nothing of it is of use any more
	uint32_t id;
	struct inet_socket *socket; // NULL: closed
	struct list link;	// then, of closed
};

struct asked { // one in TX
	struct list link;    // held
	struct list in_flow; // of `flow`
	struct flow *flow;   // NULL: nothing comes of it
	bool under_way;	     // of `flow`: in the ring, or held
	size_t charge;	     // of its socket's `sent`
	struct abi_net head;
	char data[];
};

static struct {
	struct inet_socket **of; // by slot
	uint32_t *number;	 // the last one given
	uint32_t count, next;
} slot[2]; // chosen here, and by the monitor

static struct virtq tx, rx;
static int state; // 0: not tried; 1: ready; or -errno
static struct list held = LIST_INIT(held);
static struct list closed = LIST_INIT(closed); // flows
static struct inet_socket gone; // has their slots
static bool unrung; // the monitor may learn of something only when it looks by itself

static int set_up(void)
{
	int err = virtq_init(&tx, ABI_QUEUE_NET_TX);
	if (!err)
		err = virtq_init(&rx, ABI_QUEUE_NET_RX);
	if (err)
		return err == -ENODEV ? -ENETUNREACH : err;
	for (unsigned n = 0; n < MIN(BUFFERS, rx.size); n++) {
		struct virtq_buffer b = {heap_alloc(ABI_NET_BUFFER), ABI_NET_BUFFER};
		if (!b.p)
			return n ? 0 : -ENOMEM;
		virtq_add(&rx, &b, 0, 1, b.p);
	}
	return 0;
}

// Before a CPU sleeps.
static void settle(void)
{
	if (unrung && (virtq_flags(&tx) | virtq_flags(&rx)) & ABI_NET_NAPS)
		plat_queue_notify(tx.where);
	unrung = false;
}

static bool has_news(void) { return virtq_has_done(&rx) || virtq_has_done(&tx); }

static bool ready(void)
{
	if (!state) {
		int err = set_up();
		state = err ? err : 1;
		if (!err)
			sched_watch_device(has_news, inet_queue_event, settle);
	}
	return state == 1;
}

// --- numbers --------------------------------------------------------------------------------------------------------

static bool grow(unsigned t, uint32_t at_least)
{
	uint32_t count = MAX(slot[t].count * 2, MAX(at_least, NUMBERS_MIN));
	struct inet_socket **of = heap_realloc(slot[t].of, count * sizeof *of);
	if (of)
		slot[t].of = of;
	uint32_t *number = of ? heap_realloc(slot[t].number, count * sizeof *number) : NULL;
	if (!number)
		return false;
	slot[t].number = number;
	for (uint32_t n = slot[t].count; n < count; n++) {
		of[n] = NULL;
		number[n] = n;
	}
	slot[t].count = count;
	return true;
}

struct inet_socket *inet_relay_find(uint32_t id)
{
	unsigned t = id >> 31;
	uint32_t n = id & (ABI_NET_SLOTS - 1);
	return id && n < slot[t].count && slot[t].of[n] && slot[t].of[n]->id == id ? slot[t].of[n] : NULL;
}

static int open(struct inet_socket *i)
{
	uint32_t tries = 0;
	if (i->id)
		return 0;
	if (!ready())
		return state;
	for (; tries < slot[0].count && slot[0].of[slot[0].next % slot[0].count]; tries++)
		slot[0].next++;
	uint32_t n = slot[0].count ? slot[0].next % slot[0].count : 0;
	if (tries == slot[0].count) {
		n = slot[0].count;
		if (n >= ABI_NET_SLOTS || !grow(0, n + 1))
			return n >= ABI_NET_SLOTS ? -ENFILE : -ENOMEM;
	}
	slot[0].next = n + 1;
	i->id = slot[0].number[n] = (slot[0].number[n] + ABI_NET_SLOTS) & ~ABI_NET_BY_HOST;
	slot[0].of[n] = i;
	return 0;
}

// The monitor chose it.
static bool adopt(struct inet_socket *i, uint32_t id)
{
	uint32_t n = id & (ABI_NET_SLOTS - 1);
	if (!(id & ABI_NET_BY_HOST) || (n >= slot[1].count && !grow(1, n + 1)))
		return false;
	i->id = id;
	slot[1].of[n] = i;
	return true;
}

// --- asking ---------------------------------------------------------------------------------------------------------

static void ring(struct virtq *q)
{
	virtq_notify(q);
	unrung = true;
}

static void offer(struct asked *a)
{
	struct virtq_buffer b = {&a->head, sizeof a->head + a->head.len};
	if (!list_empty(&held) || virtq_add(&tx, &b, 1, 0, a))
		list_push_back(&held, &a->link);
	else
		ring(&tx);
}

static struct asked *make(uint32_t id, enum abi_net_op op, size_t len)
{
	struct asked *a = heap_alloc(sizeof *a + len);
	if (!a)
		return NULL;
	*a = (struct asked){.head = {.op = op, .socket = id, .len = (uint32_t)len}};
	list_init(&a->link);
	list_init(&a->in_flow);
	return a;
}

static void offer_flow(struct asked *a)
{
	a->flow->under_way++;
	a->under_way = true;
	offer(a);
}

static void append(struct flow *f, struct asked *a)
{
	a->flow = f;
	list_push_back(&f->asked, &a->in_flow);
	if (!f->full)
		offer_flow(a);
}

static void ask(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *at)
{
	struct asked *a = i->id ? make(i->id, op, 0) : NULL;
	struct flow *f = i->carried;
	if (!a)
		return;
	a->head.value = value;
	if (at)
		a->head.a = *at;
	if (f && !list_empty(&f->asked) && (op == ABI_NET_SHUTDOWN || (op == ABI_NET_CLOSE && !value)))
		append(f, a);
	else
		offer(a);
}

// --- what goes to a stream in order -----------------------------------------------------------------------------------

static struct flow *flow_of(struct inet_socket *i)
{
	struct flow *f = i->carried;
	if (!f && (f = i->carried = heap_new(struct flow)) != NULL) {
		list_init(&f->asked);
		list_init(&f->link);
		f->id = i->id;
		f->socket = i;
	}
	return f;
}

static void asked_free(struct asked *a)
{
	if (a->flow->socket)
		a->flow->socket->sent -= a->charge;
	list_remove(&a->in_flow);
	heap_free(a);
}

// Something has changed: goes on with what was refused, ends with the last.
static void flow_look(struct flow *f)
{
	struct asked *a, *next;
	uint32_t resume = ABI_NET_RESUME;
	bool again = f->full && f->room && !f->under_way;
	if (again)
		f->full = f->room = false;
	list_for_each_safe(a, next, &f->asked, in_flow) {
		if (f->reset && !a->under_way)
			asked_free(a);
		if (!again)
			continue;
		a->head.value = (a->head.value & 1) | resume;
		resume = 0;
		offer_flow(a);
	}
	if (f->socket || !list_empty(&f->asked))
		return;
	struct inet_socket **of = &slot[f->id >> 31].of[f->id & (ABI_NET_SLOTS - 1)];
	if (*of == &gone)
		*of = NULL;
	list_remove(&f->link);
	heap_free(f);
}

// The monitor has taken `done` bytes of it, or done it.
static void came_back(struct asked *a, uint32_t done)
{
	struct flow *f = a->flow;
	uint32_t all = a->head.op == ABI_NET_DATA ? a->head.len : 1;
	f->under_way--;
	a->under_way = false;
	if (f->reset || done >= all) {
		asked_free(a);
	} else {
		f->full = true;
		a->head.len -= done;
		a->charge -= done;
		memmove(a->data, a->data + done, a->head.len);
		if (f->socket)
			f->socket->sent -= done;
	}
	if (f->socket)
		inet_stream_space(f->socket);
	flow_look(f);
}

static void flow_news(struct flow *f, const struct abi_net *n)
{
	f->room |= n->op == ABI_NET_ROOM;
	if (n->op == ABI_NET_ERROR && !f->socket) {
		struct inet_socket old = {.id = f->id};
		f->reset = true;
		ask(&old, ABI_NET_CLOSE, true, NULL);
	}
	flow_look(f);
}

static bool unsent(void)
{
	struct flow *f;
	list_for_each(f, &closed, link)
		if (f->full)
			return true;
	return false;
}

static void close(struct inet_socket *i, bool reset)
{
	struct flow *f = i->carried;
	if (!i->id)
		return;
	inet_direct_leave(i);
	ask(i, ABI_NET_CLOSE, reset, NULL);
	slot[i->id >> 31].of[i->id & (ABI_NET_SLOTS - 1)] = f ? &gone : NULL;
	i->carried = NULL;
	i->id = 0;
	if (!f)
		return;
	f->reset = reset;
	f->socket = NULL;
	list_push_back(&closed, &f->link);
	flow_look(f);
}

static bool poll(void);

static bool full(void) { return !list_empty(&held) || !tx.free_count; }

static int send(struct inet_socket *i, enum abi_net_op op, struct socket_io *io, size_t len,
		const struct abi_net_address *to)
{
	uint32_t id = i->id;
	if (op == ABI_NET_DATAGRAM && len > DATA_MAX)
		return -EMSGSIZE;
	if (full())
		poll();
	if (op == ABI_NET_DATAGRAM && full())
		return -EAGAIN;
	len = MIN(len, DATA_MAX);
	struct asked *a = make(id, op, len);
	if (!a)
		return -ENOBUFS;
	int64_t n = len ? iter_read(&io->it, a->data, len) : 0;
	struct flow *f = op == ABI_NET_DATA && n >= 0 && i->id == id ? flow_of(i) : NULL; // it may have slept
	if (n < 0 || i->id != id || (op == ABI_NET_DATA && !f)) {
		heap_free(a);
		return n < 0 ? -EFAULT : i->id != id ? -EPIPE : -ENOBUFS;
	}
	a->head.len = (uint32_t)n;
	if (to)
		a->head.a = *to;
	i->sent += a->charge = (size_t)n + sizeof *a;
	a->head.value = f && i->sent > SENT_TELL;
	if (f)
		append(f, a);
	else
		offer(a);
	if (virtq_has_done(&rx)) // who is busy sending need not be interrupted for it
		poll();
	return (int)n;
}

static bool take_done(void)
{
	uint32_t done;
	struct asked *a = virtq_take(&tx, &done);
	if (!a)
		return false;
	for (; a; a = virtq_take(&tx, &done)) {
		struct inet_socket *i = a->charge && !a->flow ? inet_relay_find(a->head.socket) : NULL;
		if (a->flow) {
			came_back(a, done);
			continue;
		}
		if (i) {
			i->sent -= a->charge;
			inet_stream_space(i);
		}
		heap_free(a);
	}
	while (!list_empty(&held) && tx.free_count) {
		struct asked *next = list_first(&held, struct asked, link);
		struct virtq_buffer b = {&next->head, sizeof next->head + next->head.len};
		list_remove(&next->link);
		virtq_add(&tx, &b, 1, 0, next);
		ring(&tx);
	}
	waitq_wake(&inet_outside_room, 0x7fffffff, EPOLLOUT);
	return true;
}

// --- news -----------------------------------------------------------------------------------------------------------

static void take_direct(struct inet_socket *i, const struct abi_net *n)
{
	if (n->b.scope == 1 && !inet_direct_take(i))
		ask(i, ABI_NET_RELAY, 0, NULL);
}

// Its data as a packet. Much of it takes the buffer along: *buffer is then another, for the queue.
static struct socket_packet *packet(struct abi_net *n, const struct socket_address *from, void **buffer)
{
	void *other = n->len > COPY_MAX ? heap_alloc(ABI_NET_BUFFER) : NULL;
	struct socket_packet *p = socket_packet_new(other ? 0 : n->len, from);
	if (!p) {
		heap_free(other);
	} else if (other) {
		p->data = (char *)(n + 1);
		p->len = n->len;
		p->block = *buffer;
		*buffer = other;
	} else {
		memcpy(p->data, n + 1, n->len);
	}
	return p;
}

static void data_came(struct inet_socket *i, struct abi_net *n, void **buffer)
{
	bool stream = n->op == ABI_NET_RECEIVED;
	struct abi_net_address sender = n->a;
	struct socket_address from;
	if (!stream)
		inet_address_put(i, &sender, &from);
	struct socket_packet *p = packet(n, stream ? NULL : &from, buffer);
	if (!p) {
		if (stream)
			inet_stream_failed(i, ENOBUFS);
	} else if (stream) {
		socket_queue(&i->s, p);
	} else {
		inet_datagram_came(i, &sender, p);
	}
}

static void accepted(struct inet_socket *listener, const struct abi_net *n)
{
	struct inet_socket made = {.id = n->value}, *i;
	if (listener)
		listener = inet_stream_target(listener, &n->b, &n->a);
	i = listener ? inet_new(&inet_stream_ops, listener->s.family, SOCK_STREAM, IPPROTO_TCP) : NULL;
	if (!i || !adopt(i, n->value)) {
		if (n->b.scope == 1)
			inet_direct_refuse(n->value);
		ask(&made, ABI_NET_CLOSE, true, NULL);
		if (i)
			inet_free(i);
		return;
	}
	i->local = n->b;
	i->remote = n->a;
	i->local.scope = 0;
	i->state = INET_CONNECTED;
	take_direct(i, n);
	inet_stream_accepted(listener, i);
}

static void news(struct abi_net *n, void **buffer)
{
	struct inet_socket *i = inet_relay_find(n->socket);
	if (n->op == ABI_NET_ACCEPTED) {
		accepted(i, n);
		return;
	}
	struct flow *f = i ? i->carried : NULL, *old;
	list_for_each(old, &closed, link)
		if (!i && old->id == n->socket)
			f = old;
	if (f && (n->op == ABI_NET_ROOM || n->op == ABI_NET_ERROR))
		flow_news(f, n);
	if (!i) { // of one that is gone
		if (n->op == ABI_NET_CONNECTED && n->b.scope == 1)
			inet_direct_refuse(n->socket);
		return;
	}
	switch (n->op) {
	case ABI_NET_CONNECTED:
		take_direct(i, n);
		inet_stream_connected(i);
		break;
	case ABI_NET_RECEIVED:
	case ABI_NET_CAME:
		data_came(i, n, buffer);
		break;
	case ABI_NET_END:
		inet_stream_ended(i);
		break;
	case ABI_NET_ERROR:
		inet_stream_failed(i, (int)n->value);
		break;
	}
}

static bool poll(void)
{
	if (state != 1)
		return false;
	bool any = take_done();
	uint32_t len;
	void *buffer;
	while ((buffer = virtq_take(&rx, &len)) != NULL) {
		struct abi_net *n = buffer;
		if (len >= sizeof *n && n->len <= DATA_MAX)
			news(n, &buffer);
		struct virtq_buffer b = {buffer, ABI_NET_BUFFER};
		virtq_add(&rx, &b, 0, 1, buffer);
		any = true;
	}
	if (any)
		ring(&rx);
	return any;
}

const struct inet_carrier inet_relay = {.open = open, .ask = ask, .send = send, .close = close, .poll = poll, .unsent = unsent};
