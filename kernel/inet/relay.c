// SPDX-License-Identifier: MIT
//
// The queues to the monitor, which has the host's sockets (abi/net.h). They are set up by the first socket that needs
// them. What is asked never fails but for memory: it waits in `held` while the ring is full. What goes to a stream in order
// (data, its end) is kept until the monitor has taken it all: a peer that does not read has its data here.
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

struct asked { // one in TX
	struct list link;    // held
	struct list in_order; // inet_socket.asked, or nothing
	bool under_way;	     // of those: in the ring, or held
	size_t charge;	     // of its socket's `sent`
	struct abi_net head;
	char data[];
};

static struct {
	struct inet_socket **of; // by slot
	uint32_t count;
} slot[2]; // chosen here, and by the monitor
static uint32_t next_slot, generation;

static struct virtq tx, rx;
static int state; // 0: not tried; 1: ready; or -errno
static struct list held = LIST_INIT(held);
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
	if (!of)
		return false;
	memset(of + slot[t].count, 0, (count - slot[t].count) * sizeof *of);
	slot[t].of = of;
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
	if (i->id)
		return 0;
	if (!ready())
		return state;
	uint32_t n = 0, tries = slot[0].count;
	while (tries && slot[0].of[n = next_slot++ % slot[0].count])
		tries--;
	if (!tries) {
		n = slot[0].count;
		if (n >= ABI_NET_SLOTS || !grow(0, n + 1))
			return n >= ABI_NET_SLOTS ? -ENFILE : -ENOMEM;
	}
	do
		i->id = (++generation << ABI_NET_SLOT_BITS & ~ABI_NET_BY_HOST) | n;
	while (!i->id);
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
	list_init(&a->in_order);
	return a;
}

static void offer_in_order(struct inet_socket *i, struct asked *a)
{
	i->under_way++;
	a->under_way = true;
	offer(a);
}

static void append(struct inet_socket *i, struct asked *a)
{
	list_push_back(&i->asked, &a->in_order);
	if (!i->full)
		offer_in_order(i, a);
}

static void ask(struct inet_socket *i, enum abi_net_op op, uint32_t value, const struct abi_net_address *at)
{
	struct asked *a = i->id ? make(i->id, op, 0) : NULL;
	if (!a)
		return;
	a->head.value = value;
	if (at)
		a->head.a = *at;
	if (!list_empty(&i->asked) && (op == ABI_NET_SHUTDOWN || (op == ABI_NET_CLOSE && !value)))
		append(i, a);
	else
		offer(a);
}

// --- what goes to a stream in order -----------------------------------------------------------------------------------

static void leave(struct inet_socket *i)
{
	slot[i->id >> 31].of[i->id & (ABI_NET_SLOTS - 1)] = NULL;
	i->id = 0;
	if (i->lingers)
		inet_free(i);
}

static void close(struct inet_socket *i, bool reset)
{
	struct asked *a, *next;
	if (!i->id)
		return;
	inet_direct_leave(i);
	ask(i, ABI_NET_CLOSE, reset, NULL);
	if (!reset && !list_empty(&i->asked)) {
		i->lingers = true;
		inet_port_leave(i);
		return;
	}
	list_for_each_safe(a, next, &i->asked, in_order) {
		list_remove(&a->in_order);
		if (!a->under_way)
			heap_free(a);
	}
	i->full = i->room = false;
	i->sent = i->under_way = 0;
	leave(i);
}

// Goes on with what was refused, ends with the last.
static void go_on(struct inet_socket *i)
{
	struct asked *a;
	uint32_t resume = ABI_NET_RESUME;
	if (i->lingers && list_empty(&i->asked)) {
		leave(i);
		return;
	}
	if (!i->full || !i->room || i->under_way)
		return;
	i->full = i->room = false;
	list_for_each(a, &i->asked, in_order) {
		a->head.value = (a->head.value & 1) | resume;
		resume = 0;
		offer_in_order(i, a);
	}
}

// The monitor has taken `done` bytes of it, or done it.
static void came_back(struct asked *a, uint32_t done)
{
	struct inet_socket *i = inet_relay_find(a->head.socket);
	bool ordered = i && !list_empty(&a->in_order);
	if (ordered && done < (a->head.op == ABI_NET_DATA ? a->head.len : 1)) {
		i->full = true;
		a->under_way = false;
		a->head.len -= done;
		a->charge -= done;
		i->sent -= done;
		memmove(a->data, a->data + done, a->head.len);
	} else {
		if (i)
			i->sent -= a->charge;
		list_remove(&a->in_order);
		heap_free(a);
	}
	if (!i)
		return;
	i->under_way -= ordered;
	inet_stream_space(i);
	go_on(i);
}

static bool unsent(void)
{
	for (unsigned t = 0; t < 2; t++)
		for (uint32_t n = 0; n < slot[t].count; n++)
			if (slot[t].of[n] && slot[t].of[n]->lingers && slot[t].of[n]->full)
				return true;
	return false;
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
	if (n < 0 || i->id != id) { // it may have slept
		heap_free(a);
		return n < 0 ? -EFAULT : -EPIPE;
	}
	a->head.len = (uint32_t)n;
	if (to)
		a->head.a = *to;
	i->sent += a->charge = (size_t)n + sizeof *a;
	a->head.value = op == ABI_NET_DATA && i->sent > SENT_TELL;
	if (op == ABI_NET_DATA)
		append(i, a);
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
	for (; a; a = virtq_take(&tx, &done))
		came_back(a, done);
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
	struct inet_socket *i;
	if (listener)
		listener = inet_stream_target(listener, &n->b, &n->a);
	i = listener ? inet_new(&inet_stream_ops, listener->s.family, SOCK_STREAM, IPPROTO_TCP) : NULL;
	if (!i || !adopt(i, n->value)) {
		if (n->b.scope == 1)
			inet_direct_refuse(n->value);
		struct asked *a = make(n->value, ABI_NET_CLOSE, 0);
		if (a) {
			a->head.value = true;
			offer(a);
		}
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
	if (!i) { // of one that is gone
		if (n->op == ABI_NET_CONNECTED && n->b.scope == 1)
			inet_direct_refuse(n->socket);
		return;
	}
	if (i->lingers && n->op != ABI_NET_ROOM) {
		if (n->op == ABI_NET_ERROR)
			close(i, true);
		return;
	}
	switch (n->op) {
	case ABI_NET_ROOM:
		i->room = true;
		go_on(i);
		break;
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
