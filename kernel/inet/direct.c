// SPDX-License-Identifier: MIT
//
// Streams that the monitor has connected or accepted, and the platform then uses itself (plat_streams()): no queue, no
// thread and no wake-up between the program and the host's TCP. What was not read stays with the host, so that its
// windows say what the program's would; only a reader that wants to look twice (MSG_PEEK), or whose memory is not there
// yet, gets it through this socket's queue. The monitor keeps its descriptor for the rest: options, shutdown, the end.
//
// Readiness is edges of the host's epoll. They are looked for by a CPU that sleeps, by a program that asks and would not
// wait, now and then by one that would, and by a timer while programs run and ask for nothing.
#include "inet/private.h"
#include "plat/plat.h"
#include "time/time.h"

#include <linux/tcp.h>

#define EVENTS	   64u
#define PIECE_MAX  (256u << 10)
#define GATHER_MAX (16u << 10) // pieces of the program's that are sent as one
#define SMALL	   (16u << 10) // reads that go through a block of the kernel's: what comes short is the end then
#define BLOCK	   (64u << 10)
#define LOOK_NS	   50000ull	  // who asks is told what is at most as old
#define TICK_NS	   1000000ull
#define TICKS_LONG 5		  // without a look of a program's
#define DRAIN_MAX  64		  // blocks kept of a connection that broke

static const struct plat_streams *host;
static uint64_t looked_ns;
static unsigned ticks;	// since a program or a CPU looked
static struct timer ticker;
static void *spare; // a block for what does not go to the program at once

// --- readiness ----------------------------------------------------------------------------------------------------

static bool fill(struct inet_socket *i, size_t len);

static void note(struct inet_socket *i, uint32_t events, uint64_t serial)
{
	char unused;
	unsigned key = 0;
	bool raced = i->emptied > serial && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
	if (events & EPOLLIN && raced && host->receive(i->fd, &unused, 1, MSG_PEEK | MSG_DONTWAIT) == -EAGAIN)
		events &= ~(uint32_t)EPOLLIN; // another CPU's reader has had it meanwhile
	if (events & EPOLLOUT && !i->may_send) {
		i->may_send = true;
		key |= EPOLLOUT | EPOLLWRNORM;
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		i->hangs_up = true;
		key |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | (events & (EPOLLHUP | EPOLLERR));
	}
	if (events & EPOLLIN)
		key |= EPOLLIN | EPOLLRDNORM;
	i->may_receive |= (key & EPOLLIN) != 0;
	if (events & EPOLLERR) // SO_ERROR and poll(2) are to tell which
		for (int n = 0; n < DRAIN_MAX && i->direct && fill(i, BLOCK); n++)
			;
	if (key & (EPOLLHUP | EPOLLERR))
		inet_wake(i);
	else if (key & EPOLLIN)
		waitq_wake(&i->s.read_q, 0x7fffffff, key);
	if (key & EPOLLOUT)
		waitq_wake(&i->s.write_q, 0x7fffffff, key);
}

static void tick(struct timer *t);

static void look(bool now)
{
	struct plat_stream_event e[EVENTS];
	uint64_t serial, time = time_mono_ns();
	unsigned n = EVENTS, all = 0;
	if (!now && time < looked_ns + LOOK_NS)
		return;
	looked_ns = time;
	ticks = 0;
	for (; n == EVENTS && all < 4096; all += n) {
		n = host->events(e, EVENTS, &serial);
		for (unsigned k = 0; k < n; k++) {
			struct inet_socket *i = inet_relay_find(e[k].id);
			if (!i && inet_poll_queues()) // it was told of before anything can happen to it
				i = inet_relay_find(e[k].id);
			if (i && i->direct)
				note(i, e[k].events, serial);
		}
	}
	if (all && !ticker.armed) {
		ticker.fn = tick;
		timer_start(&ticker, time + TICK_NS);
	}
}

// While programs run: an idle CPU sees for itself. If nobody but this timer looks, a CPU that sleeps is to do so.
static void tick(struct timer *t)
{
	uint64_t own = 1ull << sched_cpu(), idle = sched_idle_cpus();
	unsigned passed = ticks + 1;
	bool always = passed > TICKS_LONG && !(idle & own), watched = host->watch_always(always);
	if (idle & own)
		return;
	look(true);
	ticks = passed;
	if (!t->armed)
		timer_start(t, time_mono_ns() + TICK_NS);
	if (always && idle && !watched)
		plat_kick(idle & -idle);
}

// --- taking and leaving ---------------------------------------------------------------------------------------------

bool inet_direct_take(struct inet_socket *i)
{
	char unused;
	host = plat_streams();
	int fd = host ? host->take(i->id) : -ENODEV;
	if (fd < 0)
		return false;
	i->fd = fd;
	i->direct = i->may_send = true;
	sched_watch_look(look);
	// What happened before it was known here has been told in vain.
	long n = host->receive(fd, &unused, 1, MSG_PEEK | MSG_DONTWAIT);
	i->may_receive = n != -EAGAIN;
	i->hangs_up = n == 0;
	return true;
}

void inet_direct_refuse(uint32_t id)
{
	host = plat_streams();
	int fd = host ? host->take(id) : -ENODEV;
	if (fd >= 0)
		host->close(fd);
}

void inet_direct_leave(struct inet_socket *i)
{
	if (!i->direct)
		return;
	i->direct = false;
	host->close(i->fd);
}

// --- receiving ------------------------------------------------------------------------------------------------------

// Less than was asked for means that there is no more, unless the program's memory may have been the reason. All that was
// asked for says nothing about the rest: who asks whether there is more gets the host's answer (inet_direct_readable()).
static long receive(struct inet_socket *i, void *to, size_t len, bool program)
{
	long n;
	do
		n = host->receive(i->fd, to, len, MSG_DONTWAIT);
	while (n == -EINTR);
	if (n == -EFAULT)
		return n;
	i->unsure = n > 0;
	if (n == -EAGAIN || (n > 0 && (size_t)n < len && !program && !i->hangs_up)) { // else an event will say
		i->may_receive = i->unsure = false;
		i->emptied = host->serial();
	}
	if (n == 0)
		i->s.shut_read = true;
	if (n < 0 && n != -EAGAIN)
		inet_stream_failed(i, (int)-n);
	return n;
}

// Into the queue; whether there was something.
static bool fill(struct inet_socket *i, size_t len)
{
	if (!spare)
		spare = heap_alloc(BLOCK);
	if (!spare)
		return false;
	long n = receive(i, spare, MIN(len, (size_t)BLOCK), false);
	if (n <= 0)
		return false;
	bool small = n <= BLOCK / 4;
	struct socket_packet *p = socket_packet_new(small ? (size_t)n : 0, NULL);
	if (!p) {
		inet_stream_failed(i, ENOBUFS);
		return false;
	}
	if (small) {
		memcpy(p->data, spare, (size_t)n);
	} else {
		p->block = p->data = spare;
		p->len = (size_t)n;
		spare = NULL;
	}
	socket_append(&i->s, p);
	return true;
}

int64_t inet_direct_fetch(struct socket *s, struct socket_io *io)
{
	struct inet_socket *i = inet_of(s);
	if (!i->direct || s->shut_read || s->queued >= io->it.left || (!i->may_receive && !io->nonblock))
		return 0;
	const struct iter *it = &io->it;
	while (list_empty(&s->queue) && !(io->flags & (MSG_PEEK | MSG_TRUNC)) && it->offset < it->seg->len) {
		size_t len = MIN(it->seg->len - it->offset, it->left);
		if (len <= SMALL)
			break;
		char *to = (char *)it->seg->base + it->offset;
		if (!it->kernel && !user_range_ok((uint64_t)to, len))
			break;
		long n = receive(i, to, MIN(len, (size_t)0x7ffff000), !it->kernel);
		if (n == -EFAULT)
			break;
		if (n <= 0)
			return 0;
		iter_advance(&io->it, (size_t)n);
		return n;
	}
	fill(i, io->it.left - s->queued);
	return 0;
}

bool inet_direct_readable(struct inet_socket *i)
{
	char unused;
	if (i->may_receive && i->unsure && host->receive(i->fd, &unused, 1, MSG_PEEK | MSG_DONTWAIT) == -EAGAIN) {
		i->may_receive = false;
		i->emptied = host->serial();
	}
	i->unsure = false;
	return i->may_receive;
}

size_t inet_direct_queued(struct inet_socket *i)
{
	char unused;
	long n = i->direct && !i->s.shut_read ? host->receive(i->fd, &unused, 1u << 30, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) : 0;
	return n > 0 ? (size_t)n : 0;
}

// --- sending --------------------------------------------------------------------------------------------------------

static long send_piece(struct inet_socket *i, const void *from, size_t len, unsigned flags)
{
	long n;
	do
		n = host->send(i->fd, from, len, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -EINTR);
	if (n == -EAGAIN) // fewer bytes may have been for the program's memory
		i->may_send = false;
	else if (n < 0 && n != -EFAULT) // what came before it can still be read
		i->broken = i->s.shut_write = true;
	return n;
}

// Where the program's memory is not there yet, or in many pieces.
static int64_t send_copied(struct inet_socket *i, struct socket_io *io, unsigned flags)
{
	struct iter before = io->it;
	size_t len = MIN(io->it.left, (size_t)BLOCK);
	int fd = i->fd;
	void *copy = heap_alloc(len);
	if (!copy)
		return -ENOBUFS;
	int64_t n = iter_read(&io->it, copy, len);
	if (n > 0) // it may have slept
		n = i->direct && i->fd == fd ? send_piece(i, copy, (size_t)n, flags | (io->it.left ? MSG_MORE : 0)) : -EPIPE;
	heap_free(copy);
	io->it = before;
	if (n > 0)
		iter_advance(&io->it, (size_t)n);
	return n;
}

int64_t inet_direct_send(struct inet_socket *i, struct socket_io *io, bool more)
{
	struct iter *it = &io->it;
	unsigned flags = more || io->flags & MSG_MORE ? MSG_MORE : 0;
	if (!i->may_send && (!io->nonblock || i->s.send_timeout_ns))
		return -EAGAIN;
	while (it->count > 1 && it->offset >= it->seg->len)
		iter_advance(it, 0);
	size_t len = MIN(it->seg->len - it->offset, it->left);
	const char *from = (const char *)it->seg->base + it->offset;
	if (len < it->left && len < GATHER_MAX)
		return send_copied(i, io, flags);
	if (!it->kernel && !user_range_ok((uint64_t)from, len))
		return -EFAULT;
	len = MIN(len, (size_t)PIECE_MAX);
	long n = send_piece(i, from, len, flags | (len < it->left ? MSG_MORE : 0));
	if (n == -EFAULT)
		return send_copied(i, io, flags);
	if (n > 0)
		iter_advance(it, (size_t)n);
	return n;
}

bool inet_direct_option(struct inet_socket *i, enum abi_net_option option, int value)
{
	if (!i->direct || (option != ABI_NET_OPTION_CORK && option != ABI_NET_OPTION_NODELAY))
		return false;
	host->option(i->fd, option == ABI_NET_OPTION_CORK ? TCP_CORK : TCP_NODELAY, value);
	return true;
}
