// SPDX-License-Identifier: MIT
//
// The thread that serves the queues, its sockets' numbers, and what it does with each request. It sleeps in epoll; while
// it is awake the guest need not ring (VRING_USED_F_NO_NOTIFY), and a guest that is awake is interrupted only when it has
// not looked for a moment. A guest that runs has more to say soon, and each bell would cost it more than what it says: for
// a while the thread only naps then (ABI_NET_NAPS), and looks by itself.
#include "monitor/dev/net.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "monitor/dev/net_private.h"

#define EVENTS		64
#define LOOK_NS		100000ull	// a guest that runs looks at its queue within this, or is interrupted
#define NAP_NS		50000ull	// the first of NAPS; each is twice as long as the one before
#define NAPS		5u
#define STARVED_NS	20000000ull	// until connections are accepted again
#define FLUSH_NS	2000000000ull	// at the end, for what is still to be sent
#define WAKE_DATA	UINT64_MAX

uint64_t net_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

// --- numbers ----------------------------------------------------------------------------------------------------------

static struct net_socket **slot(struct net *n, uint32_t id)
{
	uint32_t at = id & (ABI_NET_SLOTS - 1);
	return at < n->table_size[id >> 31] ? &n->table[id >> 31][at] : NULL;
}

struct net_socket *net_find(struct net *n, uint32_t id)
{
	struct net_socket **at = slot(n, id);
	return id && at && *at && (*at)->id == id ? *at : NULL;
}

static bool grow(struct net *n, unsigned t, uint32_t at)
{
	uint32_t size = MAX(n->table_size[t] * 2, MAX(at + 1, 64u));
	struct net_socket **table = realloc(n->table[t], size * sizeof(*table));
	if (!table)
		return false;
	memset(table + n->table_size[t], 0, (size - n->table_size[t]) * sizeof(*table));
	n->table[t] = table;
	n->table_size[t] = size;
	return true;
}

uint32_t net_number(struct net *n)
{
	for (uint32_t tries = 0; tries < ABI_NET_SLOTS; tries++) {
		uint32_t at = n->next_slot++ % (ABI_NET_SLOTS / 2);
		if (at >= n->table_size[1] && at > 64 && n->next_slot > n->table_size[1] && tries < n->table_size[1]) {
			n->next_slot = 0; // look at those there are before the table grows
			continue;
		}
		if (at < n->table_size[1] && n->table[1][at])
			continue;
		n->generation[1]++;
		return ABI_NET_BY_HOST | (n->generation[1] << ABI_NET_SLOT_BITS & ~ABI_NET_BY_HOST) | at;
	}
	return 0;
}

struct net_socket *net_socket_new(struct net *n, uint32_t id, enum net_kind kind, int fd)
{
	uint32_t at = id & (ABI_NET_SLOTS - 1);
	unsigned t = id >> 31;
	if (!id || (at >= n->table_size[t] && !grow(n, t, at)) || n->table[t][at])
		return NULL;
	struct net_socket *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct net_socket){.id = id, .kind = kind, .fd = fd, .own_fd = true};
	list_init(&s->link);
	n->table[t][at] = s;
	return s;
}

int net_watch(struct net *n, struct net_socket *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = s->id};
	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, s->fd, &e) ? -errno : 0;
}

bool net_pass(struct net *n, struct net_socket *s)
{
	s->direct = n->config.pass && !n->config.pass(n->config.pass_arg, s->fd, s->id);
	return s->direct;
}

static void relay_after_all(struct net *n, struct net_socket *s)
{
	if (!s->direct)
		return;
	s->direct = false;
	n->config.keep(n->config.pass_arg, s->fd);
	if (net_relay(n, s))
		net_fail(n, s->id, ENOBUFS);
	else
		net_ready(n, s);
}

static void close_fd(struct net *n, struct net_socket *s, bool reset)
{
	struct linger now = {1, 0};
	if (s->kind == NET_LISTENER)
		net_unlisten(n, s);
	if (s->kind == NET_DATAGRAM && !s->own_fd) {
		epoll_ctl(n->epoll, EPOLL_CTL_DEL, s->fd, NULL);
		for (unsigned i = 0; i < n->config.port_count; i++)
			if (n->listener_of[i] == s->id)
				n->listener_of[i] = 0;
	}
	if (s->fd >= 0 && s->own_fd) {
		if (reset)
			setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(s->fd);
	}
	s->fd = -1;
}

static void not_waiting(struct net *n, struct net_socket *s)
{
	if (s->waits && s->listener) {
		s->listener->told--;
		if (s->listener->readable)
			net_ready(n, s->listener);
	}
	s->waits = false;
	s->listener = NULL;
}

void net_drop(struct net *n, struct net_socket *s, bool reset)
{
	not_waiting(n, s);
	close_fd(n, s, reset);
	list_remove(&s->link);
	*slot(n, s->id) = NULL;
	free(s);
}

void net_fail(struct net *n, uint32_t id, int error)
{
	struct net_socket *s = net_find(n, id);
	if (!s)
		s = net_socket_new(n, id, NET_STREAM, -1);
	if (!s)
		return;
	close_fd(n, s, true);
	s->error = error ? error : EIO;
	net_ready(n, s);
}

void net_ready(struct net *n, struct net_socket *s)
{
	s->readable = true;
	if (list_empty(&s->link))
		list_push_back(&n->ready, &s->link);
}

// --- telling ----------------------------------------------------------------------------------------------------------

bool net_has_room(struct net *n)
{
	while (!n->room) {
		struct virtq_chain *c = &n->room_storage;
		if (virtq_pop(&n->rx, c) != 1)
			return false;
		if (c->out_count == 1 && c->out[0].iov_len > sizeof(struct abi_net))
			n->room = c;
		else // of no use
			virtq_push(&n->rx, c->head, 0);
	}
	return true;
}

uint8_t *net_room(struct net *n, size_t *len)
{
	*len = MIN(n->room->out[0].iov_len, (size_t)ABI_NET_BUFFER) - sizeof(struct abi_net);
	return (uint8_t *)n->room->out[0].iov_base + sizeof(struct abi_net);
}

void net_tell(struct net *n, const struct abi_net *news)
{
	memcpy(n->room->out[0].iov_base, news, sizeof(*news));
	virtq_push(&n->rx, n->room->head, (uint32_t)sizeof(*news) + news->len);
	n->room = NULL;
	n->told = true;
}

static bool read_one(struct net *n, struct net_socket *s)
{
	if (s->error && !s->failed) {
		net_tell(n, &(struct abi_net){.op = ABI_NET_ERROR, .socket = s->id, .value = (uint32_t)s->error});
		s->failed = true;
	}
	if (s->failed || s->direct)
		return false;
	return s->kind == NET_LISTENER	 ? net_listener_read(n, s)
	       : s->kind == NET_DATAGRAM ? net_datagram_read(n, s)
					 : net_stream_read(n, s);
}

// One buffer for each socket that has something, in turn.
static bool serve_sockets(struct net *n)
{
	bool any = false;
	for (unsigned count = 0; count < EVENTS && !list_empty(&n->ready) && net_has_room(n); count++) {
		struct net_socket *s = list_first(&n->ready, struct net_socket, link);
		uint32_t id = s->id;
		list_remove(&s->link);
		any = true;
		if (read_one(n, s) && net_find(n, id) == s && list_empty(&s->link))
			list_push_back(&n->ready, &s->link);
	}
	return any;
}

// --- what the guest asks ----------------------------------------------------------------------------------------------

static void credit(struct net *n, struct net_socket *s, uint32_t bytes)
{
	s->told -= MIN(s->told, bytes);
	if (s->readable && s->kind != NET_LISTENER)
		net_ready(n, s);
}

// What goes to a stream in order.
static uint32_t obey_stream(struct net *n, struct net_socket *s, const struct abi_net *ask, const uint8_t *data)
{
	if (s->full && !(ask->value & ABI_NET_RESUME))
		return 0;
	s->full = false;
	switch (ask->op) {
	case ABI_NET_DATA:
		return net_send(n, s, data, ask->len);
	case ABI_NET_SHUTDOWN:
		shutdown(s->fd, SHUT_WR);
		break;
	case ABI_NET_CLOSE:
		net_drop(n, s, false);
		break;
	}
	return 1;
}

static bool in_order(const struct abi_net *ask)
{
	return ask->op == ABI_NET_DATA || ask->op == ABI_NET_SHUTDOWN || (ask->op == ABI_NET_CLOSE && !(ask->value & 1));
}

// What of DATA, SHUTDOWN and CLOSE was done; all of it for a socket that has no use for it.
static uint32_t obey(struct net *n, const struct abi_net *ask, const uint8_t *data)
{
	uint32_t all = ask->op == ABI_NET_DATA ? ask->len : 1;
	switch (ask->op) { // by those that make sockets
	case ABI_NET_CONNECT:
		if (!(ask->socket & ABI_NET_BY_HOST))
			net_connect(n, ask);
		return all;
	case ABI_NET_LISTEN:
		if (!(ask->socket & ABI_NET_BY_HOST))
			net_listen(n, ask);
		return all;
	case ABI_NET_BIND:
		if (!(ask->socket & ABI_NET_BY_HOST))
			net_bind(n, ask);
		return all;
	}
	struct net_socket *s = net_find(n, ask->socket);
	if (!s)
		return all;
	bool usable = !s->error && !s->failed;
	if (usable && s->kind == NET_STREAM && in_order(ask))
		return obey_stream(n, s, ask, data);
	if (ask->op == ABI_NET_CLOSE) {
		net_drop(n, s, ask->value & 1);
		return all;
	}
	if (!usable)
		return all;
	switch (ask->op) {
	case ABI_NET_DATAGRAM:
		if (s->kind == NET_DATAGRAM)
			net_send_datagram(n, s, ask, data);
		break;
	case ABI_NET_CREDIT:
		credit(n, s, ask->value);
		break;
	case ABI_NET_TAKEN:
		not_waiting(n, s);
		break;
	case ABI_NET_RELAY:
		relay_after_all(n, s);
		break;
	case ABI_NET_OPTION:
		net_option(s, ask->value, (int)ask->a.scope);
		break;
	}
	return all;
}

static bool serve_guest(struct net *n)
{
	struct virtq_chain *c = &n->chain;
	unsigned count = 0;
	for (; count < n->tx.size && virtq_pop(&n->tx, c) == 1; count++) {
		struct abi_net ask;
		bool fits = c->in_count == 1 && virtq_copy_in(c, 0, &ask, sizeof(ask)) == sizeof(ask) &&
			    ask.len <= c->in_len - sizeof(ask);
		uint32_t done = fits ? obey(n, &ask, (const uint8_t *)c->in[0].iov_base + sizeof(ask)) : 0;
		virtq_push(&n->tx, c->head, done);
		n->told |= fits && ask.op == ABI_NET_DATA && (ask.value || done < ask.len);
	}
	n->told |= count > n->tx.size / 2; // who waits for room
	return count;
}

// --- the thread -------------------------------------------------------------------------------------------------------

static bool serve_host(struct net *n, uint64_t wait_ns)
{
	struct epoll_event e[EVENTS];
	struct timespec ts = {(time_t)(wait_ns / NSEC_PER_SEC), (long)(wait_ns % NSEC_PER_SEC)};
	int count = epoll_pwait2(n->epoll, e, EVENTS, wait_ns == UINT64_MAX ? NULL : &ts, NULL);
	for (int i = 0; i < count; i++) {
		uint64_t unused;
		struct net_socket *s = e[i].data.u64 == WAKE_DATA ? NULL : net_find(n, (uint32_t)e[i].data.u64);
		if (e[i].data.u64 == WAKE_DATA && read(n->wake, &unused, sizeof(unused)) < 0)
			continue;
		if (!s || s->error || s->failed || s->direct)
			continue;
		if (s->kind == NET_LISTENER || s->kind == NET_DATAGRAM)
			net_ready(n, s);
		else
			net_stream_event(n, s, e[i].events);
	}
	return count > 0;
}

// A guest that sleeps is woken at once; one that runs finds the news by itself, or is told after a moment.
static uint64_t announce(struct net *n, uint64_t *since)
{
	uint16_t seen = virtq_seen(&n->rx);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); // a guest that sleeps looked at the ring after it said so
	n->told &= seen != n->rx.used_index || virtq_seen(&n->tx) != n->tx.used_index;
	if (n->told && !n->config.idle(n->config.arg)) {
		uint64_t now = net_now_ns();
		if (!*since || seen != n->seen) // it looks
			*since = now;
		n->seen = seen;
		if (now < *since + LOOK_NS)
			return *since + LOOK_NS - now;
	}
	if (n->told)
		n->config.event(n->config.arg);
	n->told = false;
	*since = 0;
	return UINT64_MAX;
}

static bool stopped(const struct net *n) { return __atomic_load_n(&n->stop, __ATOMIC_ACQUIRE); }

// What the guest had sent goes out, as it would from a process that has ended.
static void flush_all(struct net *n)
{
	n->flush_until = net_now_ns() + FLUSH_NS;
	serve_guest(n);
	for (unsigned t = 0; t < 2; t++)
		for (uint32_t i = 0; i < n->table_size[t]; i++)
			if (n->table[t][i])
				net_drop(n, n->table[t][i], false);
}

// There is nothing to do: for how long to sleep, at most wait_ns.
static uint64_t lie_down(struct net *n, uint64_t wait_ns)
{
	bool nap = n->naps < NAPS && !n->config.idle(n->config.arg), ready = !list_empty(&n->ready);
	uint16_t flags = nap ? VRING_USED_F_NO_NOTIFY | ABI_NET_NAPS : 0;
	virtq_set_flags(&n->tx, flags);
	virtq_set_flags(&n->rx, ready ? flags : VRING_USED_F_NO_NOTIFY);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (virtq_waiting(&n->tx) || (ready && net_has_room(n)) || stopped(n))
		return 0;
	if (n->starved)
		wait_ns = MIN(wait_ns, STARVED_NS);
	return nap ? MIN(wait_ns, NAP_NS << n->naps++) : wait_ns;
}

// Whoever gave a descriptor back does not say so.
static void accept_again(struct net *n)
{
	n->starved = false;
	for (unsigned i = 0; i < n->config.port_count; i++) {
		struct net_socket *s = net_find(n, n->listener_of[i]);
		if (s)
			net_ready(n, s);
	}
}

static void *thread_main(void *arg)
{
	struct net *n = arg;
	uint64_t since = 0;
	prctl(PR_SET_TIMERSLACK, 1); // naps are short
	if (n->config.enter(n->config.arg))
		return NULL; // never on without its jail
	while (!stopped(n)) {
		virtq_want_notify(&n->tx, false);
		virtq_want_notify(&n->rx, false);
		bool any = serve_guest(n);
		any |= serve_sockets(n);
		uint64_t wait = announce(n, &since);
		if (any)
			n->naps = 0;
		serve_host(n, any ? 0 : lie_down(n, wait));
		if (n->starved && !any)
			accept_again(n);
	}
	flush_all(n);
	return NULL;
}

void net_notify(struct net *n)
{
	uint64_t one = 1;
	if (write(n->wake, &one, sizeof(one)) < 0) // a full counter: it is awake
		return;
}

int net_wake_fd(const struct net *n) { return n->wake; }

int net_start(struct net *n)
{
	int err = -pthread_create(&n->thread, NULL, thread_main, n);
	n->running = !err;
	return err;
}

int net_create(struct net **out, const struct net_config *config)
{
	struct net *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->config = *config;
	memcpy(n->port, config->port, config->port_count * sizeof(n->port[0]));
	list_init(&n->ready);
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = WAKE_DATA};
	int err = n->epoll < 0 || n->wake < 0 || epoll_ctl(n->epoll, EPOLL_CTL_ADD, n->wake, &e) ? -errno : 0;
	struct timespec at_once = {0};
	if (!err && epoll_pwait2(n->epoll, &e, 1, &at_once, NULL) < 0) // Linux 5.11
		err = -errno;
	if (!err)
		err = virtq_attach(&n->tx, config->memory, &config->tx);
	if (!err)
		err = virtq_attach(&n->rx, config->memory, &config->rx);
	if (err) {
		net_destroy(n);
		return err;
	}
	net_map_name_server(n);
	*out = n;
	return 0;
}

void net_destroy(struct net *n)
{
	if (n->running) {
		__atomic_store_n(&n->stop, true, __ATOMIC_RELEASE);
		net_notify(n);
		pthread_join(n->thread, NULL);
	}
	for (unsigned t = 0; t < 2; t++)
		free(n->table[t]);
	for (unsigned i = 0; i < n->config.port_count; i++) {
		close(n->port[i].fd);
		free(n->heard[i]);
	}
	if (n->epoll >= 0)
		close(n->epoll);
	if (n->wake >= 0)
		close(n->wake);
	free(n);
}

// Many programs never use it: no thread is woken for them. (The index comes round to 0; by then there is a table.)
void net_finish(struct net *n)
{
	if (n->config.port_count || virtq_offered(&n->tx) || __atomic_load_n(&n->table_size[0], __ATOMIC_RELAXED) ||
	    __atomic_load_n(&n->table_size[1], __ATOMIC_RELAXED))
		net_destroy(n);
}

static int port_open(struct net_port *p)
{
	int one = 1, zero = 0, err = 0;
	socklen_t len = net_address_len(&p->host);
	p->fd = socket(p->host.ss_family, (p->datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return -errno;
	if (p->host.ss_family == AF_INET6)
		setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!p->datagram)
		setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)); // connections of the last run may linger
	if (bind(p->fd, (struct sockaddr *)&p->host, len) || (!p->datagram && listen(p->fd, 1)))
		err = -errno;
	len = sizeof(p->host);
	if (!err && getsockname(p->fd, (struct sockaddr *)&p->host, &len))
		err = -errno;
	if (err)
		close(p->fd);
	else if (!p->datagram)
		shutdown(p->fd, SHUT_RD); // it refuses until the program listens
	return err;
}

// A free port that the host chose is lost at the shutdown above; one that was asked for stays.
int net_port_open(struct net_port *p)
{
	bool any = !((struct sockaddr_in *)&p->host)->sin_port;
	int err = port_open(p);
	if (!err && any && !p->datagram) {
		close(p->fd);
		err = port_open(p);
	}
	return err;
}
