// SPDX-License-Identifier: MIT
//
// Who has which port: bound sockets in buckets by port, one table for streams and one for datagrams.
#include "inet/private.h"
#include "time/time.h"

#define BUCKETS	       64
#define EPHEMERAL_MIN  32768 // net.ipv4.ip_local_port_range
#define EPHEMERAL_MAX  60999

static struct list table[2][BUCKETS];

static struct list *bucket(int type, uint16_t port)
{
	struct list *b = &table[type == SOCK_STREAM][port % BUCKETS];
	if (!b->next)
		list_init(b);
	return b;
}

// Whether sockets at the two addresses would take each other's traffic.
static bool overlap(const struct inet_socket *x, const struct abi_net_address *a, const struct inet_socket *y)
{
	const struct abi_net_address *b = &y->local;
	bool any_a = inet_where(a) == INET_ANY, any_b = inet_where(b) == INET_ANY;
	if (a->family == b->family)
		return any_a || any_b || inet_same_ip(a, b);
	// IPv6's "any" takes IPv4 too unless it is told not to.
	return (a->family == AF_INET6 && any_a && !inet_option_v6only(x)) ||
	       (b->family == AF_INET6 && any_b && !inet_option_v6only(y));
}

static bool conflict(const struct inet_socket *i, const struct abi_net_address *a)
{
	struct inet_socket *other;
	bool stream = i->s.type == SOCK_STREAM;
	list_for_each(other, bucket(i->s.type, a->port), link) {
		if (other == i || other->local.port != a->port || !overlap(i, a, other))
			continue;
		bool share = (i->s.set.reuse_port && other->s.set.reuse_port) ||
			     (i->s.set.reuse_address && other->s.set.reuse_address &&
			      (!stream || (other->state != INET_LISTENS && i->state != INET_LISTENS)));
		if (!share)
			return true;
	}
	return false;
}

int inet_port_take(struct inet_socket *i, const struct abi_net_address *a)
{
	static uint16_t next;
	struct abi_net_address at = *a;
	if (!next)
		next = (uint16_t)(time_mono_ns() >> 10);
	if (at.port && conflict(i, &at))
		return -EADDRINUSE;
	for (unsigned tries = 0; !at.port; tries++) {
		if (tries > EPHEMERAL_MAX - EPHEMERAL_MIN)
			return -EADDRINUSE;
		at.port = (uint16_t)(EPHEMERAL_MIN + next++ % (EPHEMERAL_MAX - EPHEMERAL_MIN + 1));
		if (conflict(i, &at))
			at.port = 0;
	}
	i->local = at;
	list_push_back(bucket(i->s.type, at.port), &i->link);
	return 0;
}

void inet_port_leave(struct inet_socket *i) { list_remove(&i->link); }

static int match(const struct inet_socket *i, int type, const struct abi_net_address *to, const struct abi_net_address *from)
{
	int score = 1;
	if (i->local.port != to->port || (type == SOCK_STREAM && i->state != INET_LISTENS))
		return 0;
	if (inet_where(&i->local) != INET_ANY) {
		if (!inet_same_ip(&i->local, to))
			return 0;
		score += 4;
	} else if (i->local.family != to->family && (i->local.family == AF_INET || inet_option_v6only(i))) {
		return 0;
	} else if (i->local.family == to->family) {
		score += 1;
	}
	if (type == SOCK_DGRAM && i->remote.family) {
		if (i->remote.port != from->port || !inet_same_ip(&i->remote, from))
			return 0;
		score += 8;
	}
	return score;
}

// Of equal ones (SO_REUSEPORT), each in turn.
struct inet_socket *inet_port_find(int type, const struct abi_net_address *to, const struct abi_net_address *from)
{
	struct inet_socket *i, *best = NULL;
	int best_score = 0;
	struct list *b = bucket(type, to->port);
	list_for_each(i, b, link) {
		int score = match(i, type, to, from);
		if (score > best_score) {
			best = i;
			best_score = score;
		}
	}
	if (best && best->s.set.reuse_port) {
		list_remove(&best->link);
		list_push_back(b, &best->link);
	}
	return best;
}

struct inet_socket *inet_port_sibling(struct inet_socket *i)
{
	struct inet_socket *other;
	list_for_each(other, bucket(i->s.type, i->local.port), link)
		if (other != i && other->local.port == i->local.port && other->state == i->state && overlap(i, &i->local, other))
			return other;
	return NULL;
}

void inet_port_each(int type, void (*fn)(struct inet_socket *i, void *arg), void *arg)
{
	struct inet_socket *i;
	for (unsigned n = 0; n < BUCKETS; n++)
		list_for_each(i, bucket(type, (uint16_t)n), link)
			fn(i, arg);
}
