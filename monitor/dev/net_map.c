// SPDX-License-Identifier: MIT
//
// Network address translation, of addresses only: what the guest's mean on the host, and where it may not go. The
// host's loopback interface is closed unless the user opens it; its name server is let through under 10.0.2.3 and under
// its own address, because that is what /etc/resolv.conf names.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "monitor/dev/net_private.h"

#define DNS_PORT 53

socklen_t net_address_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void put4(struct sockaddr_storage *out, uint32_t ip, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip)};
}

static uint32_t ip4(const struct abi_net_address *a)
{
	uint32_t ip;
	memcpy(&ip, a->ip, sizeof(ip));
	return ntohl(ip);
}

static bool is_name_server(const struct net *n, const struct sockaddr_storage *a)
{
	const struct sockaddr_in *x = (const void *)a, *y = (const void *)&n->name_server;
	const struct sockaddr_in6 *x6 = (const void *)a, *y6 = (const void *)&n->name_server;
	if (a->ss_family != n->name_server.ss_family || x->sin_port != htons(DNS_PORT))
		return false;
	return a->ss_family == AF_INET ? x->sin_addr.s_addr == y->sin_addr.s_addr
				       : !memcmp(&x6->sin6_addr, &y6->sin6_addr, 16);
}

static int map4(const struct net *n, const struct abi_net_address *a, bool datagram, struct sockaddr_storage *out)
{
	uint32_t ip = ip4(a);
	put4(out, ip, a->port);
	if (ip == ABI_NET_GATEWAY) {
		put4(out, INADDR_LOOPBACK, a->port);
		return n->config.host_loopback ? 0 : -ENETUNREACH;
	}
	if (ip == ABI_NET_DNS) {
		if (a->port != DNS_PORT || !n->name_server.ss_family)
			return -ENETUNREACH;
		*out = n->name_server;
		return 0;
	}
	if (is_name_server(n, out))
		return 0;
	if (ip >> 24 == 0 || ip >> 24 == 127 || ip >> 8 == ABI_NET_GUEST >> 8)
		return -ENETUNREACH;
	if (ip >> 28 >= 14) // groups, reserved, broadcast
		return datagram ? -EACCES : -ENETUNREACH;
	return 0;
}

static int map6(const struct net *n, const struct abi_net_address *a, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
	*in = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
	memcpy(&in->sin6_addr, a->ip, 16);
	if (is_name_server(n, out))
		return 0;
	const struct in6_addr *ip = &in->sin6_addr;
	if (IN6_IS_ADDR_UNSPECIFIED(ip) || IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_MULTICAST(ip) || IN6_IS_ADDR_LINKLOCAL(ip) ||
	    IN6_IS_ADDR_V4MAPPED(ip) || IN6_IS_ADDR_V4COMPAT(ip))
		return -ENETUNREACH;
	return 0;
}

int net_map_out(const struct net *n, const struct abi_net_address *a, bool datagram, struct sockaddr_storage *out, socklen_t *len)
{
	int err = a->family == AF_INET ? map4(n, a, datagram, out) : a->family == AF_INET6 ? map6(n, a, out) : -EAFNOSUPPORT;
	*len = net_address_len(out);
	return err;
}

void net_map_in(const struct net *n, const struct sockaddr_storage *from, struct abi_net_address *out)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;
	memset(out, 0, sizeof(*out));
	out->port = ntohs(in->sin_port);
	uint32_t ip = 0;
	if (from->ss_family == AF_INET) {
		ip = ntohl(in->sin_addr.s_addr);
	} else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		memcpy(&ip, in6->sin6_addr.s6_addr + 12, 4);
		ip = ntohl(ip);
	} else if (!IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr)) {
		out->family = AF_INET6;
		memcpy(out->ip, &in6->sin6_addr, 16);
		return;
	} else {
		ip = INADDR_LOOPBACK;
	}
	// It did not come over the guest's loopback interface: programs trust what does.
	if (ip >> 24 == 127)
		ip = is_name_server(n, from) ? ip : ABI_NET_GATEWAY;
	out->family = AF_INET;
	ip = htonl(ip);
	memcpy(out->ip, &ip, 4);
}

void net_map_name_server(struct net *n)
{
	char line[256], name[64];
	FILE *f = fopen("/etc/resolv.conf", "re");
	while (f && !n->name_server.ss_family && fgets(line, sizeof(line), f)) {
		struct sockaddr_in6 *in6 = (void *)&n->name_server;
		struct in_addr ip;
		if (sscanf(line, "nameserver %63s", name) != 1)
			continue;
		if (inet_pton(AF_INET, name, &ip) == 1)
			put4(&n->name_server, ntohl(ip.s_addr), DNS_PORT);
		else if (inet_pton(AF_INET6, name, &in6->sin6_addr) == 1)
			*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT), .sin6_addr = in6->sin6_addr};
	}
	if (f)
		fclose(f);
}
