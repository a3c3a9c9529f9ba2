// SPDX-License-Identifier: MIT
//
// Addresses: struct sockaddr_in and sockaddr_in6, and to whom they belong.
#include "inet/private.h"

struct address4 { // struct sockaddr_in
	uint16_t family, port;
	uint8_t ip[4], zero[8];
};
struct address6 { // struct sockaddr_in6
	uint16_t family, port;
	uint32_t flow;
	uint8_t ip[16];
	uint32_t scope;
};
#define ADDRESS6_MIN 24 // without the scope: RFC 2133

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t loopback6[16] = {[15] = 1};

static uint16_t swap(uint16_t port) { return (uint16_t)(port << 8 | port >> 8); }
static uint32_t ip4(const struct abi_net_address *a)
{
	return (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 | a->ip[3];
}

static bool is_own6(const uint8_t *ip)
{
	for (unsigned n = 0; n < inet_link.count6; n++)
		if (!memcmp(ip, inet_link.ip6[n], 16))
			return true;
	return false;
}

static bool is_local6(const uint8_t *ip) { return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80; }

// Of the link's for what stays on the link, else another if there is one.
static const uint8_t *source6(const uint8_t *to)
{
	for (unsigned n = 0; n < inet_link.count6; n++)
		if (is_local6(inet_link.ip6[n]) == is_local6(to))
			return inet_link.ip6[n];
	return inet_link.ip6[0];
}

// Broadcasts, of the network too.
static bool is_broadcast(uint32_t ip)
{
	const uint8_t *own = inet_link.ip4;
	uint32_t ours = (uint32_t)own[0] << 24 | (uint32_t)own[1] << 16 | (uint32_t)own[2] << 8 | own[3];
	uint32_t rest = inet_link.prefix4 < 31 ? ~0u >> inet_link.prefix4 : 0;
	return !~ip || (rest && (ip & rest) == rest && !((ip ^ ours) & ~rest));
}

int inet_address_get(const struct inet_socket *i, const struct socket_address *from, struct abi_net_address *to)
{
	memset(to, 0, sizeof *to);
	if (from->len < sizeof from->family)
		return -EINVAL;
	if (i->s.family == AF_INET) {
		const struct address4 *a = (const void *)from->bytes;
		if (from->len < sizeof *a)
			return -EINVAL;
		if (a->family != AF_INET)
			return -EAFNOSUPPORT;
		to->family = AF_INET;
		to->port = swap(a->port);
		memcpy(to->ip, a->ip, 4);
		return 0;
	}
	const struct address6 *a = (const void *)from->bytes;
	if (from->len < ADDRESS6_MIN)
		return -EINVAL;
	if (a->family != AF_INET6)
		return -EAFNOSUPPORT;
	to->port = swap(a->port);
	if (!memcmp(a->ip, mapped, sizeof mapped)) {
		to->family = AF_INET;
		memcpy(to->ip, a->ip + 12, 4);
		return inet_option_v6only(i) ? -ENETUNREACH : 0;
	}
	to->family = AF_INET6;
	to->scope = from->len >= sizeof *a ? a->scope : 0;
	memcpy(to->ip, a->ip, 16);
	return 0;
}

void inet_address_put(const struct inet_socket *i, const struct abi_net_address *from, struct socket_address *to)
{
	memset(to->bytes, 0, sizeof(struct address6));
	if (i->s.family == AF_INET) {
		struct address4 *a = (void *)to->bytes;
		to->len = sizeof *a;
		a->family = AF_INET;
		a->port = swap(from->port);
		if (from->family == AF_INET)
			memcpy(a->ip, from->ip, 4);
		return;
	}
	struct address6 *a = (void *)to->bytes;
	to->len = sizeof *a;
	a->family = AF_INET6;
	a->port = swap(from->port);
	if (from->family == AF_INET6) {
		memcpy(a->ip, from->ip, 16);
		a->scope = from->scope;
	} else if (from->family == AF_INET) {
		memcpy(a->ip, mapped, sizeof mapped);
		memcpy(a->ip + 12, from->ip, 4);
	}
}

enum inet_where inet_where(const struct abi_net_address *a)
{
	static const uint8_t zero[16];
	if (a->family == AF_INET) {
		uint32_t ip = ip4(a);
		return !ip			  ? INET_ANY
		       : ip >> 24 == 127	  ? INET_LOOPBACK
		       : !memcmp(a->ip, inet_link.ip4, 4) ? INET_OWN
		       : ip >> 28 == 14 || is_broadcast(ip) ? INET_MULTICAST
						  : INET_OUTSIDE;
	}
	return !memcmp(a->ip, zero, 16)	       ? INET_ANY
	       : !memcmp(a->ip, loopback6, 16) ? INET_LOOPBACK
	       : is_own6(a->ip)	       ? INET_OWN
	       : a->ip[0] == 0xff	       ? INET_MULTICAST
					       : INET_OUTSIDE;
}

bool inet_same_ip(const struct abi_net_address *a, const struct abi_net_address *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16);
}

struct abi_net_address inet_any(int family, uint16_t port)
{
	return (struct abi_net_address){.family = (uint16_t)family, .port = port};
}

struct abi_net_address inet_source(const struct abi_net_address *to)
{
	struct abi_net_address a = *to;
	a.port = 0;
	a.scope = 0;
	switch (inet_where(to)) {
	case INET_LOOPBACK:
	case INET_OWN:
		break;
	case INET_ANY:
		if (a.family == AF_INET)
			memcpy(a.ip, (uint8_t[]){127, 0, 0, 1}, 4);
		else
			memcpy(a.ip, loopback6, 16);
		break;
	default:
		if (a.family == AF_INET)
			memcpy(a.ip, inet_link.ip4, 4);
		else
			memcpy(a.ip, source6(to->ip), 16);
	}
	return a;
}
